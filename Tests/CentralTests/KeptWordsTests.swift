import Causality
import Central
import Changes
import Foundation
import HTTP
import Replica
import SQLite
import Seal
import Store
import Testing
import Wire

@Suite(
  "Central's words that a file keeps, and what is missing of them", .timeLimit(.minutes(15)))
struct KeptWordsTests {
  /// What an audit of a copy finds after something was done to it.
  private func codes(_ member: Replica, _ world: World, after sql: String) throws -> [String] {
    let copy = "\(world.folder.path)/copy-\(UUID().uuidString).sqlite"
    try member.store.backup(to: copy)
    try Connection(path: copy, mode: .readWrite).execute(sql)
    return try findings(copy, world).map { "\($0.kind.rawValue) \($0.code)" }
  }

  private func findings(_ path: String, _ world: World) throws -> [Finding] {
    let scratch = "\(world.folder.path)/scratch-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let store = try Store(path: path, schema: clubs, use: .reader)
    return try Audit(of: store, centralKey: world.central.publicKey, scratchPath: scratch).run()
      .findings
  }

  private func seal(_ store: Store, as member: Replica) throws {
    try store.write {
      _ = try store.seal(
        as: Author(network: member.identity.network, actor: member.identity.actor, at: member.at))
    }
  }

  @Test("Checkpoints that are thinned by the rule are whole; one that was taken away is missed")
  func checkpoints() throws {
    let world = try World()
    let ana = try world.join()
    for round in 0..<80 {
      try ana.edit("INSERT INTO club(id, name) VALUES('c\(round)', 'C')")
      try world.settle()
    }
    let held = try ana.store.checkpoints(of: "commons").count
    #expect(held > 32 && held < 70)
    #expect(try codes(ana, world, after: "SELECT 1") == [])
    let newest = "(SELECT max(ordinal) FROM cordee_checkpoint)"
    for (condition, code) in [
      ("ordinal = \(newest)", "damage kept.newest"), ("ordinal < \(newest)", "damage kept.hole"),
      ("ordinal = 1", "damage kept.hole"), ("ordinal = \(newest) - 5", "damage kept.hole"),
      ("ordinal = (SELECT ordinal FROM cordee_checkpoint LIMIT 1 OFFSET 3)", "damage kept.hole"),
      // Files of a version that kept none look like this, until there is news.
      ("true", "incomplete kept.missing"),
    ] {
      let found = try codes(
        ana, world, after: "DELETE FROM cordee_checkpoint WHERE \(condition)")
      #expect(found.contains(code), "\(condition): \(found)")
    }
    #expect(
      try codes(ana, world, after: "DROP TABLE cordee_checkpoint") == ["damage schema.missing"])
  }

  @Test("The newest checkpoint kept is the one a file stands at after snapshots and in every life")
  func lives() throws {
    let world = try World()
    let ana = try world.join()
    let ben = try world.join()
    for round in 0..<3 {
      try ana.edit("INSERT INTO club(id, name) VALUES('c\(round)', 'C')")
      try world.settle()
    }
    let old = try world.backUp()
    try ben.edit("UPDATE club SET city = 'Quito'")
    try world.settle()
    try world.rewind(to: old)
    try world.central.beginRestoring(because: .restored, at: world.loop.at)
    try world.sync(ana)
    #expect(!(try codes(ana, world, after: "SELECT 1").contains { $0.hasPrefix("damage") }))
    try world.central.accept(at: world.loop.at)
    for _ in 0..<2 { try world.settle() }
    world.central.snapshotEntriesMin = 2
    let late = try world.join()
    try world.settle()
    for member in [ana, ben, late] {
      #expect(try codes(member, world, after: "SELECT 1") == [])
      #expect(
        try codes(
          member, world,
          after:
            "DELETE FROM cordee_checkpoint WHERE ordinal = (SELECT max(ordinal) FROM cordee_checkpoint)"
        ).contains { $0.contains("kept.") })
    }
  }

  @Test(
    "The newest checkpoint kept is the one a file stands at where central signs one place twice")
  func samePlaceTwice() throws {
    let world = try World()
    let ana = try world.join("chair")
    try world.settle()
    try ana.edit("INSERT INTO draft(id, text) VALUES('d', 'D')")
    try world.sync(ana)
    let old = try world.backUp()
    try world.settle(with: [ana])
    let before = try #require(try ana.store.checkpoints(of: "bureau").last?.checkpoint)
    // Rewound, it merges the same again, later; nobody can tell the one log from the other.
    try world.rewind(to: old)
    try world.central.merge(at: "2027-01-15T09:00:00Z")
    // Who sends something looks at every log afterwards.
    try ana.edit("INSERT INTO club(id, name) VALUES('b', 'B')")
    try world.sync(ana)
    let kept = try ana.store.checkpoints(of: "bureau").suffix(2).map(\.checkpoint)
    #expect(kept.first == before)
    #expect(kept.last?.hash == before.hash && kept.last?.at != before.at)
    #expect(try codes(ana, world, after: "SELECT 1") == [])
  }

  @Test("R1: what counts as received has a receipt or stands in the log; a sync brings it back")
  func receipts() throws {
    let world = try World()
    let ana = try world.join()
    try world.settle()
    try ana.edit("INSERT INTO club(id, name) VALUES('a', 'A')")
    try world.sync(ana)
    #expect(try ana.store.waiting().received == 1)
    #expect(try codes(ana, world, after: "SELECT 1") == [])
    let taken = ["incomplete receipt.missing"]
    #expect(try codes(ana, world, after: "DELETE FROM cordee_receipt") == taken)
    #expect(
      try codes(ana, world, after: "DROP TABLE cordee_receipt") == ["damage schema.missing"])
    // A file of a version that kept no words of central.
    let none = ["parcel", "receipt", "checkpoint", "evidence"].map { "DROP TABLE cordee_\($0)" }
    #expect(
      try codes(ana, world, after: none.joined(separator: ";")).sorted()
        == ["incomplete kept.missing"] + taken)
    try ana.store.write {
      try ana.store.withConnection { try $0.execute("DELETE FROM cordee_receipt") }
    }
    let requests = world.loop.sent.count
    try world.sync(ana)
    #expect(world.loop.sent.count == requests + 2)
    #expect(try codes(ana, world, after: "SELECT 1") == [])
    // With a receipt nothing is asked again.
    try world.sync(ana)
    #expect(world.loop.sent.count == requests + 3)
    try world.settle()
    #expect(try codes(ana, world, after: "DELETE FROM cordee_receipt") == [])
  }

  @Test("R1: a push whose last change central says it refuses does not count as received")
  func refused() throws {
    let scene = try HostileScene()
    try scene.victim.edit("INSERT INTO club VALUES('c9', 'Mine', 'Fez', 1930)")
    scene.link.alter = { request, bytes in
      guard request.path.hasSuffix("/changes"), let told = try? ReceiptNote.parse(line: bytes).note
      else { return bytes }
      let line = scene.receipt(bytes, to: request) { _ in [] }
      let refused = told.heads.map {
        #"{"actor":"\#($0.dot.actor)","n":\#($0.dot.n),"code":"segment.fork"}"#
      }
      return line.dropLast() + Array(#","refused":[\#(refused.joined(separator: ","))]}"#.utf8)
    }
    _ = try? scene.sync()
    #expect(try scene.victim.store.waiting().local == 1)
    #expect(try findings(scene.victim.store.path, scene.world) == [])
    scene.link.alter = nil
    _ = try scene.sync()
    #expect(try scene.victim.store.waiting().received == 1)
    #expect(try findings(scene.victim.store.path, scene.world) == [])
  }

  @Test("R9: of two copies the first change that one name stands for twice is named, merged or not")
  func twins() throws {
    let world = try World()
    let ana = try world.join()
    let ben = try world.join()
    try ana.edit("INSERT INTO club(id, name) VALUES('a', 'A'), ('b', 'B')")
    try world.settle()
    try world.settle()
    let path = "\(world.folder.path)/twin.sqlite"
    try ana.store.backup(to: path)
    let twin = try Store(path: path, schema: clubs, use: .replica)
    func edit(_ store: Store, _ sql: String) throws {
      try store.edit { try $0.execute(sql) }
      try seal(store, as: ana)
    }
    func found(_ one: Store, _ two: Store) throws -> [String] {
      try one.differences(from: two).map(\.code)
    }
    // One merely has more, whose names the other does not use yet.
    try edit(ana.store, "UPDATE club SET city = 'Quito' WHERE id = 'a'")
    try edit(ana.store, "UPDATE club SET city = 'Loja' WHERE id = 'b'")
    #expect(try found(ana.store, twin) == [] && found(twin, ana.store) == [])
    try edit(twin, "UPDATE club SET city = 'Cuenca' WHERE id = 'a'")
    try edit(twin, "UPDATE club SET city = 'Ambato' WHERE id = 'b'")
    try edit(twin, "UPDATE club SET city = 'Manta' WHERE id = 'b'")
    let first = Dot(actor: ana.identity.actor, n: 3)
    for (one, two) in [(ana.store, twin), (twin, ana.store)] {
      let differences = try one.differences(from: two)
      #expect(differences.map(\.code) == ["against.twin"])
      #expect(differences.map(\.kind) == [.notice] && differences[0].asksPerson)
      #expect(differences[0].message.contains("change \(first) of commons"))
    }
    // Merged in one, and held by another member, while the other still waits.
    try world.settle()
    try world.sync(ben)
    for (one, two) in [(ana.store, twin), (twin, ben.store), (ben.store, twin)] {
      #expect(Set(try found(one, two)) == ["against.behind", "against.twin"])
    }
    #expect(try found(ana.store, ben.store) == [])
  }
}

extension HostileScene {
  /// Central's answer to a push with other heads in its receipt, signed by its key again; any other answer as it is.
  func receipt(
    _ bytes: [UInt8], to request: Request, heads: ([ReceiptNote.Head]) -> [ReceiptNote.Head]
  ) -> [UInt8] {
    guard request.path.hasSuffix("/changes"), let told = try? ReceiptNote.parse(line: bytes).note
    else { return bytes }
    let note = ReceiptNote(
      network: told.network, instance: told.instance, space: told.space, at: told.at,
      heads: heads(told.heads))
    let value = key.sign(Preimage.receipt(note.bytes))
    return note.line(signatures: [Signature(key: world.central.keyID, value: value)])
  }
}

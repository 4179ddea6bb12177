import Causality
import Central
import Changes
import HTTP
import Replica
import Seal
import Store
import Testing
import Wire

/// What the protocol reserves, made by hand: an honest central writes none of it yet.
@Suite("Reserved forms are read, kept, verified and handed on, and mean nothing yet [SP-608]")
struct ReservedFormTests {
  /// Alters each entry of the log on its way to the victim.
  private func alter(_ scene: HostileScene, _ edit: @escaping (LogLine) -> [UInt8]?) {
    scene.link.alter = { request, bytes in
      guard request.path.hasSuffix("/log") else { return bytes }
      let lines = Lines.split(bytes).map { line in
        (try? LogLine.parse(line)).flatMap(edit) ?? line
      }
      return Array(lines.joined(separator: [10]))
    }
  }

  /// The log's lines with other signatures, where an entry has any.
  private func sign(_ scene: HostileScene, _ signatures: @escaping ([Signature]) -> [Signature]) {
    alter(scene) { line in
      guard case .entry(let seq, let change, let verdict, let old, .some) = line else { return nil }
      return LogLine.entryLine(
        seq: seq, change: Store.change(change, previous: .zero), verdict: verdict,
        signatures: JSON.array(signatures(old).map(\.json)).bytes(), withholdsBody: false)
    }
  }

  private static let stranger = Signature(
    key: ID128(high: 9, low: 9), value: [UInt8](repeating: 7, count: 64))

  /// How many signatures each signed change of an author has in a log.
  private func counts(of author: ActorID, in store: Store) throws -> [Int] {
    var counts: [Int] = []
    try store.forEachEntry(of: "commons", after: 0) { entry in
      if entry.change.dot.actor == author, let raw = entry.signatures {
        counts.append(try Signature.list(JSON.parse(raw)).count)
      }
      return true
    }
    return counts
  }

  /// Central's file is gone, and one member alone gives the log back.
  private func rebuilt(from scene: HostileScene) throws {
    scene.link.alter = nil
    try scene.world.rebuild()
    _ = try scene.sync()
    try scene.world.central.accept(at: scene.world.loop.at)
  }

  @Test("an entry with several signatures is taken if one is its author's, and all of them travel")
  func severalSignatures() throws {
    let scene = try HostileScene()
    let author = scene.author.identity.actor
    sign(scene) { [Self.stranger] + $0 + [Self.stranger] }
    #expect(try scene.sync().pulled == 2)
    #expect(try counts(of: author, in: scene.victim.store) == [1, 3])
    try scene.world.audit(scene.victim)
    try rebuilt(from: scene)
    #expect(try counts(of: author, in: scene.world.central.store) == [1, 3])
    let newcomer = try scene.world.join()
    try scene.world.settle(with: [newcomer])
    #expect(try counts(of: author, in: newcomer.store) == [1, 3])
    try scene.world.audit(newcomer)
  }

  @Test(
    "signatures in any number stand for nothing if none is the author's, and prove nothing (R8)")
  func strangersAlone() throws {
    for signatures in [[], [Self.stranger, Self.stranger]] {
      let scene = try HostileScene()
      sign(scene) { _ in signatures }
      // Signatures stand in no hash: whoever holds the line can put others there, and central is honest.
      try scene.refused("log.forged", .suspicion)
      scene.link.alter = nil
      #expect(try scene.sync().pulled == 2)
      #expect(try scene.victim.store.evidence().allSatisfy { $0.settledAt != nil })
    }
  }

  @Test("a push with several signatures goes into the log as it came")
  func pushed() throws {
    let world = try World()
    let ana = try world.join()
    var hand = Hand(try world.join())
    try world.settle(with: [ana])
    #expect(try hand.push("c2", also: [Self.stranger], world) == 200)
    #expect(try world.merge().applied == 1)
    try world.sync(ana)
    #expect(try ana.cell("name", of: "c2") == "c2")
    #expect(try counts(of: hand.replica.identity.actor, in: ana.store) == [2])
    try world.audit(ana)
  }

  @Test("an applied change without its body counts, its context too, and writes nothing")
  func erasedBody() throws {
    let scene = try HostileScene()
    let (world, author) = (scene.world, scene.author.identity.actor)
    let erased = Dot(actor: author, n: 2)
    let first = Dot(actor: author, n: 1)
    let before = try #require(try scene.author.store.change(first, in: "commons"))
    alter(scene) { line in
      guard case .entry(let seq, let change, let verdict, _, let raw) = line,
        change.header.dot == erased
      else { return nil }
      return LogLine.entryLine(
        seq: seq, change: Store.change(change, previous: before.hash), verdict: verdict,
        signatures: raw, withholdsBody: true)
    }
    #expect(try scene.sync().pulled == 2)
    let held = try scene.victim.store.head(of: author, in: "commons")
    let right = try world.central.store.head(of: author, in: "commons")
    #expect((held.n, held.hash, held.context) == (3, right.hash, right.context))
    #expect(try scene.victim.store.change(erased, in: "commons")?.bodyBytes == nil)
    #expect(try scene.victim.cell("city", of: "c1") == "Chamonix")
    #expect(try scene.victim.cell("city", of: "c2") == "Rabat")
    try world.audit(scene.victim)
    // The same cell again, by the same author, and what follows from the header alone elsewhere.
    try scene.author.edit("UPDATE club SET city = 'Lima' WHERE id = 'c1'")
    try world.sync(scene.author)
    try world.merge()
    _ = try scene.sync()
    let row = RowKey(table: "club", id: "c1")
    #expect(
      try scene.victim.store.state(of: row).cells == world.central.store.state(of: row).cells)
    try rebuilt(from: scene)
    let newcomer = try world.join()
    try world.settle(with: [newcomer])
    #expect(try newcomer.store.change(erased, in: "commons")?.bodyBytes == nil)
    for store in [newcomer.store, world.central.store] {
      #expect(try store.head(of: author, in: "commons").n == 4)
      #expect(try store.state(of: row).cells == scene.victim.store.state(of: row).cells)
    }
    try world.audit(newcomer)
  }

  @Test("a key that succeeds another is noted for everybody, and signs for itself alone")
  func succeedingKey() throws {
    let scene = try HostileScene()
    let (world, old) = (scene.world, scene.author.identity.actor.replica)
    let heir = try world.join()
    try world.settle(with: [heir, scene.author])
    let row = RowKey(table: "replica", id: heir.identity.actor.replica.description)
    try world.central.queue(
      [Write(row, .set([FieldValue("succeeds_id", .text(old.description))]))], space: "commons",
      at: world.loop.at)
    try world.settle(with: [heir, scene.author])
    #expect(try scene.author.cell("succeeds_id", of: row.id, table: "replica") == old.description)
    // Both go on under their own names.
    try heir.edit("UPDATE club SET founded = 1930 WHERE id = 'c1'")
    try world.settle(with: [heir, scene.author])
    try scene.author.edit("UPDATE club SET founded = 1931 WHERE id = 'c2'")
    try world.settle(with: [heir, scene.author])
    #expect(try heir.store.digest("commons") == scene.author.store.digest("commons"))
    for member in [heir, scene.author] { try world.audit(member) }
    // What the old name wrote is not vouched for by the new key.
    alter(scene) { line in
      guard case .entry(let seq, let change, let verdict, _, .some) = line,
        change.header.dot.actor.replica == old,
        let held = try? world.central.store.change(change.header.dot, in: "commons")
      else { return nil }
      let value = heir.key.sign(
        Preimage.segment(
          network: world.central.network, space: "commons", head: held.dot, hash: held.hash))
      let signatures = [old, heir.identity.actor.replica].map { Signature(key: $0, value: value) }
      return LogLine.entryLine(
        seq: seq, change: held, verdict: verdict,
        signatures: JSON.array(signatures.map(\.json)).bytes(), withholdsBody: false)
    }
    try scene.refused("log.forged", .suspicion)
    scene.link.alter = nil
    _ = try scene.sync()
    #expect(try scene.victim.store.digest("commons") == heir.store.digest("commons"))
  }
}

import Causality
import Central
import Changes
import HTTP
import Replica
import SQLite
import Seal
import Store
import Testing
import Wire

/// Central's file put back by hand, without anybody saying so. R8
@Suite("A rewound central", .timeLimit(.minutes(15)))
struct RewindTests {
  @Test(
    "is noticed at the next contact by its own signature, stops by itself and gets its log back")
  func noticed() throws {
    let world = try World()
    var backup = ""
    try RestoreTests.live(world) { if $0 == 4 { backup = try world.backUp() } }
    let before = try world.content()
    let old = world.central.instance
    try world.rewind(to: backup)
    let report = try world.sync(world.members[0])
    #expect(report.isCentralRestoring && report.offered > 0)
    #expect(world.central.isRestoring && world.central.instance != old)
    try RestoreTests.heal(world)
    #expect(try world.content() == before)
    #expect(try world.digests().count == 1)
  }

  @Test("a replica that claims a place without central's signature for it changes nothing")
  func falseClaim() throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    let old = world.central.instance
    let origin = try #require(Origin("http://127.0.0.1"))
    let place = LogPlace(seq: 99, hash: Store.hash([[1]]))
    // A mark alone, a checkpoint signed by the member, and one altered.
    let forged = Checkpoint(
      network: world.central.network, instance: old, space: "commons", seq: 99, hash: place.hash,
      at: world.loop.at
    ).bytes
    let own = LogLine.checkpointLine(
      forged,
      signatures: [
        Signature(key: ben.identity.actor.replica, value: ben.key.sign(Preimage.checkpoint(forged)))
      ])
    guard case .blob(let real)? = try ben.store.meta("checkpoint.commons"),
      case .checkpoint(_, _, let signatures) = try LogLine.parse(real)
    else {
      Issue.record("no checkpoint")
      return
    }
    let altered = LogLine.checkpointLine(forged, signatures: signatures)
    for (line, status) in [(nil, 200), (own, 422), (altered, 422), (real, 200)] {
      var body = TailHead(marks: [place]).line + [10]
      if let line { body += line + [10] }
      let response = try ben.signed(
        Request(
          method: "POST", origin: origin, target: "/v1/spaces/commons/offers", body: body),
        over: world.loop)
      #expect(response.status == status)
      if status == 200 {
        #expect(try TailAnswer.parse(response.bytes).common == .start)
      }
    }
    #expect(world.central.instance == old && !world.central.isRestoring)
    // The lying file itself stops, says so, and changes nothing.
    let cursor = try ben.store.meta("cursor.commons")
    try ben.store.write {
      try ben.store.setMeta(
        "cursor.commons", .text(Cursor(instance: old, seq: 99, hash: place.hash).text))
    }
    #expect { try world.sync(ben) } throws: { ($0 as? SyncError)?.code == "sync.rewound" }
    #expect(world.central.instance == old && !world.central.isRestoring)
    try ben.store.write { try ben.store.setMeta("cursor.commons", try #require(cursor)) }
    try world.sync(ben)
  }

  /// Central is rewound to before a merge, merges something else, and only then is it noticed.
  private func forked() throws -> (World, Replica, Replica) {
    let world = try World()
    let (ana, ben) = (try world.join(name: "Ana"), try world.join(name: "Ben"))
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    try world.settle()
    let backup = try world.backUp()
    try ana.edit("UPDATE club SET city = 'Quito' WHERE id = 'c1'")
    try world.join(name: "Cleo")
    try world.sync(ana)
    try world.merge()
    try world.sync(ana)
    try world.sync(world.members[2])
    // Ben pulled nothing of this and notices nothing.
    try world.rewind(to: backup)
    try ben.edit("UPDATE club SET name = 'Alpinistes' WHERE id = 'c1'")
    try world.sync(ben)
    try world.join(name: "Dora")
    try world.merge()
    try world.sync(ben)
    try world.sync(world.members[3])
    return (world, ana, ben)
  }

  @Test(
    "that merged on is a fork: it is shown, nobody's history is chosen silently, and nothing is lost"
  )
  func fork() throws {
    let (world, ana, ben) = try forked()
    #expect(try world.sync(ana).isCentralRestoring)
    let status = try world.central.administer(
      .object([("do", .string("status"))]), now: world.loop.now, at: world.loop.at)
    let commons = try #require(status["restore"]?["spaces"]?["commons"])
    #expect(commons["forked"]?.isTrue == true)
    #expect(commons["offered"]?.array?.count == 1)
    #expect { try world.central.accept(at: world.loop.at) } throws: {
      ($0 as? Problem)?.code == "restore.fork"
    }
    #expect(world.central.isRestoring)
    try world.central.accept(choosing: ["own"], at: world.loop.at)
    for _ in 0..<4 {
      for member in world.members { try world.sync(member) }
      try world.merge()
    }
    for member in world.members { try world.sync(member) }
    for member in world.members {
      #expect(try member.cell("name", of: "c1") == "Alpinistes")
      #expect(try member.cell("city", of: "c1") == "Quito")
      #expect(try member.store.conflicts().isEmpty)
      #expect(
        try member.cell("name", of: member.identity.actor.replica.description, table: "replica")
          != nil)
    }
    #expect(try world.digests().count == 1)
    #expect(try world.central.members().count == 4)
    #expect(try world.central.inboxCount() == 0)
    _ = ben
  }

  @Test(
    "two histories offered to an older backup: one is named, the other is judged anew, nothing is lost"
  )
  func chosen() throws {
    let world = try World()
    let (ana, ben) = (try world.join(name: "Ana"), try world.join(name: "Ben"))
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    let backup = try world.backUp()
    try ana.edit("UPDATE club SET city = 'Quito' WHERE id = 'c1'")
    try world.sync(ana)
    try world.merge()
    try world.sync(ana)
    try world.rewind(to: backup)
    try ben.edit("UPDATE club SET name = 'Alpinistes' WHERE id = 'c1'")
    try world.sync(ben)
    try world.merge()
    try world.sync(ben)
    try world.restore(backup)
    try world.sync(ana)
    try world.sync(ben)
    let status = try world.central.administer(
      .object([("do", .string("status"))]), now: world.loop.now, at: world.loop.at)
    let offered = try #require(status["restore"]?["spaces"]?["commons"]?["offered"]?.array)
    #expect(offered.count == 2)
    let names = offered.compactMap { $0["hash"]?.string }
    #expect { try world.central.accept(at: world.loop.at) } throws: {
      ($0 as? Problem)?.code == "restore.fork"
    }
    let report = try world.central.accept(
      choosing: [String(try #require(names.last).prefix(8))], at: world.loop.at)
    #expect(report.takenOver == 1 && report.judgedAnew == 1)
    for _ in 0..<3 {
      try world.merge()
      for member in world.members { try world.sync(member) }
    }
    for member in world.members {
      #expect(try member.cell("name", of: "c1") == "Alpinistes")
      #expect(try member.cell("city", of: "c1") == "Quito")
    }
    #expect(try world.digests().count == 1)
  }

  @Test(
    "a replica that began by a snapshot goes back by one or by replay, keeps what it had not sent, accuses nobody (R8, R16)",
    arguments: [true, false], [true, false])
  func backBySnapshot(hadUnsent: Bool, beforeTheImage: Bool) throws {
    let world = try World()
    let (ana, ben, late) = (try world.join(), try world.join(), try world.join(name: "Late"))
    func edit(_ round: Int) throws {
      for n in 1...6 {
        try ben.edit("UPDATE club SET city = 'city \(round) \(n)' WHERE id = 'c\(n)'")
        try world.settle(with: [ana, ben])
      }
    }
    for n in 1...6 { try ana.edit("INSERT INTO club VALUES('c\(n)', 'Club \(n)', 'Quito', \(n))") }
    try world.settle(with: [ana, ben])
    var old = try world.backUp()
    try edit(1)
    world.central.snapshotEntriesMin = 2
    func follow() throws -> SyncReport {
      try late.sync(now: world.loop.now, at: world.loop.at, fetchesHistory: false)
    }
    #expect(try follow().snapshotRows > 0)
    try edit(2)
    world.central.snapshotEntriesMin = 500
    #expect(try follow().pulled > 0)
    if !beforeTheImage { old = try world.backUp() }
    try edit(3)
    #expect(try follow().pulled > 0)
    #expect(try late.store.gap(in: "commons") != nil)
    if hadUnsent {
      try late.edit("UPDATE club SET founded = 1999 WHERE id = 'c3'")
      try late.edit("UPDATE club SET name = 'own' WHERE id = 'c4'")
    }
    // The others come by after the life is accepted: central goes on without what they would have given.
    try world.restore(old)
    try world.central.accept(at: world.loop.at)
    world.central.snapshotEntriesMin = 2
    let back = try follow()
    #expect(back.notes.contains { $0.contains("restored") })
    #expect((back.snapshotRows > 0) == !beforeTheImage)
    for _ in 0..<3 {
      for member in [ana, ben, late] { try world.sync(member) }
      try world.merge()
    }
    for member in [ana, ben, late] { try world.sync(member) }
    #expect(try world.digests().count == 1)
    for n in 1...6 { #expect(try late.cell("city", of: "c\(n)") == "city 3 \(n)") }
    if hadUnsent {
      #expect(try ana.cell("founded", of: "c3") == "1999")
      #expect(try ana.cell("name", of: "c4") == "own")
    }
    for member in [ana, ben, late] {
      #expect(try member.store.evidence().isEmpty)
      #expect(try member.store.adriftCount().all == 0)
      try world.audit(member)
    }
  }

  @Test(
    "a member half of whose history has come gives a restored central its log around what it lacks (R10)"
  )
  func partOfHistory() throws {
    let world = try World()
    let (ana, late) = (try world.join(), try world.join(name: "Late"))
    try world.settle(with: [ana])
    let old = try world.backUp()
    let common = try world.central.store.logEnd(of: "commons").seq
    for n in 1...6 {
      try ana.edit("INSERT INTO club VALUES('c\(n)', 'Club \(n)', 'Quito', \(n))")
      try world.settle(with: [ana])
    }
    world.central.snapshotEntriesMin = 2
    _ = try late.sync(now: world.loop.now, at: world.loop.at, fetchesHistory: false)
    world.central.snapshotEntriesMin = 500
    try ana.edit("UPDATE club SET city = 'Rabat'")
    try world.settle(with: [ana])
    _ = try late.sync(now: world.loop.now, at: world.loop.at, fetchesHistory: false)
    world.loop.routes.logPieceBytes = 1
    world.loop.failsAfterRequests = 6
    #expect(throws: HTTPFailure.self) { try world.sync(late) }
    world.loop.failsAfterRequests = nil
    let gap = try #require(try late.store.gap(in: "commons"))
    #expect(gap.after.seq > common && gap.after.seq < gap.upTo.seq)

    try world.restore(old)
    #expect(try world.sync(late).offered > 0)
    #expect(try world.sync(ana).offered > 0)
    try world.central.accept(at: world.loop.at)
    for _ in 0..<2 { try world.settle(with: [ana, late]) }
    #expect(try world.digests().count == 1)
    #expect(try late.cell("city", of: "c6") == "Rabat")
    #expect(try late.store.gap(in: "commons") == nil)
    for member in [ana, late] { try world.audit(member) }
  }

  @Test(
    "a file that went back, cut before it went on, is sound, and so is one whose space is empty now"
  )
  func auditInBetween() throws {
    let world = try World()
    let (chair, other) = (try world.join("chair"), try world.join())
    try chair.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    try world.settle()
    let backup = try world.backUp()
    try chair.edit("INSERT INTO draft VALUES('d1', 'words')")
    try chair.edit("UPDATE club SET city = 'Quito' WHERE id = 'c1'")
    try world.settle(with: [chair])
    try world.restore(backup)
    try world.central.accept(choosing: [], at: world.loop.at)
    // The first piece of the log in central's new life does not come.
    world.loop.tamper = { request in
      if request.path.hasSuffix("/log") { world.loop.lostReplies = 1 }
      return request
    }
    #expect(throws: HTTPFailure.self) { try world.sync(chair) }
    world.loop.tamper = nil
    #expect(try world.findings(in: chair).map(\.code) == ["checkpoint.missing"])
    try world.sync(chair)
    #expect(try world.findings(in: chair) == [])
    try world.agree([chair, other])
    #expect(try other.cell("city", of: "c1") == "Quito")
  }

  @Test(
    "that goes back to a life it had before: what it once signed there is shown, and damages no file"
  )
  func earlierLife() throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    // A central that was restored before takes no word of a life it forgot for proof while it holds what the word is of.
    try world.restore(try world.backUp())
    try world.central.accept(at: world.loop.at)
    for _ in 0..<2 { try world.settle() }
    let first = try world.backUp()
    try ana.edit("UPDATE club SET city = 'Quito' WHERE id = 'c1'")
    try world.settle(with: [ana])
    // Another life begins from before, and ends unnoticed: central is where it was, and merges something else there.
    try world.restore(first)
    try world.central.accept(at: world.loop.at)
    try world.sync(ana)
    try world.rewind(to: first)
    try ben.edit("UPDATE club SET name = 'Alpinistes' WHERE id = 'c1'")
    try world.sync(ben)
    try world.merge()
    _ = try? world.sync(ana)
    if world.central.isRestoring { try world.central.accept(at: world.loop.at) }
    for _ in 0..<3 { try world.settle() }
    #expect(try world.digests().count == 1)
    #expect(try world.findings(in: ana).map(\.kind).allSatisfy { $0 == .notice })
    #expect(try world.findings(in: ana).map(\.code).contains("kept.parted"))
  }

  @Test(
    "a file that an altered answer told too early of a new life goes on, whichever history was followed"
  )
  func toldTooEarly() throws {
    let (world, ana, ben) = try forked()
    #expect(try world.sync(ana).isCentralRestoring)
    let link = HostileLink(world.loop)
    link.alter = { _, bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      return Array(text.replacing(#""restoring":true"#, with: #""restoring":false"#).utf8)
    }
    let misled = try Replica(store: ana.store, key: ana.key, exchange: link)
    #expect { try world.sync(misled) } throws: {
      ($0 as? SyncError)?.code == "central.restoring"
    }
    try world.central.accept(choosing: ["own"], at: world.loop.at)
    for _ in 0..<3 { try world.settle() }
    #expect(try world.digests().count == 1)
    #expect(try ben.cell("city", of: "c1") == "Quito")
    #expect(try ben.cell("name", of: "c1") == "Alpinistes")
    for member in world.members { #expect(try member.store.waiting() == (0, 0)) }
  }

  @Test(
    "whoever wrote in a space whose history is followed is named at once where another one is")
  func keysOfAnotherHistory() throws {
    let world = try World()
    let (ana, ben) = (try world.join("chair", name: "Ana"), try world.join(name: "Ben"))
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    try world.settle()
    let backup = try world.backUp()
    let cleo = try world.join("chair", name: "Cleo")
    try cleo.edit("INSERT INTO draft VALUES('d1', 'words')")
    try world.settle(with: [cleo, ana])
    try world.sync(ana)
    #expect(try ana.cell("text", of: "d1", table: "draft") == "words")
    // Unnoticed at first, the commons go another way; the bureau's history is one.
    try world.rewind(to: backup)
    try ben.edit("UPDATE club SET name = 'Alpinistes' WHERE id = 'c1'")
    try world.sync(ben)
    try world.merge()
    #expect(try world.sync(ana).isCentralRestoring)
    let report = try world.central.accept(choosing: ["own"], at: world.loop.at)
    #expect(report.takenOver > 0)
    // Before any merge a newcomer to the bureau's history reads it, and knows its author.
    let dora = try world.join("chair", name: "Dora")
    try world.sync(dora)
    #expect(try dora.cell("text", of: "d1", table: "draft") == "words")
    for _ in 0..<3 { try world.settle() }
    #expect(try world.digests().count == 1)
  }
}

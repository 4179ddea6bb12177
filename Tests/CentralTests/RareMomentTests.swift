import Causality
import Central
import Changes
import Files
import Foundation
import HTTP
import Replica
import SQLite
import Seal
import Store
import Testing
import Wire

/// Central's answers as a hostile central bends them.
private final class Bending: Exchange {
  private let loop: Loop
  var bend: (Request, [UInt8]) -> [UInt8] = { $1 }

  init(_ loop: Loop) { self.loop = loop }

  func send(_ request: Request, responseBytesMax: Int) throws(HTTPFailure) -> Response {
    var request = request
    request.headers.set("Accept-Encoding", "identity")
    var response = try loop.send(request, responseBytesMax: responseBytesMax)
    response.body = .bytes(bend(request, response.bytes))
    return response
  }
}

@Suite(
  "A sync that is cut or lied to at a rare moment goes on afterwards", .timeLimit(.minutes(15)))
struct RareMomentTests {
  private func filled(rows: Int, pieceBytes: Int) throws -> (World, Replica) {
    let (world, ana) = try World.filled(rows: rows, pieceBytes: pieceBytes)
    try world.sync(ana)
    return (world, ana)
  }

  @Test("a pull in pieces that ends in a forged word of central is thrown away whole")
  func forgedPieces() throws {
    let (world, _) = try filled(rows: 40, pieceBytes: 2_000)
    let member = try world.join()
    let bending = Bending(world.loop)
    let ben = try Replica(store: member.store, key: member.key, exchange: bending)
    bending.bend = { request, bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      guard request.path.hasSuffix("/log"), let place = text.range(of: "{\"checkpoint\":") else {
        return bytes
      }
      // Another time under the same signature.
      let forged = text[place.lowerBound...].replacing("2027-01-15", with: "2027-01-16")
      return Array((text[..<place.lowerBound] + forged).utf8)
    }
    #expect(throws: SyncError.self) { try ben.sync(now: world.loop.now, at: world.loop.at) }
    #expect(Files.size("\(ben.store.path).cordee-pull-commons") == nil)
    #expect(try ben.cell("name", of: "club-1") == nil)
    bending.bend = { $1 }
    #expect(try ben.sync(now: world.loop.now, at: world.loop.at).pulled == 41)
    #expect(try world.digests().count == 1)
  }

  @Test(
    "a pull that was downloaded and could not be written is no short log when central has more by then"
  )
  func olderDownload() throws {
    let (world, ana) = try filled(rows: 40, pieceBytes: 2_000)
    let ben = try world.join()
    try world.sync(ben)
    try ana.edit("UPDATE club SET city = 'Rabat'")
    try world.sync(ana)
    try world.merge()
    // A row that no change can carry stops the writing, not the download.
    let large = String(repeating: "x", count: 600_000)
    try ben.edit("UPDATE club SET name = '\(large)' WHERE id = 'club-7'")
    #expect(throws: StoreError.self) { try world.sync(ben) }
    #expect(try #require(Files.size("\(ben.store.path).cordee-pull-commons")) > 2_000)
    try ana.edit("UPDATE club SET founded = 1920")
    try world.sync(ana)
    try world.merge()
    try ben.edit("UPDATE club SET name = 'Seven' WHERE id = 'club-7'")
    let report = try world.sync(ben)
    #expect(report.pulled >= 80)
    #expect(try ben.store.evidence().isEmpty)
  }

  @Test("history comes in pieces smaller than a segment")
  func smallPieces() throws {
    let (world, _) = try filled(rows: 60, pieceBytes: 400)
    world.central.snapshotEntriesMin = 20
    let newcomer = try world.join()
    let report = try world.sync(newcomer)
    #expect(report.snapshotRows > 60 && report.history > 60)
    #expect(try newcomer.store.gap(in: "commons") == nil)
    try world.audit(newcomer)
  }

  @Test(
    "a sync cut between a snapshot and central's word on it leaves a sound file, and is made up for"
  )
  func cutBeforeCheckpoint() throws {
    let (world, _) = try filled(rows: 60, pieceBytes: 2_000_000)
    world.central.snapshotEntriesMin = 20
    // A snapshot may come without the word.
    world.loop.forgesSnapshots = { plain in
      guard let end = plain.firstIndex(of: UInt8(ascii: "\n")),
        let word = try? Snapshot.checkpoint(in: Array(plain[..<end]))
      else { return plain }
      let member = Array(",\"checkpoint\":".utf8).count + word.count
      return plain[..<(end - 1 - member)] + [UInt8(ascii: "}")] + plain[end...]
    }
    let newcomer = try world.join()
    func checkpoint() throws -> Bool {
      if case .blob? = try newcomer.store.meta("checkpoint.commons") { true } else { false }
    }
    // Hello and the snapshot come, the log does not.
    world.loop.failsAfterRequests = 2
    #expect(throws: HTTPFailure.self) { try world.sync(newcomer) }
    world.loop.failsAfterRequests = nil
    #expect(try newcomer.cell("name", of: "club-1") == "Club 1")
    #expect(try !checkpoint())
    let scratch = world.folder.appending(path: "scratch.sqlite").path
    let audit = try Audit(
      of: newcomer.store, centralKey: world.central.publicKey, scratchPath: scratch
    ).run()
    #expect(!audit.has(.damage))
    try world.sync(newcomer)
    #expect(try checkpoint())
    try world.audit(newcomer)
  }

  @Test("an observer's own edits cannot be sent, and what others write comes all the same")
  func observer() throws {
    let (world, ana) = try filled(rows: 2, pieceBytes: 2_000_000)
    let observer = try world.join("observer")
    try world.sync(observer)
    try observer.edit("UPDATE club SET city = 'Lyon' WHERE id = 'club-1'")
    try ana.edit("UPDATE club SET city = 'Rabat' WHERE id = 'club-2'")
    try world.sync(ana)
    try world.merge()
    let report = try world.sync(observer)
    #expect(report.refused.count == 1 && report.pulled > 0)
    #expect(try observer.cell("city", of: "club-2") == "Rabat")
    #expect(try observer.cell("city", of: "club-1") == "Lyon")
    #expect(try ana.cell("city", of: "club-1") == nil || ana.cell("city", of: "club-1") == "")
  }

  @Test("an observer with edits of its own gives a restored central its log back, and goes on")
  func observerHeals() throws {
    let (world, ana) = try filled(rows: 2, pieceBytes: 2_000_000)
    let observer = try world.join("observer")
    try world.settle()
    let backup = try world.backUp()
    try observer.edit("UPDATE club SET city = 'Lyon' WHERE id = 'club-1'")
    try world.sync(observer)
    try ana.edit("UPDATE club SET city = 'Rabat' WHERE id = 'club-2'")
    try world.settle()
    try world.restore(backup)
    let report = try world.sync(observer)
    #expect(report.isCentralRestoring && report.refused.count == 1)
    try world.central.accept(at: world.loop.at)
    try world.settle()
    #expect(try world.sync(observer).refused.count == 1)
    #expect(try world.digests().count == 1)
    #expect(try observer.cell("city", of: "club-1") == "Lyon")
    #expect(try ana.cell("city", of: "club-2") == "Rabat")
  }

  @Test(
    "a member whose history is not fetched yet gives a restoring central its log back all the same")
  func historyLater() throws {
    let (world, ana) = try filled(rows: 60, pieceBytes: 2_000_000)
    world.central.snapshotEntriesMin = 20
    let newcomer = try world.join()
    _ = try newcomer.sync(now: world.loop.now, at: world.loop.at, fetchesHistory: false)
    #expect(try newcomer.store.gap(in: "commons") != nil)
    let backup = try world.backUp()
    // Of its author's chain this file holds only what a snapshot named.
    try ana.edit("UPDATE club SET city = 'Rabat' WHERE id = 'club-1'")
    try world.sync(ana)
    try world.merge()
    _ = try newcomer.sync(now: world.loop.now, at: world.loop.at, fetchesHistory: false)
    #expect(try newcomer.cell("city", of: "club-1") == "Rabat")
    try world.restore(backup)
    let report = try world.sync(newcomer)
    #expect(report.isCentralRestoring && report.offered > 0)
    let accepted = try world.central.accept(at: world.loop.at)
    #expect(accepted.takenOver > 0 && accepted.lost.isEmpty)
    #expect(try world.sync(newcomer).history > 60)
    try world.sync(ana)
    #expect(try world.digests().count == 1)
  }

  @Test(
    "own changes that a snapshot alone said to stand are offered again to a central that lost them")
  func settledBySnapshot() throws {
    let (world, ana) = try filled(rows: 30, pieceBytes: 2_000_000)
    let backup = try world.backUp()
    try ana.edit("UPDATE club SET city = 'mine' WHERE id = 'club-1'")
    try world.sync(ana)
    try world.merge()
    let ben = try world.join()
    for _ in 0..<4 {
      try world.sync(ben)
      try ben.edit("UPDATE club SET name = name || '.'")
      try world.sync(ben)
      try world.merge()
    }
    world.central.snapshotEntriesMin = 20
    let report = try ana.sync(now: world.loop.now, at: world.loop.at, fetchesHistory: false)
    #expect(report.snapshotRows > 0)
    #expect(try ana.store.waiting() == (0, 0))
    // Nobody but its author has what central lost.
    try world.restore(backup)
    try world.sync(ana)
    try world.central.accept(at: world.loop.at)
    for _ in 0..<2 {
      try world.sync(ana)
      try world.merge()
    }
    try world.sync(ana)
    let kept = try world.central.store.state(of: RowKey(table: "club", id: "club-1"))
    #expect(kept.shown("city") == .text("mine"))
    #expect(try ana.store.waiting() == (0, 0))
    try world.audit(ana)
  }

  @Test(
    "what is sealed after a way back weighs here what it weighs everywhere: its author's contexts add up"
  )
  func sealedAfterGoingBack() throws {
    let (world, ana) = try filled(rows: 2, pieceBytes: 2_000_000)
    let ben = try world.join()
    try world.settle()
    try world.settle()
    let backup = try world.backUp()
    for city in ["Rabat", "Quito"] {
      try ben.edit("UPDATE club SET city = '\(city)' WHERE id = 'club-1'")
      try world.settle(with: [ben])
    }
    try world.sync(ana)
    // Sealed, not sent, by one who had seen what central is about to lose.
    try ana.edit("UPDATE club SET city = 'Lyon' WHERE id = 'club-1'")
    try ana.store.write { _ = try ana.store.seal(as: ana.author) }
    try world.restore(backup)
    try world.central.accept(at: world.loop.at)
    try world.sync(ana)
    try ana.edit("UPDATE club SET city = 'Oslo' WHERE id = 'club-2'")
    try ana.store.write { _ = try ana.store.seal(as: ana.author) }
    try world.audit(ana)
    for _ in 0..<2 { try world.settle() }
    #expect(try world.digests().count == 1)
    #expect(try ben.cell("city", of: "club-1") == "Lyon")
    #expect(try ben.store.conflicts().isEmpty)
  }

  @Test(
    "a restored central that hears of a change before its author's enrolment names the author first"
  )
  func keyBeforeChange() throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    let backup = try world.backUp()
    try ana.edit("INSERT INTO club(id, name) VALUES('c1', 'Alpins')")
    for _ in 0..<2 { try world.settle() }
    // Nobody was heard before the new life was accepted: all is offered again, in whatever order.
    try world.restore(backup)
    try world.central.accept(at: world.loop.at)
    try world.sync(ana)
    try world.merge()
    try world.sync(ben)
    #expect(try ben.cell("name", of: "c1") == "Alpins")
    for _ in 0..<2 { try world.settle() }
    #expect(try world.digests().count == 1)
    for member in world.members { try world.audit(member) }
  }

  @Test(
    "two histories that gave one place to different spaces: every log goes back before any goes on")
  func placesOfTwoSpaces() throws {
    let world = try World()
    let (chair, ben) = (try world.join("chair"), try world.join())
    let backup = try world.backUp()
    try chair.edit("INSERT INTO draft VALUES('d1', 'One')")
    try world.settle(with: [chair])
    try world.rewind(to: backup)
    try ben.edit("INSERT INTO club(id, name) VALUES('c1', 'Alpins')")
    try world.settle(with: [ben])
    #expect(try world.sync(chair).isCentralRestoring)
    try world.central.accept(at: world.loop.at)
    try world.sync(chair)
    for _ in 0..<2 { try world.settle() }
    #expect(try chair.cell("name", of: "c1") == "Alpins")
    #expect(try world.central.store.state(of: RowKey(table: "draft", id: "d1")).isShown)
    #expect(try world.digests().count == 1)
    for member in world.members { try world.audit(member) }
  }

  @Test(
    "a change left waiting under a former name that a twin took is sealed again, by log and by snapshot",
    arguments: [false, true])
  func formerName(bySnapshot: Bool) throws {
    let (world, other) = try filled(rows: 2, pieceBytes: 2_000_000)
    let member = try world.join()
    for name in ["Ana", "Ben"] {
      try member.edit("UPDATE club SET name = '\(name)' WHERE id = 'club-2'")
      try world.settle()
      try world.settle()
    }
    let copy = try world.copy(of: member)
    try member.edit("UPDATE club SET city = 'Rabat' WHERE id = 'club-1'")
    for _ in 0..<3 { try world.settle(with: [member, other]) }
    try copy.edit("UPDATE club SET city = 'Quito' WHERE id = 'club-1'")
    // An epoch that was told, wrongly, that all of the file stands at central.
    let actor = copy.identity.actor
    let next = ActorID(replica: actor.replica, epoch: actor.epoch &+ 1)
    try copy.store.write {
      _ = try copy.store.seal(as: copy.author)
      let head = try copy.store.head(of: actor, in: "commons").n
      _ = try copy.store.beginEpoch(
        .copied, as: next, author: copy.author, standing: ["commons": head])
    }
    if bySnapshot { world.central.snapshotEntriesMin = 1 }
    let again = try Replica(store: copy.store, key: copy.key, exchange: world.loop)
    let report = try world.sync(again)
    #expect(report.epoch?.resealed == 1)
    for _ in 0..<2 { try world.settle(with: [member, other, again]) }
    #expect(try again.store.waiting() == (0, 0))
    let kept = try world.central.store.state(of: RowKey(table: "club", id: "club-1"))
    #expect(Set(kept.cells["city"]?.map(\.value) ?? []) == [.text("Rabat"), .text("Quito")])
    #expect(try again.store.digest("commons") == other.store.digest("commons"))
    try world.audit(again)
  }

  @Test("a newcomer's key stands in the commons, which grew after they were read: no forgery")
  func keyMeanwhile() throws {
    let world = try World()
    let chair = try world.join("chair")
    try chair.edit("INSERT INTO draft VALUES('d1', 'One')")
    try world.settle()
    try world.settle()
    let second = try world.join("chair")
    try second.edit("INSERT INTO draft VALUES('d2', 'Two')")
    try world.merge()
    try second.edit("INSERT INTO club(id, name) VALUES('c1', 'Alpins')")
    try world.sync(second)
    try world.merge()
    // Between the two pulls of the first chair a third one joins and writes; nothing comes with the answer to hello.
    world.loop.routes.logPieceBytes = 1
    world.loop.tamper = { request in
      guard request.path == "/v1/spaces/bureau/log" else { return request }
      world.loop.tamper = nil
      do {
        let third = try world.join("chair")
        try third.edit("INSERT INTO draft VALUES('d3', 'Three')")
        try world.merge()
        try world.sync(third)
        try world.merge()
      } catch {
        Issue.record(error)
      }
      return request
    }
    try world.sync(chair)
    #expect(world.loop.tamper == nil)
    let texts = try chair.store.withConnection { connection in
      try connection.all("SELECT text FROM draft ORDER BY id") { $0.text(0) }
    }
    #expect(texts == ["One", "Two", "Three"])
    #expect(try chair.store.evidence().allSatisfy { $0.kind != .proof })
  }

  @Test("an older central's snapshot shows a newer replica what central itself only carries")
  func carried() throws {
    let newer = newerClubs()
    let world = try World()
    let ana = try world.join(schema: newer)
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920, 'Excelsior')")
    try world.settle()
    world.central.snapshotEntriesMin = 1
    let newcomer = try world.join(schema: newer)
    #expect(try world.sync(newcomer).snapshotRows > 0)
    #expect(try newcomer.cell("motto", of: "c1") == "Excelsior")
    #expect(try newcomer.store.digest("commons") == ana.store.digest("commons"))
  }
}

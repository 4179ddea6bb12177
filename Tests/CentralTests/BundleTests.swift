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

extension World {
  func path(_ name: String) -> String { folder.appending(path: name).path }

  func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.appending(path: name)))
  }

  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: folder.appending(path: name))
    return path(name)
  }
}

extension Replica {
  var at: String { "2027-01-15T08:00:00Z" }
}

@Suite("Bundles: the same bytes in a file")
struct BundleTests {
  @Test(
    "[SP-1503, SP-1505, SP-1506] a member's changes travel by a second member to central, and central's log back by a third",
    arguments: [true, false])
  func roundTrip(plain: Bool) throws {
    let world = try World()
    let (wall, carrier, reader) = (try world.join(), try world.join(), try world.join())
    try world.settle()
    try wall.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    #expect(try wall.exportChanges(to: world.path("out"), plain: plain, at: wall.at).segments == 1)
    for round in 0..<2 {
      let report = try carrier.importBundle(world.path("out"), at: carrier.at)
      #expect(report.carried == (round == 0 ? 1 : 0) && report.notes.isEmpty)
    }
    // Carried, not applied.
    #expect(try carrier.cell("name", of: "c1") == nil)
    #expect(try carrier.store.parcelCounts().waiting == 1)
    #expect(try world.sync(carrier).carried == 1)
    #expect(try carrier.store.parcelCounts().waiting == 0)
    try world.merge()
    try world.sync(carrier)
    let before = try reader.store.waiting()
    #expect(before.local == 0)

    let log = try carrier.exportLog(
      to: world.path("in"), for: nil, since: 0, plain: plain, at: carrier.at)
    #expect(log.spaces == ["commons"] && log.entries == 4)
    for (index, member) in [wall, reader].enumerated() {
      let report = try member.importBundle(world.path("in"), at: member.at)
      #expect(report.applied == 1 && report.notes.isEmpty)
      #expect(report.received == (index == 0 ? 1 : 0))
      #expect(try member.cell("city", of: "c1") == "Chamonix")
      #expect(try member.importBundle(world.path("in"), at: member.at).applied == 0)
    }
    #expect(try wall.store.waiting() == (0, 0))
    try world.settle()
    #expect(try world.digests().count == 1)
    for member in world.members { #expect(try member.store.evidence().isEmpty) }
  }

  @Test(
    "what a former life of central received is carried to the next one, which may have forgotten it"
  )
  func formerLife() throws {
    let world = try World()
    let (wall, carrier) = (try world.join(), try world.join())
    try world.settle()
    let backup = try world.backUp()
    try wall.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    for stick in ["first", "second"] {
      _ = try wall.exportChanges(to: world.path(stick), plain: true, at: wall.at)
      #expect(try carrier.importBundle(world.path(stick), at: carrier.at).carried == 1)
      if stick == "first" { #expect(try world.sync(carrier).carried == 1) }
    }
    try world.restore(backup)
    try world.central.accept(at: world.loop.at)
    #expect(try world.sync(carrier).carried == 1)
    try world.merge()
    try world.sync(carrier)
    #expect(try carrier.cell("city", of: "c1") == "Chamonix")
    #expect(try carrier.store.parcelCounts().waiting == 0)
  }

  @Test(
    "[SP-1501, SP-1502] a bundle is readable: its first line says what it is, its last line counts; zstd only wraps it"
  )
  func form() throws {
    let world = try World()
    let a = try world.join()
    try world.settle()
    _ = try a.exportLog(to: world.path("plain"), for: nil, since: 0, plain: true, at: a.at)
    _ = try a.exportLog(to: world.path("packed"), for: nil, since: 0, plain: false, at: a.at)
    let plain = try world.bytes("plain")
    #expect(try Zstd.decompress(world.bytes("packed"), limit: 1 << 20) == plain)
    let lines = Lines.split(plain)
    let head = try Bundle.parse(lines[0])
    #expect(head.kind == .log && head.sections.map(\.space) == ["commons"])
    #expect(try BundleLine.parse(lines[1]) == .space("commons"))
    #expect(try BundleLine.parse(#require(lines.last)) == .end(lines.count - 2))
  }

  @Test(
    "a cut bundle is used as far as whole segments go, and a cut log not at all; each in one line")
  func cut() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try world.settle()
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    _ = try a.exportChanges(to: world.path("out"), plain: true, at: a.at)
    let lines = Lines.split(try world.bytes("out"))
    let cut = try world.write(Array(lines[0..<4].joined(separator: [10])) + [10], to: "cut")
    let report = try b.importBundle(cut, at: b.at)
    #expect(report.carried == 1 && report.notes.count == 1)
    let half = try world.write(
      Array(try world.bytes("out").prefix(lines[0].count + 300)), to: "half")
    #expect(try b.importBundle(half, at: b.at).carried == 0)

    try world.settle()
    try a.edit("UPDATE club SET city = 'Quito'")
    try world.sync(a)
    try world.merge()
    try world.sync(a)
    _ = try a.exportLog(to: world.path("log"), for: nil, since: 0, plain: true, at: a.at)
    let log = Lines.split(try world.bytes("log"))
    let short = try world.write(Array(log.dropLast(2).joined(separator: [10])) + [10], to: "short")
    let found = try b.importBundle(short, at: b.at)
    #expect(found.applied == 0 && found.notes.count == 2)
    #expect(try b.importBundle(world.path("log"), at: b.at).applied == 1)
    _ = try a.exportLog(to: world.path("zst"), for: nil, since: 0, plain: false, at: a.at)
    let packed = try world.bytes("zst")
    let cutPacked = try world.write(Array(packed.prefix(packed.count - 9)), to: "cut.zst")
    #expect(throws: SyncError.self) { try b.importBundle(cutPacked, at: b.at) }
  }

  @Test("another network's, another reader's, a log after a gap, no bundle at all: refused by name")
  func refused() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try world.settle()
    func code(_ body: () throws -> Void) -> String? {
      do { try body() } catch { return (error as? SyncError)?.code }
      return nil
    }
    let other = try World()
    let stranger = try other.join()
    try other.settle()
    _ = try stranger.exportLog(to: world.path("x"), for: nil, since: 0, plain: true, at: a.at)
    #expect(code { _ = try a.importBundle(world.path("x"), at: a.at) } == "bundle.network")
    let mine = a.identity.actor.replica
    try world.sync(b)
    _ = try b.exportLog(to: world.path("mine"), for: mine, since: 0, plain: true, at: a.at)
    #expect(code { _ = try b.importBundle(world.path("mine"), at: a.at) } == "bundle.reader")
    #expect(
      code { _ = try a.importBundle(world.write([1, 2, 10], to: "no"), at: a.at) } == "bundle.shape"
    )
    #expect(
      code { _ = try a.importBundle(world.write([], to: "empty"), at: a.at) } == "bundle.shape")

    for n in 0..<3 {
      try b.edit("INSERT INTO club VALUES('k\(n)', 'K', 'Quito', 1)")
      try world.sync(b)
      try world.merge()
    }
    try world.sync(b)
    let end = try b.store.logEnd(of: "commons").seq
    _ = try b.exportLog(to: world.path("late"), for: nil, since: end - 1, plain: true, at: a.at)
    let report = try a.importBundle(world.path("late"), at: a.at)
    #expect(report.applied == 0 && report.notes.count == 1 && report.notes[0].contains("--since"))
    _ = try b.exportLog(to: world.path("whole"), for: nil, since: 0, plain: true, at: a.at)
    #expect(try a.importBundle(world.path("whole"), at: a.at).applied == 3)
  }

  @Test("any flipped byte is refused or harmless: nothing altered is applied or accused")
  func flipped() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try world.settle()
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.sync(a)
    try world.merge()
    try world.sync(a)
    _ = try a.exportLog(to: world.path("log"), for: nil, since: 0, plain: true, at: a.at)
    let good = try world.bytes("log")
    let before = try b.store.digest("commons")
    for place in stride(from: 0, to: good.count, by: 29) {
      var bad = good
      bad[place] ^= 1
      let path = try world.write(bad, to: "bad")
      let applied = (try? b.importBundle(path, at: b.at).applied) ?? 0
      if applied > 0 { break }
      #expect(try b.store.digest("commons") == before)
    }
    #expect(try b.store.evidence().allSatisfy { $0.kind == .suspicion })
    _ = try b.importBundle(world.path("log"), at: b.at)
    #expect(try a.store.digest("commons") == b.store.digest("commons"))
    #expect(try b.store.evidence().allSatisfy { $0.settledAt != nil })
  }

  @Test(
    "[SP-1504] the bureau's history goes to those who may read it alone; a quarantined body to nobody"
  )
  func spaces() throws {
    let world = try World()
    let (chair, other, member) = (
      try world.join("chair"), try world.join("chair"), try world.join()
    )
    try world.settle()
    try chair.edit("INSERT INTO draft VALUES('d1', 'Entre nous')")
    try chair.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.sync(chair)
    try world.merge()
    try chair.edit("UPDATE club SET name = NULL, city = 'Secret'")
    try world.settle()
    for reader in [nil, member.identity.actor.replica] {
      let file = "for-\(reader == nil ? "all" : "member")"
      let contents = try chair.exportLog(
        to: world.path(file), for: reader, since: 0, plain: true, at: chair.at)
      #expect(contents.spaces == ["commons"])
      let text = String(decoding: try world.bytes(file), as: UTF8.self)
      #expect(!text.contains("Entre nous") && !text.contains("Secret"))
    }
    let contents = try chair.exportLog(
      to: world.path("chair"), for: other.identity.actor.replica, since: 0, plain: true,
      at: chair.at)
    #expect(contents.spaces == ["commons", "bureau"])
    try chair.edit("INSERT INTO draft VALUES('d2', 'Encore')")
    _ = try chair.exportChanges(to: world.path("changes"), plain: true, at: chair.at)
    let report = try member.importBundle(world.path("changes"), at: member.at)
    #expect(report.carried == 0 && report.notes.count == 1)
    #expect(try other.importBundle(world.path("changes"), at: other.at).carried == 1)
  }

  @Test("[SP-1507, SP-1508] central's answers to its keeper carry receipts back before any merge")
  func receiptsBack() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try world.settle()
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    let lines = String(decoding: try a.segments(), as: UTF8.self)
    let offered = try world.central.administer(
      .object([("do", .string("offer")), ("space", .string("commons")), ("lines", .string(lines))]),
      now: world.loop.now, at: world.loop.at)
    #expect(offered["receipt"]?["heads"]?.array?.count == 1)
    let head = try world.central.administer(
      .object([
        ("do", .string("bundle")), ("for", .string(a.identity.actor.replica.description)),
      ]), now: world.loop.now, at: world.loop.at)
    let receipt = try #require(head["sections"]?.array?.first?["receipt"]?.string)
    var writer = try BundleWriter(
      world.path("back"),
      Bundle(
        kind: .log, network: a.identity.network, maker: world.central.keyID,
        reader: a.identity.actor.replica, at: a.at, sections: []), plain: false)
    try writer.write(BundleLine.section("commons"))
    try writer.write(Array(receipt.utf8))
    try writer.finish()
    #expect(try a.importBundle(world.path("back"), at: a.at).received == 1)
    #expect(try a.store.waiting() == (0, 1))
    #expect(throws: SyncError.self) { try b.importBundle(world.path("back"), at: b.at) }
  }
}

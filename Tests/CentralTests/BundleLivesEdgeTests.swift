import Causality
import Central
import Changes
import Foundation
import HTTP
import Replica
import Seal
import Store
import Testing
import Wire

@Suite("Bundles across central's lives: what does not lead over, and what leads over late")
struct BundleLivesEdgeTests {
  /// What an import leaves out, when it leaves the file as it was.
  private func refusal(_ world: World, _ member: Replica, _ lines: [[UInt8]]? = nil) throws
    -> String
  {
    let before = try standing(member)
    let report = try member.importBundle(
      world.file(lines ?? world.bundleLines(for: member), "back"), at: member.at)
    #expect(try standing(member) == before && report.applied == 0 && report.epoch == nil)
    #expect(report.notes.count == 1 && report.restored.isEmpty)
    return report.notes.first ?? ""
  }

  @Test("[SP-1509] one that heard of two restores by nobody goes over both at once")
  func twoRestores() throws {
    let (world, gus, ben) = try rewound()
    try world.restore(try world.backUp())
    try world.sync(ben)
    try world.central.accept(at: world.loop.at)
    try world.settle(with: [ben])
    let report = try world.hand(to: gus)
    #expect(report.notes.isEmpty && report.epoch != nil && report.applied == 1)
    #expect(try world.sync(gus).notes.isEmpty)
    #expect(try world.digests().count == 1)
  }

  @Test(
    "[SP-1202, SP-1509] one that met the restoring central began its epoch there, and begins no second one"
  )
  func epochOnce() throws {
    let world = try World()
    let (gus, ben) = (try world.join(), try world.join())
    try gus.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    try world.restore(try world.backUp())
    #expect(try world.sync(gus).epoch != nil)
    try world.central.accept(at: world.loop.at)
    try ben.edit("UPDATE club SET city = 'Rabat' WHERE id = 'c1'")
    try world.settle(with: [ben])
    let report = try world.hand(to: gus)
    #expect(report.notes.isEmpty && report.epoch == nil && report.applied == 1)
    #expect(try world.sync(gus).notes.isEmpty)
    #expect(try gus.store.epochs().count == 1)
  }

  @Test("[SP-1509] a life that central forgot is named by no list: one line, and a sync goes on")
  func forgotten() throws {
    let world = try World()
    let gus = try world.join()
    try gus.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    let backup = try world.backUp()
    try world.restore(backup)
    try world.central.accept(at: world.loop.at)
    try world.sync(gus)
    // Put back to before its second life, of which nobody tells it.
    try world.restore(backup)
    try world.central.accept(at: world.loop.at)
    #expect(try refusal(world, gus).contains("central forgot that life; sync with central"))
    try world.settle()
    #expect(try world.digests().count == 1)
  }

  @Test(
    "R9: where a copy of the file wrote under its name nothing is taken by hand, and a sync settles it"
  )
  func twin() throws {
    let world = try World()
    let (gus, ben) = (try world.join(), try world.join())
    try gus.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    let copy = world.path("copy.sqlite")
    try gus.store.backup(to: copy)
    try world.restore(try world.backUp())
    try world.sync(ben)
    try world.central.accept(at: world.loop.at)
    // The copy's change of the same name comes by a stick, before the copy hears of the new life.
    let twin = try Replica(
      store: Store(path: copy, schema: clubs, use: .replica), key: gus.key, exchange: world.loop)
    try twin.edit("UPDATE club SET city = 'Copy' WHERE id = 'c1'")
    #expect(try world.carry(from: twin) == 1)
    try world.merge()
    try gus.edit("UPDATE club SET founded = 1921 WHERE id = 'c1'")
    _ = try gus.exportChanges(to: world.path("mine"), plain: true, at: gus.at)
    #expect(try refusal(world, gus).contains("a copy of this file wrote under its name"))
    for _ in 0..<2 { try world.settle() }
    #expect(try gus.cell("city", of: "c1") == "Copy" && gus.cell("founded", of: "c1") == "1921")
    #expect(try world.digests().count == 1)
  }

  @Test(
    "[SP-1509] without the history before a snapshot one goes over, unless it has to go back",
    arguments: [0, 1, 2])
  func withoutHistory(kept: Int) throws {
    let (world, ana) = try World.filled(rows: 300, pieceBytes: 2_000_000)
    let gus = try world.join()
    var backups: [String] = []
    for step in 0..<4 {
      if step == 3 { backups.append(try world.backUp()) }
      try ana.edit("UPDATE club SET city = 'x\(step)'")
      try world.settle(with: [ana])
    }
    backups.append(try world.backUp())
    _ = try gus.sync(now: world.loop.now, at: gus.at, fetchesHistory: false)
    #expect(try gus.store.gap(in: "commons") != nil)
    try ana.edit("UPDATE club SET city = 'y' WHERE id = 'club-1'")
    try world.settle(with: [ana])
    _ = try gus.sync(now: world.loop.now, at: gus.at, fetchesHistory: false)
    backups.append(try world.backUp())
    try world.restore(backups[kept])
    try world.central.accept(at: world.loop.at)
    if kept < 2 {
      #expect(try refusal(world, gus).contains("the history there is not held here"))
      #expect(try gus.store.evidence().isEmpty)
    } else {
      let report = try world.hand(to: gus)
      #expect(report.notes == [] && report.epoch != nil)
      #expect(try gus.store.gap(in: "commons") != nil)
    }
    for _ in 0..<2 { try world.settle() }
    #expect(try world.digests().count == 1)
  }

  @Test(
    "[SP-1506] where history is missing a log from the snapshot's place on is compared and taken as it is"
  )
  func fromSnapshot() throws {
    let (world, ana) = try World.filled(rows: 300, pieceBytes: 2_000_000)
    for step in 0..<4 {
      try ana.edit("UPDATE club SET city = 'x\(step)'")
      try world.settle(with: [ana])
    }
    let gus = try world.join()
    _ = try gus.sync(now: world.loop.now, at: gus.at, fetchesHistory: false)
    let place = try #require(try gus.store.gap(in: "commons")).upTo.seq
    for step in 0..<2 {
      try ana.edit("UPDATE club SET city = 'y\(step)' WHERE id = 'club-1'")
      try world.settle(with: [ana])
      if step == 0 {
        _ = try gus.sync(now: world.loop.now, at: gus.at, fetchesHistory: false)
      }
    }
    _ = try ana.exportLog(
      to: world.path("log"), for: nil, since: place, plain: true, at: ana.at)
    let report = try gus.importBundle(world.path("log"), at: gus.at)
    #expect(report.notes == [] && report.applied == 1)
    #expect(try gus.store.evidence().isEmpty)
    #expect(try gus.store.digest("commons") == ana.store.digest("commons"))
  }

  @Test(
    "R10: a carrier that spoils an author's signature stops the log, and neither the way over nor the next good bundle"
  )
  func spoiltSignature() throws {
    let (world, gus, _) = try rewound()
    let good = try world.bundleLines(for: gus)
    var bad = good
    let place = try #require(
      good.lastIndex { (try? LogLine.parse($0))?.isEntry == true })
    let text = String(decoding: good[place], as: UTF8.self)
    let start = try #require(text.range(of: #""value":""#)).upperBound
    let flipped = text[start] == "A" ? "B" : "A"
    bad[place] = Array((text[..<start] + flipped + text[text.index(after: start)...]).utf8)
    let report = try gus.importBundle(world.file(bad, "bad"), at: gus.at)
    #expect(report.notes.count == 1 && report.applied == 0)
    // Whoever holds the stick can spoil a signature: a suspicion, until a good log comes.
    #expect(try world.findings(in: gus).map(\.code) == ["central.suspicion"])
    let second = try gus.importBundle(world.file(good, "good"), at: gus.at)
    #expect(second.notes.isEmpty && second.applied == 1)
    #expect(try world.sync(gus).notes.isEmpty)
    #expect(try world.digests().count == 1)
    #expect(try gus.store.evidence().allSatisfy { $0.settledAt != nil })
  }

  @Test(
    "R8: a log that differs below where central says its life began is evidence, with the signed list"
  )
  func parted() throws {
    let world = try World()
    let (gus, ben) = (try world.join(), try world.join())
    try gus.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    let backup = try world.backUp()
    for step in 0..<2 {
      try gus.edit("UPDATE club SET founded = \(step) WHERE id = 'c1'")
      try world.settle(with: [gus])
    }
    // Rewound, and merging on before anybody notices.
    try world.rewind(to: backup)
    for step in 0..<3 {
      try ben.edit("UPDATE club SET city = 'B\(step)' WHERE id = 'c1'")
      try world.settle(with: [ben])
    }
    try world.central.beginRestoring(because: .restored, at: world.loop.at)
    try world.central.accept(at: world.loop.at)
    let report = try world.hand(to: gus)
    #expect(report.notes.isEmpty)
    #expect(report.restored.contains { $0.hasPrefix("Tell the other members:") })
    let pieces = try gus.store.evidence()
    #expect(pieces.map(\.code) == ["log.parted"])
    #expect(pieces.first?.statements.contains { (try? LivesNote.parse(line: $0)) != nil } == true)
    #expect(try world.carry(from: gus) > 0)
    try world.merge()
    #expect(try world.hand(to: gus).notes.isEmpty)
    #expect(try gus.cell("founded", of: "c1") == "1" && gus.cell("city", of: "c1") == "B2")
  }
}

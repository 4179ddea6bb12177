import Causality
import Changes
import Foundation
import HTTP
import SQLite
import Seal
import Testing
import Wire

@testable import Central
@testable import Replica
@testable import Store

@Suite("What is offered again comes in the segments its author signed, whatever became of the log")
struct ReofferingTests {
  /// Edits, each sealed as a change of its own; all go in one segment.
  private static func write(_ replica: Replica, _ statements: [String]) throws {
    for statement in statements {
      try replica.edit(statement)
      try replica.store.write { _ = try replica.store.seal(as: replica.author) }
    }
  }

  @Test("where an author's changes lost their places in several lives of central")
  func severalLives() throws {
    let world = try World()
    let (ana, ben, eve) = (try world.join(), try world.join(), try world.join())
    try world.settle()
    let backup = try world.backUp()
    try Self.write(
      ben,
      [
        "INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)",
        "UPDATE club SET city = 'Quito'", "UPDATE club SET founded = 1921",
      ])
    try world.settle()
    // Seen by ben, it makes what he writes next a segment of its own.
    try eve.edit("INSERT INTO club VALUES('c2', 'Club', 'Rabat', 1922)")
    try world.settle()
    try Self.write(
      ben, ["UPDATE club SET city = 'Lima'", "UPDATE club SET founded = 1923 WHERE id = 'c2'"])
    try world.settle()
    let before = try world.central.store.digest("commons")
    // Both their devices are gone: all that is left of what they wrote is with ana.
    try world.restore(backup)
    try world.central.accept(at: world.loop.at)
    try world.sync(ana)
    // As places are when changes went adrift one life after the other.
    try ana.store.withConnection {
      try $0.execute(
        "UPDATE cordee_adrift SET seq = 1000 + (n * 2) % 5 WHERE actor = (SELECT id FROM cordee_actor WHERE actor = x'\(ben.identity.actor)')"
      )
    }
    let adrift = try ana.store.adriftCount().all
    #expect(adrift >= 6)
    try world.restore(backup)
    try world.central.accept(at: world.loop.at)
    let offered = try world.sync(ana).offered
    #expect(offered == adrift)
    try world.merge()
    #expect(try world.central.store.digest("commons") == before)
    try world.sync(ana)
    #expect(try ana.store.adriftCount().all == 0)
    #expect(try ana.store.digest("commons") == before)
  }

  @Test("where two files wrote under one name")
  func severalHistories() throws {
    let world = try World()
    let ben = try world.join()
    try world.settle()
    let path = world.path("twin.sqlite")
    try ben.store.backup(to: path)
    let twin = try Replica(
      store: Store(path: path, schema: clubs, use: .replica), key: ben.key, exchange: world.loop)
    let actor = ben.identity.actor
    for (replica, city) in [(ben, "Quito"), (twin, "Lima")] {
      try Self.write(
        replica,
        ["INSERT INTO club VALUES('c1', 'A', '\(city)', 1)", "UPDATE club SET founded = 2"])
    }
    let histories = try [ben, twin].map {
      try $0.store.ownChanges(of: actor, in: "commons", after: 0, limit: 10)
    }
    #expect(histories.map(\.count) == [2, 2])
    var mixed: [AdriftChange] = []
    for (index, isLast) in [(0, false), (1, true)] {
      for history in histories {
        let signatures = isLast ? Array("[]".utf8) : nil
        mixed.append(AdriftChange(change: history[index], signatures: signatures))
      }
    }
    var body: [UInt8] = []
    try ben.forEachSegment(of: mixed) { lines, _ in body += lines }
    let segments = try Central.segments(of: body)
    #expect(segments.map(\.0.head) == histories.map { $0[1].hash })
    #expect(segments.map(\.1.lines) == histories.map { $0.map { ChangeEncoding.line(of: $0) } })
  }
}

import Replica
import Testing
import Wire

@testable import Central

@Suite("What merges refused is told to whoever keeps central, once")
struct UntoldTests {
  private let world: World
  private let ana: Replica

  init() throws {
    world = try World()
    ana = try world.join(name: "Ana")
    try world.settle()
  }

  /// A merge by the schedule that refuses one change: a value is too large.
  private func refuse() throws {
    try ana.edit(
      "INSERT INTO club(id, name) VALUES('c' || hex(randomblob(8)), printf('%.300000c', 'x'))")
    try world.sync(ana)
    let report = try world.merge()
    #expect(report.quarantined.count == 1)
    try world.sync(ana)
  }

  /// Merges that take something and refuse nothing.
  private func merge(_ times: Int) throws {
    for _ in 0..<times {
      try ana.edit("INSERT INTO club(id, name) VALUES('d' || hex(randomblob(8)), 'x')")
      try world.sync(ana)
      try world.merge()
    }
  }

  private func ask(_ what: String, _ members: [(String, JSON)] = []) throws -> JSON {
    try world.central.administer(
      .object([("do", .string(what))] + members), now: world.loop.now, at: world.loop.at)
  }

  private func untold() throws -> [Int64?] {
    let status = try ask("status")
    return ["merges", "quarantined", "aside", "last"].map { status["untold"]?[$0]?.integer }
  }

  @Test("a refusal stays untold until its report was shown; it stays counted after that")
  func shown() throws {
    #expect(try untold() == [0, 0, 0, 0])
    try refuse()
    #expect(try ask("status")["quarantined"]?.integer == 1)
    #expect(try untold() == [1, 1, 0, 1])
    let number = try world.central.reports(limit: 1).first?["number"]
    #expect(try ask("status")["untold"]?["first"]?.integer == number?.integer)
    try merge(24)
    #expect(try untold() == [1, 1, 0, 25])
    _ = try ask("reports", [("last", .integer(20))])
    #expect(try untold() == [1, 1, 0, 25])
    _ = try ask("reports", [("last", .integer(25))])
    #expect(try untold() == [0, 0, 0, 0])
    #expect(try ask("status")["quarantined"]?.integer == 1)
    try refuse()
    #expect(try untold() == [1, 1, 0, 1])
    #expect(try ask("status")["quarantined"]?.integer == 2)
  }

  @Test("a merge that the keeper asked for is told by its answer, and nothing older with it")
  func asked() throws {
    try ana.edit("INSERT INTO club(id, name) VALUES('c1', printf('%.300000c', 'x'))")
    try world.sync(ana)
    _ = try ask("merge", [("dry_run", .bool(true))])
    #expect(try ask("merge")["quarantined_count"]?.integer == 1)
    #expect(try untold() == [0, 0, 0, 0])
    try world.sync(ana)
    try refuse()
    _ = try ask("merge")
    #expect(try untold()[0] == 1)
  }
}

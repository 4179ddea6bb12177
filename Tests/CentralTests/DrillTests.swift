import Causality
import Central
import Changes
import Replica
import Store
import Testing
import Wire

/// Central's file and all its backups are gone: the key, the network's name and members' replicas are left. R8
@Suite("A central that is made again", .timeLimit(.minutes(15)))
struct DrillTests {
  @Test(
    "has all that its members hold, and names each thing that went with a lost device",
    arguments: [false, true])
  func drill(losesDevice: Bool) throws {
    let world = try World()
    try RestoreTests.live(world) { _ in }
    let before = try world.content()
    let members = try world.central.members().count
    let ben = world.members[1]
    // What was refused of an author's only he and central hold in full.
    var refused: [String] = []
    try world.central.store.forEachEntry(of: "commons", after: 0) { entry in
      if !entry.verdict.isApplied, entry.change.dot.actor == ben.identity.actor {
        refused.append("\(entry.change.dot)")
      }
      return true
    }
    #expect(refused.count > 1)
    try world.rebuild()
    #expect(try world.central.members().isEmpty)
    let left = world.members.filter { !losesDevice || $0.store.path != ben.store.path }
    try RestoreTests.heal(world, with: left)
    #expect(try world.content() == before)
    #expect(try world.central.members().count == members)
    #expect(try Set(left.map { try $0.store.digest("commons") }).count == 1)
    let report = try #require(try world.central.reports().last { $0["restore"] != nil })
    let lost = try #require(report["restore"]?["lost"]?.array).compactMap(\.string)
    #expect(lost.count == (losesDevice ? refused.count : 0), "\(lost)")
    for dot in losesDevice ? refused : [] {
      #expect(lost.contains { $0.contains("quarantined change \(dot);") }, "\(dot): \(lost)")
    }
    let status = try world.central.administer(
      .object([("do", .string("status"))]), now: world.loop.now, at: world.loop.at)
    #expect(status["restore"]?["without_body"]?.array?.compactMap(\.string) == lost)
    guard losesDevice else { return }
    // The device is found again, and with it what was missing.
    try world.sync(ben)
    #expect(try world.central.store.withheldNames(in: "commons").isEmpty)
    #expect(try world.content() == before)
  }
}

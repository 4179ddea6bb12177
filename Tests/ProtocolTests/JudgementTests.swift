import Central
import Changes
import Replica
import Store
import Testing

/// What central refuses although it cannot judge it otherwise.
@Suite("Judgement of what a schema does not know", .timeLimit(.minutes(15)))
struct JudgementTests {
  @Test(
    "a value over the limit is refused in any table and of any kind [SP-805] [SP-304]",
    arguments: [
      Value.blob([UInt8](repeating: 0, count: ChangeLimits.valueBytesMax + 1)),
      .malformedText([UInt8](repeating: 0xFF, count: ChangeLimits.valueBytesMax + 1)),
      .text(String(repeating: "é", count: ChangeLimits.valueBytesMax / 2 + 1)),
    ])
  func tooLarge(value: Value) throws {
    let world = try World()
    let member = world.members[0]
    func write(_ id: String, _ value: Value) throws {
      let author = Author(
        network: member.identity.network, actor: member.identity.actor, at: World.at)
      try member.store.write {
        try member.store.seal(
          [Write(RowKey(table: "extra", id: id), .insert([FieldValue("data", value)]))],
          space: "commons", author: author)
      }
    }
    try write("a", value)
    try write("b", .blob([UInt8](repeating: 0, count: ChangeLimits.valueBytesMax)))
    _ = try member.sync(now: World.now, at: World.at)
    let report = try world.central.merge(at: World.at)
    #expect(report.quarantined.map(\.reason).allSatisfy { $0.hasPrefix("value.too_large: ") })
    #expect(report.quarantined.count == 1)
    #expect(report.applied == 1)
  }
}

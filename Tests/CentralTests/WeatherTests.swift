import Central
import Changes
import HTTP
import Replica
import SQLite
import Store
import Testing

private struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ (state >> 33)
  }
}

@Suite("Whatever the weather")
struct WeatherTests {
  @Test(
    "random edits, syncs, merges, lost replies and refusals end in equal content everywhere",
    arguments: 1...12)
  func converges(seed: Int) throws {
    var random = Seeded(state: UInt64(seed))
    let world = try World()
    for _ in 0..<3 { try world.join() }
    for step in 0..<60 {
      let member = world.members[Int.random(in: 0..<3, using: &random)]
      let row = "c\(Int.random(in: 0..<4, using: &random))"
      switch Int.random(in: 0..<14, using: &random) {
      case 0, 1, 2:
        try member.edit(
          "INSERT OR IGNORE INTO club VALUES('\(row)', 'n\(step)', 'x\(step)', \(step))")
      case 3, 4: try member.edit("UPDATE club SET city = 'x\(step)' WHERE id = '\(row)'")
      case 5:
        try member.edit("UPDATE club SET name = 'n\(step)', founded = \(step) WHERE id = '\(row)'")
      case 6: try member.edit("DELETE FROM club WHERE id = '\(row)'")
      case 7: try member.edit("REPLACE INTO club(id, name) VALUES('\(row)', 'r\(step)')")
      // Central refuses this one.
      case 8: try member.edit("UPDATE club SET name = NULL WHERE id = '\(row)'")
      case 9:
        world.loop.losesReplies = true
        #expect(throws: HTTPFailure.self) { try world.sync(member) }
        world.loop.losesReplies = false
      case 10: try world.merge()
      default: try world.sync(member)
      }
    }
    for _ in 0..<3 { try world.settle() }
    #expect(try world.digests().count == 1)
    #expect(try world.central.inboxCount() == 0)
    // What people see agrees too, and nothing waits.
    let shown = try world.members.map { try $0.rows() }
    #expect(Set(shown).count == 1)
    for member in world.members {
      let waiting = try member.store.waiting()
      #expect(waiting.local == 0 && waiting.received == 0)
    }
  }
}

extension Replica {
  /// The shared table as a person sees it.
  fileprivate func rows() throws -> [String] {
    try store.withConnection { connection in
      try connection.all(
        "SELECT id || '|' || ifnull(name, '') || '|' || ifnull(city, '') || '|' || ifnull(founded, '') FROM club ORDER BY id"
      ) { $0.text(0) }
    }
  }
}

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

/// Files that come and go: copies kept aside, put back, and run beside their originals.
private final class Crowd {
  let world: World
  var files: [Replica] = []
  var losses = Losses()
  var epochs = 0
  private var kept: [(slot: Int, copy: Replica)] = []

  init() throws {
    world = try World()
    for _ in 0..<3 { files.append(try world.join()) }
  }

  func edit(_ file: Replica, _ sql: String) throws {
    try file.edit(sql)
    try losses.seal(file)
  }

  func sync(_ file: Replica) throws {
    if try world.sync(file).epoch != nil { epochs += 1 }
  }

  /// Keeps a copy of a file for later.
  func keep(_ slot: Int) throws { kept.append((slot, try world.copy(of: files[slot]))) }

  /// Puts a kept copy in the place of the file it was made of.
  func restore(_ choice: Int) throws {
    guard !kept.isEmpty else { return }
    let (slot, copy) = kept[choice % kept.count]
    let others = files.indices.filter { $0 != slot }.map { files[$0] } + [copy]
    try losses.lose(files[slot], others: others, world.central)
    // A restore leaves the backup where it is.
    files[slot] = try world.copy(of: copy)
  }

  /// Runs a copy beside its original.
  func twin(_ slot: Int) throws {
    if files.count < 6 { files.append(try world.copy(of: files[slot])) }
  }
}

extension WeatherTests {
  @Test(
    "files put back from old copies, and copies that run beside their originals, lose no accepted value (R2, R9)",
    arguments: 1...40)
  func twins(seed: Int) throws {
    var random = Seeded(state: UInt64(seed) &* 7919)
    let crowd = try Crowd()
    let world = crowd.world
    // Every second run comes by snapshots.
    if seed.isMultiple(of: 2) { world.central.snapshotEntriesMin = 3 }
    for step in 0..<70 {
      let slot = Int.random(in: 0..<crowd.files.count, using: &random)
      let file = crowd.files[slot]
      let row = "c\(Int.random(in: 0..<4, using: &random))"
      switch Int.random(in: 0..<20, using: &random) {
      case 0, 1, 2:
        try crowd.edit(
          file, "INSERT OR IGNORE INTO club VALUES('\(row)', 'n\(step)', 'x\(step)', \(step))")
      case 3, 4, 5:
        try crowd.edit(file, "UPDATE club SET city = 'x\(step)' WHERE id = '\(row)'")
      case 6:
        try crowd.edit(
          file, "UPDATE club SET name = 'n\(step)', founded = \(step) WHERE id = '\(row)'")
      case 7: try crowd.edit(file, "DELETE FROM club WHERE id = '\(row)'")
      case 8: try crowd.edit(file, "REPLACE INTO club(id, name) VALUES('\(row)', 'r\(step)')")
      case 9: try crowd.edit(file, "UPDATE club SET name = NULL WHERE id = '\(row)'")
      case 10:
        world.loop.lostReplies = Int.random(in: 1...2, using: &random)
        _ = try? crowd.sync(file)
        world.loop.lostReplies = 0
      case 11, 12: try world.merge()
      case 13: try crowd.keep(slot)
      case 14: try crowd.restore(Int.random(in: 0..<8, using: &random))
      case 15 where step > 20: try crowd.twin(slot)
      default: try crowd.sync(file)
      }
    }
    for file in crowd.files { try crowd.sync(file) }
    try world.agree(crowd.files)
    #expect(try crowd.losses.unexplained(in: world.central) == [])
    let shown = try crowd.files.map { try $0.rows() }
    #expect(Set(shown).count == 1)
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

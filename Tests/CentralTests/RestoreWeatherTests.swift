import Causality
import Central
import Changes
import HTTP
import Replica
import SQLite
import Store
import Testing
import Wire

private struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ (state >> 33)
  }
}

/// Edits, syncs, merges and cuts at random, with central restored from, or rewound to, earlier copies. R1, R2, R3, R5
@Suite("Whatever becomes of central", .timeLimit(.minutes(20)))
struct RestoreWeatherTests {
  @Test(
    "every accepted value is visible, superseded by one that had seen it, or a sibling",
    arguments: 1...40)
  func nothingLost(seed: Int) throws {
    var random = Seeded(state: UInt64(seed) &* 7_919)
    let world = try World()
    for _ in 0..<3 { try world.join() }
    try world.settle()
    var backups = [try world.backUp()]
    var written: [(row: String, field: String, value: String)] = []
    for step in 0..<70 {
      let member = world.members[Int.random(in: 0..<world.members.count, using: &random)]
      let row = "c\(Int.random(in: 0..<4, using: &random))"
      switch Int.random(in: 0..<20, using: &random) {
      case 0, 1:
        guard try member.cell("id", of: row) == nil else { continue }
        try member.edit("INSERT INTO club VALUES('\(row)', 'n\(step)', 'i\(step)', \(step))")
        try member.sealed(world)
        written.append((row, "city", "i\(step)"))
      case 2, 3, 4:
        guard try member.cell("id", of: row) != nil else { continue }
        try member.edit("UPDATE club SET city = 'x\(step)' WHERE id = '\(row)'")
        try member.sealed(world)
        written.append((row, "city", "x\(step)"))
      case 5:
        try member.edit("DELETE FROM club WHERE id = '\(row)'")
        try member.sealed(world)
      case 6:
        // Central refuses this one.
        try member.edit("UPDATE club SET name = NULL WHERE id = '\(row)'")
        try member.sealed(world)
      case 7, 8:
        world.loop.failsAfterRequests = Int.random(in: 0..<7, using: &random)
        _ = try? world.sync(member)
        world.loop.failsAfterRequests = nil
      case 9:
        world.loop.lostReplies = 1
        _ = try? world.sync(member)
        world.loop.lostReplies = 0
      case 10, 11, 12: if !world.central.isRestoring { try world.merge() }
      case 13: backups.append(try world.backUp())
      case 14:
        if Bool.random(using: &random) {
          try world.restore(try #require(backups.randomElement(using: &random)))
        } else {
          try world.rewind(to: try #require(backups.randomElement(using: &random)))
        }
      case 15: if world.central.isRestoring { try world.acceptAny() }
      default: try world.sync(member)
      }
    }
    for _ in 0..<6 {
      for member in world.members { try world.sync(member) }
      if world.central.isRestoring {
        try world.acceptAny()
      } else {
        try world.merge()
      }
    }
    for member in world.members { try world.sync(member) }
    #expect(try world.central.inboxCount() == 0)
    #expect(try world.digests().count == 1)
    for member in world.members {
      let waiting = try member.store.waiting()
      #expect(waiting.local == 0 && waiting.received == 0)
    }
    try Self.check(written, on: world.central)
  }

  /// Looks each value up in the log, and what became of it in the state.
  static func check(
    _ written: [(row: String, field: String, value: String)], on central: Central
  ) throws {
    var changes: [(change: Change, context: VersionVector, writes: [Write], isApplied: Bool)] = []
    var contexts: [ActorID: VersionVector] = [:]
    try central.store.forEachEntry(of: "commons", after: 0) { entry in
      let actor = entry.change.dot.actor
      contexts[actor, default: VersionVector()].merge(entry.change.header.context)
      let body = try entry.change.bodyBytes.map { try ChangeDecoding.body($0) }
      changes.append(
        (
          entry.change, contexts[actor] ?? VersionVector(), body?.writes ?? [],
          entry.verdict.isApplied
        ))
      return true
    }
    for item in written {
      let key = RowKey(table: "club", id: item.row)
      let found = changes.filter { change in
        change.writes.contains {
          $0.row == key
            && $0.verb.fields.contains { $0.name == item.field && $0.value == .text(item.value) }
        }
      }
      #expect(!found.isEmpty, "\(item.value) is in no log")
      let state = try central.store.state(of: key)
      for change in found where change.isApplied {
        let dot = change.change.dot
        let stands = state.cells[item.field]?.contains { $0.dot == dot } == true
        let isSuperseded = changes.contains { later in
          later.isApplied
            && (later.change.dot.actor == dot.actor
              ? later.change.dot.n > dot.n : later.context.sees(dot))
            && later.writes.contains { write in
              write.row == key
                && (write.verb == .delete || write.verb.fields.contains { $0.name == item.field })
            }
        }
        #expect(stands || isSuperseded, "\(item.value) vanished")
      }
    }
  }
}

extension Replica {
  /// What was just written becomes a change.
  fileprivate func sealed(_ world: World) throws {
    let author = Author(network: identity.network, actor: identity.actor, at: world.loop.at)
    _ = try store.write { try store.seal(as: author) }
  }
}

extension World {
  /// Accepts, and stays with central's own log where histories differ.
  fileprivate func acceptAny() throws {
    do {
      try central.accept(at: loop.at)
    } catch let problem as Problem where problem.code == "restore.fork" {
      try central.accept(choosing: ["own"], at: loop.at)
    }
  }
}

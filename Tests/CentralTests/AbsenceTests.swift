import Causality
import Central
import Changes
import Replica
import Store
import Testing
import Wire

/// How somebody who was away for years comes back.
enum Return: CaseIterable {
  case byLog, bySnapshot
}

@Suite("A member who was away for years (R2, R5, R16)")
struct AbsenceTests {
  private let rows = (1...7).map { "r\($0)" }

  /// A world in which the absent member has seen seven rows and nothing since; others went on without it.
  private func begin(_ way: Return) throws -> (World, there: Replica, away: Replica, Losses) {
    let world = try World()
    if way == .bySnapshot { world.central.snapshotEntriesMin = 5 }
    let (there, away) = (try world.join(), try world.join())
    var losses = Losses()
    for row in rows {
      try there.edit(
        "INSERT INTO club(id, name, city) VALUES('\(row)', 'name-\(row)', 'city-\(row)')")
    }
    try losses.seal(there)
    try world.settle()
    try world.settle()
    return (world, there, away, losses)
  }

  /// What happens meanwhile: years of it.
  private func goOn(_ world: World, _ there: Replica, _ losses: inout Losses) throws {
    let years = [
      "UPDATE club SET city = 'there-1' WHERE id = 'r1'",
      "DELETE FROM club WHERE id = 'r2'",
      "DELETE FROM club WHERE id = 'r3'",
      "INSERT INTO club(id, name, city) VALUES('r3', 'again-3', 'there-3')",
      "UPDATE club SET city = 'there-4' WHERE id = 'r4'",
      "UPDATE club SET name = 'there-5' WHERE id = 'r5'",
      "DELETE FROM club WHERE id = 'r6'",
      "DELETE FROM club WHERE id = 'r7'",
    ]
    for sql in years + (0..<12).map({ "UPDATE club SET founded = \($0) WHERE id = 'r1'" }) {
      try there.edit(sql)
      try losses.seal(there)
      try world.sync(there)
      try world.merge()
    }
    try world.sync(there)
  }

  private func check(_ world: World, _ there: Replica, _ away: Replica, _ losses: Losses) throws {
    try world.agree([there, away])
    #expect(try losses.unexplained(in: world.central) == [])
    for file in [there, away] {
      // Both cities of the first stand; the second is edited there, deleted here; the third too, under two lives.
      let conflicts = try file.store.conflicts()
      func sides(_ row: String, _ field: String?) -> Set<Value> {
        Set(
          conflicts.filter { $0.row.id == row && $0.field == field }
            .flatMap { $0.siblings.map(\.value) })
      }
      #expect(sides("r1", "city") == [.text("there-1"), .text("away-1")])
      #expect(conflicts.contains { $0.row.id == "r2" && $0.field == nil })
      #expect(try file.cell("city", of: "r2") == "away-2")
      #expect(sides("r3", "city") == [.text("there-3"), .text("away-3")])
      #expect(conflicts.contains { $0.row.id == "r4" && $0.field == nil })
      #expect(try file.cell("city", of: "r4") == "there-4")
      // Different fields of one row are no conflict.
      #expect(try file.cell("name", of: "r5") == "there-5")
      #expect(try file.cell("city", of: "r5") == "away-5")
      // What was deleted and not touched since stays deleted, whoever deletes it again.
      #expect(try file.cell("name", of: "r6") == nil)
      #expect(try file.cell("name", of: "r7") == nil)
      #expect(try file.cell("name", of: "r8") == "away-8")
    }
  }

  private let edits = [
    "UPDATE club SET city = 'away-1' WHERE id = 'r1'",
    "UPDATE club SET city = 'away-2' WHERE id = 'r2'",
    "UPDATE club SET city = 'away-3' WHERE id = 'r3'", "DELETE FROM club WHERE id = 'r4'",
    "UPDATE club SET city = 'away-5' WHERE id = 'r5'", "DELETE FROM club WHERE id = 'r7'",
    "INSERT INTO club(id, name) VALUES('r8', 'away-8')",
  ]

  @Test(
    "pending edits keep what their author had seen; nothing comes back from the dead, nothing is lost",
    arguments: Return.allCases, [true, false])
  func comesBack(_ way: Return, sealsBefore: Bool) throws {
    var (world, there, away, losses) = try begin(way)
    for edit in edits {
      try away.edit(edit)
      // Edits of other programs may wait unsealed for as long.
      if sealsBefore { try losses.seal(away) }
    }
    let seen = try away.store.known(in: "commons")
    try goOn(world, there, &losses)
    if !sealsBefore { try losses.seal(away) }
    let pending = try away.store.ownChanges(of: away.identity.actor, in: "commons")
    #expect(pending.count == edits.count)
    for change in pending {
      for entry in change.header.context.entries { #expect(entry.n <= seen[entry.actor]) }
    }
    let report = try world.sync(away)
    #expect((report.snapshotRows > 0) == (way == .bySnapshot))
    #expect(report.epoch == nil)
    try check(world, there, away, losses)
  }

  @Test(
    "the same when the file that comes back is an old copy of one that went on",
    arguments: Return.allCases)
  func comesBackAsOldCopy(_ way: Return) throws {
    var (world, there, away, losses) = try begin(way)
    let old = try world.copy(of: away)
    // The original writes, is merged, and is never seen again.
    for n in 0..<9 {
      try away.edit("UPDATE club SET founded = \(1900 + n) WHERE id = 'r5'")
      try losses.seal(away)
      try world.sync(away)
      try world.merge()
    }
    for edit in edits {
      try old.edit(edit)
      try losses.seal(old)
    }
    try goOn(world, there, &losses)
    let report = try world.sync(old)
    #expect(report.epoch?.resealed == edits.count)
    #expect((report.snapshotRows > 0) == (way == .bySnapshot))
    try check(world, there, old, losses)
    #expect(try old.cell("founded", of: "r5") == "1908")
  }

  @Test(
    "received and never merged before the absence, refused at last: undone alone",
    arguments: Return.allCases)
  func refusedAfterYears(_ way: Return) throws {
    var (world, there, away, losses) = try begin(way)
    try away.edit("UPDATE club SET name = NULL WHERE id = 'r1'")
    try losses.seal(away)
    for edit in edits {
      try away.edit(edit)
      try losses.seal(away)
    }
    try world.sync(away)
    try goOn(world, there, &losses)
    let report = try world.sync(away)
    #expect(report.epoch == nil)
    #expect(try away.cell("name", of: "r1") == "name-r1")
    try world.agree([there, away])
    #expect(try losses.unexplained(in: world.central) == [])
    #expect(try there.cell("name", of: "r8") == "away-8")
  }
}

import Causality
import Central
import Changes
import Files
import Foundation
import Replica
import SQLite
import Testing
import Wire

@testable import Store

@Suite("Stamps that changed lately", .timeLimit(.minutes(15)))
struct RecentStampTests {
  /// Two members with the same 1,300 clubs.
  private func filled() throws -> (World, ana: Replica, ben: Replica) {
    let world = try World()
    let ana = try world.join()
    let ben = try world.join()
    try ana.edit(
      """
      WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 1300)
      INSERT INTO club(id, name, founded) SELECT 'club-' || n, 'Club ' || n, n FROM i
      """)
    try world.settle()
    return (world, ana, ben)
  }

  private func edit(_ range: ClosedRange<Int>, city: String, by member: Replica) throws {
    try member.edit(
      "UPDATE club SET city = '\(city)' WHERE founded BETWEEN \(range.lowerBound) AND \(range.upperBound)"
    )
  }

  /// How many recent stamps a file has; as it notes among its facts.
  private func recents(_ store: Store) throws -> Int {
    let count = try store.withConnection { db in
      try db.first("SELECT count(*) FROM cordee_row_recent") { $0.int(0) } ?? -1
    }
    #expect(try store.meta("recent_stamps") == .integer(Int64(count)))
    return count
  }

  private func stamps(_ store: Store, in range: ClosedRange<Int>) throws -> [String] {
    let table = try store.number(ofName: "club")
    return try range.map {
      let stamp = try #require(
        try store.stamp(RowKey(table: "club", id: "club-\($0)"), table: table))
      return "\(stamp.dot) \(stamp.weight) \(stamp.width) \(stamp.exceptions)"
    }
  }

  @Test(
    "R3: a pull of a hundred edits leaves them beside the large table, one of many takes them in")
  func pulled() throws {
    let (world, ana, ben) = try filled()
    #expect(try recents(ben.store) == 0)
    let line = "SELECT group_concat(n || ':' || weight || ':' || hex(exceptions)) FROM cordee_row"
    func lines() throws -> String? {
      try ben.store.withConnection { db in try db.first(line) { $0.text(0) } }
    }
    let before = try lines()
    try edit(1...100, city: "Quito", by: ana)
    try world.settle()
    #expect(try recents(ben.store) == 100 && recents(world.central.store) == 100)
    #expect(try lines() == before)
    #expect(try world.digests().count == 1)
    try world.audit(ben)

    // A row that has one keeps it there; few new ones are not worth it.
    try edit(91...110, city: "Lima", by: ana)
    try world.settle()
    #expect(try recents(ben.store) == 100)
    #expect(try lines() != before)
    #expect(try world.digests().count == 1)
    try world.audit(ben)

    let known = try stamps(ben.store, in: 1...110)
    try edit(200...1300, city: "Rabat", by: ana)
    try world.settle()
    #expect(try recents(ben.store) == 0 && recents(world.central.store) == 0)
    #expect(try stamps(ben.store, in: 1...110) == known)
    #expect(try world.digests().count == 1)
    for member in world.members { try world.audit(member) }
  }

  @Test("R3: rows whose ids differ in bytes alone have a stamp each")
  func bytes() throws {
    let world = try World()
    let ana = try world.join()
    try world.join()
    let ids = ["e\u{301}", "\u{e9}"]
    for (place, id) in ids.enumerated() {
      try ana.edit("INSERT INTO club(id, name, founded) VALUES('\(id)', 'C', \(place))")
    }
    try world.settle()
    // One pull brings both, the second of a change that knew more.
    try ana.edit("UPDATE club SET city = 'Quito' WHERE founded = 0")
    try ana.edit("UPDATE club SET city = 'Lima', name = 'D' WHERE founded = 1")
    try world.settle()
    try ana.edit("UPDATE club SET city = 'Rabat'")
    try world.settle()
    #expect(try world.digests().count == 1)
    for member in world.members { try world.audit(member) }
  }

  @Test("the large table takes them in before they are too many")
  func full() throws {
    let (world, ana, ben) = try filled()
    var counts: [Int] = []
    let all = RecentStamps.countMax
    try ana.edit(
      """
      WITH RECURSIVE i(n) AS (SELECT 2001 UNION ALL SELECT n + 1 FROM i WHERE n < \(2000 + all))
      INSERT INTO club(id, name, founded) SELECT 'club-' || n, 'Club ' || n, n FROM i
      """)
    try world.settle()
    for first in stride(from: 2001, to: 2000 + all, by: 900) {
      try edit(first...(first + 899), city: "Quito", by: ana)
      try world.settle()
      counts.append(try recents(ben.store))
    }
    #expect(counts == [900, 1800, 2700, 3600, 4096])
    try edit(1...100, city: "Lima", by: ana)
    try world.settle()
    #expect(try recents(ben.store) == 0)
    #expect(try world.digests().count == 1)
    try world.audit(ben)
  }

  @Test(
    "R5: a row that is contested or deleted has no recent stamp any more, and may have one again")
  func expanded() throws {
    let (world, ana, ben) = try filled()
    try edit(1...50, city: "Quito", by: ana)
    try world.settle()
    #expect(try recents(ben.store) == 50)
    try edit(1...2, city: "Lima", by: ana)
    try edit(1...2, city: "Rabat", by: ben)
    try ana.edit("DELETE FROM club WHERE founded = 3")
    try world.settle()
    #expect(try recents(ben.store) == 47)
    #expect(try ben.store.conflicts().count == 2)
    try edit(1...1, city: "Cuenca", by: ben)
    try world.settle()
    try edit(1...50, city: "Paris", by: ana)
    try world.settle()
    #expect(try world.digests().count == 1)
    #expect(try Set(world.members.map { try $0.store.conflicts().count }) == [0])
    for member in world.members { try world.audit(member) }
  }

  @Test(
    "R16: edits that wait stand on recent stamps, and a refusal or a way back leaves nothing of them"
  )
  func waiting() throws {
    let (world, ana, ben) = try filled()
    try edit(1...50, city: "Quito", by: ana)
    try world.settle()
    try edit(1...40, city: "Lima", by: ben)
    // Refused by central: a name is required.
    try ben.edit("UPDATE club SET name = NULL WHERE founded = 41")
    try edit(30...50, city: "Rabat", by: ana)
    try world.settle()
    try world.settle()
    #expect(try ben.cell("name", of: "club-41") == "Club 41")
    #expect(try world.digests().count == 1)
    for member in world.members { try world.audit(member) }

    let place = try ben.store.place(of: "commons", atOrBefore: 1_310)
    let undone = try ben.store.write {
      try ben.store.goBack("commons", to: LogPlace(seq: place.seq, hash: place.hash))
    }
    #expect(undone > 0)
    let rows = try ben.store.withConnection { db in
      try db.first(
        """
        SELECT count(*) FROM cordee_row_recent x WHERE NOT EXISTS(SELECT 1 FROM cordee_row r
          WHERE r.tbl = x.tbl AND r.id = x.id AND r.width >= 0)
        """
      ) { $0.int(0) }
    }
    #expect(rows == 0)
    _ = try recents(ben.store)
  }

  @Test("a snapshot's image has the same bytes, whichever stamps are recent")
  func image() throws {
    let (world, ana, _) = try filled()
    try edit(1...100, city: "Quito", by: ana)
    try world.settle()
    let store = world.central.store
    #expect(try recents(store) == 100)
    let paths = ["one", "two"].map { world.folder.appending(path: $0).path }
    let contents = try store.writeImage(of: "commons", to: paths[0])
    try store.write { try store.takeOver() }
    #expect(try recents(store) == 0)
    #expect(try store.writeImage(of: "commons", to: paths[1]).rows == contents.rows)
    #expect(
      try Data(contentsOf: URL(filePath: paths[0])) == Data(contentsOf: URL(filePath: paths[1])))

    world.central.snapshotEntriesMin = 2
    let late = try world.join()
    #expect(try world.sync(late).snapshotRows > 0)
    #expect(try world.digests().count == 1)
    try world.audit(late)
  }

  @Test("two programs write one file in turns, and what was rolled back is forgotten")
  func turns() throws {
    let (world, ana, ben) = try filled()
    let other = try Store(path: ben.store.path, schema: clubs, use: .replica)
    #expect(try other.digest("commons") == ben.store.digest("commons"))
    try edit(1...50, city: "Quito", by: ana)
    try world.settle()
    #expect(try stamps(other, in: 40...60) == stamps(ben.store, in: 40...60))
    #expect(try other.digest("commons") == ben.store.digest("commons"))
    try other.write { try other.takeOver() }
    #expect(throws: StoreError.self) {
      try other.write {
        try other.takeOver()
        throw StoreError(.full, "the disk is full")
      }
    }
    #expect(try recents(other) == 0)
    try edit(51...100, city: "Lima", by: ana)
    try world.settle()
    #expect(try recents(ben.store) == 50 && recents(other) == 50)
    #expect(try other.digest("commons") == ben.store.digest("commons"))
    try world.audit(ben)
  }

  @Test(
    "R11: what is altered among them, or behind them, is found",
    arguments: [
      ("UPDATE cordee_row_recent SET weight = weight + 1 WHERE id = 'club-1'", "row.state"),
      ("UPDATE cordee_row_recent SET exceptions = NULL WHERE id = 'club-1'", "row.state"),
      ("UPDATE cordee_row_recent SET line = line + 1 WHERE id = 'club-1'", "recent.line"),
      ("UPDATE cordee_row SET n = n + 1 WHERE id = 'club-1'", "recent.line"),
      ("UPDATE cordee_row SET exceptions = x'' WHERE id = 'club-1'", "recent.line"),
      ("UPDATE cordee_row_recent SET width = -1 WHERE id = 'club-1'", "recent.loose"),
      ("UPDATE cordee_row_recent SET id = 'club-x' WHERE id = 'club-1'", "recent.loose"),
      ("UPDATE cordee_row SET width = -1 WHERE id = 'club-1'", "recent.loose"),
      ("DELETE FROM cordee_row_recent WHERE id = 'club-1'", "recent.count"),
      ("DROP TABLE cordee_row_recent", "schema.missing"),
    ])
  func altered(sql: String, code: String) throws {
    let (world, ana, ben) = try filled()
    try edit(1...50, city: "Quito", by: ana)
    try world.settle()
    #expect(try recents(ben.store) == 50)
    try Connection(path: ben.store.path, mode: .readWrite).execute(sql)
    #expect(try world.findings(in: ben).contains { $0.kind == .damage && $0.code == code })
  }
}

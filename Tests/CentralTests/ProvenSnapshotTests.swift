import Causality
import Changes
import Foundation
import HTTP
import Replica
import SQLite
import Seal
import Store
import Testing
import Wire

@testable import Central

@Suite("A snapshot is what the log says, or it is not given", .timeLimit(.minutes(15)))
struct ProvenSnapshotTests {
  private let world: World
  private let ana: Replica

  /// A registry with settled, edited, contested, deleted and brought back rows.
  init() throws {
    world = try World()
    ana = try world.join()
    let ben = try world.join()
    try ana.edit(
      """
      WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 70)
      INSERT INTO club(id, name, city) SELECT printf('club-%06d', n), 'Club ' || n, 'City ' || n FROM i
      """)
    try world.settle()
    try ana.edit(
      """
      UPDATE club SET name = 'A' WHERE id = 'club-000001'; DELETE FROM club WHERE id = 'club-000002';
      DELETE FROM club WHERE id = 'club-000003'; UPDATE club SET founded = 1900 WHERE id > 'club-000030'
      """)
    try ben.edit(
      """
      UPDATE club SET name = 'B' WHERE id = 'club-000001'; UPDATE club SET city = 'kept' WHERE id = 'club-000002'
      """)
    try world.settle()
    try ben.edit("INSERT INTO club(id, name) VALUES('club-000003', 'Back')")
    try world.settle()
  }

  /// Central's process ends, its file is altered by another program, and another process opens it.
  private func startAgain(after sql: String? = nil) throws {
    let copy = try world.backUp()
    if let sql {
      let connection = try Connection(path: copy, mode: .readWrite)
      try connection.execute(sql)
      #expect(connection.totalChanges > 0, "\(sql) alters nothing")
    }
    try world.rewind(to: copy)
    world.central.snapshotEntriesMin = 20
  }

  private func withheld() throws -> [JSON] { try world.central.withheldSnapshots().array ?? [] }

  private func reports() throws -> [JSON] {
    try world.central.reports(limit: 100).compactMap { $0["snapshot"] }
  }

  private func asked() -> Int { world.loop.sent.count { $0.path.hasSuffix("/snapshot") } }

  private static let club = "tbl = (SELECT id FROM cordee_name WHERE name = 'club')"

  @Test("what the log says is given, however it came about")
  func sound() throws {
    try startAgain()
    let newcomer = try world.join()
    #expect(try world.sync(newcomer).snapshotRows >= 70)
    #expect(try newcomer.store.digest("commons") == ana.store.digest("commons"))
    #expect(try withheld().isEmpty && reports().isEmpty)
    let status = try world.central.administer(
      .object([("do", .string("status"))]), now: world.loop.now, at: world.loop.at)
    #expect(status["snapshots_withheld"]?.array?.isEmpty == true)
  }

  @Test(
    "R11: what is altered in central's file reaches no newcomer, who reads the log instead",
    arguments: [
      "UPDATE club SET city = 'forged' WHERE id = 'club-000010'",
      "UPDATE club SET city = NULL WHERE id = 'club-000010'",
      "UPDATE club SET name = 'forged' WHERE id = 'club-000001'",
      "UPDATE club SET founded = 1901 WHERE id = 'club-000040'",
      "DELETE FROM club WHERE id = 'club-000011'",
      "INSERT INTO club(id, name) VALUES('club-forged', 'forged')",
      "UPDATE cordee_row SET weight = weight + 1 WHERE \(club) AND id = 'club-000012'",
      "UPDATE cordee_row SET n = n + 1 WHERE \(club) AND id = 'club-000012'",
      "UPDATE cordee_row SET width = width - 1 WHERE \(club) AND id = 'club-000012'",
      "UPDATE cordee_row_recent SET exceptions = x'02010163' WHERE \(club) AND id = 'club-000040'",
      "DELETE FROM cordee_row WHERE \(club) AND id = 'club-000013'",
      """
      DELETE FROM cordee_row WHERE \(club) AND id = 'club-000013'; DELETE FROM cordee_row_recent WHERE id = 'club-000013';
      DELETE FROM club WHERE id = 'club-000013'
      """,
      "UPDATE cordee_sibling SET weight = weight + 1 WHERE \(club) AND id = 'club-000001'",
      "UPDATE cordee_sibling SET value = 'forged' WHERE \(club) AND id = 'club-000001' AND value = 'B'",
      "UPDATE cordee_sibling SET seen = 1 - seen WHERE \(club) AND id = 'club-000002'",
      """
      UPDATE cordee_sibling SET value = 1 - value WHERE \(club) AND id = 'club-000002'
        AND field = (SELECT id FROM cordee_name WHERE name = '$alive')
      """,
      "DELETE FROM cordee_sibling WHERE \(club) AND id = 'club-000002' AND value = 'kept'",
      "UPDATE cordee_known SET hash = zeroblob(32) WHERE n > 50",
      "UPDATE cordee_known SET context = x'' WHERE context <> x''",
    ])
  func altered(sql: String) throws {
    try startAgain(after: sql)
    let newcomer = try world.join()
    world.loop.sent = []
    let report = try world.sync(newcomer)
    #expect(report.snapshotRows == 0 && report.pulled > 70 && report.notes.count == 1)
    #expect(asked() == 1)
    #expect(try newcomer.store.digest("commons") == ana.store.digest("commons"))
    try world.audit(newcomer)

    // Its keeper is told which table and how many, and no value.
    let told = try #require(try reports().first)
    #expect(try reports().count == 1)
    #expect(told["space"]?.string == "commons" && told["found"]?.string == "rows")
    let rows = told["tables"]?["club"]?.integer ?? 0
    let heads = told["heads"]?.integer ?? 0
    #expect(rows + heads > 0)
    #expect(!told.text().contains("forged") && !told.text().contains("club-0000"))
    #expect(try withheld().map { $0.text() } == [told.text()])
    // Whoever comes next is offered none, and nothing is told again.
    let next = try world.join()
    world.loop.sent = []
    #expect(try world.sync(next).snapshotRows == 0)
    #expect(asked() == 0)
    #expect(try reports().count == 1)
  }

  @Test("R11: a log that was altered says nothing, and no snapshot is signed")
  func alteredLog() throws {
    try startAgain(
      after: """
        UPDATE cordee_change SET body = CAST(replace(CAST(body AS TEXT), 'City 10', 'City 99') AS BLOB)
          WHERE instr(body, 'City 10') > 0;
        UPDATE club SET city = 'City 99' WHERE id = 'club-000010'
        """)
    #expect(try world.central.snapshot(of: "commons", isPacked: true, at: world.loop.at) == nil)
    #expect(try withheld().map { $0["found"]?.string } == ["log"])
  }

  @Test("another process looks again: it tells nothing twice, and gives one once the file is right")
  func putRight() throws {
    try startAgain(after: "UPDATE club SET city = 'forged' WHERE id = 'club-000010'")
    #expect(try world.central.snapshot(of: "commons", isPacked: true, at: world.loop.at) == nil)
    try startAgain()
    #expect(try withheld().count == 1)
    let newcomer = try world.join()
    #expect(try world.sync(newcomer).snapshotRows == 0)
    #expect(try reports().count == 1)
    try startAgain(after: "UPDATE club SET city = 'City 10' WHERE id = 'club-000010'")
    let next = try world.join()
    #expect(try world.sync(next).snapshotRows >= 70)
    #expect(try next.store.digest("commons") == ana.store.digest("commons"))
    #expect(try withheld().isEmpty)
    #expect(try reports().count == 1)
  }

  @Test("a snapshot that an earlier version of the program signed unseen is made anew")
  func unproven() throws {
    try startAgain()
    let kept = try #require(
      try world.central.snapshot(of: "commons", isPacked: true, at: world.loop.at))
    let words = kept.note.split(separator: " ")
    #expect(words.count == 4)
    try world.central.store.write {
      try world.central.store.setMeta(
        "snapshot.commons", .text(words.prefix(3).joined(separator: " ")))
    }
    let again = try #require(
      try world.central.snapshot(of: "commons", isPacked: true, at: "2028-01-01T00:00:00Z"))
    #expect(again.isProven && again.isThere)
    let store = world.central.store
    #expect(try store.notedSnapshot(of: "commons", beside: store.path)?.isProven == true)
  }
}

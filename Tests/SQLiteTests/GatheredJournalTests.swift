import Foundation
import SQLite
import Testing

@Suite("A journal that is written in large pieces")
struct GatheredJournalTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// A file with more rows than a piece of the journal has pages.
  private func made(_ mode: String) throws -> Connection {
    let database = try Connection(
      path: scratch.path("a.sqlite"), mode: .create, gathersJournal: true)
    _ = try database.first("PRAGMA journal_mode=\(mode)") { $0.text(0) }
    try database.execute(
      """
      PRAGMA synchronous=FULL;
      CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB);
      WITH RECURSIVE n(id) AS (VALUES(1) UNION ALL SELECT id + 1 FROM n WHERE id < 60)
        INSERT INTO t SELECT id, zeroblob(3000) FROM n
      """)
    return database
  }

  private func sum(_ database: borrowing Connection) throws -> Int? {
    try database.first("SELECT sum(length(v)) FROM t") { $0.int(0) }
  }

  private func isWhole(_ database: borrowing Connection) throws -> Bool {
    try database.first("PRAGMA integrity_check") { $0.text(0) } == "ok"
  }

  private var journalBytes: Int {
    let path = scratch.path("a.sqlite-journal")
    return (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
  }

  @Test(
    "what is rolled back is as it was, be its journal written in part or not at all",
    arguments: ["TRUNCATE", "DELETE", "PERSIST"])
  func rollsBack(mode: String) throws {
    let database = try made(mode)
    for rows in [3, 60] {
      try database.execute("BEGIN IMMEDIATE")
      try database.run("UPDATE t SET v = zeroblob(2000) WHERE id <= ?", .int(rows))
      if mode == "TRUNCATE" { #expect((journalBytes > 0) == (rows > 16)) }
      try database.execute("ROLLBACK")
      #expect(try sum(database) == 180_000)
      #expect(try isWhole(database))
    }
  }

  @Test("a savepoint is taken back out of the midst of a transaction, which goes on and commits")
  func savepoints() throws {
    let database = try made("TRUNCATE")
    try database.execute(
      """
      BEGIN IMMEDIATE; UPDATE t SET v = zeroblob(1000) WHERE id <= 30; SAVEPOINT s;
      UPDATE t SET v = zeroblob(1) WHERE id > 20; ROLLBACK TO s; UPDATE t SET v = zeroblob(2000) WHERE id = 60; COMMIT
      """)
    #expect(try sum(database) == 30 * 1000 + 29 * 3000 + 2000)
    #expect(try isWhole(database))
    #expect(journalBytes == 0)
    let other = try Connection(path: scratch.path("a.sqlite"), mode: .readOnly)
    #expect(try sum(other) == 30 * 1000 + 29 * 3000 + 2000)
  }

  @Test("R10: a file copied at any moment of a transaction is the old one, with its journal")
  func copied() throws {
    let database = try made("TRUNCATE")
    try database.execute("PRAGMA cache_size=5; BEGIN IMMEDIATE")
    // So small a cache writes pages before the end, after the journal that gives them back.
    try database.run("UPDATE t SET v = zeroblob(2000)")
    for end in ["", "-journal"] {
      try FileManager.default.copyItem(
        atPath: scratch.path("a.sqlite\(end)"), toPath: scratch.path("b.sqlite\(end)"))
    }
    let copy = try Connection(path: scratch.path("b.sqlite"), mode: .readWrite)
    #expect(try sum(copy) == 180_000)
    #expect(try isWhole(copy))
    #expect(
      scratch.bytes("a.sqlite") != scratch.bytes("b.sqlite"), "no page was written before the end")
    try database.execute("COMMIT")
    #expect(try sum(database) == 120_000)
  }
}

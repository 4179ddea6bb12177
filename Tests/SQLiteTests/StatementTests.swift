import SQLite
import Testing

@Suite("Statements")
struct StatementTests {
  private struct Refusal: Error, Equatable { var row: Int }

  private func numbered() throws -> Connection {
    let database = try Connection(path: ":memory:", mode: .create)
    try database.execute(
      """
      CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT) STRICT; -- a comment
      INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');;
      /* the end */
      """)
    return database
  }

  @Test("one SQL text may run inside itself")
  func nested() throws {
    let database = try numbered()
    let sql = "SELECT id FROM t WHERE id >= ?1 ORDER BY id"
    var seen: [Int] = []
    try database.forEach(sql, .int(1)) { outer throws(SQLiteError) in
      seen += try database.all(sql, .int(outer.int(0))) { $0.int(0) }
      return true
    }
    #expect(seen == [1, 2, 3, 2, 3, 3])
    #expect(try database.all(sql, .int(3)) { $0.int(0) } == [3])
  }

  @Test("a query left early or by an error starts afresh")
  func early() throws {
    let database = try numbered()
    let sql = "SELECT id FROM t ORDER BY id"
    var seen: [Int] = []
    try database.forEach(sql) { row in
      seen.append(row.int(0))
      return seen.count < 2
    }
    #expect(seen == [1, 2])
    #expect(throws: Refusal(row: 1)) {
      try database.scan(sql) { row in throw Refusal(row: row.int(0)) }
    }
    #expect(throws: SQLiteError.self) {
      try database.first(sql) { _ throws(SQLiteError) in
        throw SQLiteError(extendedCode: 1, message: "no")
      }
    }
    #expect(try database.all(sql) { $0.int(0) } == [1, 2, 3])
    // An unfinished read would keep the table locked.
    try database.execute("DROP TABLE t")
  }

  @Test("a statement outlives a change of the schema")
  func schemaChange() throws {
    let database = try numbered()
    let sql = "SELECT * FROM t WHERE id = 1"
    #expect(try database.first(sql) { $0.columnCount } == 2)
    try database.execute("ALTER TABLE t ADD COLUMN w INTEGER DEFAULT 5")
    #expect(try database.first(sql) { $0.columnCount } == 3)
  }

  @Test("more texts than the cache holds all work, also while they run inside each other")
  func manyTexts() throws {
    let database = try numbered()
    for round in 0..<2 {
      for n in 0..<500 {
        let value = try database.first("SELECT \(n) + ?1", .int(round)) { $0.int(0) }
        #expect(value == n + round)
      }
    }
    func descend(_ depth: Int) throws(SQLiteError) -> Int {
      guard depth > 0 else { return 0 }
      return try database.first("SELECT \(depth) - \(depth) + 1") { row throws(SQLiteError) in
        try descend(depth - 1) + row.int(0)
      } ?? 0
    }
    #expect(try descend(250) == 250)
  }

  @Test("texts that only look equal are different statements")
  func canonicalEquivalence() throws {
    let database = try numbered()
    let composed = try database.first("SELECT '\u{e9}'") { $0.bytes(0) }
    let decomposed = try database.first("SELECT 'e\u{301}'") { $0.bytes(0) }
    #expect(composed == [0xC3, 0xA9])
    #expect(decomposed == [0x65, 0xCC, 0x81])
  }

  @Test(
    "a text of no statement, of two, or with a NUL is refused",
    arguments: [
      "", "  ;; -- nothing", "DELETE FROM t; DELETE FROM t", "DELETE FROM t\0 WHERE id = 1",
    ])
  func oneStatement(_ sql: String) throws {
    let database = try numbered()
    #expect(throws: SQLiteError.self) { try database.run(sql) }
    #expect(try database.first("SELECT count(*) FROM t") { $0.int(0) } == 3)
  }

  @Test("too few or too many arguments run nothing")
  func argumentCount() throws {
    let database = try numbered()
    let sql = "UPDATE t SET v = ?2 WHERE id = ?1"
    try database.run(sql, .int(1), .text("x"))
    #expect(throws: SQLiteError.self) { try database.run(sql, .int(2)) }
    #expect(throws: SQLiteError.self) { try database.run(sql, [.int(2), .null, .null]) }
    #expect(try database.all("SELECT v FROM t ORDER BY id") { $0.text(0) } == ["x", "b", "c"])
  }

  @Test("counters say what the last statement did")
  func counters() throws {
    let database = try numbered()
    try database.run("UPDATE t SET v = 'z' WHERE id > ?1", .int(1))
    #expect(database.changes == 2)
    #expect(database.totalChanges == 5)
    try database.run("INSERT INTO t VALUES (?1, NULL)", .integer(.max))
    #expect(database.lastInsertRowID == .max)
    #expect(try database.first("SELECT v FROM t WHERE id = 99") { $0.text(0) } == nil)
  }

  @Test("an error names the statement and its kind, never the values")
  func errors() throws {
    let database = try numbered()
    let secret = "very private"
    do {
      try database.run("INSERT INTO t VALUES (?1, ?2)", .int(1), .text(secret))
      Issue.record("the key was there already")
    } catch {
      #expect(error.isConstraint)
      #expect(error.code == 19)
      #expect(error.extendedCode == 1555)
      #expect(error.statement == "INSERT INTO t VALUES (?1, ?2)")
      #expect(!error.description.contains(secret))
      #expect(error.description.contains("UNIQUE constraint failed: t.id"))
    }
    do {
      try database.execute("DELETE FROM t WHERE id = 1; DELETE FROM nowhere; DELETE FROM t")
      Issue.record("there is no such table")
    } catch {
      #expect(error.statement == " DELETE FROM nowhere; DELETE FROM t")
    }
    #expect(try database.first("SELECT count(*) FROM t") { $0.int(0) } == 2)
  }
}

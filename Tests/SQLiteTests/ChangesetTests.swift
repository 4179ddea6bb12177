import SQLite
import Testing

@Suite("Changesets")
struct ChangesetTests {
  private func made() throws -> Connection {
    let database = try Connection(path: ":memory:", mode: .create)
    try database.execute(
      """
      CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY, v TEXT) STRICT;
      CREATE TABLE other (id INTEGER PRIMARY KEY) STRICT;
      INSERT INTO t VALUES ('a', '1'), ('b', '2'), ('c', '3')
      """)
    return database
  }

  private func rows(_ database: borrowing Connection) throws -> [String] {
    try database.all("SELECT id || coalesce(v, '-') FROM t ORDER BY id") { $0.text(0) }
  }

  @Test("what one side did is done on the other; where they differ the incoming row stands")
  func recordAndApply() throws {
    let here = try made()
    let there = try made()
    let changes = try here.changeset(of: ["t"]) {
      try here.run("UPDATE t SET v = 'new' WHERE id = 'a'")
      try here.run("DELETE FROM t WHERE id = 'b'")
      try here.run("INSERT INTO t VALUES ('d', NULL)")
      try here.run("INSERT INTO other VALUES (1)")
    }
    try there.execute("UPDATE t SET v = 'mine' WHERE id = 'a'; INSERT INTO t VALUES ('d', 'mine')")
    try there.apply(changeset: changes)
    #expect(try rows(there) == ["anew", "c3", "d-"])
    #expect(try there.first("SELECT count(*) FROM other") { $0.int(0) } == 0)
  }

  @Test("a row that is gone is left out")
  func gone() throws {
    let here = try made()
    let there = try made()
    let changes = try here.changeset(of: ["t"]) { try here.run("UPDATE t SET v = 'x'") }
    try there.run("DELETE FROM t WHERE id = 'b'")
    try there.apply(changeset: changes)
    #expect(try rows(there) == ["ax", "cx"])
  }

  @Test("several changesets apply in order")
  func several() throws {
    let here = try made()
    let there = try made()
    let changesets = try (0..<5).map { n in
      try here.changeset(of: ["t"]) { try here.run("UPDATE t SET v = ?1", .text("\(n)")) }
    }
    try there.transaction { try there.apply(changesets: changesets) }
    #expect(try rows(there) == ["a4", "b4", "c4"])
  }

  @Test("nothing changed gives no bytes, and no bytes change nothing")
  func nothing() throws {
    let here = try made()
    let changes = try here.changeset(of: ["t"]) {}
    #expect(changes.isEmpty)
    try here.apply(changeset: changes)
    #expect(try rows(here) == ["a1", "b2", "c3"])
  }

  @Test("bytes that are no changeset are refused and change nothing")
  func damaged() throws {
    let there = try made()
    #expect(throws: SQLiteError.self) { try there.apply(changeset: Array("no changes".utf8)) }
    #expect(try rows(there) == ["a1", "b2", "c3"])
  }
}

import Foundation
import SQLite
import Synchronization
import Testing

@Suite("Connections")
struct ConnectionTests {
  private struct Refusal: Error {}

  private struct Owner: ~Copyable {
    let database: Connection
    var asked = 0
  }

  private final class Desk: Sendable {
    let owner: Mutex<Owner>

    init(_ database: consuming sending Connection) {
      owner = Mutex(Owner(database: database))
    }
  }

  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func made(_ name: String) throws -> Connection {
    let database = try Connection(path: scratch.path(name), mode: .create)
    try database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT) STRICT")
    try database.run("INSERT INTO t VALUES (1, 'a')")
    return database
  }

  private func count(_ database: borrowing Connection) throws -> Int? {
    try database.first("SELECT count(*) FROM t") { $0.int(0) }
  }

  @Test("a connection lives in a Mutex and is asked from several tasks")
  func mutex() async throws {
    let desk = Desk(try made("m"))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for n in 2..<10 {
        group.addTask {
          try desk.owner.withLock { state in
            state.asked += 1
            try state.database.run("INSERT INTO t VALUES (?1, 'b')", .int(n))
          }
        }
      }
      try await group.waitForAll()
    }
    let seen = try desk.owner.withLock { ($0.asked, try count($0.database)) }
    #expect(seen.0 == 8)
    #expect(seen.1 == 9)
  }

  @Test("a transaction that throws leaves nothing, one that returns all")
  func transactions() throws {
    let database = try made("t")
    #expect(throws: Refusal.self) {
      try database.transaction { () throws(Refusal) in
        try? database.run("INSERT INTO t VALUES (2, 'b')")
        throw Refusal()
      }
    }
    #expect(database.isInTransaction == false)
    #expect(try count(database) == 1)
    let inside = try database.transaction(.exclusive) {
      try database.run("INSERT INTO t VALUES (2, 'b')")
      return database.isInTransaction
    }
    #expect(inside)
    #expect(try count(database) == 2)
    #expect(throws: SQLiteError.self) {
      try database.transaction { try database.transaction(.deferred) {} }
    }
    #expect(database.isInTransaction == false)
  }

  @Test("a commit that is refused rolls back")
  func refusedCommit() throws {
    let database = try made("c")
    try database.execute(
      """
      PRAGMA foreign_keys = ON;
      CREATE TABLE child (t INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED) STRICT
      """)
    #expect(throws: SQLiteError.self) {
      try database.transaction { try database.run("INSERT INTO child VALUES (99)") }
    }
    #expect(database.isInTransaction == false)
    #expect(try database.first("SELECT count(*) FROM child") { $0.int(0) } == 0)
  }

  @Test("a second writer is told that the file is busy, and may write later")
  func busy() throws {
    let first = try made("b")
    let second = try Connection(
      path: scratch.path("b"), mode: .readWrite, busyTimeoutMilliseconds: 0)
    try first.transaction {
      let error = #expect(throws: SQLiteError.self) {
        try second.run("INSERT INTO t VALUES (2, 'b')")
      }
      #expect(error?.isBusy == true)
    }
    try second.run("INSERT INTO t VALUES (2, 'b')")
    #expect(try count(first) == 2)
  }

  @Test("a foreign file and a damaged one are called corrupt")
  func corrupt() throws {
    #expect(
      scratch.write(Array("This is no database, only a letter of some length.\n".utf8), to: "f"))
    let foreign = try Connection(path: scratch.path("f"), mode: .readWrite)
    #expect(#expect(throws: SQLiteError.self) { try count(foreign) }?.isCorrupt == true)
    do {
      let sound = try made("d")
      try sound.execute("PRAGMA page_size = 4096")
    }
    var bytes = scratch.bytes("d")
    // The second page is the table's root: its header byte tells the page's kind.
    for index in 4096..<4200 { bytes[index] = 0xAA }
    #expect(scratch.write(bytes, to: "d"))
    let damaged = try Connection(path: scratch.path("d"), mode: .readOnly)
    #expect(#expect(throws: SQLiteError.self) { try count(damaged) }?.isCorrupt == true)
  }

  @Test("read-only reads and refuses to write; a missing file is not made")
  func modes() throws {
    do { _ = try made("r") }
    let reader = try Connection(path: scratch.path("r"), mode: .readOnly)
    #expect(try count(reader) == 1)
    let error = #expect(throws: SQLiteError.self) { try reader.run("DELETE FROM t") }
    #expect(error?.isReadOnly == true)
    for mode in [Connection.Mode.readOnly, .readWrite] {
      do {
        _ = try Connection(path: scratch.path("none"), mode: mode)
        Issue.record("there is no such file")
      } catch {
        #expect(error.isCannotOpen)
      }
    }
    #expect(scratch.bytes("none").isEmpty)
    #expect(throws: SQLiteError.self) {
      _ = try Connection(path: scratch.path("none\0x"), mode: .create)
    }
  }

  @Test("a full database says so and rolls back")
  func full() throws {
    let database = try made("full")
    try database.execute("PRAGMA max_page_count = 3")
    let error = #expect(throws: SQLiteError.self) {
      try database.transaction {
        for n in 2..<100 {
          try database.run(
            "INSERT INTO t VALUES (?1, ?2)", .int(n), .text(String(repeating: "x", count: 1000)))
        }
      }
    }
    #expect(error?.isFull == true)
    #expect(database.isInTransaction == false)
    #expect(try count(database) == 1)
  }

  @Test("triggers can be switched off and on, for prepared statements too")
  func triggers() throws {
    let database = try made("tr")
    try database.execute(
      """
      CREATE TABLE log (id INTEGER) STRICT;
      CREATE TRIGGER noted AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.id); END
      """)
    func logged() throws -> Int? { try database.first("SELECT count(*) FROM log") { $0.int(0) } }
    let sql = "UPDATE t SET v = ?1"
    try database.run(sql, .text("b"))
    #expect(try logged() == 1)
    try database.setTriggers(enabled: false)
    try database.run(sql, .text("c"))
    #expect(try logged() == 1)
    try database.setTriggers(enabled: true)
    try database.run(sql, .text("d"))
    #expect(try logged() == 2)
  }

  @Test("no SQL can rewrite the schema table or the file's structure")
  func defensive() throws {
    let database = try made("def")
    #expect(throws: SQLiteError.self) {
      try database.execute("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema")
    }
    #expect(try database.first("PRAGMA trusted_schema") { $0.int(0) } == 0)
    #expect(try database.first("PRAGMA cell_size_check") { $0.int(0) } == 1)
    #expect(Connection.libraryVersion.hasPrefix("3."))
  }

  @Test("a backup holds what the database held, and replaces what the file held")
  func backup() throws {
    let database = try made("source")
    for n in 2..<2000 { try database.run("INSERT INTO t VALUES (?1, 'x')", .int(n)) }
    do { _ = try made("copy") }
    try database.backup(to: scratch.path("copy"))
    let copy = try Connection(path: scratch.path("copy"), mode: .readOnly)
    let sql = "SELECT count(*), sum(id), min(v), max(v) FROM t"
    let read = { (row: borrowing Row) in [row.text(0), row.text(1), row.text(2), row.text(3)] }
    #expect(try copy.first(sql, read: read) == database.first(sql, read: read))
    #expect(try copy.first("PRAGMA integrity_check") { $0.text(0) } == "ok")
    let error = #expect(throws: SQLiteError.self) {
      try database.backup(to: scratch.path("no/such/folder"))
    }
    #expect(error?.isCannotOpen == true)
  }

  @Test(
    "a file that is made, its journal and its copy are their owner's alone; one that is there stays"
  )
  func privacy() throws {
    func mode(_ name: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: scratch.path(name))[.posixPermissions]
        as? Int
    }
    let database = try made("p")
    #expect(try mode("p") == 0o600)
    _ = try database.first("PRAGMA journal_mode=WAL") { $0.text(0) }
    try database.run("INSERT INTO t VALUES (2, 'b')")
    for name in ["p-wal", "p-shm"] { #expect(try mode(name) == 0o600) }
    try database.backup(to: scratch.path("copy"))
    #expect(try mode("copy") == 0o600)

    #expect(scratch.write([], to: "shared"))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o664], ofItemAtPath: scratch.path("shared"))
    _ = try made("shared")
    #expect(try mode("shared") == 0o664)
    // A second connection's opening takes no lock from the first.
    try database.execute("BEGIN IMMEDIATE")
    let second = try Connection(
      path: scratch.path("p"), mode: .create, busyTimeoutMilliseconds: 1)
    #expect { try second.execute("BEGIN IMMEDIATE") } throws: {
      ($0 as? SQLiteError)?.isBusy == true
    }
  }
}

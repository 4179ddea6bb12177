import SQLite
import Testing

@Suite("Values")
struct ValueTests {
  private func memory() throws -> Connection { try Connection(path: ":memory:", mode: .create) }

  @Test("an integer comes back as it went", arguments: [0, 1, -1, Int64.max, Int64.min])
  func integers(_ value: Int64) throws {
    let database = try memory()
    let read = try database.first("SELECT ?1", .integer(value)) { row in
      (row.kind(0) == .integer, row.integer(0), row.isNull(0))
    }
    #expect(read?.0 == true)
    #expect(read?.1 == value)
    #expect(read?.2 == false)
  }

  @Test(
    "a real comes back bit for bit",
    arguments: [0.1 + 0.2, 1e308, .leastNonzeroMagnitude, .infinity, -.infinity, 3.0, -0.5])
  func reals(_ value: Double) throws {
    let database = try memory()
    let read = try database.first("SELECT ?1", .real(value)) { row in
      (row.kind(0), row.real(0).bitPattern)
    }
    #expect(read?.0 == .real)
    #expect(read?.1 == value.bitPattern)
  }

  @Test("NaN becomes NULL")
  func nan() throws {
    let database = try memory()
    #expect(try database.first("SELECT ?1", .real(.nan)) { $0.isNull(0) } == true)
  }

  @Test(
    "text comes back byte for byte",
    arguments: [
      "", "a", "Réunion de Genève", "e\u{301} \u{e9}", "a\0b", "\0", "🏔️",
      String(repeating: "corde ", count: 5000),
    ])
  func texts(_ value: String) throws {
    let database = try memory()
    try database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL) STRICT")
    try database.run("INSERT INTO t (v) VALUES (?1)", .text(value))
    let read = try database.first(
      "SELECT v, octet FROM (SELECT v, length(CAST(v AS BLOB)) octet FROM t)"
    ) {
      row in (row.kind(0), row.text(0), row.bytes(0), row.int(1))
    }
    #expect(read?.0 == .text)
    #expect(read.map { Array($0.1.utf8) } == Array(value.utf8))
    #expect(read?.2 == Array(value.utf8))
    #expect(read?.3 == value.utf8.count)
  }

  @Test(
    "text that is no UTF-8 keeps its bytes and reads repaired",
    arguments: [[0xFF], [0x61, 0xC3], [0xED, 0xA0, 0x80, 0x62], []] as [[UInt8]])
  func brokenTexts(_ value: [UInt8]) throws {
    let database = try memory()
    let read = try database.first("SELECT ?1", .textBytes(value)) { row in
      (row.kind(0), row.bytes(0), row.text(0))
    }
    #expect(read?.0 == .text)
    #expect(read?.1 == value)
    #expect(read.map { Array($0.2.utf8) } == Array(String(decoding: value, as: UTF8.self).utf8))
  }

  @Test(
    "a blob comes back as it went, empty included",
    arguments: [[], [0], [0, 1, 255], [UInt8](repeating: 7, count: 100_000)])
  func blobs(_ value: [UInt8]) throws {
    let database = try memory()
    let read = try database.first("SELECT ?1", .blob(value)) { row in
      (row.kind(0), row.bytes(0), row.bytesOrNil(0))
    }
    #expect(read?.0 == .blob)
    #expect(read?.1 == value)
    #expect(read?.2 == value)
  }

  @Test("NULL is told apart from empty")
  func nulls() throws {
    let database = try memory()
    let isRight = try database.first("SELECT ?1, ?2", .null, .text(orNull: nil)) { row in
      row.kind(0) == .null && row.isNull(1) && row.textOrNil(0) == nil && row.intOrNil(0) == nil
        && row.bytesOrNil(0) == nil && row.text(0).isEmpty && row.bytes(0).isEmpty
        && row.int(0) == 0 && row.real(0) == 0
    }
    #expect(isRight == true)
  }

  @Test("columns have names and a count, and one out of range is NULL")
  func columns() throws {
    let database = try memory()
    let read = try database.first("SELECT 1 AS one, 'b' AS \"zwei €\"") { row in
      (row.columnCount, row.name(0), row.name(1), row.isNull(2), row.text(-1), row.name(9))
    }
    #expect(read?.0 == 2)
    #expect(read?.1 == "one")
    #expect(read?.2 == "zwei €")
    #expect(read?.3 == true)
    #expect(read?.4 == "")
    #expect(read?.5 == "")
  }

  @Test("text of a UTF-16 file reads as UTF-8")
  func utf16() throws {
    let database = try memory()
    try database.execute("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (v)")
    try database.run("INSERT INTO t VALUES (?1)", .text("Zürich"))
    #expect(try database.first("SELECT v FROM t") { $0.bytes(0) } == Array("Zürich".utf8))
  }
}

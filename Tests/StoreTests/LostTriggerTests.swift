import Causality
import Changes
import Foundation
import SQLite
import Seal
import Testing
import Wire

@testable import Store

/// What another program does to tables and triggers themselves.
@Suite("Lost triggers and foreign columns")
struct LostTriggerTests {
  private let schema = Schema(
    number: 1, spaces: ["commons"], roles: [],
    tables: ["club", "town"].map { name in
      Table(
        name, space: "commons", label: Label("Thing", fr: "Chose"),
        fields: [
          Field("name", label: Label("Name", fr: "Nom")),
          Field("city", label: Label("City", fr: "Ville")),
        ])
    })
  private let path = FileManager.default.temporaryDirectory
    .appending(path: "cordee-\(UUID().uuidString).sqlite").path
  private let author = Author(
    network: ID128(high: 0, low: 1),
    actor: ActorID(replica: ID128(high: 0, low: 7), epoch: 1), at: "2027-01-15T08:00:00Z")

  private func remove() {
    for end in ["", "-journal", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: path + end)
    }
  }

  private func open(create: Bool = false) throws -> Store {
    try Store(path: path, schema: schema, use: .replica, create: create)
  }

  private func sql(_ sql: String) throws {
    try Connection(path: path, mode: .readWrite).execute(sql)
  }

  private func seal(_ store: Store) throws -> Int { try store.write { try store.seal(as: author) } }

  /// A file with rows of which every change is sealed, and one edit that is not.
  private func makeFile() throws {
    let store = try open(create: true)
    try sql(
      """
      INSERT INTO club VALUES('a','A','x'), ('b','B','x'), ('c','C','x'), ('d','D','x'), ('e','E','x');
      INSERT INTO town VALUES('t','T','x')
      """)
    #expect(try seal(store) == 6)
    try sql("UPDATE club SET name = 'D2' WHERE id = 'd'")
  }

  /// What a state shows of a row, as it is sealed.
  private func shown(_ store: Store, _ id: String) throws -> [String?] {
    let state = try store.state(of: RowKey(table: "club", id: id))
    return state.isShown ? ["name", "city"].map { state.shown($0).text } : []
  }

  @Test("R2: what was edited while triggers were gone is found when the file is opened, and sealed")
  func dropped() throws {
    try makeFile()
    defer { remove() }
    let names = try Connection(path: path, mode: .readOnly).all(
      "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'club'"
    ) { $0.text(0) }
    for name in names { try sql("DROP TRIGGER \"\(name)\"") }
    try sql(
      """
      UPDATE club SET city = 'y' WHERE id = 'a'; DELETE FROM club WHERE id = 'b';
      INSERT INTO club VALUES('f','F','z'); REPLACE INTO club VALUES('c','C','w');
      UPDATE club SET name = 'D3', city = 'v' WHERE id = 'd'
      """)

    let store = try open()
    #expect(store.mended?.tables == ["club"])
    #expect(store.mended?.rows == 5)
    #expect(store.mended?.unknown == 0)
    #expect(try seal(store) == 5)
    #expect(try shown(store, "a") == ["A", "y"])
    #expect(try shown(store, "b") == [])
    #expect(try shown(store, "c") == ["C", "w"])
    #expect(try shown(store, "d") == ["D3", "v"])
    #expect(try shown(store, "e") == ["E", "x"])
    #expect(try shown(store, "f") == ["F", "z"])
    // Of a row that was found only what differs is written.
    let body = try store.ownChanges(of: author.actor, in: "commons", after: 6)
      .map { try ChangeDecoding.body($0.bodyBytes ?? []) }
      .flatMap(\.writes).first { $0.row.id == "a" }
    #expect(body?.verb.fields.map(\.name) == ["city"])

    let again = try open()
    #expect(again.mended == nil)
    try sql("UPDATE club SET city = 'u' WHERE id = 'e'")
    #expect(try seal(again) == 1)
  }

  @Test("an altered trigger is made again, and tables whose triggers stand are left alone")
  func altered() throws {
    try makeFile()
    defer { remove() }
    try sql(
      """
      DROP TRIGGER cordee_club_set_city;
      CREATE TRIGGER cordee_club_set_city BEFORE UPDATE OF city ON club BEGIN SELECT 1; END;
      UPDATE club SET city = 'y'; UPDATE town SET city = 'y'
      """)
    let store = try open()
    #expect(store.mended?.tables == ["club"])
    #expect(store.mended?.rows == 5)
    #expect(store.mended?.unknown == 0)
    #expect(try seal(store) == 6)
    #expect(try shown(store, "d") == ["D2", "y"])
  }

  @Test("all triggers dropped, as a bulk load does, are all made again")
  func allDropped() throws {
    try makeFile()
    defer { remove() }
    let all = "SELECT name || sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name"
    let before = try Connection(path: path, mode: .readOnly).all(all) { $0.text(0) }
    for name in try Connection(path: path, mode: .readOnly).all(
      "SELECT name FROM sqlite_schema WHERE type = 'trigger'", read: { $0.text(0) })
    {
      try sql("DROP TRIGGER \"\(name)\"")
    }
    try sql("UPDATE town SET city = 'y'")
    let store = try open()
    #expect(store.mended?.tables == ["club", "town"])
    #expect(store.mended?.rows == 1)
    #expect(try Connection(path: path, mode: .readOnly).all(all) { $0.text(0) } == before)
    #expect(try seal(store) == 2)
  }

  @Test(
    "R2: a row that another takes the rowid of is deleted for everybody",
    arguments: [
      "INSERT OR REPLACE INTO club(rowid, id, name) SELECT rowid, 'n', 'N' FROM club WHERE id = 'b'",
      "UPDATE OR REPLACE club SET rowid = (SELECT rowid FROM club WHERE id = 'b') WHERE id = 'a'",
    ])
  func rowid(_ statement: String) throws {
    try makeFile()
    defer { remove() }
    let store = try open()
    #expect(try seal(store) == 1)
    try sql(statement)
    #expect(try seal(store) == (statement.hasPrefix("INSERT") ? 2 : 1))
    #expect(try shown(store, "b") == [])
    #expect(try shown(store, "a") == ["A", "x"])
  }

  @Test("R13: another program that keeps the file open with a write-ahead log hinders nobody")
  func writeAhead() throws {
    try makeFile()
    defer { remove() }
    let other = try Connection(path: path, mode: .readWrite)
    _ = try other.first("PRAGMA journal_mode=WAL") { $0.text(0) }
    try other.execute("UPDATE club SET city = 'wal' WHERE id = 'a'")
    let store = try open()
    #expect(try store.touchedRows() == 2)
    #expect(try seal(store) == 2)
    try other.execute("UPDATE club SET city = 'again' WHERE id = 'a'")
    #expect(try seal(store) == 1)
    #expect(try shown(store, "a") == ["A", "again"])
  }

  @Test("a dropped or renamed table or column is told by name, and nothing is written")
  func gone() throws {
    for (statement, what) in [
      ("ALTER TABLE club RENAME COLUMN city TO town", "club.city"),
      ("DROP TABLE town", "the table town"),
      ("ALTER TABLE town RENAME TO village", "the table town"),
    ] {
      try makeFile()
      defer { remove() }
      try sql(statement)
      let error = #expect(throws: StoreError.self) { try open() }
      #expect(error?.code == .lacking)
      #expect(error?.message.contains("lacks \(what): another program") == true)
    }
  }

  @Test("a column of another program's stays, is no damage, and what else it edits is captured")
  func foreignColumn() throws {
    try makeFile()
    defer { remove() }
    try sql("ALTER TABLE club ADD COLUMN colour TEXT; UPDATE club SET colour = 'red', city = 'y'")
    let store = try open()
    #expect(store.mended == nil)
    #expect(try seal(store) == 5)
    let colours = try store.withConnection { try $0.all("SELECT colour FROM club") { $0.text(0) } }
    #expect(colours == ["red", "red", "red", "red", "red"])
  }

  @Test(
    "R2: a row that REPLACE takes away over another program's UNIQUE index is a delete like any other",
    arguments: [
      "REPLACE INTO club VALUES('f','A','z')",
      "UPDATE OR REPLACE club SET name = 'A' WHERE id = 'b'",
      "INSERT OR REPLACE INTO club SELECT 'f', name, 'z' FROM club WHERE id = 'a'",
    ], ["", "while it is open", "twice", "the index is gone again"])
  func foreignUniqueness(_ statement: String, when: String) throws {
    try makeFile()
    defer { remove() }
    _ = try seal(try open())
    try sql("CREATE UNIQUE INDEX mine ON club(name)")
    // Opened before the statement, as one that syncs every few minutes is; or after it, once or twice.
    var store = try open()
    try sql(statement)
    if when == "the index is gone again" { try sql("DROP INDEX mine") }
    if when != "while it is open" { store = try open() }
    if when == "twice" { store = try open() }
    #expect(try seal(store) == 2)
    #expect(try shown(store, "a") == [])
    let state = try store.state(of: RowKey(table: "club", id: "a"))
    #expect(state.shown("name").text == "A" && state.shown("city").text == "x")
    #expect(try seal(store) == 0)
    #expect(try seal(try open()) == 0)
    // A plain delete beside it is noted once.
    try sql("DELETE FROM club WHERE id = 'c'")
    #expect(try seal(try open()) == 1)
    // Without the index opening costs what it did.
    try sql("DROP INDEX IF EXISTS mine")
    _ = try open()
    let first = try open().withConnection { $0.statementsRun }
    #expect(try open().withConnection { $0.statementsRun } == first)
    #expect(try open().replaceable.isEmpty)
  }

  @Test("opening a file that nobody altered looks at no trigger, whatever the number of rows")
  func cheap() throws {
    try makeFile()
    defer { remove() }
    _ = try seal(try open())
    let first = try open().withConnection { $0.statementsRun }
    try sql("CREATE TABLE somebody_elses(x)")
    let store = try open()
    #expect(try store.withConnection { $0.statementsRun } > first)
    _ = try seal(store)
    #expect(try open().withConnection { $0.statementsRun } == first)
  }

  @Test(
    "an embedder's SQL is captured through edit, however often a cell is written, and seals to one change"
  )
  func embedder() throws {
    try makeFile()
    defer { remove() }
    let store = try open()
    #expect(try seal(store) == 1)
    try store.edit { db in
      for city in ["p", "q", "x", "y"] { try db.run("UPDATE club SET city = ?", .text(city)) }
      try db.run("REPLACE INTO club VALUES('a','A','y')")
    }
    let noted = try store.withConnection {
      try $0.first("SELECT count(*) FROM cordee_touched WHERE id = 'a' AND field = 'city'") {
        $0.int(0)
      }
    }
    #expect(noted == 1)
    #expect(try seal(store) == 5)
    #expect(try seal(store) == 0)
    #expect(try shown(store, "a") == ["A", "y"])
  }
}

import Causality
import Changes
import Foundation
import Programs
import SQLite
import Seal
import Store
import Testing
import Wire

private let schema = Schema(
  number: 1, spaces: ["commons"], roles: [],
  tables: [
    Table(
      "club", space: "commons", label: Label("Club", fr: "Club"),
      fields: [
        Field("name", label: Label("Name", fr: "Nom")),
        Field("city", label: Label("City", fr: "Ville")),
      ])
  ])

/// A file that seals what other programs write, and tells what it sealed.
private final class File {
  let path: String
  let store: Store
  let author: Author

  init(schema: Schema = schema) throws {
    path =
      FileManager.default.temporaryDirectory.appending(path: "cordee-\(UUID().uuidString).sqlite")
      .path
    store = try Store(path: path, schema: schema, use: .replica, create: true)
    let replica = try #require(ReplicaID(bytes: Randomness.bytes(16)))
    author = Author(
      network: ID128(high: 0, low: 1), actor: ActorID(replica: replica, epoch: 1),
      at: "2027-01-15T08:00:00Z")
  }

  deinit {
    for end in ["", "-journal"] { try? FileManager.default.removeItem(atPath: path + end) }
  }

  func sql(_ sql: String) throws { try Connection(path: path, mode: .readWrite).execute(sql) }

  @discardableResult
  func seal() throws -> Int { try store.write { try store.seal(as: author) } }

  /// The writes sealed since change `n`, as short texts.
  func sealed(after n: Int) throws -> [String] {
    try store.ownChanges(of: author.actor, in: "commons", after: n).flatMap { change in
      try ChangeDecoding.body(change.bodyBytes ?? []).writes.map { write in
        let fields = write.verb.fields.map { "\($0.name)=\($0.value.text ?? "NULL")" }.joined(
          separator: " ")
        return switch write.verb {
        case .insert: "insert \(write.row.id) \(fields)"
        case .set: "set \(write.row.id) \(fields)"
        case .delete: "delete \(write.row.id)"
        case .undelete: "undelete \(write.row.id)"
        }
      }
    }
  }
}

@Suite("Edits by any SQLite program are captured")
struct CaptureTests {
  @Test(
    "each kind of statement seals exactly what it changed",
    arguments: [
      ("INSERT INTO club VALUES('c','C','Z')", ["insert c name=C city=Z"]),
      ("INSERT OR REPLACE INTO club VALUES('a','A2','x')", ["set a name=A2"]),
      (
        "INSERT INTO club VALUES('a','Q','q') ON CONFLICT(id) DO UPDATE SET name = excluded.name",
        ["set a name=Q"]
      ),
      ("INSERT OR IGNORE INTO club VALUES('a','Q','q')", []),
      ("INSERT INTO club VALUES('a','Q','q') ON CONFLICT DO NOTHING", []),
      ("UPDATE club SET name = name", []),
      ("UPDATE club SET name = 'N'", ["set a name=N", "set b name=N"]),
      ("UPDATE OR IGNORE club SET city = NULL WHERE id = 'b'", ["set b city=NULL"]),
      ("DELETE FROM club WHERE id = 'a'", ["delete a"]),
      ("DELETE FROM club", ["delete a", "delete b"]),
      ("UPDATE club SET id = 'c' WHERE id = 'a'", ["delete a", "insert c name=A city=x"]),
      ("UPDATE OR REPLACE club SET id = 'b' WHERE id = 'a'", ["delete a", "set b name=A city=x"]),
      ("UPDATE club SET name = 'N' WHERE id = 'a'; UPDATE club SET name = 'A' WHERE id = 'a'", []),
      ("DELETE FROM club WHERE id = 'a'; INSERT INTO club VALUES('a','A','x')", []),
      ("INSERT INTO club VALUES('c','C','Z'); DELETE FROM club WHERE id = 'c'", []),
      (
        "REPLACE INTO club SELECT id, name || '!', city FROM club",
        ["set a name=A!", "set b name=B!"]
      ),
    ])
  func statements(sql: String, expected: [String]) throws {
    let file = try File()
    try file.sql("INSERT INTO club VALUES('a','A','x'), ('b','B','y')")
    #expect(try file.seal() == 2)
    try file.sql(sql)
    try file.seal()
    #expect(try file.sealed(after: 2) == expected)
    #expect(try file.store.touchedRows() == 0)
    #expect(try file.seal() == 0)
  }

  @Test("Python's sqlite3 and the sqlite3 shell are captured too")
  func otherPrograms() throws {
    let file = try File()
    let script = """
      import sqlite3, sys
      c = sqlite3.connect(sys.argv[1])
      c.execute("insert into club values('p','Python','here')")
      c.execute("update club set city='there'")
      c.commit()
      """
    #expect(try Program.said(by: "/usr/bin/python3", ["-c", script, file.path]) == (0, ""))
    try file.seal()
    #expect(try file.sealed(after: 0) == ["insert p name=Python city=there"])
  }

  @Test("a row that was deleted and is made again keeps its history and is there")
  func recreated() throws {
    let file = try File()
    try file.sql("INSERT INTO club VALUES('a','A','x')")
    try file.seal()
    try file.sql("DELETE FROM club")
    try file.seal()
    #expect(try file.store.state(of: RowKey(table: "club", id: "a")).shown("name") == .text("A"))
    try file.sql("INSERT INTO club VALUES('a','B','y')")
    try file.seal()
    #expect(try file.sealed(after: 0).count == 3)
    #expect(try file.store.conflicts().isEmpty)
  }

  @Test("what a newer schema writes is carried, and shown after the upgrade")
  func newerSchema() throws {
    let newer = Schema(
      number: 2, spaces: ["commons"], roles: [],
      tables: [
        Table(
          "club", space: "commons", label: Label("Club", fr: "Club"),
          fields: schema.tables[0].fields + [Field("motto", label: Label("Motto", fr: "Devise"))]),
        Table(
          "song", space: "commons", label: Label("Song", fr: "Chant"),
          fields: [Field("title", label: Label("Title", fr: "Titre"))]),
      ])
    let (old, new) = (try File(), try File(schema: newer))
    try new.sql(
      "INSERT INTO club VALUES('a','A','x','Excelsior'); INSERT INTO song VALUES('s','Là-haut')")
    try new.seal()
    let changes = try new.store.ownChanges(of: new.author.actor, in: "commons")
    for store in [old.store, new.store] {
      try store.write {
        for (index, change) in changes.enumerated() {
          try store.integrate(
            LogEntry(
              seq: index + 1, change: change, verdict: .applied, hash: .zero, signatures: nil))
        }
      }
    }
    #expect(try old.store.digest("commons") == new.store.digest("commons"))
    let upgraded = try Store(path: old.path, schema: newer, use: .replica)
    let seen = try upgraded.withConnection { connection in
      try connection.first("SELECT motto, (SELECT title FROM song) FROM club") {
        [$0.text(0), $0.text(1)]
      }
    }
    #expect(seen == ["Excelsior", "Là-haut"])
    #expect(try upgraded.digest("commons") == new.store.digest("commons"))
  }

  @Test("a foreign database, a text file and a newer replica are refused with one line")
  func badFiles() throws {
    let folder = FileManager.default.temporaryDirectory
    let text = folder.appending(path: "cordee-\(UUID().uuidString)")
    try Data("not a database at all, but long enough to be looked at".utf8).write(to: text)
    defer { try? FileManager.default.removeItem(at: text) }
    #expect { try Store(path: text.path, schema: schema, use: .replica) } throws: {
      ($0 as? StoreError)?.code == .corrupt
    }
    #expect { try Store(path: text.path + "-missing", schema: schema, use: .replica) } throws: {
      ($0 as? StoreError)?.code == .cannotOpen
    }
    let foreign = folder.appending(path: "cordee-\(UUID().uuidString)").path
    defer {
      for end in ["", "-journal"] { try? FileManager.default.removeItem(atPath: foreign + end) }
    }
    try Connection(path: foreign, mode: .create).execute("CREATE TABLE t(a)")
    #expect { try Store(path: foreign, schema: schema, use: .replica, create: true) } throws: {
      ($0 as? StoreError)?.code == .foreign
    }
    let file = try File()
    try file.store.write { try file.store.setMeta("schema", .integer(99)) }
    #expect { try Store(path: file.path, schema: schema, use: .replica) } throws: {
      ($0 as? StoreError)?.code == .newer
    }
  }
}

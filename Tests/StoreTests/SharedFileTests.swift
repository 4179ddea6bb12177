import Causality
import Changes
import Foundation
import SQLite
import Seal
import Store
import Testing
import Wire

@Suite("One file, two processes")
struct SharedFileTests {
  private static let schema = Schema(
    number: 1, spaces: ["commons"], roles: [],
    tables: [
      Table(
        "club", space: "commons", label: Label("Club", fr: "Club"),
        fields: [
          Field("name", label: Label("Name", fr: "Nom")),
          Field("city", label: Label("City", fr: "Ville")),
          Field("founded", .integer, label: Label("Year", fr: "Année")),
        ])
    ])
  private static let author = Author(
    network: ID128(high: 0, low: 1), actor: ActorID(replica: ID128(high: 3, low: 4), epoch: 1),
    at: "2027-01-15T08:00:00Z")

  private static func withFile(_ body: (String) throws -> Void) throws {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "cordee-\(UUID().uuidString).sqlite").path
    defer {
      for end in ["", "-journal"] { try? FileManager.default.removeItem(atPath: path + end) }
    }
    try body(path)
  }

  private static func seal(_ store: Store, _ sql: String) throws {
    try Connection(path: store.path, mode: .readWrite).execute(sql)
    try store.write { _ = try store.seal(as: author) }
  }

  @Test("R14: a file that a newer version brought up to date is left alone by one that had it open")
  func newerMeanwhile() throws {
    try Self.withFile { path in
      let one = try Store(path: path, schema: Self.schema, use: .replica, create: true)
      _ = try one.read { try one.meta("layout") }
      let other = try Store(path: path, schema: Self.schema, use: .replica)
      try other.write { try other.setMeta("layout", .integer(99)) }
      try Connection(path: path, mode: .readWrite).execute(
        "INSERT INTO club VALUES('a', 'A', 'x', 1)")
      // However often it is asked, and whatever for.
      for _ in 0..<2 {
        let writing = #expect(throws: StoreError.self) {
          try one.write { try one.seal(as: Self.author) }
        }
        let reading = #expect(throws: StoreError.self) { try one.read { try one.conflicts() } }
        #expect(writing?.code == .newer && reading?.code == .newer)
      }
    }
  }

  @Test("what one seals the other goes on from, although it had read the head before")
  func heads() throws {
    try Self.withFile { path in
      let one = try Store(path: path, schema: Self.schema, use: .replica, create: true)
      let other = try Store(path: path, schema: Self.schema, use: .replica)
      try Self.seal(one, "INSERT INTO club VALUES('a', 'A', 'x', 1)")
      try Self.seal(other, "UPDATE club SET city = 'y'")
      try Self.seal(one, "UPDATE club SET city = 'z'")
      try Self.seal(other, "UPDATE club SET name = 'B'")
      let changes = try one.ownChanges(of: Self.author.actor, in: "commons")
      #expect(changes.map(\.dot.n) == [1, 2, 3, 4])
      var previous = Hash.zero
      for change in changes {
        let again = Store.change(
          try ChangeDecoding.line(ChangeEncoding.line(of: change)), previous: previous)
        #expect(again.hash == change.hash)
        previous = change.hash
      }
    }
  }

  @Test("R10: a reader of a file whose writer was cut in a transaction sees the state before it")
  func cutTransaction() throws {
    try Self.withFile { path in
      let store = try Store(path: path, schema: Self.schema, use: .replica, create: true)
      try Self.seal(store, "INSERT INTO club VALUES('a', 'A', 'x', 1)")
      let writer = try Connection(path: path, mode: .readWrite)
      // A cache of one page, so that changed pages reach the file before the commit.
      try writer.execute("PRAGMA cache_size=1; BEGIN IMMEDIATE; UPDATE club SET name = 'half'")
      try writer.execute(
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
        INSERT INTO club SELECT 'r' || i, hex(randomblob(200)), 'y', i FROM n
        """)
      let cut = path + "-cut"
      defer {
        for end in ["", "-journal"] { try? FileManager.default.removeItem(atPath: cut + end) }
      }
      for end in ["-journal", ""] {
        try FileManager.default.copyItem(atPath: path + end, toPath: cut + end)
      }
      let reader = try Store(path: cut, schema: Self.schema, use: .reader)
      let names = try reader.withConnection { try $0.all("SELECT name FROM club") { $0.text(0) } }
      #expect(names == ["A"])
    }
  }

  @Test("central's word on what it holds is kept; what it no longer holds waits again")
  func received() throws {
    try Self.withFile { path in
      let store = try Store(path: path, schema: Self.schema, use: .replica, create: true)
      for n in 1...5 { try Self.seal(store, "INSERT INTO club VALUES('\(n)', 'A', 'x', 1)") }
      #expect(try store.waiting() == (local: 5, received: 0))
      try store.write { try store.markReceived(Self.author.actor, upTo: 3, in: "commons") }
      #expect(try store.waiting() == (local: 2, received: 3))
      let row = RowKey(table: "club", id: "3")
      #expect(try store.changes(touching: row).map(\.state) == ["received"])
      try store.write { try store.markReceived(Self.author.actor, upTo: 2, in: "commons") }
      #expect(try store.waiting() == (local: 3, received: 2))
      #expect(try store.changes(touching: row).map(\.state) == ["local"])
    }
  }

  @Test(
    "all fields of a row edited one after the other, and every kind of value, are one row still")
  func manyEdits() throws {
    try Self.withFile { path in
      let store = try Store(path: path, schema: Self.schema, use: .replica, create: true)
      try Self.seal(store, "INSERT INTO club VALUES('a', 'A', NULL, -9223372036854775808)")
      try Self.seal(store, "UPDATE club SET city = CAST(x'ff' AS TEXT)")
      try Self.seal(store, "UPDATE club SET name = 'Né'")
      try Self.seal(store, "UPDATE club SET founded = 9223372036854775807")
      let state = try store.state(of: RowKey(table: "club", id: "a"))
      #expect(state.shown("name") == .text("Né"))
      #expect(state.shown("city") == .malformedText([0xff]))
      #expect(state.shown("founded") == .integer(.max))
      #expect(state.cells["name"]?.map(\.dot.n) == [3])
      #expect(state.cells["city"]?.map(\.dot.n) == [2])
      #expect(state.liveness.map(\.dot.n) == [1])
      // Nothing of it is merged: everybody else has no such row yet.
      var lines = 0
      try store.dump("commons") { _ in lines += 1 }
      #expect(lines == 0)
    }
  }
}

import Causality
import Central
import Changes
import Files
import Foundation
import Replica
import SQLite
import Store
import Testing
import Wire

@Suite("An audit of a file", .timeLimit(.minutes(15)))
struct AuditTests {
  /// A file with everything in it: merged, contested, deleted, refused, received and local changes, unsealed edits.
  private func rich() throws -> (World, Replica) {
    let world = try World()
    let ana = try world.join("chair")
    let ben = try world.join()
    try ana.edit(
      """
      INSERT INTO club(id, name, city, founded) VALUES('a', 'A', 'Quito', 1), ('b', 'B', NULL, 2), ('c', 'C', 'Lima', 3);
      INSERT INTO draft(id, text) VALUES('d1', 'Draft');
      """)
    try world.settle()
    try world.settle()
    try ana.edit("UPDATE club SET name = 'ana' WHERE id = 'a'; DELETE FROM club WHERE id = 'b'")
    try ben.edit(
      "UPDATE club SET name = 'ben', city = 'Cuenca' WHERE id = 'a'; UPDATE club SET city = 'kept' WHERE id = 'b'"
    )
    try ben.edit("DELETE FROM club WHERE id = 'c'")
    // Refused by central: a name is required.
    try ana.edit("INSERT INTO club(id, name) VALUES('e', 'E')")
    try ana.edit("INSERT INTO club(id, name) VALUES('bad', NULL)")
    try world.settle()
    try world.settle()
    try ana.edit("UPDATE club SET city = 'received' WHERE id = 'e'")
    try world.sync(ana)
    try ana.edit("UPDATE club SET city = 'local', founded = 9 WHERE id = 'e'")
    try ana.store.write {
      _ = try ana.store.seal(
        as: Author(network: ana.identity.network, actor: ana.identity.actor, at: world.loop.at))
    }
    try ana.edit("UPDATE club SET founded = 10 WHERE id = 'e'")
    return (world, ana)
  }

  /// A file of a member that another program altered, which the audit sees.
  private func altered(by sql: String) throws -> (World, Replica, path: String) {
    let (world, ana) = try rich()
    let path = ana.store.path
    try Connection(path: path, mode: .readWrite).execute(sql)
    #expect(try audit(path, world).findings.map(\.code).contains("facts.altered"))
    return (world, ana, path)
  }

  private func audit(_ path: String, _ world: World, schema: Schema = clubs) throws -> AuditReport {
    let scratch = "\(world.folder.path)/scratch-\(UUID().uuidString)"
    defer { Files.remove(scratch) }
    let store = try Store(path: path, schema: schema, use: .reader)
    return try Audit(of: store, centralKey: world.central.publicKey, scratchPath: scratch).run()
  }

  @Test("A sound file has nothing found, whatever state its changes are in")
  func sound() throws {
    let (world, ana) = try rich()
    let report = try audit(ana.store.path, world)
    #expect(report.findings == [])
    #expect(report.changes >= 12 && report.signatures >= 5 && report.rows >= 6)
    for member in world.members { #expect(try audit(member.store.path, world).findings == []) }
  }

  @Test("A file that began from a snapshot is incomplete until its history is here")
  func incomplete() throws {
    let (world, _) = try rich()
    world.central.snapshotEntriesMin = 2
    let late = try world.join()
    #expect(
      try late.sync(now: world.loop.now, at: world.loop.at, fetchesHistory: false).snapshotRows > 0)
    let report = try audit(late.store.path, world)
    #expect(report.findings.map(\.kind) == [.incomplete])
    try world.sync(late)
    #expect(try audit(late.store.path, world).findings == [])
  }

  private static let spoiling = [
    "UPDATE cordee_change SET body = CAST(replace(CAST(body AS TEXT), 'Quito', 'Quata') AS BLOB)",
    "UPDATE cordee_change SET hash = zeroblob(32) WHERE n = 1",
    "UPDATE cordee_change SET state = 1 WHERE n = 1",
    "UPDATE cordee_change SET state = 2 WHERE state < 2",
    "DELETE FROM cordee_change WHERE n = 2",
    "DELETE FROM cordee_log WHERE seq = 3",
    "DELETE FROM cordee_log WHERE seq = (SELECT max(seq) FROM cordee_log)",
    "UPDATE cordee_log SET reason = NULL",
    "UPDATE cordee_log SET reason = 'other: reason' WHERE reason NOT NULL",
    "UPDATE cordee_log SET signatures = NULL WHERE seq = 2",
    "UPDATE cordee_log SET signatures = replace(signatures, 'A', 'B')",
    "UPDATE cordee_known SET n = n + 1", "UPDATE cordee_known SET context = x''",
    "UPDATE cordee_known SET context = CAST(context || x'0263' AS BLOB) WHERE (space, actor) IN (SELECT space, actor FROM cordee_change WHERE state = 0)",
    "DELETE FROM cordee_known WHERE actor = 1",
    "UPDATE cordee_row SET weight = weight + 1", "UPDATE cordee_row SET n = n + 1 WHERE width >= 0",
    "UPDATE cordee_sibling SET value = 'x' WHERE typeof(value) = 'text'",
    "UPDATE cordee_sibling SET seen = 1 - seen", "DELETE FROM cordee_sibling",
    "DELETE FROM cordee_base", "UPDATE cordee_base SET pending = 9, state = CAST('{}' AS BLOB)",
    "DELETE FROM cordee_row WHERE id = 'a'",
    "UPDATE cordee_meta SET value = x'00' WHERE key LIKE 'checkpoint%'",
    "UPDATE cordee_meta SET value = replace(value, '.1', '.2') WHERE key = 'cursor.commons'",
    "UPDATE cordee_meta SET value = 'http://127.0.0.2' WHERE key = 'central_url'",
    "DELETE FROM cordee_meta WHERE key = 'guard'",
    "UPDATE cordee_row SET id = CAST(x'61F2' AS TEXT) WHERE id = 'a'",
    "UPDATE cordee_run SET secret = zeroblob(16)",
    "UPDATE cordee_run SET n_from = n_from + 900, n_to = n_to + 900",
    "UPDATE cordee_run SET n_to = n_to + 1 WHERE n_to = (SELECT max(n_to) FROM cordee_run)",
    "UPDATE cordee_run SET n_from = 0 WHERE n_from = 1",
    "UPDATE cordee_checkpoint SET seq = seq + 1 WHERE ordinal = 1",
    "UPDATE cordee_checkpoint SET instance = zeroblob(16)",
    "UPDATE cordee_checkpoint SET hash = zeroblob(32)",
    "UPDATE cordee_checkpoint SET space = 'attic' WHERE space = 'commons'",
    "UPDATE cordee_receipt SET n = n + 1", "UPDATE cordee_receipt SET hash = zeroblob(32)",
    "UPDATE cordee_receipt SET line = CAST(replace(CAST(line AS TEXT), 'commons', 'commonz') AS BLOB)",
    "DROP TRIGGER cordee_club_insert",
    "UPDATE cordee_actor SET actor = zeroblob(24) WHERE id = 2",
    "DROP TABLE draft",
  ]

  @Test("What SQL can spoil is found")
  func spoiled() throws {
    let (world, ana) = try rich()
    let copy = "\(world.folder.path)/copy.sqlite"
    for sql in Self.spoiling {
      try? FileManager.default.removeItem(atPath: copy)
      try FileManager.default.copyItem(atPath: ana.store.path, toPath: copy)
      let connection = try Connection(path: copy, mode: .readWrite)
      try connection.setTriggers(enabled: false)
      try connection.execute(sql)
      #expect(sql.hasPrefix("DROP") || connection.totalChanges > 0, "\(sql) spoils nothing")
      #expect(try audit(copy, world).has(.damage), "\(sql)")
    }
  }

  @Test(
    "R11: a lost number of the schema is found, and written again as it was by whoever opens the file to work with it",
    arguments: [
      "DELETE FROM cordee_meta WHERE key = 'schema'",
      "UPDATE cordee_meta SET value = 0 WHERE key = 'schema'",
    ])
  func lostSchema(_ sql: String) throws {
    let (world, ana) = try rich()
    let path = ana.store.path
    let before = try ana.store.digest("commons")
    try Connection(path: path, mode: .readWrite).execute(sql)
    #expect(try audit(path, world).findings.map(\.code).contains("facts.altered"))
    let store = try Store(path: path, schema: clubs, use: .replica)
    #expect(try audit(path, world).findings == [])
    #expect(try store.digest("commons") == before)
  }

  @Test(
    "R11: a file that lost the number of its layout is told in one line, and still read",
    arguments: [
      "DELETE FROM cordee_meta WHERE key = 'layout'",
      "UPDATE cordee_meta SET value = 'x' WHERE key = 'layout'",
    ])
  func lostLayout(_ sql: String) throws {
    let (world, _, path) = try altered(by: sql)
    let told = #expect(throws: StoreError.self) {
      try Store(path: path, schema: clubs, use: .replica)
    }
    #expect(told?.code == .corrupt && told?.message.contains("layout") == true)
    #expect(told?.hint.isEmpty == false)
    let reader = try Store(path: path, schema: clubs, use: .reader)
    #expect(try reader.digest("commons") == world.central.store.digest("commons"))
  }

  @Test("R11: a file that lost where central is says so, and what to do")
  func lostCentral() throws {
    let (world, _, path) = try altered(
      by: "UPDATE cordee_meta SET value = x'00' WHERE key = 'central_url'")
    let told = #expect(throws: SyncError.self) {
      try withExtendedLifetime(world) {
        try Identity(Store(path: path, schema: clubs, use: .replica))
      }
    }
    #expect(told?.code == "replica.damaged" && told?.hint.isEmpty == false)
  }

  @Test(
    "R11: a note of the file's own that was altered is found, whatever the file notes afterwards",
    arguments: [
      "UPDATE cordee_meta SET value = 'http://127.0.0.2' WHERE key = 'central_url'",
      "INSERT INTO cordee_meta VALUES('forged', 1)",
    ])
  func alteredNotes(_ sql: String) throws {
    let (world, ana, path) = try altered(by: sql)
    // Opened to work with, which brings what seems old up to date, and written to.
    let store = try Store(path: path, schema: clubs, use: .replica)
    try store.write { try store.setMeta("last_sync", .text(world.loop.at)) }
    #expect(try audit(path, world).findings.map(\.code).contains("facts.altered"))
    // The same through a file that was open all the while.
    try world.settle(with: [ana])
    #expect(try audit(path, world).findings.map(\.code).contains("facts.altered"))
  }

  @Test(
    "R7: a device kept by central with another key, organisation or role than the log enrolled is found"
  )
  func members() throws {
    let (world, _) = try rich()
    let copy = "\(world.folder.path)/central-copy.sqlite"
    for (field, value) in [
      ("key", "zeroblob(32)"), ("organisation", "'club-2'"), ("role", "'chair'"), ("role", "role"),
    ] {
      try? FileManager.default.removeItem(atPath: copy)
      try world.central.store.backup(to: copy)
      try Connection(path: copy, mode: .readWrite).execute(
        "UPDATE cordee_member SET \(field) = \(value)")
      #expect(try audit(copy, world).has(.damage) == (value != field), "\(field)")
    }
  }

  @Test("Values changed behind the triggers' back are found")
  func silentEdit() throws {
    let (world, ana) = try rich()
    let connection = try Connection(path: ana.store.path, mode: .readWrite)
    try connection.setTriggers(enabled: false)
    try connection.execute("UPDATE club SET name = 'forged' WHERE id = 'a'")
    #expect(try audit(ana.store.path, world).findings.map(\.code) == ["row.shown"])
    try connection.execute("INSERT INTO club(id, name) VALUES('stray', 'x')")
    #expect(try audit(ana.store.path, world).findings.map(\.code).contains("row.stray"))
  }

  @Test("A foreign trigger or view is named, and any flipped byte is found or harmless")
  func flips() throws {
    let (world, ana) = try rich()
    var dumps: [Hash] = []
    for space in clubs.spaces { dumps.append(try ana.store.digest(space)) }
    let original = try #require(FileManager.default.contents(atPath: ana.store.path))
    let copy = "\(world.folder.path)/flipped.sqlite"
    var generator = SplitMix(seed: 7)
    var found = 0
    for _ in 0..<60 {
      var bytes = original
      let place = Int(generator.next() % UInt64(bytes.count))
      bytes[place] ^= UInt8(1 << (generator.next() % 8))
      try bytes.write(to: URL(filePath: copy))
      do {
        let report = try audit(copy, world)
        if report.has(.damage) {
          found += 1
        } else {
          let store = try Store(path: copy, schema: clubs, use: .reader)
          #expect(try clubs.spaces.map { try store.digest($0) } == dumps, "byte \(place)")
        }
      } catch is StoreError {
        found += 1
      }
    }
    #expect(found > 5)
    try FileManager.default.removeItem(atPath: copy)
    try original.write(to: URL(filePath: copy))
    try Connection(path: copy, mode: .readWrite).execute("CREATE VIEW strange AS SELECT 1")
    #expect(try audit(copy, world).findings.map(\.code) == ["schema.foreign"])
  }

  @Test(
    "An entry of SQLite's schema with another type or table is found",
    arguments: ["index", "sqlite_autoindex_club_1club"])
  func entries(_ part: String) throws {
    let (world, ana) = try rich()
    let original = try #require(FileManager.default.contents(atPath: ana.store.path))
    // The type, the name and the table of an entry follow one another in its record.
    let entry = try #require(
      original.firstRange(of: Data("indexsqlite_autoindex_club_1club".utf8)))
    let place = try #require(original[entry].firstRange(of: Data(part.utf8))).upperBound - 2
    let copy = "\(world.folder.path)/entry.sqlite"
    var bytes = original
    bytes[place] ^= 2
    try bytes.write(to: URL(filePath: copy))
    #expect(try audit(copy, world).findings.map(\.code).contains("schema.entry"))
  }

  @Test("What another program made in the file is no damage, in whatever case it names a table")
  func othersEntries() throws {
    let (world, ana) = try rich()
    try Connection(path: ana.store.path, mode: .readWrite).execute(
      """
      CREATE TABLE Mine(a PRIMARY KEY, b UNIQUE) WITHOUT ROWID;
      CREATE TABLE mine2(id INTEGER PRIMARY KEY AUTOINCREMENT, b UNIQUE);
      CREATE INDEX mine_b ON MINE(b); CREATE VIEW mine_view AS SELECT a FROM mine;
      CREATE TRIGGER mine_trigger AFTER INSERT ON MINE BEGIN SELECT 1; END;
      CREATE TRIGGER mine_instead INSTEAD OF INSERT ON Mine_View BEGIN SELECT 1; END;
      CREATE VIRTUAL TABLE mine_words USING fts5(word);
      ALTER TABLE Mine2 RENAME TO Mine3;
      ANALYZE;
      """)
    #expect(try audit(ana.store.path, world).has(.damage) == false)
  }

  @Test("Two copies are compared: equal, behind, parted")
  func against() throws {
    let (world, ana) = try rich()
    let ben = world.members[1]
    #expect(try ana.store.differences(from: ben.store).filter { $0.kind == .damage } == [])
    try world.settle()
    try world.settle()
    try world.sync(ana)
    #expect(
      try ana.store.differences(from: ben.store).filter { !$0.message.contains("bureau") } == [])
    try ben.store.write {
      try ben.store.withConnection {
        try $0.execute("UPDATE cordee_log SET hash = zeroblob(32) WHERE seq = 4")
      }
    }
    #expect(try ana.store.differences(from: ben.store).map(\.code).contains("against.fork"))
    let other = try World()
    let stranger = try other.join()
    #expect(try ana.store.differences(from: stranger.store).map(\.code) == ["against.network"])
  }
}

/// A small seeded generator, so that a run can be repeated.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

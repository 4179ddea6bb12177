import Central
import Changes
import Files
import Foundation
import Replica
import SQLite
import Seal
import Store
import Testing
import Wire

@Suite("An audit of central's own file", .timeLimit(.minutes(15)))
struct CentralFileTests {
  @Test func `a central that could not be made again whole is none`() throws {
    let world = try World()
    let path = world.folder.appending(path: "again.sqlite").path
    func recover() throws -> Central {
      try Central.recover(
        path: path, schema: world.central.store.schema, key: world.key,
        network: world.central.network, name: "Central", url: "http://127.0.0.1", at: world.loop.at)
    }
    do {
      let store = try Store(
        path: path, schema: world.central.store.schema, use: .central, create: true)
      // Its first life cannot be written, as where the disk fails.
      try store.withConnection {
        try $0.execute(
          """
          CREATE TABLE cordee_instance(number INTEGER PRIMARY KEY, instance BLOB CHECK(0), at TEXT,
            cause TEXT, places TEXT)
          """)
      }
    }
    #expect(throws: StoreError.self) { _ = try recover() }
    do {
      let store = try Store(path: path, schema: world.central.store.schema, use: .central)
      #expect(try store.meta("network") == nil)
      try store.withConnection { try $0.execute("DROP TABLE cordee_instance") }
    }
    let central = try recover()
    #expect(central.network == world.central.network && central.isRestoring)
  }

  /// A central with everything in its file: reports, a segment set aside, open and used invites, queued writes, segments
  /// that wait with the secrets of their runs, and a life before the present one.
  private func rich() throws -> World {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    try world.settle()
    try ana.edit("INSERT INTO club(id, name) VALUES('a', 'A')")
    try world.settle()
    // A twin of the first file goes on under its name: its segment is set aside or kept under another name.
    try world.central.store.write {
      try world.central.store.withConnection {
        try $0.run(
          """
          INSERT INTO cordee_inbox(space, actor, n_from, n_to, previous, head, signatures, lines, runs, received_at)
          VALUES('commons', ?, 9, 9, ?, ?, '[]', x'7b7d', '[]', '')
          """, .blob([UInt8](repeating: 7, count: 24)), .blob([UInt8](repeating: 1, count: 32)),
          .blob([UInt8](repeating: 2, count: 32)))
      }
    }
    try world.merge()
    #expect(try world.central.asideCount() == 1)
    try world.central.beginRestoring(because: .restored, at: world.loop.at)
    try world.sync(ana)
    try world.central.accept(at: world.loop.at)
    for member in [ana, ben] { try world.sync(member) }
    try ben.edit("INSERT INTO club(id, name, city) VALUES('b', 'B', 'Lima'), ('c', 'C', 'Quito')")
    try world.sync(ben)
    _ = try world.central.invite(organisation: "club-1", role: "member", expires: 9_999_999_999)
    try world.central.queue(
      [Write(RowKey(table: "club", id: "q"), .insert([FieldValue("name", .text("Q"))]))],
      space: "commons", at: world.loop.at)
    return world
  }

  private func findings(_ path: String, _ world: World) throws -> [Finding] {
    let store = try Store(path: path, schema: clubs, use: .reader)
    let scratch = world.path("scratch-\(UUID().uuidString)")
    defer { Files.remove(scratch) }
    let report = try Audit(of: store, centralKey: world.central.publicKey, scratchPath: scratch)
      .run()
    var central = try CentralAudit(of: store, key: world.central.publicKey)
    try central.run()
    return report.findings + central.findings
  }

  private static let spoiling = [
    "UPDATE cordee_report SET report = replace(report, 'applied', 'epplied') WHERE number = 1",
    "UPDATE cordee_report SET report = replace(report, '2027', '2028') WHERE number = (SELECT max(number) FROM cordee_report)",
    "DELETE FROM cordee_report WHERE number = 1", "DELETE FROM cordee_report",
    "UPDATE cordee_invite SET role = 'chair' WHERE used_by IS NULL",
    "UPDATE cordee_invite SET expires = expires + 1 WHERE used_by IS NULL",
    "UPDATE cordee_invite SET used_by = NULL",
    "DELETE FROM cordee_invite WHERE used_by IS NOT NULL",
    "UPDATE cordee_member SET revoked_at = '2027'", "UPDATE cordee_member SET name = 'Somebody'",
    "UPDATE cordee_outbox SET body = CAST(replace(CAST(body AS TEXT), '\"Q\"', '\"R\"') AS BLOB)",
    "DELETE FROM cordee_outbox", "UPDATE cordee_aside SET reason = 'other'",
    "UPDATE cordee_aside SET lines = x'7b5d'", "UPDATE cordee_instance SET cause = 'made new'",
    "UPDATE cordee_instance SET instance = zeroblob(16) WHERE number = 1",
    "UPDATE cordee_inbox SET lines = CAST(replace(CAST(lines AS TEXT), 'Lima', 'Lime') AS BLOB)",
    "UPDATE cordee_inbox SET head = zeroblob(32)", "UPDATE cordee_inbox SET n_to = n_to + 1",
    "UPDATE cordee_inbox SET signatures = '[]'", "UPDATE cordee_inbox SET space = 'bureau'",
    "UPDATE cordee_inbox SET runs = '[[1,1,\"AAAAAAAAAAAAAAAAAAAAAA\"]]'",
    "UPDATE cordee_inbox SET runs = '[[9,1,\"AAAAAAAAAAAAAAAAAAAAAA\"]]'",
  ]

  @Test("R11: what SQL can spoil beside the log is found; what no rule reads may change")
  func spoiled() throws {
    let world = try rich()
    let sound = try world.backUp()
    #expect(try findings(sound, world) == [])
    let copy = world.path("spoiled.sqlite")
    for sql in Self.spoiling + ["UPDATE cordee_member SET last_heard = 'x'"] {
      try? FileManager.default.removeItem(atPath: copy)
      try FileManager.default.copyItem(atPath: sound, toPath: copy)
      let connection = try Connection(path: copy, mode: .readWrite)
      try connection.execute(sql)
      #expect(connection.totalChanges > 0, "\(sql) spoils nothing")
      let isFound = try findings(copy, world).contains { $0.kind == .damage }
      #expect(isFound == !sql.contains("last_heard"), "\(sql)")
    }
  }

  @Test("R11: history that members gave back is checked entry by entry, before anybody accepts it")
  func offered() throws {
    let world = try World()
    let ana = try world.join()
    try world.settle()
    let old = try world.backUp()
    try ana.edit("INSERT INTO club(id, name) VALUES('a', 'A')")
    try world.settle()
    try world.restore(old)
    #expect(try world.sync(ana).offered > 0)
    #expect(try findings(world.backUp(), world) == [])
    for sql in [
      "UPDATE cordee_offered SET seq = seq + 1", "UPDATE cordee_offered SET change = zeroblob(32)",
      "UPDATE cordee_offered SET line = CAST(replace(CAST(line AS TEXT), '\"A\"', '\"B\"') AS BLOB)",
      "UPDATE cordee_offered SET author_previous = zeroblob(32) WHERE n > 1",
      "UPDATE cordee_tip SET at = 'x'",
    ] {
      let copy = try world.backUp()
      let connection = try Connection(path: copy, mode: .readWrite)
      try connection.execute(sql)
      guard connection.totalChanges > 0 else { continue }
      #expect(try findings(copy, world).contains { $0.kind == .damage }, "\(sql)")
    }
  }

  @Test(
    "a spoilt secret of a run is not handed on: readers get each key, and everybody still pulls")
  func spoiltSecret() throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    try world.settle()
    for (round, runs) in ["[[1,2,\"AAAAAAAAAAAAAAAAAAAAAA\"]]", "[[9,1,\"AAAA\"]]"].enumerated() {
      try ana.edit("INSERT INTO club(id, name) VALUES('x\(round)', 'X'), ('y\(round)', 'Y')")
      try world.sync(ana)
      try world.central.store.write {
        try world.central.store.withConnection {
          try $0.run("UPDATE cordee_inbox SET runs = ?", .text(runs))
        }
      }
      try world.merge()
      #expect(try world.sync(ben).pulled == 2)
    }
    try world.sync(ana)
    #expect(try world.digests().count == 1)
    try world.audit(ben)
  }

  @Test("a file from before rows were guarded is guarded from the next time it is opened")
  func older() throws {
    let world = try rich()
    let copy = try world.backUp()
    let older = try Store(path: copy, schema: clubs, use: .central)
    try older.write {
      try older.withConnection {
        try $0.execute("DELETE FROM cordee_meta WHERE key = 'guard' OR key LIKE 'guard.%'")
      }
      try older.setMeta("touched", .integer(1))
    }
    _ = try Central(store: older, key: world.key)
    let sound = world.path("guarded.sqlite")
    try older.backup(to: sound)
    #expect(try findings(sound, world) == [])
    try Connection(path: sound, mode: .readWrite).execute("UPDATE cordee_invite SET role = 'x'")
    #expect(try findings(sound, world).map(\.code) == ["rows.altered"])
  }
}

import Causality
import Central
import Foundation
import Programs
import Replica
import SQLite
import Store
import Testing

/// Chapter 16: a replica's file, checked by a program that knows the text alone.
@Suite("A file, checked by the second implementation", .timeLimit(.minutes(15)))
struct FileTests {
  private func check(_ path: String) throws -> (Int32, String) {
    try Program.said(
      by: "/usr/bin/python3",
      ["-B", Specification.folder.appending(path: "vectors/check_file.py").path, path])
  }

  @Test("members' files and central's log are what the text says [SP-1607] [SP-1610] [SP-1611]")
  func sound() throws {
    let world = try World()
    for member in world.members {
      let (status, said) = try check(member.store.path)
      #expect(status == 0, "\(said)")
      #expect(!said.contains(" 0 signatures"))
    }
  }

  @Test(
    "what was altered is found [SP-1612]",
    arguments: [
      "UPDATE cordee_log SET hash = zeroblob(32) WHERE seq = 2",
      "UPDATE cordee_change SET body = CAST(replace(CAST(body AS TEXT), 'state', 'stato') AS BLOB)",
      "UPDATE cordee_row SET weight = weight + 1", "UPDATE cordee_sibling SET value = 'x'",
      "UPDATE cordee_known SET context = x''", "UPDATE cordee_log SET signatures = NULL",
      "UPDATE cordee_log SET reason = NULL",
      "UPDATE cordee_meta SET value = x'00' WHERE key = 'central_key'",
      "UPDATE cordee_meta SET value = replace(value, '.', '.1') WHERE key = 'cursor.commons'",
      "DELETE FROM cordee_row",
    ])
  func altered(sql: String) throws {
    let world = try World()
    let path = world.folder.appending(path: "altered.sqlite").path
    try FileManager.default.copyItem(atPath: world.members[0].store.path, toPath: path)
    try Connection(path: path, mode: .readWrite).execute(sql)
    let (status, said) = try check(path)
    #expect(status == 1, "\(said)")
  }

  @Test(
    "stamps beside the large table are read, and guard what stands behind them [SP-1615] [SP-1616]")
  func recent() throws {
    let world = try World()
    try world.editMany()
    let store = world.members[1].store
    let count = try store.withConnection { db in
      try db.first("SELECT count(*) FROM cordee_row_recent") { $0.int(0) }
    }
    #expect(count == 40)
    for store in [store, world.central.store] {
      let (status, said) = try check(store, after: nil, in: world)
      #expect(status == 0, "\(said)")
    }
    for (sql, says) in [
      ("UPDATE cordee_row_recent SET n = n + 1 WHERE id = 'many-1'", "what its changes make of it"),
      ("UPDATE cordee_row SET n = n + 1 WHERE id = 'many-1'", "was altered"),
      ("UPDATE cordee_row_recent SET line = 0 WHERE id = 'many-1'", "was altered"),
      ("UPDATE cordee_row_recent SET id = 'none' WHERE id = 'many-1'", "no settled row"),
      ("DELETE FROM cordee_row_recent WHERE id = 'many-1'", "not as many"),
    ] {
      let (status, said) = try check(store, after: sql, in: world)
      #expect(status == 1 && said.contains(says), "\(sql): \(said)")
    }
  }

  @Test("central's words that a file keeps are all there [SP-1617] [SP-1618]")
  func keptWords() throws {
    let world = try World()
    try world.editMany()
    try world.waitForVerdict()
    let store = world.members[0].store
    let (status, said) = try check(store, after: nil, in: world)
    #expect(status == 0, "\(said)")
    let newest = "(SELECT max(ordinal) FROM cordee_checkpoint WHERE space = 'commons')"
    let commons = "cordee_checkpoint WHERE space = 'commons' AND ordinal"
    for (sql, code, says) in [
      ("DELETE FROM cordee_receipt", 3, "no receipt is here of 1"),
      ("UPDATE cordee_receipt SET n = n + 1", 1, "another change than its own"),
      ("DELETE FROM cordee_checkpoint WHERE space = 'commons'", 3, "no checkpoint is kept"),
      ("DELETE FROM \(commons) = \(newest)", 1, "the newest checkpoint"),
      ("DELETE FROM \(commons) < \(newest)", 1, "are missing"),
      ("UPDATE cordee_checkpoint SET seq = seq + 1", 1, "another place than its own"),
      (
        "UPDATE cordee_checkpoint SET line = CAST(replace(CAST(line AS TEXT), '2027', '2028') AS BLOB)",
        1,
        "not central's"
      ),
    ] {
      let (status, said) = try check(store, after: sql, in: world)
      #expect(status == code && said.contains(says), "\(sql): \(status) \(said)")
    }
  }

  /// A world whose first member keeps a proof that was settled, and whose central has every table it needs.
  private func guarded() throws -> World {
    let world = try World()
    let store = world.members[0].store
    try store.write {
      for number in 1...2 {
        try store.keep(
          Evidence(
            at: World.at, space: "commons", kind: .proof, code: "checkpoint.split",
            message: "two histories, number \(number)", statements: [Array("{}".utf8)]))
      }
      _ = try store.settle(evidence: 1, by: "Quito", note: "seen", at: World.at)
    }
    let author = world.members[1]
    let settled = try author.store.write {
      try author.store.settle(
        refusalsAt: nil, of: author.identity.actor.replica, by: "Quito", note: "seen", at: World.at)
    }
    #expect(settled.count == 1)
    return world
  }

  /// A copy of a file with something done to it, checked.
  private func check(_ store: Store, after sql: String?, in world: World) throws -> (
    Int32, String
  ) {
    let copy = world.folder.appending(path: "copy-\(UUID().uuidString).sqlite").path
    try store.backup(to: copy)
    if let sql { try Connection(path: copy, mode: .readWrite).execute(sql) }
    return try check(copy)
  }

  @Test("a person's word on what was refused is as it was written [SP-1614]")
  func refusalGuarded() throws {
    let world = try guarded()
    let (status, said) = try check(
      world.members[1].store, after: "UPDATE cordee_refusal SET note = 'Seen'", in: world)
    #expect(status == 1 && said.contains("cordee_refusal"), "\(said)")
  }

  @Test("facts and small tables are as they were written, here and at central [SP-1613] [SP-1614]")
  func guardsHold() throws {
    let world = try guarded()
    for member in world.members {
      let (status, said) = try check(member.store, after: nil, in: world)
      #expect(status == 0, "\(said)")
    }
    let (status, said) = try check(world.central.store, after: nil, in: world)
    #expect(status == 0 && said.contains("guarded"), "\(said)")
  }

  @Test(
    "a row that no history could show to be altered is noticed [SP-1613] [SP-1614]",
    arguments: [
      (false, "UPDATE cordee_meta SET value = 'x' WHERE key = 'central_url'", "facts"),
      (false, "INSERT INTO cordee_meta VALUES('forged', 1)", "facts"),
      (false, "UPDATE cordee_evidence SET settled_at = 'x' WHERE id = 2", "cordee_evidence"),
      (false, "DELETE FROM cordee_evidence WHERE id = 1", "cordee_evidence"),
      (false, "UPDATE cordee_settlement SET note = 'Seen'", "cordee_settlement"),
      (false, "DROP TABLE cordee_settlement", "cordee_settlement"),
      (true, "UPDATE cordee_invite SET role = 'observer'", "cordee_invite"),
      (true, "UPDATE cordee_member SET name = 'another'", "cordee_member"),
      (true, "UPDATE cordee_member SET revoked_at = ''", "cordee_member"),
      (true, "UPDATE cordee_report SET report = '{}' WHERE number = 1", "cordee_report"),
      (true, "DELETE FROM cordee_report WHERE number = 1", "cordee_report"),
    ])
  func guardsNotice(isCentral: Bool, sql: String, says: String) throws {
    let world = try guarded()
    let store = isCentral ? world.central.store : world.members[0].store
    let (status, said) = try check(store, after: sql, in: world)
    #expect(status == 1 && said.contains(says), "\(said)")
  }
}

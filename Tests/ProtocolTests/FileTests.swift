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
}

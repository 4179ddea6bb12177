import Foundation
import Testing

extension World {
  /// A central that goes on from one state in two ways, and a member who hears of the second by another's bundle.
  ///
  /// - Returns: how the member's import ended.
  static func split() async throws -> (world: World, told: Outcome) {
    let world = try World()
    try await world.start(merge: "on-push")
    try await world.join("quito", for: "ecuador")
    try await world.join("rabat", for: "ica")
    try await world.sync("quito", "rabat")
    try await world.stop()
    let folder = world.folder.appending(path: "central").path
    try FileManager.default.copyItem(atPath: folder, toPath: folder + "-other")
    try await world.serve(merge: "on-push")
    try await world.run("quito", "set", "ecuador", "contact=one")
    try await world.sync("quito")
    try await world.stop()
    try FileManager.default.moveItem(atPath: folder, toPath: folder + "-first")
    try FileManager.default.moveItem(atPath: folder + "-other", toPath: folder)
    try await world.serve(merge: "on-push")
    try await world.run("rabat", "set", "ica", "contact=two")
    try await world.sync("rabat")
    try await world.stop()
    try await world.run("rabat", "bundle", "export", "--log", "two.cordee")
    try FileManager.default.moveItem(atPath: folder, toPath: folder + "-second")
    try FileManager.default.moveItem(atPath: folder + "-first", toPath: folder)
    try await world.serve(merge: "on-push")
    return (world, try await world.run("quito", "bundle", "import", "two.cordee"))
  }
}

extension EndToEnd {
  /// A proof that central signed two histories is kept for ever, and asks for a person until one has looked.
  @Suite(.timeLimit(.minutes(15))) struct EvidenceTests {
    @Test func `a person settles a proof, which stays kept and shown; a new one asks again [R8]`()
      async throws
    {
      let (world, told) = try await World.split()
      #expect(told.exit == 1 && told.output.contains("two histories of commons"), "\(told)")
      try await world.sync("quito")
      for command in ["status", "sync", "verify"] {
        let outcome = try await world.run("quito", command)
        #expect(outcome.exit == 3 && outcome.output.contains("two histories"), "\(command)")
      }
      let listed = try await world.run("quito", "evidence", "--json").objects()
      #expect(listed.count == 1 && listed[0]["kind"] as? String == "proof")
      #expect(listed[0]["settled_at"] is NSNull && listed[0]["note"] is NSNull)
      let id = "\(listed[0]["id"] as? Int ?? 0)"
      let open = try await world.run("quito", "evidence")
      #expect(open.exit == 0 && open.output.contains("--settle \(id) --note TEXT"))

      let note = "Restored by hand on 3 May; the bureau knows."
      let settled = try await world.run("quito", "evidence", "--settle", id, "--note", note)
      #expect(settled.exit == 0 && settled.output.hasPrefix("\(id) is settled by quito at 20"))
      for command in ["status", "sync", "verify"] {
        #expect(try await world.run("quito", command).exit == 0, "\(command)")
      }
      let status = try await world.run("quito", "status")
      #expect(status.output.contains("settled      1  "))
      let again = try await world.run("quito", "evidence", "--settle", id, "--note", "x", "--json")
      #expect(again.exit == 0)
      #expect(try again.object()["already"] as? Bool == true)
      #expect(try again.object()["note"] as? String == note)
      let shown = try await world.run("quito", "evidence").output
      #expect(shown.contains("settled by quito at") && shown.contains(note))

      // The statements are all there for whoever asks later.
      try await world.run("quito", "evidence", "kept.ndjson")
      let lines = try String(
        contentsOf: world.folder.appending(path: "kept.ndjson"), encoding: .utf8
      ).split(separator: "\n")
      #expect(lines.count { $0.contains("checkpoint") } >= 2)
      #expect(lines[1].contains("\"settled_by\":\"quito\"") && lines[1].contains("the bureau"))
      try await world.strangerChecks("kept.ndjson")

      // The same words again were looked into; others were not.
      #expect(try await world.run("quito", "bundle", "import", "two.cordee").exit == 1)
      #expect(try await world.run("quito", "status").exit == 0)
      try await world.forkAgain()
      #expect(try await world.run("quito", "bundle", "import", "three.cordee").exit == 1)
      #expect(try await world.run("quito", "status").exit == 3)
      let both = try await world.run("quito", "evidence", "--json").objects()
      #expect(both.contains { $0["settled_at"] is NSNull })

      // Whoever alters the word is found out.
      try await world.tool(
        "sqlite3", world.replica(of: "quito"), "UPDATE cordee_settlement SET note = 'nothing'")
      let altered = try await world.run("quito", "verify")
      #expect(altered.exit == 1 && altered.output.contains("cordee_settlement"))
    }
  }
}

extension World {
  /// [SP-1013] Somebody who holds the file alone sees what central signed, and that an altered word is not central's.
  fileprivate func strangerChecks(_ name: String) async throws {
    let told = try await reference("verify", name)
    #expect(told.exit == 0, "\(told)")
    let piece = try #require((try told.object()["pieces"] as? [[String: Any]])?.first)
    let shown = try #require(piece["contradiction"] as? [String: Any])
    #expect((shown["hashes"] as? [String])?.count == 2 && shown["space"] as? String == "commons")

    let file = folder.appending(path: name)
    let text = try String(contentsOf: file, encoding: .utf8)
    let seq = try #require(shown["seq"] as? Int)
    for (alter, exit) in [
      (text.replacing("\"seq\":\(seq),", with: "\"seq\":\(seq + 1),"), Int32(1)),
      (text.split(separator: "\n").dropLast().joined(separator: "\n"), 1),
      (text.replacing("\"evidence\":1", with: "\"evidence\":2"), 1),
    ] {
      let altered = folder.appending(path: "altered.ndjson")
      try alter.write(to: altered, atomically: true, encoding: .utf8)
      #expect(try await reference("verify", altered.path).exit == exit)
    }
  }

  /// The second central goes on once more; a member there passes its log on.
  fileprivate func forkAgain() async throws {
    let folder = self.folder.appending(path: "central").path
    try await stop()
    try FileManager.default.moveItem(atPath: folder, toPath: folder + "-first")
    try FileManager.default.moveItem(atPath: folder + "-second", toPath: folder)
    try await serve(merge: "on-push")
    try await run("rabat", "set", "ica", "contact=three")
    try await sync("rabat")
    try await run("rabat", "bundle", "export", "--log", "three.cordee")
  }
}

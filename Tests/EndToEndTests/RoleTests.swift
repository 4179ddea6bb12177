import Foundation
import Testing

extension EndToEnd {
  /// Edits that a device's role may not make: told by every command that is asked.
  @Suite(.timeLimit(.minutes(15))) struct RoleTests {
    /// One check of the doctor.
    private func check(_ name: String, _ world: World, _ member: String) async throws
      -> [String: Any]
    {
      let checks = try await world.run(member, "doctor", "--json").objects()
      return try #require(checks.first { $0["check"] as? String == name })
    }

    @Test func `R16: an edit in a space the device does not read is held back by name`()
      async throws
    {
      let world = try await World.joined()
      try await world.python("quito", "INSERT INTO minutes_draft(id, body) VALUES('h', 'x')")
      let alone = try await world.run("quito").output
      #expect(alone.contains("1 edited row in ") && alone.contains("cannot be sent."))
      let preview = try await world.run("quito", "sync", "--dry-run")
      #expect(preview.output.contains("Would send: changes 0, edited records 0."))
      #expect(preview.output.contains("Cannot be sent: minutes_draft/h: this device does not read"))
      let edited = try await world.run("quito", "set", "ecuador", "contact=Quito", "--json")
      #expect(edited.exit == 0, "\(edited.errors)")
      for _ in 0..<2 {
        let told = try await world.run("quito", "sync")
        #expect(told.exit == 3)
        #expect(told.output.contains("minutes_draft/h: this device does not read bureau"))
      }
      let status = try await world.run("quito", "status", "--json")
      #expect(status.exit == 3)
      let held = try #require(try status.object()["held_back"] as? [[String: Any]])
      #expect(held.map { $0["record"] as? String } == ["minutes_draft/h"])
      #expect((held.first?["reason"] as? String)?.contains("bureau") == true)
      #expect(try status.object()["unsent"] as? Int == 0)
      let words = try await world.run("quito", "status").output
      #expect(!words.contains("(cordee sync)") && words.contains("minutes_draft/h"))
      let waits = try await check("unsent", world, "quito")
      #expect(waits["says"] as? String == "nothing waits to be sent")
      #expect(try await check("edits", world, "quito")["state"] as? String == "look")
      // Taken back, it leaves no trace.
      try await world.python("quito", "DELETE FROM minutes_draft")
      #expect(try await world.run("quito", "sync").exit == 0)
      #expect(try await world.run("quito", "status").exit == 0)
      #expect(try await world.run("quito", "verify").exit == 0)
    }

    @Test func `what was held back for its space goes once the device may read that`() async throws
    {
      let world = try await World.joined()
      try await world.join("rabat", for: "ica", as: "secretariat")
      try await world.python("quito", "INSERT INTO minutes_draft(id, body) VALUES('h', 'x')")
      #expect(try await world.run("quito", "sync").exit == 3)
      // A bundle leaves it out, too.
      let bundle = try await world.run("quito", "bundle", "export", "b.cordee", "--json")
      #expect(try bundle.exit == 0 && bundle.object()["segments"] as? Int == 0)
      let invite = try await world.invite("ecuador", "secretariat")
      let adopted = try await world.run("quito", "join", invite, "--adopt")
      #expect(adopted.exit == 0, "\(adopted.errors)")
      try await world.sync("quito", "rabat")
      #expect(try await world.run("quito", "status").exit == 0)
      let row = try await world.run("rabat", "get", "minutes_draft/h", "--json")
      #expect(try row.object()["body"] as? String == "x", "\(row.errors)")
      #expect(try await world.digests("quito", "rabat").count == 1)
    }

    @Test(arguments: ["observer", "auditor"])
    func `a role that only reads may not edit, from its first minute on`(role: String) async throws
    {
      let world = try World()
      try await world.start(merge: "every 6h")
      try await world.join("rabat", for: "ecuador", as: role)
      // No merge has told the log of this device yet.
      for words in [["set", "ecuador", "contact=x"], ["add", "person", "slug=p", "name=P"]] {
        let refused = try await world.run(as: "rabat", words)
        #expect(refused.exit == 1 && refused.errors.contains("the role \(role) may not write"))
      }
      #expect(try await world.run("rabat", "status").exit == 0)
      for merges in 0...1 {
        if merges == 1 { try await world.merge() }
        try await world.python(
          "rabat", "UPDATE organisation SET contact = 'by SQL' WHERE slug = 'ecuador'")
        let told = try await world.run("rabat", "sync")
        let sentence = "Refused: the role \(role) may not write in commons"
        #expect(told.exit == 3 && told.output.contains(sentence), "\(told.output)")
        let status = try await world.run("rabat", "status")
        #expect(status.exit == 3 && status.output.contains(sentence), "\(status.output)")
        #expect(status.output.contains("--adopt") && !status.output.contains("(cordee sync)"))
        let object = try await world.run("rabat", "status", "--json").object()
        #expect(object["unsent"] as? Int == 1)
        #expect(
          object["forbidden"] as? [String] == ["the role \(role) may not write in commons"])
        let found = try await check("edits", world, "rabat")
        #expect(found["state"] as? String == "look")
        #expect((found["advice"] as? String)?.contains("--adopt") == true)
        let waits = try await check("unsent", world, "rabat")
        #expect(waits["says"] as? String == "nothing waits to be sent")
      }
      // Under a role that may write, the edit goes.
      let key = try await world.invite("ecuador")
      #expect(try await world.run("rabat", "join", key, "--adopt").exit == 0)
      let sent = try await world.run("rabat", "sync", "--json")
      #expect(sent.exit == 0, "\(sent.output)")
      let clear = try await world.run("rabat", "status", "--json")
      #expect(clear.exit == 0, "\(clear.output)")
      #expect((try clear.object()["forbidden"] as? [String])?.isEmpty == true)
    }
  }
}

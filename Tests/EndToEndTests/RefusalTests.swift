import Foundation
import Testing

extension EndToEnd {
  /// What central refused: readable, easily written again, and settled by a person.
  @Suite(.timeLimit(.minutes(15))) struct RefusalTests {
    private static let text = "L'été,\nsecond \"line\" \u{1B}[31m\u{202E} $HOME `x` \\n"

    /// A member two of whose changes were refused: one of a row that is there, one that makes a row.
    private func refused() async throws -> World {
      let world = try await World.joined()
      try await world.python(
        "quito",
        "UPDATE organisation SET kind = 'nonsense', note = 'kept' WHERE slug = 'quebec'")
      let written = Self.text.replacing("'", with: "''").replacing("\n", with: "'||char(10)||'")
      try await world.python(
        "quito",
        "INSERT INTO organisation(id, slug, kind, name_en) VALUES('o1', 'new', 'bad', '\(written)')"
      )
      try await world.sync("quito")
      return world
    }

    /// Types a line into bash, with the program on the way.
    private func type(_ line: String, _ world: World) async throws -> Outcome {
      let bin = world.folder.appending(path: "bin").path
      if !FileManager.default.fileExists(atPath: bin) {
        try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
          atPath: "\(bin)/cordee", withDestinationPath: World.program.path)
      }
      var environment = world.environment(of: "quito")
      environment["PATH"] = "\(bin):/usr/bin:/bin"
      return try await Child(
        URL(filePath: "/bin/bash"), ["-c", line], environment: environment, folder: world.folder
      ).finish()
    }

    @Test
    func
      `a refused change asks for a person until one has seen it, and stays listed with the word`()
      async throws
    {
      let world = try await refused()
      let told = try await world.run("quito", "sync")
      #expect(
        told.exit == 3 && told.output.contains("2 refused changes are open: `cordee refusals`"))
      let status = try await world.run("quito", "status")
      #expect(status.exit == 3 && status.output.contains("quarantined  2  (cordee refusals)\n"))
      #expect(try await world.run("quito").output.contains("2 refused changes need a person"))
      func doctor() async throws -> [String: Any]? {
        try await world.run("quito", "doctor", "--json").objects()
          .first { $0["check"] as? String == "refusals" }
      }
      #expect(try await doctor()?["state"] as? String == "look")

      let listed = try await world.run("quito", "refusals", "--json").objects()
      try #require(listed.count == 2)
      #expect(
        Set(listed[0].keys) == [
          "id", "space", "at", "reason", "actor", "n", "writes", "write_again", "settled_at",
          "settled_by", "note",
        ])
      let ids = listed.compactMap { $0["id"] as? Int }
      let open = try await world.run("quito", "refusals")
      #expect(open.exit == 0 && open.output.contains("     kind: nonsense\n     note: kept\n"))
      #expect(open.output.contains("--settle \(ids[1]) --note TEXT"))
      #expect(!open.output.contains("\u{1B}") && !open.output.contains("\u{202E}"))

      // One is seen, then the other.
      let first = try await world.run(
        "quito", "refusals", "--settle", "\(ids[0])", "--note", "A slip of ours")
      #expect(first.exit == 0 && first.output.hasPrefix("\(ids[0]) is settled by quito at 20"))
      #expect(try await world.run("quito", "sync").exit == 3)
      #expect(try await world.run("quito", "status").output.contains("2, of which 1 settled"))
      #expect(
        try await world.run("quito", "refusals", "--settle", "all", "--note", "Seen").exit == 0)
      for command in ["status", "sync"] {
        #expect(try await world.run("quito", command).exit == 0, "\(command)")
      }
      #expect(try await doctor()?["state"] as? String == "ok")
      let counts = try await world.run("quito", "status", "--json").object()
      #expect(counts["quarantined"] as? Int == 2 && counts["refusals_open"] as? Int == 0)
      let kept = try await world.run("quito", "refusals", "--json").objects()
      #expect(kept.map { $0["note"] as? String } == ["A slip of ours", "Seen"])
      #expect(kept.map { $0["settled_by"] as? String } == ["quito", "quito"])
      #expect(kept[0]["writes"] as? [[String: Any]] != nil)
      #expect(try await world.run("quito", "refusals").output.contains("A slip of ours"))
      let again = try await world.run(
        "quito", "refusals", "--settle", "\(ids[0])", "--note", "other")
      #expect(again.exit == 0 && again.output.hasPrefix("Nothing was changed: \(ids[0]) was"))
      #expect(again.output.contains("A slip of ours"))
      let none = try await world.run("quito", "refusals", "--settle", "all", "--note", "x")
      #expect(none.exit == 0 && none.output == "Nothing was changed: no refused change is open.\n")
      #expect(try await world.run("quito", "verify").exit == 0)

      // A second refusal asks anew.
      try await world.python(
        "quito", "UPDATE organisation SET kind = 'worse' WHERE slug = 'quebec'")
      try await world.sync("quito", "quito")
      #expect(try await world.run("quito", "status").exit == 3)
      // Whoever alters the word is found out.
      try await world.tool("sqlite3", world.replica(of: "quito"), "DELETE FROM cordee_refusal")
      let altered = try await world.run("quito", "verify")
      #expect(altered.exit == 1 && altered.output.contains("cordee_refusal"))
    }

    @Test func `what was refused is written again by the line that is printed, put right`()
      async throws
    {
      let world = try await refused()
      try await world.sync("quito")
      let open = try await world.run("quito", "refusals").output
      let lines = open.split(separator: "\n").compactMap { line in
        line.firstRange(of: "write it again: ").map { String(line[$0.upperBound...]) }
      }
      try #require(lines.count == 2)
      #expect(lines[0].hasPrefix("cordee set organisation/"), "\(lines[0])")
      // As it stands it would be refused again, which is said at once.
      #expect(try await type(lines[1], world).errors.contains("kind needs"))
      for line in lines {
        let made = try await type(
          line.replacing("kind=nonsense", with: "kind=state").replacing(
            "kind=bad", with: "kind=fund"), world)
        #expect(made.exit == 0, "\(line): \(made.errors)")
      }
      let quebec = try await world.run("quito", "get", "organisation/quebec", "--json").object()
      #expect(quebec["note"] as? String == "kept")
      let new = try await world.run("quito", "get", "organisation/new", "--json").object()
      #expect(new["name_en"] as? String == Self.text)
      #expect(new["kind"] as? String == "fund")
      let synced = try await world.sync("quito", "quito")
      #expect(try synced.object()["refusals_open"] as? Int == 2)
    }

    @Test func `a value of any length is told in short, and whole in JSON`() async throws {
      let world = try await World.joined()
      // Beyond what a command's word may hold, and within it.
      for (slug, length) in [("quebec", 300_000), ("fao", 50_000)] {
        try await world.python(
          "quito",
          "UPDATE organisation SET kind = 'bad', "
            + "note = replace(hex(zeroblob(\(length / 2))), '0', 'n') WHERE slug = '\(slug)'")
      }
      try await world.sync("quito", "quito")
      let told = try await world.run("quito", "refusals")
      #expect(told.output.utf8.count < 6_000)
      #expect(told.output.contains("n… (300000 characters: see --json)\n"))
      #expect(told.output.contains("no command takes a value so long"))
      #expect(told.output.contains("again: a command of 50.0 kB, in write_again of --json\n"))
      let listed = try await world.run("quito", "refusals", "--json").objects()
      let again = listed.compactMap { ($0["write_again"] as? [String])?.first }
      #expect(listed.count == 2 && again.count == 1 && again[0].utf8.count > 50_000)
      for word in ["history", "log"] {
        let told = try await world.run(as: "quito", [word] + (word == "log" ? [] : ["fao"]))
        #expect(told.exit == 0 && told.output.utf8.count < 6_000, "\(word)")
      }
      try await world.run("quito", "set", "fao", "note=" + String(repeating: "m", count: 5_000))
      let whole = try await world.run("quito", "get", "fao")
      #expect(whole.output.contains("note: " + String(repeating: "m", count: 5_000) + "\n"))
    }

    @Test func `what cannot be settled is said in one line, and nothing is changed`() async throws {
      let world = try await World.joined()
      let none = try await world.run("quito", "refusals")
      #expect(
        none.exit == 0 && none.output == "Central refused nothing of what was written here.\n")
      for (words, exit, says) in [
        ("--settle 99 --note x", 1, "no refused change of this device has the number 99"),
        ("--settle none --note x", 2, "is no number of a refused change"),
        ("--settle 0 --note x", 2, "is no number of a refused change"),
        ("--settle 1", 2, "--settle needs --note TEXT"), ("--note x", 2, "--note goes with"),
      ] {
        let told = try await world.run(
          as: "quito", ["refusals"] + words.split(separator: " ").map(String.init))
        #expect(told.exit == Int32(exit) && told.errors.contains(says), "\(words): \(told.errors)")
        #expect(told.errors.split(separator: "\n").count == 1 && told.output == "")
      }
      #expect(try await world.run("quito", "verify").exit == 0)
    }
  }
}

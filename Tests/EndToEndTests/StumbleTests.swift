import Foundation
import Testing

extension World {
  /// The ways a member can look at a file or edit it, none of which may tell of more than one line of trouble.
  static let everything = [
    "status", "list", "list organisation", "get ecuador", "set ecuador contact=x",
    "add place slug=q", "remove place/rio", "history ecuador", "conflicts", "log", "dump",
    "digest", "official-list", "evidence", "bundle export never.cordee", "backup never.sqlite",
    "sync", "sync --dry-run", "verify", "doctor",
  ]

  /// Runs a command on a file, which may fail in one line that names the file, says what to do and nothing of SQL.
  ///
  /// - Returns: whether it failed.
  func fallsWell(_ command: String, on name: String) async throws -> Bool {
    defer {
      for made in ["never.cordee", "never.sqlite"] {
        try? FileManager.default.removeItem(at: folder.appending(path: made))
      }
    }
    let words = command.split(separator: " ").map(String.init) + ["--replica", name]
    let told = try await run(as: "quito", words)
    let said = told.errors.split(separator: "\n")
    #expect([0, 1, 3].contains(told.exit), "\(command): \(told.exit) \(told.errors)")
    for word in ["SELECT", "INSERT", "no such", "malformed", "(SQLite", "the database"] {
      #expect(!told.errors.contains(word) && !told.output.contains("(SQLite"), "\(told.errors)")
    }
    guard told.exit == 1, command != "verify", command != "doctor" else { return told.exit == 1 }
    #expect(said.count == 1, "\(command): \(told.errors)")
    #expect(told.errors.contains(name) || told.errors.contains("cordee verify"), "\(told.errors)")
    let again = try await run(as: "quito", words + ["--json"])
    // What is for programs may need less of the file.
    guard again.exit == 1 else { return true }
    let problem = try? JSONSerialization.jsonObject(with: Data(again.errors.utf8))
    let members = try #require(problem as? [String: Any], "\(command): \(again)")
    #expect((members["hint"] as? String)?.isEmpty == false, "\(command): what to do")
    return true
  }
}

extension EndToEnd {
  /// What people trip over: files that others spoilt, and edits that are allowed and deserve a word.
  @Suite(.timeLimit(.minutes(15))) struct StumbleTests {
    @Test(arguments: ["organisation", "cordee_row", "cordee_change", "cordee_meta"])
    func `a table that another program dropped is named in one line`(_ table: String) async throws {
      let world = try await World.joined()
      let file = world.folder.appending(path: "dropped.sqlite")
      try FileManager.default.copyItem(
        at: URL(filePath: world.replica(of: "quito")), to: file)
      try await world.tool("sqlite3", file.path, "DROP TABLE \(table)")
      var failed: Set<String> = []
      for command in World.everything
      where try await world.fallsWell(command, on: "dropped.sqlite") { failed.insert(command) }
      #expect(failed.contains("verify") && failed.contains("get ecuador"), "\(failed)")
      let told = try await world.run("quito", "get", "ecuador", "--replica", "dropped.sqlite")
      #expect(told.errors.contains("\(table)") || table == "cordee_meta", "\(told.errors)")
      #expect(try await world.run("quito", "verify").exit == 0)
    }

    @Test func `damage is told with the file's name, wherever a command meets it`() async throws {
      let world = try await World.joined()
      let whole = try Data(contentsOf: URL(filePath: world.replica(of: "quito")))
      let pages = whole.count / 4096
      var failures = 0
      for part in 0..<4 {
        // All but the first pages, which hold the schema, a quarter at a time.
        let first = max(12, pages * part / 4)
        var spoilt = whole
        for place in (first * 4096)..<(pages * (part + 1) / 4 * 4096) {
          spoilt[place] = UInt8(truncatingIfNeeded: place &* 167 &+ place >> 8)
        }
        let name = "spoilt-\(part).sqlite"
        try spoilt.write(to: world.folder.appending(path: name))
        for command in World.everything
        where try await world.fallsWell(command, on: name) { failures += 1 }
      }
      #expect(failures > World.everything.count)
      #expect(try await world.run("quito", "verify").exit == 0)
    }

    @Test func `a slug that another row has is written, and both rows are named`() async throws {
      let world = try await World.joined()
      let ecuador = try await world.run("quito", "get", "ecuador", "--json").object()
      let id = try #require(ecuador["id"] as? String)
      let added = try await world.run("quito", "add", "organisation", "slug=ecuador", "kind=state")
      #expect(added.exit == 0)
      let row = added.output.trimmingCharacters(in: .whitespacesAndNewlines)
      #expect(added.errors.split(separator: "\n").count == 1)
      #expect(added.errors.contains(row) && added.errors.contains("organisation/\(id)"))
      // Other fields of it, and the same slug again, say nothing more.
      #expect(try await world.run("quito", "set", row, "contact=x").errors == "")
      #expect(try await world.run("quito", "set", row, "slug=ecuador").errors == "")
      #expect(try await world.run("quito", "set", row, "slug=equateur").errors == "")
      let set = try await world.run("quito", "set", row, "slug=quebec", "--json")
      #expect(set.exit == 0 && set.errors.contains(row) && set.errors.contains("organisation/"))
      #expect(try set.object()["changed"] as? Bool == true)
      // Another table's row of that slug is named apart from it anyway.
      #expect(try await world.run("quito", "add", "place", "slug=ecuador").errors == "")
    }

    @Test func `the log since a day or a moment`() async throws {
      let world = try await World.joined()
      func entries(since: String) async throws -> Int {
        try await world.run("quito", "log", "--since", since, "--json").objects().count
      }
      let all = try await world.run("quito", "log", "--json").objects().count
      #expect(all > 1)
      #expect(try await entries(since: "2014-01-01") == all)
      #expect(try await entries(since: "2014-01-01T10:00Z") == all)
      #expect(try await entries(since: "9999-12-31") == 0)
      #expect(try await entries(since: "9999-12-31T23:59:59+01:00") == 0)
      let last = try #require(
        try await world.run("quito", "log", "--json").objects().last?["at"] as? String)
      #expect(try await entries(since: last) >= 1)
    }
  }
}

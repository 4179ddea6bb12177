import Foundation
import Programs
import Testing

extension World {
  /// A central that merges on push and one member who has sent an edit.
  static func joined() async throws -> World {
    let world = try World()
    try await world.start(merge: "on-push")
    try await world.join("quito", for: "ecuador")
    try await world.run("quito", "set", "organisation/ecuador", "contact=Quito")
    try await world.sync("quito")
    return world
  }

  /// Every file whose name begins as given, with its bytes and the time it was written.
  func files(_ start: String, in part: String = "") throws -> [String: [Data]] {
    let place = folder.appending(path: part)
    let names = try FileManager.default.contentsOfDirectory(atPath: place.path)
    return try Dictionary(
      uniqueKeysWithValues: names.filter { $0.hasPrefix(start) && !$0.hasSuffix(".sock") }.map {
        let file = place.appending(path: $0)
        let written = try FileManager.default.attributesOfItem(atPath: file.path)[.modificationDate]
        return ($0, [try Data(contentsOf: file), Data("\(String(describing: written))".utf8)])
      })
  }

  /// A transaction of another program is cut in its middle: part of it is in the file, the rest in a journal.
  func cutTransaction(_ member: String) async throws {
    try await tool(
      "python3", "-c",
      """
      import os, sqlite3, sys
      db = sqlite3.connect(sys.argv[1], isolation_level=None)
      db.execute("PRAGMA cache_size=2")
      db.execute("BEGIN IMMEDIATE")
      for n in range(400):
          db.execute("INSERT INTO person(id, slug, name) VALUES(?1, ?1, hex(zeroblob(300)))", (f"cut-{n}",))
      os._exit(0)
      """, replica(of: member))
  }
}

extension EndToEnd {
  /// Audits of real files, in whatever state they were left; not a byte of them changes.
  @Suite(.timeLimit(.minutes(15))) struct VerifyTests {
    @Test func `a file of another network is compared with nothing, and no damage to this one`()
      async throws
    {
      let world = try await World.joined()
      try await world.run(
        "other", "central", "init", "--data", "elsewhere", "--name", "Other", "--url",
        "http://127.0.0.1", "--json")
      let file = world.folder.appending(path: "elsewhere/central.sqlite").path
      for words in [["verify", "--against", file], ["verify", "--against", file, "--json"]] {
        let told = try await world.run(as: "quito", words)
        #expect(told.exit == 1 && told.output == "", "\(told.output)")
        #expect(told.errors.split(separator: "\n").count == 1)
        #expect(told.errors.contains("belongs to another network: nothing was compared"))
      }
      let json = try await world.run("quito", "verify", "--against", file, "--json").errors
      #expect(json.contains("urn:cordee:problem:against.network"))
    }

    @Test func `a spoiled file is told from a sound one, by exit code and by JSON`() async throws {
      let world = try await World.joined()
      let sound = try await world.run("quito", "verify", "--json")
      #expect(sound.exit == 0)
      #expect(try sound.object()["sound"] as? Bool == true)
      let copy = world.folder.appending(path: "spoiled.sqlite").path
      try await world.run("quito", "backup", copy)
      var bytes = try Data(contentsOf: URL(filePath: copy))
      // A value inside the history, not in a free page.
      let place = try #require(bytes.range(of: Data("\"contact\":\"Quito\"".utf8)))
      bytes[place.lowerBound + 12] ^= 1
      try bytes.write(to: URL(filePath: copy))
      let told = try await world.run("quito", "verify", "--replica", copy, "--json")
      #expect(told.exit == 1)
      let findings = try #require(try told.object()["findings"] as? [[String: Any]])
      #expect(findings.contains { $0["code"] as? String == "change.hash" })
      // No value of a field reaches what is said.
      #expect(!told.output.contains("Quito"))
    }

    @Test func `a file whose last transaction was cut is read as it is, and left as it is`()
      async throws
    {
      let world = try await World.joined()
      try await world.cutTransaction("quito")
      let before = try world.files("quito.sqlite")
      #expect(try #require(before["quito.sqlite-journal"])[0].count > 512)
      let told = try await world.run("quito", "verify", "--json")
      #expect(told.exit == 0, "\(told.output)\(told.errors)")
      #expect(try told.object()["cut_transaction"] as? Bool == true)
      #expect(try told.object()["took_ms"] as? Int != nil)
      #expect(try world.files("quito.sqlite") == before)
      let plain = try await world.run("quito", "verify")
      #expect(plain.output.contains("cut") && plain.output.contains(" s."))
      // Whoever opens it next finishes what was cut.
      #expect(try await world.run("quito", "status").exit == 0)
      let after = try await world.run("quito", "verify", "--json").object()
      #expect(after["cut_transaction"] as? Bool == false && after["sound"] as? Bool == true)
    }

    @Test func `central's own file is checked while it serves, stopped, and after a kill`()
      async throws
    {
      let world = try await World.joined()
      let words = ["verify", "--data", "central", "--json"]
      let serving = try await world.run(as: "keeper", words)
      #expect(serving.exit == 0, "\(serving.output)\(serving.errors)")
      #expect(try serving.object()["changes"] as? Int ?? 0 > 1)
      #expect(!(try world.files("", in: "central").keys.contains { $0.contains("verify") }))
      try await world.run("quito", "set", "organisation/ecuador", "contact=Loja")
      try await world.sync("quito")
      try await world.server?.kill()
      let killed = try world.files("central.sqlite", in: "central")
      #expect(try #require(killed["central.sqlite-wal"])[0].count > 0)
      let left = try await world.run(as: "keeper", words)
      #expect(left.exit == 0, "\(left.output)\(left.errors)")
      #expect(try world.files("central.sqlite", in: "central") == killed)
      #expect(
        try left.object()["changes"] as? Int ?? 0 > serving.object()["changes"] as? Int ?? 0)
      // The member's file and central's are held against each other, either way round.
      let file = "central/central.sqlite"
      let mine = try await world.run("quito", "verify", "--against", file, "--json")
      #expect(try mine.object()["sound"] as? Bool == true, "\(mine.output)")
      let theirs = try await world.run(
        as: "keeper", words + ["--against", world.replica(of: "quito")])
      #expect(try theirs.object()["sound"] as? Bool == true, "\(theirs.output)")
      let wrong = try await world.run("quito", "verify", "--replica", file)
      #expect(wrong.exit == 1 && wrong.errors.contains("--data"))

      // A right that somebody gave himself in the file.
      _ = try await world.run("keeper", "central", "status", "--data", "central")
      try await world.tool(
        "sqlite3", world.folder.appending(path: file).path,
        "UPDATE cordee_invite SET role = 'secretariat'")
      let spoilt = try await world.run(as: "keeper", words)
      #expect(spoilt.exit == 1 && spoilt.output.contains("rows.altered"))
    }

    @Test func `a bundle of another member is held against the file`() async throws {
      let world = try await World.joined()
      try await world.join("rabat", for: "ica")
      try await world.sync("rabat", "quito", "rabat")
      try await world.run("rabat", "bundle", "export", "--log", "log.cordee", "--plain")
      let equal = try await world.run("quito", "verify", "--against", "log.cordee", "--json")
      #expect(equal.exit == 0, "\(equal.output)\(equal.errors)")
      var text = try String(
        contentsOf: world.folder.appending(path: "log.cordee"), encoding: .utf8)
      text.replace("Quito", with: "Lima!")
      try Data(text.utf8).write(to: world.folder.appending(path: "forged.cordee"))
      let forged = try await world.run("quito", "verify", "--against", "forged.cordee")
      #expect(forged.exit == 1 && forged.output.contains("bundle.log"))
      #expect(!forged.output.contains("Lima"))
      try await world.run("quito", "set", "organisation/ecuador", "contact=Loja")
      try await world.sync("quito", "quito")
      #expect(try await world.run("quito", "verify", "--against", "log.cordee").exit == 3)
    }

    @Test func `nothing of a check is left, however it ends`() async throws {
      let world = try await World.joined()
      let scratch = world.folder.appending(path: "scratch")
      try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
      func left() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: scratch.path)
      }
      func verify(_ words: String...) -> Child {
        var environment = world.environment(of: "quito")
        environment["TMPDIR"] = scratch.path
        return Child(
          World.program, ["verify"] + words, environment: environment, folder: world.folder)
      }
      #expect(try await verify().finish().exit == 0)
      #expect(try left() == [])
      #expect(try await verify("--data", "central").finish().exit == 0)
      try await world.run("quito", "backup", "copy.sqlite")
      #expect(try await verify("--against", "copy.sqlite").finish().exit == 0)
      #expect(try left() == [])
      try await world.cutTransaction("quito")
      #expect(try await verify().finish().exit == 0)
      #expect(try left() == [])
      try await world.tool(
        "sqlite3", "copy.sqlite", "UPDATE cordee_log SET hash = zeroblob(32) WHERE seq = 2")
      #expect(try await verify("--replica", "copy.sqlite").finish().exit == 1)
      #expect(try left() == [])
      #expect(!(try world.files("", in: "central").keys.contains { $0.contains("verify") }))
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func `a check that is stopped leaves nothing, and says so`(_ signal: Int32) async throws {
      let world = try await World.joined()
      try await world.python(
        "quito",
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) \
        INSERT INTO person(id, slug, name) SELECT 'p-' || i, 'p-' || i, 'x' FROM n
        """)
      try await world.sync("quito")
      let scratch = world.folder.appending(path: "scratch")
      try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
      var environment = world.environment(of: "quito")
      environment["TMPDIR"] = scratch.path
      let child = Child(
        World.program, ["verify"], environment: environment, folder: world.folder)
      try child.process.run()
      try await eventually("the check has begun") {
        try !FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty
      }
      child.process.signal(signal)
      try await eventually("the check ends") { !child.process.isRunning }
      #expect(child.outcome.exit == 1)
      #expect(child.outcome.output == "")
      #expect(child.outcome.errors.split(separator: "\n").count == 1)
      #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [])
    }

    @Test func `a person's own table, view and column are told and ask nobody; a trigger asks`()
      async throws
    {
      let world = try await World.joined()
      try await world.python(
        "quito", "CREATE TABLE mine(x)", "CREATE VIEW seen AS SELECT 1",
        "ALTER TABLE organisation ADD COLUMN mine TEXT", "CREATE INDEX sought ON place(city)")
      let told = try await world.run("quito", "verify")
      #expect(told.exit == 0, "\(told.output)")
      let lines = told.output.split(separator: "\n")
      #expect(
        lines.filter { $0.hasPrefix("notice: ") && $0.hasSuffix("[schema.foreign]") }.count == 4)
      #expect(lines.last?.hasPrefix("Sound: ") == true)
      let object = try await world.run("quito", "verify", "--json").object()
      #expect(object["needs_person"] as? Bool == false)
      #expect((object["findings"] as? [Any])?.count == 4)
      try await world.python(
        "quito",
        "CREATE TRIGGER strange AFTER INSERT ON mine BEGIN DELETE FROM mine WHERE x IS NULL; END")
      #expect(try await world.run("quito", "verify").exit == 3)
    }

    @Test func `what keeps the audit from looking is no damage`() async throws {
      let world = try await World.joined()
      let missing = try await world.run("quito", "verify", "--against", "nowhere.sqlite")
      #expect(missing.exit == 1 && missing.errors.contains("no file"))
      var environment = world.environment(of: "quito")
      environment["TMPDIR"] = world.folder.appending(path: "absent").path
      let nowhere = try await Child(
        World.program, ["verify"], environment: environment, folder: world.folder
      ).finish()
      #expect(nowhere.exit == 1 && !nowhere.output.contains("DAMAGED"))
      #expect(nowhere.errors.split(separator: "\n").count == 1)
    }
  }
}

import Foundation
import Programs
import Testing

extension EndToEnd {
  /// The doctor, on real files while central serves.
  @Suite(.timeLimit(.minutes(15))) struct DoctorTests {
    @Test func `the doctor names what is wrong and mends what is safe`() async throws {
      let world = try await World.joined()
      let first = try await world.run("quito", "doctor", "--json")
      #expect(first.exit == 3)
      let looks = try first.objects().filter { $0["state"] as? String == "look" }
      #expect(looks.map { $0["check"] as? String } == ["last backup"])
      try await world.run("quito", "backup", world.folder.appending(path: "b.sqlite").path)
      #expect(try await world.run("quito", "doctor").exit == 0)

      let keys = world.folder.appending(path: "quito/.local/share/cordee/keys").path
      let key = try #require(try FileManager.default.contentsOfDirectory(atPath: keys).first)
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o644], ofItemAtPath: "\(keys)/\(key)")
      let open = try await world.run("quito", "doctor", "--json")
      #expect(open.exit == 1)
      #expect(try await world.run("quito", "doctor", "--fix").exit == 0)
      let mode = try FileManager.default.attributesOfItem(atPath: "\(keys)/\(key)")[
        .posixPermissions]
      #expect(mode as? Int == 0o600)
      // Without a network the doctor still works.
      try await world.server?.kill()
      #expect(try await world.run("quito", "doctor").exit == 0)
    }

    @Test func `folders that others can write in are named; this program's own alone are closed`()
      async throws
    {
      let world = try await World.joined()
      try await world.run("quito", "backup", world.folder.appending(path: "b.sqlite").path)
      try await world.run(
        "keeper", "central", "backup", world.folder.appending(path: "b").path, "--data", "central")
      let (above, keys) = (world.folder.path, "\(world.folder.path)/quito/.local/share/cordee/keys")
      let (witness, data) = (
        "\(above)/quito/.local/state/cordee/witness", "\(above)/central"
      )
      func look(_ words: String...) async throws -> (exit: Int32, said: [String: [String: Any]]) {
        let told = try await world.run(as: "quito", ["doctor", "--json"] + words)
        let checks = try told.objects().map { ($0["check"] as? String ?? "", $0) }
        return (told.exit, Dictionary(uniqueKeysWithValues: checks))
      }
      func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      }
      let central = ["--data", "central"]
      #expect(try await look().exit == 0)
      #expect(try await look("--data", "central").exit == 0)
      for folder in [above, keys, witness, data] { try world.setMode(0o777, folder) }
      let found = try await look()
      let own = try #require(found.said["folders"]?["says"] as? String)
      #expect(found.exit == 3 && own.contains(keys) && own.contains(witness))
      let paths = try #require(found.said["paths"]?["says"] as? String)
      #expect(paths.contains("\(above) (anybody can write there)") && !paths.contains(keys))
      #expect((found.said["paths"]?["advice"] as? String)?.contains("chmod go-w") == true)
      #expect(found.said["paths"]?["fix"] is NSNull)
      let mended = try await look("--fix")
      #expect(mended.exit == 3 && mended.said["folders"]?["state"] as? String == "mended")
      #expect(try [keys, witness, above].map(mode) == [0o700, 0o700, 0o777])
      #expect(try await world.run(as: "keeper", ["doctor", "--fix"] + central).exit == 3)
      #expect(try [data, above].map(mode) == [0o700, 0o777])
      try world.setMode(0o755, above)
      #expect(try await look().exit == 0)
      #expect(try await look("--data", "central").exit == 0)
      // A folder of central's that holds other things is whoever's it is.
      try Data().write(to: URL(filePath: "\(data)/notes"))
      try world.setMode(0o777, data)
      #expect(try await look("--data", "central", "--fix").exit == 3)
      #expect(try mode(data) == 0o777)
    }

    /// The doctor's word on the key: how it ended, the state and what is said.
    private func key(_ world: World, _ member: String, _ words: String...) async throws -> [String]
    {
      let told = try await world.run(as: member, ["doctor", "--json"] + words)
      let key = try #require(try told.objects().first { $0["check"] as? String == "key" })
      return try ["state", "says", "advice"].map { try #require(key[$0] as? String) }
        + ["\(told.exit)"]
    }

    @Test func `a replica's key that is none, or another's, is wrong before a sync says so`()
      async throws
    {
      let world = try await World.joined()
      try await world.join("rabat", for: "morocco")
      func path(_ member: String) throws -> String {
        let keys = world.folder.appending(path: "\(member)/.local/share/cordee/keys").path
        let names = try FileManager.default.contentsOfDirectory(atPath: keys)
        return "\(keys)/\(try #require(names.first))"
      }
      let (own, other) = (URL(filePath: try path("quito")), URL(filePath: try path("rabat")))
      let bytes = try Data(contentsOf: own)
      #expect(
        try await key(world, "quito").starts(with: ["ok", "the right one, readable by you alone"]))
      for (spoilt, says, code) in [
        (Data("garbage".utf8), "\(own.path) is no key", "key.damaged"),
        (try Data(contentsOf: other), "\(own.path) is not the key of this replica", "replica.key"),
      ] {
        try spoilt.write(to: own)
        let told = try await key(world, "quito")
        #expect(told[0] == "wrong" && told[1] == says && told[3] == "1", "\(told)")
        #expect(told[2].contains("cordee join INVITE --adopt"), "\(told)")
        #expect(try await key(world, "quito", "--fix")[0] == "wrong")
        let synced = try await world.run("quito", "sync", "--json")
        #expect(synced.exit == 1 && synced.errors.contains(code), "\(synced.errors)")
      }
      try bytes.write(to: own)
      try await world.sync("quito")
      #expect(try await key(world, "quito")[0] == "ok")
    }

    @Test func `central's key that is none, or another's, is wrong, and nothing is signed with it`()
      async throws
    {
      let world = try await World.joined()
      let made = try await world.run(
        "keeper", "central", "init", "--data", "other", "--name", "Other", "--url",
        "http://127.0.0.1")
      #expect(made.exit == 0, "\(made.errors)")
      let own = world.folder.appending(path: "central/central.key")
      let bytes = try Data(contentsOf: own)
      let foreign = try Data(contentsOf: world.folder.appending(path: "other/central.key"))
      for isServing in [true, false] {
        if !isServing { try await world.stop() }
        #expect(try await key(world, "keeper", "--data", "central")[0] == "ok")
        for (spoilt, says) in [
          (Data("garbage".utf8), "\(own.path) is no key"),
          (foreign, "\(own.path) is not the key of central"),
        ] {
          try spoilt.write(to: own)
          let told = try await key(world, "keeper", "--data", "central")
          #expect(told[0] == "wrong" && told[1] == says && told[3] == "1", "\(told)")
          #expect(told[2].contains("Put it back from where it is kept"), "\(told)")
        }
        try bytes.write(to: own)
      }
      try foreign.write(to: own)
      for words in [["merge"], ["status"]] {
        let told = try await world.run(as: "keeper", ["central"] + words + ["--data", "central"])
        #expect(told.exit == 1 && told.errors.contains("is not the key of central"), "\(told)")
      }
      try bytes.write(to: own)
      try await world.serve(merge: "on-push")
      try await world.sync("quito")
    }

    @Test func `a kept snapshot and a replaced replica that others can read are closed`()
      async throws
    {
      let world = try await World.joined()
      for (name, words) in [
        ("central/central.sqlite.snapshot.commons.x.zst", ["--data", "central"]),
        ("quito.sqlite.replaced-20270115T080000Z", []),
      ] {
        let file = world.folder.appending(path: name).path
        try Data("x".utf8).write(to: URL(filePath: file))
        try world.setMode(0o644, file)
        let told = try await world.run(as: "quito", ["doctor", "--json"] + words).objects()
        let privacy = told.first { $0["check"] as? String == "privacy" }
        #expect(privacy?["state"] as? String == "look")
        #expect((privacy?["says"] as? String)?.contains(file) == true)
        _ = try await world.run(as: "quito", ["doctor", "--fix"] + words)
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions]
        #expect(mode as? Int == 0o600)
      }
    }

    @Test func `the doctor names the file system, of a member's file and of central's`()
      async throws
    {
      let world = try await World.joined()
      let asked = try await Child(
        URL(filePath: "/usr/bin/df"), ["--output=fstype", world.folder.path],
        environment: ["PATH": "/usr/bin:/bin"], folder: world.folder
      ).finish()
      let kind = try #require(asked.output.split(separator: "\n").last)
      let member = try await world.run("quito", "doctor", "--json").objects()
      for checks in [member, Array(try await central(world).checks.values)] {
        let disk = try #require(checks.first { $0["check"] as? String == "disk" })
        let says = try #require(disk["says"] as? String)
        #expect(says.hasPrefix("\(kind), ") && says.hasSuffix(" free"), "\(says)")
      }
    }

    /// The checks of a central node by name, and how the doctor ended.
    private func central(_ world: World, later days: Int = 0, _ words: String...) async throws
      -> (exit: Int32, checks: [String: [String: Any]])
    {
      let line = ["doctor", "--data", "central", "--json"] + words
      let told =
        try await days == 0
        ? world.run(as: "keeper", line) : world.later(days, "keeper", line)
      #expect(told.errors == "", "\(told.errors)")
      let checks = try told.objects().map { ($0["check"] as? String ?? "", $0) }
      for (name, check) in checks where ["look", "wrong"].contains(check["state"] as? String) {
        let does = [check["advice"], check["fix"]].compactMap { $0 as? String }.joined()
        #expect(!does.isEmpty, "\(name): what to do")
      }
      return (told.exit, Dictionary(uniqueKeysWithValues: checks))
    }

    @Test(.enabled(if: canShiftClocks))
    func `the doctor of a central node, from one bad state to the next`() async throws {
      let world = try await World.joined()
      let folder = world.folder.appending(path: "central").path
      func state(_ name: String, _ seen: (exit: Int32, checks: [String: [String: Any]])) -> String?
      {
        seen.checks[name]?["state"] as? String
      }
      // Serving and sound but for a backup, which was never made.
      let first = try await central(world)
      #expect(first.exit == 3 && state("last backup", first) == "look")
      #expect(first.checks.values.count { $0["state"] as? String != "ok" } == 1)
      try await world.run(
        "keeper", "central", "backup", world.folder.appending(path: "b").path, "--data", "central")
      #expect(try await central(world).exit == 0)
      try await world.stop()
      #expect(try await central(world).exit == 0)

      // Time passes, and goes back.
      #expect(state("last backup", try await central(world, later: 6)) == "ok")
      let old = try await central(world, later: 8)
      #expect(old.exit == 3 && state("last backup", old) == "look")
      let back = try await central(world, later: -1)
      #expect(back.exit == 3 && state("clock", back) == "look")

      // Files that others can read, and what cut commands left, are mended when that is asked.
      try world.setMode(0o644, "\(folder)/central.sqlite")
      try Data("x".utf8).write(to: URL(filePath: "\(folder)/central.key.part"))
      try world.setMode(0o600, "\(folder)/central.key.part")
      let untidy = try await central(world)
      #expect(untidy.exit == 3)
      #expect(state("privacy", untidy) == "look" && state("spools", untidy) == "look")
      #expect(FileManager.default.fileExists(atPath: "\(folder)/central.key.part"))
      let mended = try await central(world, "--fix")
      #expect(mended.exit == 0)
      #expect(state("privacy", mended) == "mended" && state("spools", mended) == "mended")
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/central.key.part"))
      #expect(try await central(world).exit == 0)

      // A key that others can read is wrong before anything else is looked at; one that is gone cannot be mended.
      let key = "\(folder)/central.key"
      try world.setMode(0o640, key)
      let open = try await central(world)
      #expect(open.exit == 1 && state("key", open) == "wrong")
      #expect(try await central(world, "--fix").exit == 0)
      try FileManager.default.moveItem(atPath: key, toPath: key + ".away")
      let gone = try await central(world)
      #expect(gone.exit == 1 && state("key", gone) == "wrong" && gone.checks.count == 1)
      try FileManager.default.moveItem(atPath: key + ".away", toPath: key)

      // What members sent waits too long for a merge.
      try await world.serve(merge: "manual")
      try await world.run("quito", "set", "ecuador", "contact=waits")
      try await world.sync("quito")
      try await world.stop()
      #expect(state("inbox", try await central(world)) == "ok")
      let late = try await central(world, later: 8)
      #expect(state("inbox", late) == "look")
      #expect((late.checks["inbox"]?["says"] as? String)?.hasPrefix("1 segments wait") == true)

      // A segment that the disk spoilt is set aside by the merge.
      try await world.tool(
        "sqlite3", "\(folder)/central.sqlite",
        "UPDATE cordee_inbox SET lines = CAST(replace(CAST(lines AS TEXT), 'waits', 'wa1ts') AS BLOB)"
      )
      try await world.merge()
      let aside = try await central(world)
      #expect(aside.exit == 3 && state("set aside", aside) == "look")

      // A restore that nobody has accepted.
      try await world.run("keeper", "central", "restore", "--data", "central")
      let restoring = try await central(world)
      #expect(restoring.exit == 3 && state("restore", restoring) == "look")
    }

    @Test func `a central node that is missing, damaged or held by another is told in one line`()
      async throws
    {
      let world = try await World.joined()
      func refused(_ folder: String, _ says: String) async throws {
        for words in [["doctor", "--data", folder], ["central", "status", "--data", folder]] {
          let told = try await world.run(as: "keeper", words)
          #expect(told.exit == 1 && told.output == "", "\(words)")
          #expect(told.errors.split(separator: "\n").count == 1, "\(told.errors)")
          #expect(told.errors.contains(says) && !told.errors.contains("SELECT"), "\(told.errors)")
        }
      }
      try await refused("nowhere", "there is no central node in nowhere. Run `cordee central init`")
      try await refused("quito", "no central node in quito")
      try await world.stop()
      let file = world.folder.appending(path: "central/central.sqlite")
      let whole = try Data(contentsOf: file)
      var spoilt = whole
      for place in 8192..<min(whole.count, 400_000) { spoilt[place] = UInt8(place & 0x7F) }
      try spoilt.write(to: file)
      try await refused("central", "central/central.sqlite is damaged or no SQLite database")
      try Data("no database at all, but long enough to be read as one".utf8).write(to: file)
      try await refused("central", "cordee central restore")
      try whole.write(to: file)
      try await world.tool("sqlite3", file.path, "DROP TABLE cordee_member")
      let told = try await world.run("keeper", "central", "members", "--data", "central")
      #expect([0, 1].contains(told.exit) && !told.errors.contains("SELECT"), "\(told.errors)")
    }
  }
}

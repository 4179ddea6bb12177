import Foundation
import Testing

extension World {
  /// Runs a command as somebody whom the permissions of files bind, be it the superuser's account.
  func bound(_ member: String, _ words: [String]) async throws -> Outcome {
    let start =
      geteuid() == 0
      ? ["/usr/bin/setpriv", "--bounding-set", "-dac_override,-dac_read_search"] : []
    let line = start + [Self.program.path] + words
    return try await Child(
      URL(filePath: line[0]), Array(line.dropFirst()), environment: environment(of: member),
      folder: folder
    ).finish()
  }

  func setMode(_ mode: Int, _ path: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
  }
}

extension EndToEnd {
  /// Media that cannot be written or are full: reading goes on, writing says so in one line, nothing half is left.
  @Suite(.timeLimit(.minutes(15))) struct MediaTests {
    @Test(arguments: [(0o444, 0o555), (0o644, 0o555), (0o444, 0o755)])
    func `a replica that may only be read is read, and says what keeps it from being written [R13]`(
      _ fileMode: Int, _ folderMode: Int
    ) async throws {
      let world = try await World.joined()
      // An edit by another program that was never sealed.
      try await world.python("quito", "UPDATE place SET city = 'unsealed' WHERE slug = 'rio'")
      let media = world.folder.appending(path: "media").path
      let file = "\(media)/quito.sqlite"
      try FileManager.default.createDirectory(atPath: media, withIntermediateDirectories: false)
      try FileManager.default.copyItem(atPath: world.replica(of: "quito"), toPath: file)
      let before = try Data(contentsOf: URL(filePath: file))
      try world.setMode(fileMode, file)
      try world.setMode(folderMode, media)
      defer { try? world.setMode(0o755, media) }
      func run(_ words: String) async throws -> Outcome {
        try await world.bound(
          "quito", words.split(separator: " ").map(String.init) + ["--replica", file])
      }
      for words in [
        "list", "list organisation", "get ecuador", "history ecuador", "conflicts", "log", "dump",
        "digest", "official-list", "status", "evidence", "refusals", "verify", "doctor",
        "evidence out.ndjson",
      ] {
        let told = try await run(words)
        #expect([0, 3].contains(told.exit) && told.errors == "", "\(words): \(told.errors)")
      }
      #expect(try await run("get place/rio --json").object()["city"] as? String == "unsealed")
      // The witness knows another file of this name.
      #expect(try await run("status").output.contains("Doubt: this file is a copy"))
      let doctor = try await run("doctor --json").objects()
      #expect(doctor.first { $0["check"] as? String == "writing" }?["state"] as? String == "look")
      for words in [
        "set ecuador contact=x", "add place slug=q", "remove place/rio", "sync",
        "bundle export out.cordee", "resolve ecuador contact --value x",
      ] {
        let told = try await run(words)
        #expect(told.exit == 1 && told.output == "", "\(words)")
        #expect(
          told.errors == "cordee: \(file) may only be read. Nothing was changed. "
            + "Make the file and its folder writable for you, or copy it elsewhere.\n", "\(words)")
      }
      let backup = try await run("backup copy.sqlite")
      #expect(backup.exit == 0 && backup.errors.contains("could not note it"), "\(backup.errors)")
      #expect(try Data(contentsOf: URL(filePath: file)) == before)
      #expect(try FileManager.default.contentsOfDirectory(atPath: media) == ["quito.sqlite"])
      // Made writable again it goes on with all it held.
      try world.setMode(0o755, media)
      try world.setMode(0o600, file)
      #expect(try await run("set ecuador contact=late").exit == 0)
      #expect(try await run("sync").exit == 0)
      #expect(try await run("status --json").object()["unsent"] as? Int == 0)
    }

    @Test func `a key that may not be read is told from one that is gone [R13]`() async throws {
      let world = try await World.joined()
      let keys = world.folder.appending(path: "quito/.local/share/cordee/keys").path
      let names = try FileManager.default.contentsOfDirectory(atPath: keys)
      let key = "\(keys)/\(try #require(names.first))"
      try world.setMode(0, key)
      let told = try await world.bound("quito", ["sync"])
      #expect(told.exit == 1)
      #expect(
        told.errors == "cordee: the key at \(key) cannot be read. "
          + "Make it readable for the account that runs this, or put it back from where it is kept.\n"
      )
      try world.setMode(0o600, key)
      try world.setMode(0, keys)
      let shut = try await world.bound("quito", ["sync"])
      #expect(shut.exit == 1 && shut.errors == told.errors)
      let backup = world.folder.appending(path: "saved").path
      #expect(try await world.bound("quito", ["backup", backup]).exit == 0)
      let restored = try await world.bound("quito", ["restore", backup, "--json"])
      #expect(try restored.object()["has_key"] as? Bool == true, "\(restored.errors)")
      try world.setMode(0o700, keys)
      #expect(try await world.bound("quito", ["sync"]).exit == 0)
    }

    @Test func `a replica of the layout before this one is read where it cannot be renewed [R13]`()
      async throws
    {
      let world = try await World.joined()
      let file = world.folder.appending(path: "media/quito.sqlite").path
      let media = world.folder.appending(path: "media").path
      try FileManager.default.createDirectory(atPath: media, withIntermediateDirectories: false)
      try FileManager.default.copyItem(atPath: world.replica(of: "quito"), toPath: file)
      try await world.tool(
        "sqlite3", file,
        """
        DROP INDEX cordee_log_refused; DROP TABLE cordee_row_recent;
        DELETE FROM cordee_meta WHERE key = 'recent_stamps'; UPDATE cordee_meta SET value = 2 WHERE key = 'layout'
        """)
      try world.setMode(0o444, file)
      try world.setMode(0o555, media)
      defer { try? world.setMode(0o755, media) }
      for words in ["list", "get ecuador", "status", "refusals", "conflicts", "doctor"] {
        let told = try await world.bound(
          "quito", words.split(separator: " ").map(String.init) + ["--replica", file])
        #expect([0, 3].contains(told.exit) && told.errors == "", "\(words): \(told.errors)")
      }
      // Where it can be, it is.
      try world.setMode(0o755, media)
      try world.setMode(0o600, file)
      #expect(try await world.run("quito", "status", "--replica", file).exit == 0)
      let index = try await world.tool(
        "sqlite3", file, "SELECT name FROM sqlite_schema WHERE name = 'cordee_log_refused'")
      #expect(index == "cordee_log_refused\n")
    }

    @Test(arguments: [false, true])
    func `a backup onto a disk that fills up fails whole, wherever it fills [R10] [R13]`(
      isCentral: Bool
    ) async throws {
      let world = try await World.joined()
      try await world.stop()
      let library = try await world.faults()
      let disk = world.folder.appending(path: "disk").path
      try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
      let words =
        isCentral
        ? ["central", "backup", "\(disk)/copy", "--data", "central"] : ["backup", "\(disk)/copy"]
      let original = isCentral ? "central/central.sqlite" : "quito.sqlite"
      func lines() async throws -> Set<Substring> {
        let told = try await world.tool("sqlite3", original, ".dump")
        return Set(told.split(separator: "\n").filter { !$0.contains("INTO cordee_meta") })
      }
      let before = try await lines()
      var failures = 0
      // The n-th write or sync on that disk finds no room; a copy has hundreds.
      for place in [1, 2, 3, 10, 50, 100, 150, 200, 250] {
        let told = try await world.run(
          as: isCentral ? "keeper" : "quito", words,
          with: Fault(how: "\(ENOSPC)", place: place, calls: "ws", folder: disk, library: library))
        let left = try FileManager.default.contentsOfDirectory(atPath: disk)
        if told.exit == 0 {
          // A folder that cannot be synced keeps nobody from going on, and a small copy needs fewer writes.
          #expect(left == ["copy"])
          try FileManager.default.removeItem(atPath: "\(disk)/copy")
          continue
        }
        failures += 1
        #expect(told.exit == 1 && told.output == "")
        #expect(
          told.errors == "cordee: there is no room for the backup in \(disk). "
            + "Free some there, or give a file elsewhere; nothing was lost.\n", "\(place)")
        #expect(left == [], "\(place)")
      }
      #expect(failures >= 4)
      // The original notes its last backup among its facts, and nothing else.
      #expect(try await lines() == before)
      let made = try await world.run(as: isCentral ? "keeper" : "quito", words)
      #expect(made.exit == 0, "\(made.errors)")
    }
  }
}

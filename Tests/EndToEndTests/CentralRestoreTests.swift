import Foundation
import Testing

extension EndToEnd {
  /// Central's file is lost or put back; real programs heal it.
  @Suite(.timeLimit(.minutes(15))) struct CentralRestoreTests {
    private let data = ["--data", "central", "--json"]

    @Test func `a restored central says what it is, takes the log back from members and goes on`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      let made = try await world.run(
        "keeper", "central", "backup", "old.sqlite", "--data", "central")
      #expect(made.exit == 0, "\(made.errors)")
      try await world.run("quito", "set", "ecuador", "contact=A")
      try await world.sync("quito")
      try await world.sync("quito")
      let before = try await world.run("quito", "dump")
      let restore = ["central", "restore", "--data", "central"]
      // Not under a node that serves.
      let busy = try await world.run(as: "keeper", restore + ["--from", "old.sqlite"])
      #expect(busy.exit == 1 && busy.errors.split(separator: "\n").count == 1)
      try await world.stop()
      let restored = try await world.run(as: "keeper", restore + ["--from", "old.sqlite"])
      #expect(restored.exit == 0, "\(restored.errors)")
      #expect(restored.output.contains("kept as central/central.sqlite.before-1"))
      try await world.serve(merge: "on-push")
      let asked = try await world.run("quito", "sync", "--dry-run")
      #expect(asked.exit == 0 && asked.output.contains("Would first give central"))
      let gave = try await world.run("quito", "sync", "--json").object()
      #expect(gave["central_restoring"] as? Bool == true)
      #expect((gave["offered"] as? Int ?? 0) > 0)
      let status = try await world.run("keeper", "central", "status", "--data", "central")
      #expect(status.exit == 3 && status.output.contains("RESTORING"))
      let accepted = try await world.run(as: "keeper", restore + ["--accept", "--json"]).object()
      #expect(accepted["lost"] as? [String] == [])
      #expect(try await world.run("quito", "sync").exit == 0)
      #expect(try await world.run("quito", "dump").output == before.output)
      #expect(try await world.run(as: "keeper", ["central", "status"] + data).exit == 0)
      // The new life goes on.
      try await world.run("quito", "set", "ecuador", "contact=B")
      try await world.sync("quito")
      #expect(try await world.run("quito", "verify").exit == 0)
      try await world.stop()
    }

    /// Three members' edits of every fate: merged, contested, refused, in two spaces, and one that only central received.
    private func livelyWorld() async throws -> World {
      let world = try World()
      try await world.start(merge: "manual")
      for (member, organisation, role) in [
        ("quito", "ecuador", "chair"), ("rabat", "ica", "member"), ("loja", "ecuador", "member"),
      ] {
        try await world.join(member, for: organisation, as: role)
      }
      func everybody() async throws {
        try await world.sync("quito", "rabat", "loja")
        try await world.merge()
        try await world.sync("quito", "rabat", "loja")
      }
      try await everybody()
      for (member, text) in [("quito", "A"), ("rabat", "B"), ("loja", "C")] {
        try await world.run(member, "set", "organisation/ecuador", "contact=\(text)")
      }
      try await world.python("quito", "DELETE FROM organisation WHERE slug = 'chile'")
      try await world.python("rabat", "UPDATE organisation SET note = 'kept' WHERE slug = 'chile'")
      // Refused: only its author and central hold what it said.
      try await world.python(
        "loja", "UPDATE organisation SET kind = 'nonsense' WHERE slug = 'quebec'",
        "INSERT INTO person(id, slug, name) VALUES('p1', 'p1', 'Person')")
      try await everybody()
      // Received, and lost with both its author's file and central.
      try await world.run("loja", "set", "organisation/ecuador", "website=https://gone.example")
      try await world.sync("loja")
      return world
    }

    /// Every entry of the log with its verdict, without what a file notes beside it.
    private func logged(_ world: World, _ member: String) async throws -> [String] {
      try await world.run(member, "log", "--json").objects().filter { $0["seq"] is Int }
        .map { "\($0["seq"] ?? "") \($0["space"] ?? "") \($0["verdict"] ?? "")" }
    }

    @Test
    func `central is made again from its key and members' replicas alone, and says what cannot be`()
      async throws
    {
      let world = try await livelyWorld()
      let status = try await world.run("quito", "status", "--json").object()
      let network = try #require(status["network"] as? String)
      let place = { (name: String) in world.folder.appending(path: name).path }
      let before = try await world.run("quito", "dump").output
      let log = try await logged(world, "quito")
      // The machine burns, and with it one member's laptop; the key was kept apart.
      try await world.server?.kill()
      try FileManager.default.moveItem(
        atPath: place("central/central.key"), toPath: place("kept.key"))
      try FileManager.default.removeItem(atPath: place("central"))
      try FileManager.default.removeItem(atPath: world.replica(of: "loja"))

      let made = try await world.run(
        "keeper", "central", "init", "--data", "central", "--name", "Test", "--url",
        "http://127.0.0.1", "--recover", "kept.key", "--network", network)
      #expect(made.exit == 0, "\(made.errors)")
      try await world.serve(merge: "manual")
      let refused = try await world.run(
        "keeper", "central", "merge", "--data", "central")
      #expect(refused.exit == 1 && refused.errors.contains("restor"))
      // Whoever comes first has not all; nobody is left out.
      for member in ["rabat", "quito", "rabat"] {
        let gave = try await world.run(member, "sync", "--json").object()
        #expect(gave["central_restoring"] as? Bool == true)
      }
      let offered = try await world.run("keeper", "central", "status", "--data", "central")
      #expect(offered.exit == 3 && offered.output.contains("RESTORING"))
      let sound = try await world.run(as: "keeper", ["verify"] + data)
      #expect(try sound.object()["sound"] as? Bool == true, "\(sound.output)")

      let accepted = try await world.run(
        as: "keeper", ["central", "restore", "--accept"] + data
      ).object()
      #expect(try #require(accepted["taken_over"] as? Int) > 5)
      // What only the lost laptop and central knew: a refused change's body. Nobody knows of what was only received.
      let lost = try #require(accepted["lost"] as? [String])
      #expect(lost.count == 1 && lost[0].contains("commons"), "\(lost)")
      for _ in 0..<2 {
        try await world.sync("quito", "rabat")
        try await world.merge()
      }
      try await world.sync("quito", "rabat")
      #expect(try await world.digests("quito", "rabat").count == 1)
      #expect(try await world.run("quito", "dump").output == before)
      #expect(try await logged(world, "quito") == log)
      for member in ["quito", "rabat"] {
        let told = try await world.run(member, "verify", "--json")
        #expect(try told.object()["sound"] as? Bool == true, "\(told.output)")
      }
      let whole = try await world.run(
        as: "keeper", ["verify"] + data + ["--against", world.replica(of: "quito")])
      #expect(try whole.object()["sound"] as? Bool == true, "\(whole.output)")
      // The new life goes on, and takes in a member who had not known it.
      try await world.join("cuenca", for: "ecuador")
      try await world.run("cuenca", "set", "organisation/ecuador", "phone=1")
      try await world.sync("cuenca")
      try await world.merge()
      try await world.sync("quito", "cuenca")
      #expect(try await world.digests("quito", "cuenca").count == 1)
      try await world.stop()
    }

    /// A member, a backup, an edit after it, and central at rest.
    private func restedWorld() async throws -> World {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      let made = try await world.run(
        "keeper", "central", "backup", "old.sqlite", "--data", "central")
      #expect(made.exit == 0, "\(made.errors)")
      try await world.run("quito", "set", "ecuador", "contact=A")
      try await world.sync("quito")
      try await world.sync("quito")
      try await world.stop()
      return world
    }

    private func life(_ world: World) async throws -> (instance: String?, isRestoring: Bool) {
      let told = try await world.run(as: "keeper", ["central", "status"] + data).object()
      let restore = told["restore"] as? [String: Any]
      return (told["instance"] as? String, restore?["restoring"] as? Bool ?? false)
    }

    private func files(_ world: World) throws -> [String] {
      try FileManager.default.contentsOfDirectory(
        atPath: world.folder.appending(path: "central").path
      ).sorted()
    }

    private let restoring = [
      "central", "restore", "--data", "central", "--from", "old.sqlite",
    ]

    @Test func `a restore cut before its end left the old life whole, and is run again`()
      async throws
    {
      let world = try await restedWorld()
      let before = try await life(world)
      let place = { (name: String) in world.folder.appending(path: "central/\(name)").path }
      // Cut in the middle of the copy, and when the old file had its second name.
      for end in ["", "-wal", "-shm", "-journal"] {
        try Data("half".utf8).write(to: URL(filePath: place("central.sqlite.restoring\(end)")))
      }
      try FileManager.default.linkItem(
        atPath: place("central.sqlite"), toPath: place("central.sqlite.before-1"))
      #expect(try await life(world) == before && !before.isRestoring)
      let again = try await world.run(as: "keeper", restoring)
      #expect(again.exit == 0 && again.output.contains("before-1"), "\(again.errors)")
      #expect(again.output.contains("RESTORING: restored from a backup"))
      let after = try await life(world)
      #expect(after.isRestoring && after.instance != before.instance)
      #expect(
        try files(world) == ["central.key", "central.sqlite", "central.sqlite.before-1"])
      // Run without a backup it tells how it stands.
      let told = try await world.run("keeper", "central", "restore", "--data", "central")
      #expect(told.exit == 0 && told.output.contains("restoring already"))
      #expect(try await life(world) == after)
      // Nobody is given its log, by a bundle as little as by a pull.
      let reader = try await world.run("quito", "status", "--json").object()["replica"] as? String
      let bundle = try await world.run(
        "keeper", "bundle", "export", "log.cordee", "--data", "central", "--for", reader ?? "")
      #expect(bundle.exit == 1 && bundle.errors.contains("restore --accept"), "\(bundle.errors)")
      #expect(
        !FileManager.default.fileExists(atPath: world.folder.appending(path: "log.cordee").path))
    }

    @Test func `where central's file is missing and one is kept, nobody is told to begin anew`()
      async throws
    {
      let world = try await restedWorld()
      let place = { (name: String) in world.folder.appending(path: "central/\(name)").path }
      try FileManager.default.moveItem(
        atPath: place("central.sqlite"), toPath: place("central.sqlite.before-1"))
      for isEmpty in [false, true] {
        if isEmpty { try Data().write(to: URL(filePath: place("central.sqlite"))) }
        for words in [
          ["central", "status"], ["central", "serve"], ["central", "merge"], ["doctor"], ["verify"],
          ["central", "restore"], ["central", "backup", "new.sqlite"],
        ] {
          let told = try await world.run(as: "keeper", words + ["--data", "central"])
          #expect(told.exit == 1, "\(words): \(told.output)")
          #expect(
            told.errors.contains("before-1")
              && told.errors.contains("central restore --data central"),
            "\(words): \(told.errors)")
          #expect(!told.errors.contains("init"), "\(words): \(told.errors)")
        }
        let made = try await world.run(
          "keeper", "central", "init", "--data", "central", "--name", "New", "--url",
          "http://127.0.0.1")
        #expect(made.exit == 1, "\(made.output)")
      }
      let again = try await world.run(
        as: "keeper",
        ["central", "restore", "--data", "central", "--from", place("central.sqlite.before-1")])
      #expect(again.exit == 0, "\(again.errors)")
      #expect(try await life(world).isRestoring)
      let sound = try await world.run(as: "keeper", ["verify"] + data)
      #expect(try sound.object()["sound"] as? Bool == true, "\(sound.output)")
    }

    @Test func `what is no backup is named as it was given, and changes nothing`() async throws {
      let world = try await restedWorld()
      let before = try await life(world)
      let names = try files(world)
      try Data("not a database, but long enough to be looked at as one".utf8).write(
        to: world.folder.appending(path: "junk"))
      try await world.tool(
        "python3", "-c",
        "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('CREATE TABLE t(x)')",
        world.folder.appending(path: "other.sqlite").path)
      var spoilt = try Data(contentsOf: world.folder.appending(path: "old.sqlite"))
      for at in stride(from: 4096 * 3 + 200, to: spoilt.count, by: 4096) { spoilt[at] ^= 0xFF }
      try spoilt.write(to: world.folder.appending(path: "spoilt.sqlite"))
      for name in ["junk", "other.sqlite", "spoilt.sqlite", "absent", "central"] {
        let refused = try await world.run(
          "keeper", "central", "restore", "--data", "central", "--from", name)
        #expect(refused.exit == 1 && refused.errors.contains(name), "\(name): \(refused.errors)")
        #expect(!refused.errors.contains("restoring"), "\(refused.errors)")
        #expect(refused.errors.split(separator: "\n").count == 1)
        #expect(try files(world) == names)
      }
      #expect(try await life(world) == before)
    }

    @Test func `a spoilt file's log of writes never meets the backup that takes its place`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      let place = { (name: String) in world.folder.appending(path: "central/\(name)").path }
      let made = try await world.run(
        "keeper", "central", "backup", "old.sqlite", "--data", "central")
      #expect(made.exit == 0, "\(made.errors)")
      try await world.run("quito", "set", "ecuador", "contact=A")
      try await world.sync("quito")
      try await world.sync("quito")
      try await world.server?.kill()
      let log = try Data(contentsOf: URL(filePath: place("central.sqlite-wal")))
      #expect(log.count > 4096)
      let spoilt = Data("spoilt".utf8)
      try spoilt.write(to: URL(filePath: place("central.sqlite")))
      let restored = try await world.run(as: "keeper", restoring)
      #expect(restored.exit == 0, "\(restored.errors)")
      #expect(try await life(world).isRestoring)
      let sound = try await world.run(as: "keeper", ["verify"] + data)
      #expect(try sound.object()["sound"] as? Bool == true, "\(sound.output)")
      #expect(try !files(world).contains { $0.hasPrefix("central.sqlite-") })
      #expect(try files(world).contains("central.sqlite.before-1"))
      try await world.serve(merge: "on-push")
      #expect(
        try await world.run("quito", "sync", "--json").object()["central_restoring"] as? Bool
          == true)
      let accepted = try await world.run(
        as: "keeper", ["central", "restore", "--accept"] + data)
      #expect(accepted.exit == 0, "\(accepted.errors)")
      try await world.sync("quito")
      #expect(try await world.run("quito", "verify").exit == 0)
      try await world.stop()
    }
  }
}

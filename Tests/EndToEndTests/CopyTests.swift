import Foundation
import Testing

extension EndToEnd {
  /// Copies, old states and restores of a replica, with real files and the witness beside them.
  @Suite(.timeLimit(.minutes(15))) struct CopyTests {
    private func joined() async throws -> World {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("rabat", for: "morocco")
      try await edit(world, "quito", "First")
      try await world.sync("quito", "rabat")
      return world
    }

    private func edit(_ world: World, _ member: String, _ text: String, in file: String? = nil)
      async throws
    {
      let place = file.map { ["--replica", $0] } ?? []
      let told = try await world.run(
        as: member, ["set", "organisation/ecuador", "contact=\(text)"] + place)
      #expect(told.exit == 0, "\(told.errors)")
    }

    private func status(_ world: World, _ member: String, file: String? = nil) async throws
      -> [String: Any]
    {
      try await world.run(
        as: member, ["status", "--json"] + (file.map { ["--replica", $0] } ?? [])
      )
      .object()
    }

    /// The contact of the record and all values that stand against each other.
    private func values(_ world: World, _ member: String) async throws -> Set<String> {
      var all: Set<String> = []
      for conflict in try await world.run(member, "conflicts", "--json").objects() {
        for value in conflict["values"] as? [[String: Any]] ?? [] {
          if let text = value["value"] as? String { all.insert(text) }
        }
      }
      let record = try await world.run(member, "get", "organisation/ecuador", "--json").object()
      if let fields = record["fields"] as? [String: Any], let text = fields["contact"] as? String {
        all.insert(text)
      } else if let text = record["contact"] as? String {
        all.insert(text)
      }
      return all
    }

    private func path(_ world: World, _ name: String) -> String {
      world.folder.appending(path: name).path
    }

    @Test func `a copy is noticed before its writes leave, and both go on`() async throws {
      let world = try await joined()
      let copy = path(world, "copy.sqlite")
      try FileManager.default.copyItem(atPath: world.replica(of: "quito"), toPath: copy)
      // Without a network: noticed by the witness alone, and editing goes on.
      try await world.server?.kill()
      try await edit(world, "quito", "Copied", in: copy)
      #expect(try await status(world, "quito", file: copy)["epoch_due"] as? String == "copied")
      #expect(try await status(world, "quito")["epoch_due"] is NSNull)
      try await edit(world, "quito", "Original")
      try await world.serve(merge: "on-push")
      let synced = try await world.run(as: "quito", ["sync", "--json", "--replica", copy])
      let epoch = try #require(try synced.object()["epoch"] as? [String: Any])
      #expect(epoch["reason"] as? String == "copied" && epoch["resealed"] as? Int == 1)
      // The original never notices anything.
      #expect(try await world.sync("quito").object()["epoch"] is NSNull)
      try await world.sync("rabat")
      #expect(try await values(world, "rabat").isSuperset(of: ["Copied", "Original"]))
      _ = try await world.run(as: "quito", ["sync", "--replica", copy])
      let digests = try await Set([
        world.run("quito", "digest").output, world.run("rabat", "digest").output,
        world.run(as: "quito", ["digest", "--replica", copy]).output,
      ])
      #expect(digests.count == 1)
      for file in [copy, world.replica(of: "quito")] {
        #expect(try await status(world, "quito", file: file)["epoch_due"] is NSNull)
        #expect(try await world.run(as: "quito", ["verify", "--replica", file]).exit == 0)
      }
      #expect((try await status(world, "quito")["epochs"] as? [Any])?.count == 0)
      let log = try await world.run(as: "quito", ["log", "--replica", copy])
      #expect(log.output.contains("New epoch: this file is a copy"))
      let told = try await status(world, "quito", file: copy)
      #expect((told["notices"] as? [String])?.first?.contains("1 change was sealed again") == true)
    }

    @Test func `a file that only moved is the same file`() async throws {
      let world = try await joined()
      let moved = path(world, "moved.sqlite")
      try FileManager.default.moveItem(atPath: world.replica(of: "quito"), toPath: moved)
      try await edit(world, "quito", "Moved", in: moved)
      #expect(try await status(world, "quito", file: moved)["epoch_due"] is NSNull)
      let synced = try await world.run(as: "quito", ["sync", "--json", "--replica", moved])
      #expect(try synced.object()["epoch"] is NSNull)
    }

    @Test func `an old state put back over the file is noticed offline`() async throws {
      let world = try await joined()
      let (file, old) = (world.replica(of: "quito"), path(world, "old.sqlite"))
      try FileManager.default.copyItem(atPath: file, toPath: old)
      try await edit(world, "quito", "Newer")
      try await world.sync("quito", "rabat")
      // Over the same file, as cp does: its number stays.
      try await world.tool("cp", old, file)
      try await edit(world, "quito", "Late")
      #expect(try await status(world, "quito")["epoch_due"] as? String == "old")
      let dry = try await world.run("quito", "sync", "--dry-run", "--json").object()
      #expect(dry["begins_epoch"] as? Bool == true)
      let epoch = try await world.sync("quito").object()["epoch"] as? [String: Any]
      #expect(epoch?["reason"] as? String == "old")
      try await world.sync("rabat")
      #expect(try await values(world, "rabat").isSuperset(of: ["Late", "Newer"]))
      try await world.sync("quito")
      #expect(try await world.digests("quito", "rabat").count == 1)
    }

    @Test func `a machine cloned with its folders is told by hello alone`() async throws {
      let world = try await joined()
      // Key and witness come along; the witness is made to say what it would on the clone.
      try await world.tool("cp", "-a", path(world, "quito"), path(world, "clone"))
      try await world.tool("cp", "-a", world.replica(of: "quito"), world.replica(of: "clone"))
      let folder = path(world, "clone/.local/state/cordee/witness")
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
        try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
      }
      let first = try await status(world, "clone")
      #expect((first["notices"] as? [String])?.contains { $0.contains("no witness") } == true)
      try await edit(world, "quito", "Original")
      try await edit(world, "clone", "Cloned")
      #expect(try await status(world, "clone")["epoch_due"] is NSNull)
      #expect(try await world.sync("quito").object()["epoch"] is NSNull)
      let epoch = try await world.sync("clone").object()["epoch"] as? [String: Any]
      #expect(epoch?["reason"] as? String == "forked")
      try await world.sync("quito", "rabat")
      #expect(try await values(world, "rabat").isSuperset(of: ["Original", "Cloned"]))
      #expect(try await world.digests("quito", "clone", "rabat").count == 1)
    }

    @Test(arguments: [false, true])
    func `a place of a chain written twice: both values stand, as two edits of one name [R5] [R9]`(
      isCarried: Bool
    ) async throws {
      let world = try await joined()
      // The clone has file, key and witness as they were before either edit: both write the same dot.
      try await world.tool("cp", "-a", path(world, "quito"), path(world, "clone"))
      try await world.tool("cp", "-a", world.replica(of: "quito"), world.replica(of: "clone"))
      try FileManager.default.removeItem(atPath: path(world, "clone/.local/state/cordee/witness"))
      try await edit(world, "quito", "One")
      try await edit(world, "clone", "Two")
      if isCarried {
        // By bundles into central's inbox: the second is refused there, and stays where it was written.
        for (member, file) in [("quito", "one.cordee"), ("clone", "two.cordee")] {
          #expect(try await world.run(member, "bundle", "export", file).exit == 0)
        }
        let take = ["bundle", "import", "--data", "central"]
        #expect(try await world.run(as: "keeper", take + ["one.cordee"]).exit == 0)
        let second = try await world.run(as: "keeper", take + ["two.cordee"])
        #expect(second.exit == 1 && second.output.contains("Refused: "), "\(second.output)")
        try await world.merge()
      }
      try await world.sync("quito", "clone", "quito", "rabat", "clone")
      for member in ["quito", "clone", "rabat"] {
        let all = try await world.run(member, "conflicts", "--json").objects()
        let conflict = try #require(all.first { $0["field"] as? String == "contact" })
        #expect(all.count == 1 && conflict["made_twice"] as? Bool == true, "\(member)")
        let values = try #require(conflict["values"] as? [[String: Any]])
        #expect(Set(values.compactMap { $0["value"] as? String }) == ["One", "Two"])
        #expect(values.allSatisfy { $0["by"] as? String == "quito" })
        // The second names the place that the first has.
        let first = try #require(values.first { $0["was"] is NSNull })
        let again = try #require(values.first { !($0["was"] is NSNull) })
        let dot = "\(first["actor"] as? String ?? ""):\(first["n"] as? Int ?? 0)"
        #expect(again["was"] as? String == dot)
        let told = try await world.run(member, "conflicts")
        #expect(told.exit == 3 && told.output.contains("different edits that had one name"))
        #expect(conflict["same_edit"] as? Bool == false)
        #expect(told.output.contains("\"One\"") && told.output.contains("\"Two\""))
        // Whatever is shown, both stand in the history.
        let history = try await world.run(member, "history", "ecuador", "contact").output
        #expect(history.contains("One") && history.contains("Two"))
        #expect(try await world.run(member, "verify").exit == 0)
      }
      #expect(try await world.digests("quito", "clone", "rabat").count == 1)
      let settled = try await world.run("rabat", "resolve", "ecuador", "contact", "--keep", "1")
      #expect(settled.exit == 0)
      try await world.sync("rabat", "quito", "clone")
      for member in ["quito", "clone", "rabat"] {
        #expect(try await world.run(member, "conflicts").output == "No conflicts.\n")
      }
    }

    @Test func `a backup is restored, and what was there is kept with its edits`() async throws {
      let world = try await joined()
      let (file, backup) = (world.replica(of: "quito"), path(world, "backup.sqlite"))
      #expect(try await world.run("quito", "backup", backup).exit == 0)
      try await edit(world, "quito", "Sent")
      try await world.sync("quito")
      try await edit(world, "quito", "Unsent")
      try Data("left".utf8).write(to: URL(filePath: file + ".cordee-pull-commons"))
      let told = try await world.run("quito", "restore", backup, "--json").object()
      #expect(told["unsent"] as? Int == 1)
      let kept = try #require(told["kept"] as? String)
      #expect(!FileManager.default.fileExists(atPath: file + ".cordee-pull-commons"))
      #expect(try await status(world, "quito")["epoch_due"] as? String == "restored")
      try await edit(world, "quito", "Restored")
      let epoch = try await world.sync("quito").object()["epoch"] as? [String: Any]
      #expect(epoch?["reason"] as? String == "restored" && epoch?["resealed"] as? Int == 1)
      // The kept file is the one that wrote last: its edit goes out as it is.
      let sent = try await world.run(as: "quito", ["sync", "--json", "--replica", kept])
      #expect(try sent.object()["epoch"] is NSNull)
      try await world.sync("rabat", "quito")
      #expect(try await values(world, "rabat").isSuperset(of: ["Unsent", "Restored"]))
      #expect(try await world.digests("quito", "rabat").count == 1)
      #expect(try await world.run("quito", "verify").exit == 0)
    }

    @Test
    func `a restore refuses what is damaged, foreign, missing or itself, and touches nothing`()
      async throws
    {
      let world = try await joined()
      let (file, backup) = (world.replica(of: "quito"), path(world, "backup.sqlite"))
      #expect(try await world.run("quito", "backup", backup).exit == 0)
      let before = try Data(contentsOf: URL(filePath: file))
      var bytes = try Data(contentsOf: URL(filePath: backup))
      let place = try #require(bytes.range(of: Data("\"contact\":\"First\"".utf8)))
      bytes[place.lowerBound + 12] ^= 1
      let spoiled = path(world, "spoiled.sqlite")
      try bytes.write(to: URL(filePath: spoiled))
      let words = path(world, "words.txt")
      try Data("no database".utf8).write(to: URL(filePath: words))
      for (source, code) in [
        (spoiled, "restore.damaged"), (words, "store.corrupt"), (file, "restore.same"),
        (path(world, "nothing"), "restore.missing"),
      ] {
        let refused = try await world.run(as: "quito", ["restore", source, "--json"])
        #expect(refused.exit == 1)
        #expect(refused.errors.contains(code), "\(refused.errors)")
      }
      #expect(try Data(contentsOf: URL(filePath: file)) == before)
      let names = try FileManager.default.contentsOfDirectory(atPath: world.folder.path)
      #expect(!names.contains { $0.contains(".restoring") || $0.contains(".replaced") })
      // A file past reading is what backups are for.
      try Data("broken".utf8).write(to: URL(filePath: file))
      let told = try await world.run("quito", "restore", backup, "--json").object()
      #expect(told["unsent"] is NSNull)
      let kept = try #require(told["kept"] as? String)
      #expect(try Data(contentsOf: URL(filePath: kept)) == Data("broken".utf8))
      #expect(try await world.sync("quito").object()["epoch"] is [String: Any])
    }

    @Test func `a copy without its key is adopted on another machine`() async throws {
      let world = try await joined()
      let copy = world.replica(of: "lima")
      try FileManager.default.copyItem(atPath: world.replica(of: "quito"), toPath: copy)
      try await world.python(
        "lima", "UPDATE organisation SET contact = 'Lima' WHERE slug = 'ecuador'")
      let without = try await world.run("lima", "sync")
      #expect(without.exit == 1 && without.errors.contains("adopt"))
      try await edit(world, "quito", "Quito")
      try await world.sync("quito")
      let own = try await world.invite("ecuador")
      let elsewhere = own.dropLast(32) + String(repeating: "a", count: 32)
      let foreign = try await world.run("lima", "join", String(elsewhere), "--adopt")
      #expect(foreign.exit == 1 && foreign.errors.split(separator: "\n").count == 1)
      let adopted = try await world.run(
        "lima", "join", own, "--adopt", "--name", "Lima", "--json")
      #expect(adopted.exit == 0, "\(adopted.errors)")
      let epoch = try adopted.object()["epoch"] as? [String: Any]
      #expect(epoch?["reason"] as? String == "adopted" && epoch?["resealed"] as? Int == 1)
      try await world.sync("lima", "rabat", "quito")
      try await world.sync("lima", "rabat", "quito")
      #expect(try await values(world, "rabat").isSuperset(of: ["Lima", "Quito"]))
      #expect(try await world.digests("quito", "lima", "rabat").count == 1)
      #expect((try await status(world, "quito")["epochs"] as? [Any])?.count == 0)
    }
  }
}

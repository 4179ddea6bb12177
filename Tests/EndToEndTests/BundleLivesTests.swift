import Foundation
import Testing

extension EndToEnd {
  /// Members without a network, and a central that lives another life by now.
  @Suite(.timeLimit(.minutes(15))) struct BundleLivesTests {
    /// Central was put back; what Rabat and Quito had merged after that only they hold, where `loses`.
    private func restored(loses: Bool) async throws -> World {
      let world = try World()
      try await world.start(merge: "manual")
      for member in ["quito", "rabat"] { try await world.join(member, for: "ecuador") }
      try await world.reference("join", try await world.invite("ica"), "py.db", "--name", "py")
      try await world.merge()
      try await world.sync("quito", "rabat")
      try await world.py("sync")
      let made = try await world.run(
        "keeper", "central", "backup", "old.sqlite", "--data", "central")
      #expect(made.exit == 0, "\(made.errors)")
      try await world.run("rabat", "set", "ecuador", "website=https://rabat.example")
      try await world.sync("rabat")
      try await world.merge()
      try await world.sync("rabat")
      if loses { try await world.sync("quito") }
      try await world.stop()
      let restore = ["central", "restore", "--data", "central"]
      let restored = try await world.run(as: "keeper", restore + ["--from", "old.sqlite"])
      #expect(restored.exit == 0, "\(restored.errors)")
      try await world.serve(merge: "manual")
      if !loses { try await world.sync("rabat") }
      let accepted = try await world.run(as: "keeper", restore + ["--accept"])
      #expect(accepted.exit == 0, "\(accepted.errors)")
      if !loses { try await world.sync("rabat") }
      return world
    }

    /// Quito's changes to central by a stick, a merge, and central's log back; gives what the import said.
    private func round(_ world: World, _ number: Int) async throws -> [String: Any] {
      let (out, back) = ("out\(number).cordee", "back\(number).cordee")
      #expect(try await world.run("quito", "bundle", "export", out).exit == 0)
      let taken = try await world.run("keeper", "bundle", "import", "--data", "central", out)
      #expect(taken.exit == 0, "\(taken.errors)\(taken.output)")
      try await world.merge()
      return try await self.back(world, back)
    }

    private func back(_ world: World, _ file: String) async throws -> [String: Any] {
      let id = try #require(
        try await world.run("quito", "status", "--json").object()["actor"] as? String
      ).prefix(32)
      let written = try await world.run(
        "keeper", "bundle", "export", "--data", "central", "--for", String(id), file)
      #expect(written.exit == 0, "\(written.errors)")
      let read = try await world.run("quito", "bundle", "import", file, "--json")
      #expect(read.exit == 0, "\(read.errors)\(read.output)")
      return try read.object()
    }

    private func nothingWaits(_ world: World) async throws {
      let status = try await world.run("quito", "status", "--json").object()
      #expect(status["unsent"] as? Int == 0 && status["received"] as? Int == 0)
      #expect((status["evidence"] as? [Any])?.isEmpty == true)
      #expect(try await world.run("quito", "verify").exit == 0)
    }

    @Test
    func `a member goes on by bundles alone after a restore, and an honest log accuses nobody`()
      async throws
    {
      let world = try await restored(loses: false)
      try await world.run("quito", "set", "ecuador", "contact=Quito")
      let first = try await round(world, 1)
      #expect((first["epoch"] as? [String: Any]) != nil)
      #expect((first["restored"] as? [String])?.isEmpty == false)
      try await nothingWaits(world)
      try await world.run("quito", "set", "ecuador", "contact=Quito 2")
      let second = try await round(world, 2)
      #expect(second["epoch"] is NSNull && second["applied"] as? Int == 1)
      try await nothingWaits(world)

      // Rabat holds a receipt of the life before.
      try await world.sync("rabat")
      #expect(try await world.run("rabat", "bundle", "export", "--log", "rabat.cordee").exit == 0)
      let handed = try await world.run("quito", "bundle", "import", "rabat.cordee")
      #expect(handed.exit == 0, "\(handed.output)")
      let synced = try await world.run("quito", "sync", "--json")
      #expect(synced.exit == 0, "\(synced.errors)")
      #expect(try synced.object()["epoch"] is NSNull && synced.object()["sent"] as? Int == 0)
      #expect(try await world.digests("quito", "rabat").count == 1)
      try await world.stop()
    }

    @Test(arguments: [false, true])
    func `the second implementation verifies central's bundle of a later life`(loses: Bool)
      async throws
    {
      let world = try await restored(loses: loses)
      let devices = try await world.run("rabat", "list", "replica", "--json").objects()
      let id = try #require(
        devices.first { $0["name"] as? String == "py" }?["id"] as? String)
      let written = try await world.run(
        "keeper", "bundle", "export", "--data", "central", "--for", id, "back.cordee", "--plain")
      #expect(written.exit == 0, "\(written.errors)")
      let told = try await world.reference("verify", "back.cordee", "--with", "py.db")
      #expect(told.exit == 0, "\(told.errors)")
      let text = try String(
        contentsOf: world.folder.appending(path: "back.cordee"), encoding: .utf8)
      let lines = text.split(separator: "\n").map(String.init)
      #expect(lines[1].hasPrefix(#"{"lives":"#))
      var (without, forged) = (lines, lines)
      without.remove(at: 1)
      without[without.count - 1] = #"{"end":\#(without.count - 2)}"#
      forged[1] = lines[1].replacingOccurrences(of: #""at":""#, with: #""at":"x"#)
      #expect(forged != lines)
      for altered in [without, forged] {
        let path = world.folder.appending(path: "bad.cordee")
        try Data(altered.map { $0 + "\n" }.joined().utf8).write(to: path)
        #expect(try await world.reference("verify", path.path, "--with", "py.db").exit == 1)
      }
      try await world.stop()
    }

    @Test func `what the new life lacks goes to it by the next bundle`() async throws {
      let world = try await restored(loses: true)
      try await world.run("quito", "set", "ecuador", "contact=Quito")
      let went = try await back(world, "first.cordee")
      #expect((went["epoch"] as? [String: Any]) != nil)
      _ = try await round(world, 1)
      try await nothingWaits(world)
      let row = try await world.run("quito", "get", "ecuador", "--json").object()
      #expect("\(row)".contains("rabat.example") && "\(row)".contains("Quito"))
      try await world.sync("rabat", "quito")
      try await world.merge()
      try await world.sync("rabat", "quito")
      #expect(try await world.digests("quito", "rabat").count == 1)
      try await world.stop()
    }

    @Test func `what another member hands on of a later life is left out in one line`() async throws
    {
      let world = try await restored(loses: false)
      #expect(try await world.run("rabat", "bundle", "export", "--log", "rabat.cordee").exit == 0)
      let handed = try await world.run("quito", "bundle", "import", "rabat.cordee")
      #expect(handed.exit == 1)
      let lines = handed.output.split(separator: "\n").filter { $0.hasPrefix("Left out:") }
      #expect(lines.count == 1 && lines[0].contains("bundle export --data"), "\(handed.output)")
      try await world.stop()
    }
  }
}

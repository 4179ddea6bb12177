import Foundation
import Testing

extension EndToEnd {
  /// Changes and the log carried in files, with real processes and no network between member and central.
  @Suite(.timeLimit(.minutes(15))) struct BundleTests {
    @Test(arguments: [true, false])
    func `a member behind a wall lives by bundles alone, central serving or not`(serves: Bool)
      async throws
    {
      let world = try World()
      try await world.start(merge: "every 6h")
      for member in ["quito", "rabat"] { try await world.join(member, for: "ecuador") }
      try await world.merge()
      try await world.sync("quito", "rabat")
      try await world.run("quito", "set", "organisation/ecuador", "contact=Quito")
      if !serves { try await world.stop() }

      let out = try await world.run("quito", "bundle", "export", "out.cordee", "--json")
      #expect(out.exit == 0, "\(out.errors)")
      #expect(try out.object()["segments"] as? Int == 1)
      let taken = try await world.run(
        "keeper", "bundle", "import", "--data", "central", "out.cordee", "--json")
      #expect(taken.exit == 0, "\(taken.errors)")
      #expect(try taken.object()["received"] as? Int == 1)

      let id = try #require(
        try await world.run("quito", "status", "--json").object()["actor"] as? String
      ).prefix(32)
      func back(_ file: String) async throws -> [String: Any] {
        let written = try await world.run(
          "keeper", "bundle", "export", "--data", "central", "--for", String(id), file, "--plain")
        #expect(written.exit == 0, "\(written.errors)")
        let read = try await world.run("quito", "bundle", "import", file, "--json")
        #expect(read.exit == 0, "\(read.errors)\(read.output)")
        return try read.object()
      }
      #expect(try await back("receipt.cordee")["received"] as? Int == 1)
      try await world.merge()
      #expect(try await back("log.cordee")["applied"] as? Int == 1)
      let status = try await world.run("quito", "status", "--json").object()
      #expect(status["received"] as? Int == 0 && status["unsent"] as? Int == 0)
      #expect((status["evidence"] as? [Any])?.isEmpty == true)
      #expect(try await world.run("quito", "verify").exit == 0)

      // Another member may not take what was made for this one, but may be handed the log by it.
      let wrong = try await world.run("rabat", "bundle", "import", "log.cordee")
      #expect(wrong.exit == 1 && wrong.errors.contains("was made for"))
      try await world.run("quito", "bundle", "export", "--log", "train.cordee")
      let handed = try await world.run("rabat", "bundle", "import", "train.cordee", "--json")
      #expect(try handed.object()["applied"] as? Int == 1)
      #expect(try await world.digests("quito", "rabat").count == 1)

      let evidence = try await world.run("rabat", "evidence", "evidence.ndjson", "--json")
      #expect(try evidence.object()["pieces"] as? Int == 0)
      let again = try await world.run("quito", "bundle", "export", "out.cordee")
      #expect(again.exit == 1 && again.errors.contains("already"))
      let nobody = try await world.run("keeper", "bundle", "export", "--data", "central", "x")
      #expect(nobody.exit == 2)
    }

    @Test func `of a bundle that is cut the whole part is taken, and the command ends with 1`()
      async throws
    {
      let world = try await World.joined()
      try await world.join("rabat", for: "ica")
      try await world.run("quito", "set", "ecuador", "contact=two")
      let made = try await world.run("quito", "bundle", "export", "out.cordee", "--plain")
      #expect(made.exit == 0, "\(made.errors)")
      let whole = try Data(contentsOf: world.folder.appending(path: "out.cordee"))
      try whole.dropLast(20).write(to: world.folder.appending(path: "cut.cordee"))
      for (member, data) in [("keeper", ["--data", "central"]), ("rabat", [])] {
        let told = try await world.run(as: member, ["bundle", "import", "cut.cordee"] + data)
        #expect(told.exit == 1, "\(member): \(told.errors)")
        #expect(told.output.contains("Not all of the bundle was taken"), "\(told.output)")
      }
      try await world.sync("quito", "rabat")
      #expect(try await world.digests("quito", "rabat").count == 1)
    }
  }
}

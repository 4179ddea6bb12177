import Foundation
import Testing

extension EndToEnd {
  /// The key of a central node is the one thing that nobody can make again.
  @Suite(.timeLimit(.minutes(15))) struct CentralKeyTests {
    private let making = [
      "central", "init", "--data", "central", "--name", "Test", "--url", "http://127.0.0.1",
    ]

    private func place(_ world: World, _ name: String) -> URL {
      world.folder.appending(path: "central/\(name)")
    }

    private func files(_ world: World) throws -> [String] {
      try FileManager.default.contentsOfDirectory(
        atPath: world.folder.appending(path: "central").path
      ).sorted()
    }

    private func key(_ world: World) throws -> Data {
      try Data(contentsOf: place(world, "central.key"))
    }

    @Test
    func `where a key lies without its file, no init takes its place, and it makes all again`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.run("quito", "set", "ecuador", "contact=A")
      try await world.sync("quito")
      let before = try await world.run("quito", "dump").output
      let network = try #require(
        try await world.run("quito", "status", "--json").object()["network"] as? String)
      try await world.stop()
      let key = try key(world)
      for name in try files(world) where name.hasPrefix("central.sqlite") {
        try FileManager.default.removeItem(at: place(world, name))
      }
      for words in [["central", "serve", "--data", "central"], making] {
        let told = try await world.run(as: "keeper", words)
        #expect(told.exit == 1 && told.errors.split(separator: "\n").count == 1, "\(told.errors)")
        #expect(
          told.errors.contains(
            "--recover central/central.key --network ID --name NAME --url URL"), "\(told.errors)")
        #expect(told.errors.contains("central restore --data central"), "\(told.errors)")
        #expect(try self.key(world) == key)
        #expect(try files(world) == ["central.key"])
      }
      // Nor does another key that is given.
      try await world.run(
        "keeper", "central", "init", "--data", "other", "--name", "N", "--url", "http://127.0.0.1")
      let other = try await world.run(
        as: "keeper", making + ["--recover", "other/central.key", "--network", network])
      #expect(other.exit == 1 && other.errors.contains("another key"), "\(other.errors)")
      #expect(try self.key(world) == key && files(world) == ["central.key"])
      let again = try await world.run(
        as: "keeper", making + ["--recover", "central/central.key", "--network", network])
      #expect(again.exit == 0, "\(again.errors)")
      try await world.serve(merge: "on-push")
      try await world.sync("quito")
      let accepted = try await world.run(
        "keeper", "central", "restore", "--accept", "--data", "central")
      #expect(accepted.exit == 0, "\(accepted.errors)")
      #expect(try await world.run("quito", "sync").exit == 0)
      #expect(try await world.run("quito", "dump").output == before)
      try await world.stop()
      #expect(try self.key(world) == key)
    }

    @Test func `an init that was cut anywhere is run again, and leaves a whole node`() async throws
    {
      for hasKey in [false, true] {
        let world = try World()
        try FileManager.default.createDirectory(
          at: world.folder.appending(path: "central"), withIntermediateDirectories: false)
        // Its key, or not yet, and half a database.
        if hasKey { try Data(repeating: 7, count: 32).write(to: place(world, "central.key")) }
        for end in ["", "-wal", "-shm"] {
          try Data("half".utf8).write(to: place(world, "central.sqlite.begun\(end)"))
        }
        let told = try await world.run("keeper", "central", "serve", "--data", "central")
        #expect(
          told.exit == 1 && told.errors.contains("Run `cordee central init`"), "\(told.errors)")
        let made = try await world.run(as: "keeper", making)
        #expect(made.exit == 0, "\(made.errors)")
        #expect(try files(world) == ["central.key", "central.sqlite"])
        #expect(try !hasKey || key(world) == Data(repeating: 7, count: 32))
        let sound = try await world.run("keeper", "verify", "--data", "central")
        #expect(sound.exit == 0, "\(sound.output)\(sound.errors)")
        let again = try await world.run(as: "keeper", making)
        #expect(again.exit == 1 && again.errors.contains("already"), "\(again.errors)")
      }
    }

    @Test func `a log of writes without its file spoils no node that is made anew`() async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.server?.kill()
      try FileManager.default.moveItem(
        at: place(world, "central.key"), to: world.folder.appending(path: "kept.key"))
      try FileManager.default.removeItem(at: place(world, "central.sqlite"))
      try Data("left".utf8).write(to: place(world, "central.sqlite-wal"))
      for words in [
        making, making + ["--recover", "kept.key", "--network", String(repeating: "0", count: 32)],
      ] {
        let made = try await world.run(as: "keeper", words)
        #expect(made.exit == 1 && made.errors.contains("central.sqlite-wal"), "\(made.errors)")
        #expect(made.errors.split(separator: "\n").count == 1)
      }
      #expect(try Data(contentsOf: place(world, "central.sqlite-wal")) == Data("left".utf8))
    }
  }
}

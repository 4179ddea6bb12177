import Foundation
import Testing

extension EndToEnd {
  /// Backups of files in use: whole and checked, or not there at all.
  @Suite(.timeLimit(.minutes(15))) struct BackupTests {
    @Test func `a backup is a whole, sound file, and never replaces one`() async throws {
      let world = try await World.joined()
      let copy = world.folder.appending(path: "copy.sqlite").path
      #expect(try await world.run("quito", "backup", copy).exit == 0)
      let again = try await world.run("quito", "backup", copy)
      #expect(again.exit == 1 && again.errors.contains("already"))
      #expect(try await world.run("quito", "verify", "--replica", copy).exit == 0)
      #expect(try await world.run("quito", "verify", "--against", copy).exit == 0)
      let left = try FileManager.default.contentsOfDirectory(atPath: world.folder.path)
      #expect(!left.contains { $0.hasSuffix(".part") || $0.hasPrefix("copy.sqlite-") })

      let central = world.folder.appending(path: "central-copy.sqlite").path
      let told = try await world.run(
        "keeper", "central", "backup", central, "--data", "central", "--json")
      #expect(told.exit == 0)
      #expect(try told.object()["file"] as? String == central)
    }

    @Test func `a backup never takes a name that means something already`() async throws {
      let world = try await World.joined()
      let place = { (name: String) in world.folder.appending(path: name).path }
      func refused(_ name: String, _ word: String) async throws {
        let ended = try await world.run("quito", "backup", place(name))
        #expect(ended.exit == 1 && ended.errors.contains(word), "\(name): \(ended.errors)")
        #expect(ended.errors.split(separator: "\n").count == 1)
        let kept = try await world.run(
          "keeper", "central", "backup", place(name), "--data", "central")
        #expect(kept.exit == 1 && kept.errors.contains(word), "\(name): \(kept.errors)")
      }
      let original = try Data(contentsOf: URL(filePath: world.replica(of: "quito")))
      try await refused("quito.sqlite", "already")
      try FileManager.default.createSymbolicLink(
        atPath: place("link"), withDestinationPath: world.replica(of: "quito"))
      try await refused("link", "already")
      try FileManager.default.createSymbolicLink(
        atPath: place("nothing"), withDestinationPath: place("nowhere"))
      try await refused("nothing", "symbolic link")
      try await refused("quito", "folder")
      try await refused("absent/copy.sqlite", "absent")
      // A journal of another file would be rolled back into the copy.
      try Data("old".utf8).write(to: URL(filePath: place("copy.sqlite-journal")))
      try await refused("copy.sqlite", "copy.sqlite-journal")
      try FileManager.default.createDirectory(
        atPath: place("held.part"), withIntermediateDirectories: false)
      try await refused("held", "in the way")
      #expect(try Data(contentsOf: URL(filePath: world.replica(of: "quito"))) == original)
      #expect(!FileManager.default.fileExists(atPath: place("nowhere")))
    }

    @Test func `what a cut backup left is no part of the next`() async throws {
      let world = try await World.joined()
      let copy = world.folder.appending(path: "copy.sqlite").path
      // Half a copy with a journal that is ready to be rolled back.
      try await world.cutTransaction("quito")
      for side in ["", "-journal"] {
        try FileManager.default.copyItem(
          atPath: world.replica(of: "quito") + side, toPath: copy + ".part" + side)
      }
      let made = try await world.run("quito", "backup", copy)
      #expect(made.exit == 0, "\(made.errors)")
      #expect(try await world.run("quito", "verify", "--replica", copy).exit == 0)
      #expect(try world.files("copy.sqlite").keys.sorted() == ["copy.sqlite"])
      let mode = try FileManager.default.attributesOfItem(atPath: copy)[.posixPermissions]
      #expect(mode as? Int == 0o600)
      #expect(try await world.run("quito", "verify", "--against", copy).exit == 0)
    }

    @Test func `central is copied while it takes pushes and merges, and each copy is whole`()
      async throws
    {
      let world = try await World.joined()
      let writer = Task {
        for round in 0..<12 {
          try await world.run("quito", "set", "organisation/ecuador", "contact=Round \(round)")
          try await world.sync("quito")
        }
      }
      var copies: [String] = []
      for round in 0..<4 {
        let copy = world.folder.appending(path: "central-\(round).sqlite").path
        let made = try await world.run(
          "keeper", "central", "backup", copy, "--data", "central", "--json")
        #expect(made.exit == 0, "\(made.errors)")
        copies.append(copy)
      }
      try await writer.value
      for copy in copies {
        let told = try await world.run(
          as: "keeper", ["verify", "--data", "central", "--against", copy, "--json"])
        #expect(try told.object()["sound"] as? Bool == true, "\(told.output)")
      }
      let status = try await world.run("keeper", "central", "status", "--data", "central", "--json")
      #expect(try status.object()["last_backup"] as? String != nil)
    }
  }
}

import Foundation
import Testing

extension EndToEnd {
  /// Backups, audits and the doctor, on real files while central serves.
  @Suite(.timeLimit(.minutes(15))) struct TrustTests {
    private func joined() async throws -> World {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.run("quito", "set", "organisation/ecuador", "contact=Quito")
      try await world.sync("quito")
      return world
    }

    @Test func `a backup is a whole, sound file, and never replaces one`() async throws {
      let world = try await joined()
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

    @Test func `a spoiled file is told from a sound one, by exit code and by JSON`() async throws {
      let world = try await joined()
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

    @Test func `the doctor names what is wrong and mends what is safe`() async throws {
      let world = try await joined()
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
  }
}

import Foundation
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
  }
}

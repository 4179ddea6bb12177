import Foundation
import Testing

extension EndToEnd {
  /// Whoever keeps central works with it while it serves.
  @Suite(.timeLimit(.minutes(15))) struct KeeperTests {
    @Test func `while central serves, its keeper's commands work through its socket`() async throws
    {
      let world = try World()
      try await world.start(merge: "every 6h")
      try await world.join("quito", for: "ecuador")
      try await world.run("quito", "set", "ecuador", "contact=A")
      try await world.sync("quito")
      let data = ["--data", "central", "--json"]
      let status = try await world.run(as: "keeper", ["central", "status"] + data).object()
      #expect(status["inbox"] as? Int == 1)
      #expect(status["members"] as? Int == 1)
      let report = try await world.merge()
      #expect((report["applied"] as? Int ?? 0) >= 1)
      let reports = try await world.run(as: "keeper", ["central", "reports"] + data).objects()
      #expect(reports.first?["number"] as? Int == report["number"] as? Int)
      let members = try await world.run(as: "keeper", ["central", "members"] + data).objects()
      #expect(members.map { $0["organisation"] as? String } == ["organisation/ecuador"])
      let replica = try #require(members.first?["replica"] as? String)

      let revoked = try await world.run(
        "keeper", "central", "revoke", String(replica.prefix(6)), "--data", "central")
      #expect(revoked.output == "Revoked \(replica); its next request is refused.\n")
      try await world.run("quito", "set", "ecuador", "contact=B")
      let refused = try await world.run("quito", "sync")
      #expect(refused.exit == 1)
      #expect(refused.errors.split(separator: "\n").count == 1)
      let again = try await world.run("keeper", "central", "revoke", replica, "--data", "central")
      #expect(again.exit == 1)
      // The member's own edit is still there.
      #expect(try await world.run("quito", "status", "--json").object()["unsent"] as? Int == 1)

      let second = try await world.run(
        "keeper", "central", "serve", "--data", "central", "--listen", "127.0.0.1:0")
      #expect(second.exit == 1)
      #expect(second.errors.split(separator: "\n").count == 1)
      try await world.stop()
      #expect(
        !FileManager.default.fileExists(
          atPath: world.folder.appending(path: "central/central.sock").path))
      let after = try await world.run(as: "keeper", ["central", "status"] + data).object()
      #expect(after["inbox"] as? Int == 0)
      #expect(try world.processes() == [])
    }

    @Test func `a socket left by a kill does not stand in the way`() async throws {
      let world = try World()
      try await world.start(merge: "every 6h")
      try await world.server?.kill()
      let status = try await world.run("keeper", "central", "status", "--data", "central")
      #expect(status.exit == 0, "\(status.errors)")
      try await world.serve(merge: "every 6h")
      #expect(try await world.run("keeper", "central", "status", "--data", "central").exit == 0)
    }
  }
}

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
  }
}

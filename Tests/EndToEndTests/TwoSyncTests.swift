import Foundation
import Programs
import Testing

extension EndToEnd {
  /// Two programs speak for one replica at the same time, as `sync --every` and a person's `sync` do.
  @Suite(.timeLimit(.minutes(20))) struct TwoSyncTests {
    /// Both end well, or one says that the other is under way.
    private func syncTwice(_ world: World, _ member: String) async throws {
      async let first = world.run(member, "sync", "--json")
      async let second = world.run(member, "sync", "--json")
      let outcomes = try await [first, second]
      #expect(outcomes.contains { $0.exit == 0 })
      for outcome in outcomes where outcome.exit != 0 {
        #expect(outcome.errors.contains("sync.under_way"), "\(outcome.errors)\(outcome.output)")
      }
    }

    private func checkSound(_ world: World, _ member: String) async throws {
      let verified = try await world.run(member, "verify")
      #expect(verified.exit == 0, "\(verified.output)\(verified.errors)")
      let evidence = try await world.run(member, "sync", "--json").object()["evidence"]
      #expect((evidence as? [Any])?.isEmpty == true)
    }

    @Test(arguments: ["short", "long"])
    func `nothing of a pull is lost, and central is not accused`(how: String) async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      for round in 1...4 {
        try await world.python(
          "ica",
          how == "short"
            ? "UPDATE organisation SET note = 'Round \(round)' WHERE id IN (SELECT id FROM organisation LIMIT 9)"
            : "UPDATE organisation SET note = hex(randomblob(25000)), objective = hex(randomblob(9000))"
        )
        try await world.sync("ica")
        try await syncTwice(world, "quito")
        try await world.sync("quito")
        #expect(try await world.digests("quito", "ica").count == 1)
      }
      try await checkSound(world, "quito")
      let left = try FileManager.default.contentsOfDirectory(atPath: world.folder.path)
      #expect(left.filter { $0.hasPrefix("quito.sqlite.") } == [])
    }

    @Test func `a snapshot is taken once by a join and a sync beside it, and two joins make one`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("ica", for: "ica")
      let invites = try await [world.invite("ecuador"), world.invite("ecuador")]
      async let one = world.run("quito", "join", invites[0], "--json")
      async let other = world.run("quito", "join", invites[1], "--json")
      async let beside = syncOnceThere(world, "quito")
      let joins = try await [one, other]
      #expect(joins.filter { $0.exit == 0 }.count == 1, "\(joins)")
      for join in joins where join.exit != 0 {
        #expect(
          ["replica.exists", "sync.under_way"].contains { join.errors.contains($0) },
          "\(join.errors)")
      }
      let synced = try await beside
      #expect(synced.exit == 0 || synced.errors.contains("sync.under_way"), "\(synced.errors)")
      try await world.sync("quito")
      #expect(try await world.digests("quito", "ica").count == 1)
      try await checkSound(world, "quito")
    }

    private func syncOnceThere(_ world: World, _ member: String) async throws -> Outcome {
      try await eventually("the replica is there") {
        FileManager.default.fileExists(atPath: world.replica(of: member))
      }
      return try await world.run(member, "sync", "--json")
    }

    @Test func `whoever syncs every while lets another sync pass and goes on`() async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      let every = world.child("quito", ["sync", "--every", "1s"])
      try every.process.run()
      for round in 1...8 {
        try await world.run("ica", "set", "organisation/quebec", "contact=\(round)")
        try await world.sync("ica")
        try await syncTwice(world, "quito")
      }
      #expect(every.process.isRunning, "\(every.outcome.errors)")
      every.process.terminate()
      try await eventually("it ends") { !every.process.isRunning }
      #expect(every.process.terminationStatus == 0)
      try await checkSound(world, "quito")
    }
  }
}

import Foundation
import Testing

extension EndToEnd {
  /// A replica that began from a snapshot says how far back its history goes, and fetches it when asked to.
  @Suite(.timeLimit(.minutes(15))) struct HistoryReachTests {
    /// What `status` says of commons.
    private func reach(_ world: World) async throws -> [String: Any] {
      let history = try await world.run("rabat", "status", "--json").object()["history"]
      return try #require((history as? [String: [String: Any]])?["commons"])
    }

    /// What contested values are said to be of.
    private func times(_ world: World) async throws -> [Any?] {
      let conflicts = try await world.run("rabat", "conflicts", "--json").objects()
      let values = try #require(conflicts.first?["values"] as? [[String: Any]])
      #expect(values.count == 2)
      return values.map { $0["at"] }
    }

    /// A large registry with one conflict, and a newcomer that has its image alone.
    private func newcomer() async throws -> World {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      try await world.python(
        "quito",
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) \
        INSERT INTO person(id, slug, name) SELECT 'p-' || i, 'p-' || i, 'x' FROM n
        """)
      try await world.run("quito", "set", "ecuador", "contact=one")
      try await world.run("ica", "set", "ecuador", "contact=two")
      try await world.sync("quito", "ica")
      try await world.stop()
      try await world.serve(merge: "on-push")
      try await world.join("rabat", for: "ecuador")
      return world
    }

    @Test func `status, history, verify and conflicts say what is not here yet`() async throws {
      let world = try await newcomer()
      let reach = try await reach(world)
      #expect(reach["complete"] as? Bool == false)
      let (from, to) = (reach["missing_from"] as? Int, reach["missing_to"] as? Int)
      #expect(from == 1 && (to ?? 0) > 900)
      let line =
        "History of commons: entries 1 to \(to ?? 0) are not here yet; `cordee sync` fetches them."
      #expect(try await world.run("rabat", "status").output.contains(line))

      let history = try await world.run("rabat", "history", "person/p-7")
      #expect(history.exit == 0 && history.output == "" && history.errors.contains(line))
      let listed = try await world.run("rabat", "history", "person/p-7", "--json")
      #expect(try listed.objects().isEmpty && listed.errors.contains(line))

      let words = try await world.run("rabat", "verify")
      #expect(words.exit == 3)
      #expect(
        words.output.contains("history of commons from entry 1 to \(to ?? 0) is not here yet"))
      let verified = try await world.run("rabat", "verify", "--json")
      #expect(verified.exit == 3)
      #expect(try verified.object()["sound"] as? Bool == true)
      #expect(try verified.object()["complete"] as? Bool == false)

      #expect(try await times(world).allSatisfy { $0 is NSNull })
      let told = try await world.run("rabat", "conflicts").output
      #expect(told.components(separatedBy: "not here yet").count == 3, "\(told)")
    }

    @Test func `sync --no-history leaves history where it is, a plain sync fetches it`()
      async throws
    {
      let world = try await newcomer()
      let before = try await reach(world)
      let declined = try await world.run("rabat", "sync", "--no-history")
      #expect(declined.exit == 3, "the conflict alone: \(declined.errors)")
      #expect(try await reach(world)["missing_to"] as? Int == before["missing_to"] as? Int)
      try await world.sync("rabat")
      #expect(try await reach(world)["complete"] as? Bool == true)
      #expect(try await world.run("rabat", "verify").exit == 0)
      #expect(try await !world.run("rabat", "status").output.contains("not here yet"))
      #expect(try await times(world).allSatisfy { $0 is String })
      let history = try await world.run("rabat", "history", "person/p-7")
      #expect(history.output.contains("by organisation/ecuador, quito") && history.errors == "")
    }
  }
}

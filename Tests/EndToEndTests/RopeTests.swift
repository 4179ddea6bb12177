import Foundation
import Testing

extension EndToEnd {
  /// An edit's way from one member to the others: when it is seen, and what meets on the way.
  @Suite(.timeLimit(.minutes(15))) struct RopeTests {
    private func contact(_ world: World, _ member: String) async throws -> String? {
      try await world.run(member, "get", "organisation/quebec", "--json").object()["contact"]
        as? String
    }

    @Test func `what is pushed is seen by others after a scheduled merge and not before`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "every 2s")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      var isSeenBetweenMerges = false
      for round in 1...8 where !isSeenBetweenMerges {
        // Right after a merge most of the period is left.
        let before = try await world.reports()
        try await eventually("a merge") { try await world.reports() > before }
        let merges = try await world.reports()
        try await world.run("quito", "set", "organisation/quebec", "contact=\(round)")
        try await world.sync("quito")
        let received = try await world.run("quito", "status", "--json").object()["received"]
        try await world.sync("ica")
        let seen = try await contact(world, "ica")
        // Only a round without a merge in it tells.
        guard try await world.reports() == merges else { continue }
        isSeenBetweenMerges = true
        #expect(received as? Int == 1)
        #expect(seen != "\(round)")
        try await eventually("the schedule merges, with no command given") {
          try await world.sync("ica")
          return try await contact(world, "ica") == "\(round)"
        }
      }
      #expect(isSeenBetweenMerges)
    }

    @Test func `on-push is seen at once`() async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      try await world.run("quito", "set", "organisation/quebec", "contact=A")
      try await world.sync("quito", "ica")
      #expect(try await contact(world, "ica") == "A")
    }

    @Test func `different fields of one row make no conflict, the same field one`() async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      try await world.join("office", for: "mbm", as: "secretariat")
      try await world.run("quito", "set", "organisation/quebec", "contact=A")
      try await world.run("ica", "set", "organisation/quebec", "website=https://quebec.example")
      try await world.sync("quito", "ica", "quito", "office")
      for member in ["quito", "ica", "office"] {
        let row = try await world.run(member, "get", "quebec", "--json").object()
        #expect(row["contact"] as? String == "A")
        #expect(row["website"] as? String == "https://quebec.example")
        #expect(try await world.run(member, "conflicts").exit == 0)
      }
      for (member, value) in [("quito", "Q"), ("ica", "I"), ("office", "O")] {
        try await world.run(member, "set", "organisation/quebec", "contact=\(value)")
      }
      try await world.sync("quito", "ica", "office", "quito", "ica")
      var told: Set<String> = []
      for member in ["quito", "ica", "office"] {
        let outcome = try await world.run(member, "conflicts", "--json")
        #expect(try outcome.objects().count == 1)
        told.insert(outcome.output)
      }
      #expect(told.count == 1)
      #expect(["Q", "I", "O"].allSatisfy { told.first?.contains("\"value\":\"\($0)\"") == true })
      try await world.run("office", "resolve", "quebec", "contact", "--value", "settled")
      try await world.sync("office", "quito", "ica")
      for member in ["quito", "ica", "office"] {
        #expect(try await world.run(member, "conflicts", "--json").output == "[]\n")
        #expect(try await contact(world, member) == "settled")
      }
      #expect(try await world.digests("quito", "ica", "office").count == 1)
    }

    @Test(arguments: [false, true])
    func `a row removed here and edited there stays whole until somebody settles it`(
      _ isKept: Bool
    ) async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      try await world.run("quito", "remove", "place/rio")
      try await world.run("ica", "set", "place/rio", "un_locode=BR RIO")
      try await world.sync("quito", "ica", "quito")
      for member in ["quito", "ica"] {
        let row = try await world.run(member, "get", "place/rio", "--json").object()
        #expect(row["city"] as? String == "Rio de Janeiro")
        #expect(row["un_locode"] as? String == "BR RIO")
        let items = try await world.run(member, "conflicts", "--json").objects()
        #expect(items.map { $0["kind"] as? String } == ["deleted"])
      }
      try await world.run("ica", isKept ? "undelete" : "remove", "place/rio")
      try await world.sync("ica", "quito")
      for member in ["quito", "ica"] {
        #expect(try await world.run(member, "conflicts").exit == 0)
        #expect(try await world.run(member, "get", "place/rio").exit == (isKept ? 0 : 1))
      }
      #expect(try await world.digests("quito", "ica").count == 1)
    }
  }
}

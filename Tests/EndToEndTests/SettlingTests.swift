import Foundation
import Testing

extension EndToEnd {
  /// Conflicts as people meet them: told alike on both sides, and never settled without a word.
  @Suite(.timeLimit(.minutes(15))) struct SettlingTests {
    /// Two devices of one organisation, called alike, that contest a row in three ways.
    private func contested() async throws -> World {
      let world = try World()
      try await world.start(merge: "on-push")
      for member in ["quito", "loja"] {
        let joined = try await world.run(member, "join", try await world.invite("ecuador"))
        #expect(joined.exit == 0, "\(joined.errors)")
      }
      try await world.python(
        "quito", "INSERT INTO occasion(id, slug, year) VALUES('o', 'fair', 2014)")
      try await world.sync("quito", "loja")
      try await world.python(
        "quito", "UPDATE occasion SET year = 2015 WHERE id = 'o'",
        "UPDATE place SET city = 'A', country = 'AR' WHERE slug = 'rio'",
        "DELETE FROM organisation WHERE slug = 'fao'")
      try await world.python(
        "loja", "UPDATE occasion SET year = NULL WHERE id = 'o'",
        "UPDATE place SET city = 'B', country = 'EC' WHERE slug = 'rio'",
        "UPDATE organisation SET note = 'kept' WHERE slug = 'fao'")
      try await world.sync("quito", "loja", "quito", "loja")
      return world
    }

    @Test func `R5: both sides read the same words, and devices called alike are told apart`()
      async throws
    {
      let world = try await contested()
      let told = try await world.run("quito", "conflicts").output
      #expect(try await world.run("loja", "conflicts").output == told)
      #expect(told.contains("organisation/fao: edited on one side, deleted on the other; "))
      #expect(told.contains(" (empty) ") && !told.contains(" null "), "\(told)")
      let got = try await world.run("quito", "get", "organisation/fao").output
      #expect(got.contains("(edited on one side, deleted on the other: see cordee conflicts)"))
      let items = try await world.run("quito", "conflicts", "--json").objects()
      for value in items.flatMap({ $0["values"] as? [[String: Any]] ?? [] }) {
        let name = try #require(value["by"] as? String)
        let actor = try #require(value["actor"] as? String)
        #expect(told.contains("\(name) (\(actor.prefix(8)))"), "\(told)")
      }
    }

    @Test func `R16: an edit that settles a conflict on its way says so`() async throws {
      let world = try await contested()
      let set = try await world.run("quito", "set", "place/rio", "city=C", "un_locode=BR RIO")
      #expect(set.exit == 0 && set.output == "")
      #expect(
        set.errors
          == "Note: this settles a conflict of place/rio: city. "
          + "What stood is in cordee history place/rio.\n")
      let again = try await world.run("quito", "set", "place/rio", "city=D", "--json")
      #expect((try again.object()["settled"] as? [Any])?.isEmpty == true)
      let removed = try await world.run("quito", "remove", "place/rio", "--json").object()
      let fields = try #require(removed["settled"] as? [[String: Any]])
      #expect(fields.map { $0["field"] as? String } == ["country"])
      let back = try await world.run("quito", "undelete", "organisation/fao")
      #expect(back.errors.contains("organisation/fao: that it was edited on one side, deleted on"))
      let left = try await world.run("quito", "conflicts", "--json").objects()
      #expect(left.map { $0["record"] as? String } == ["occasion/fair"])
    }

    @Test func `R16: what cannot be decided between several values was understood, and failed`()
      async throws
    {
      let world = try await contested()
      try await world.join("cuenca", for: "ecuador")
      for (member, city) in [("quito", "A"), ("loja", "B"), ("cuenca", "C")] {
        try await world.run(member, "set", "organisation/quebec", "contact=\(city)")
      }
      try await world.sync("quito", "loja", "cuenca", "quito")
      let told = try await world.run(
        "quito", "resolve", "organisation/quebec", "contact", "--keep", "theirs")
      #expect(told.exit == 1 && told.errors.contains("--keep theirs names 2 values"))
    }
  }
}

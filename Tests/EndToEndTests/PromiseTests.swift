import Foundation
import Testing

extension EndToEnd {
  /// What a command advises or foretells is what happens.
  @Suite(.timeLimit(.minutes(15))) struct PromiseTests {
    @Test func `a record whose creation was refused is no deleted one, and takes nothing`()
      async throws
    {
      let world = try await World.joined()
      try await world.python(
        "quito", "INSERT INTO place(id, slug, country) VALUES('q1', 'q-one', 'XX')")
      try await world.sync("quito", "quito")
      for words in [["get"], ["undelete"], ["remove"], ["set"]] {
        let told = try await world.run(
          as: "quito", words + ["place/q1"] + (words == ["set"] ? ["city=Q"] : []))
        #expect(told.exit == 1 && told.errors.contains("its creation was refused"), "\(words)")
        #expect(told.errors.contains("`cordee refusals` says why"), "\(told.errors)")
        #expect(!told.errors.contains("undelete place"), "\(told.errors)")
      }
      #expect(try await world.run("quito", "status", "--json").object()["unsent"] as? Int == 0)
      // An edit that waits while the creation is refused is refused, too, and not advised again.
      try await world.python(
        "quito", "INSERT INTO place(id, slug, country) VALUES('q2', 'q-two', 'XX')")
      try await world.run("quito", "status")
      try await world.run("quito", "set", "place/q2", "city=Q")
      try await world.sync("quito", "quito")
      let listed = try await world.run("quito", "refusals", "--json").objects()
      let again = listed.compactMap { ($0["write_again"] as? [String])?.first }
      #expect(listed.count == 3 && again.count == 2)
      #expect(again.allSatisfy { $0.hasPrefix("cordee add place ") }, "\(again)")
    }

    @Test func `a dry run promises nothing that the role may not send`() async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("rabat", for: "ecuador", as: "observer")
      try await world.python("rabat", "UPDATE place SET city = 'x' WHERE slug = 'rio'")
      let sentence = "the role observer may not write in commons"
      // Before the edit is sealed, and after.
      for _ in 0..<2 {
        let told = try await world.run("rabat", "sync", "--dry-run")
        #expect(told.exit == 3, "\(told.output)")
        #expect(told.output.hasPrefix("Would send: changes 0, edited records 0.\n"))
        #expect(told.output.contains("Refused: \(sentence)\n"))
        #expect(told.output.contains("--adopt"))
        let object = try await world.run("rabat", "sync", "--dry-run", "--json").object()
        #expect(object["refused"] as? [String] == [sentence])
        #expect(object["changes_to_send"] as? Int == 0)
        #expect(object["edited_records_to_seal"] as? Int == 0)
        let alone = try await world.run("rabat").output
        #expect(alone.contains("1 edited row in ") && alone.contains(" cannot be sent."))
        #expect(!alone.contains("cordee sync"))
        #expect(try await world.run("rabat", "sync", "--json").object()["sent"] as? Int == 0)
      }
    }

    @Test func `a join that was cut during its first download is told how to go on`() async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      let invite = try await world.invite("ecuador")
      let joined = try await world.run("quito", "join", invite, "--json")
      let tables = try await world.run("quito", "list", "--json").objects()
      let rows = tables.compactMap { $0["rows"] as? Int }.reduce(0, +)
      #expect(try joined.object()["records"] as? Int == rows && rows > 300, "\(joined.output)")
      // As a cut leaves it: enrolled, and no conversation came to its end.
      try await world.tool(
        "sqlite3", world.replica(of: "quito"), "DELETE FROM cordee_meta WHERE key = 'last_sync'")
      let again = try await world.run("quito", "join", invite)
      #expect(again.exit == 1 && again.errors.contains(" has joined http://127.0.0.1"))
      #expect(again.errors.contains("Run `cordee sync` to go on"), "\(again.errors)")
      #expect(try await world.run("quito", "sync").exit == 0)
      let whole = try await world.run("quito", "join", invite)
      #expect(whole.exit == 1 && whole.errors.contains("Name another with --replica"))
    }

    @Test func `a table that is not received is not shown as an empty one`() async throws {
      let world = try await World.joined()
      let list = try await world.run("quito", "list", "minutes_draft")
      #expect(list.exit == 1 && list.output == "")
      #expect(list.errors.contains("does not receive the space bureau. It holds: commons."))
      let tables = try await world.run("quito", "list").output.split(separator: "\n")
      let line = try #require(tables.first { $0.hasPrefix("minutes_draft ") })
      #expect(line.split(separator: " ")[1] == "-")
      #expect(line.contains("(of bureau, which is not received here)"))
      let listed = try await world.run("quito", "list", "--json").objects()
      #expect(
        listed.filter { $0["received"] as? Bool == false }.map { $0["table"] as? String }
          == ["minutes_draft"])
      // What was written there all the same can be found.
      try await world.python("quito", "INSERT INTO minutes_draft(id, body) VALUES('h', 'x')")
      let held = try await world.run("quito", "list", "minutes_draft")
      #expect(held.exit == 0 && held.output.hasPrefix("minutes_draft/h"), "\(held.errors)")
    }
  }
}

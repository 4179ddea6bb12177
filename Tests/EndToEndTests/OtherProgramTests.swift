import Foundation
import Testing

extension EndToEnd {
  /// Members edit with any SQLite program; what they wrote travels as everything else does.
  @Suite(.timeLimit(.minutes(15))) struct OtherProgramTests {
    /// Every kind of write, each to rows of its own.
    private static let writes = [
      "INSERT INTO person(id, slug, name) VALUES('p-1', 'ana', 'Ana')",
      "INSERT INTO person(id, slug, name) VALUES('p-2', 'ben', 'Ben'), ('p-3', 'cy', 'Cy')",
      "UPDATE place SET city = 'Rio' WHERE slug = 'rio'",
      "REPLACE INTO place(id, slug, city) SELECT id, slug, 'Chamonix' FROM place WHERE slug = 'chamonix'",
      "INSERT INTO rule(id, slug, quote) SELECT id, slug, 'new' FROM rule LIMIT 1 "
        + "ON CONFLICT(id) DO UPDATE SET quote = excluded.quote",
      "DELETE FROM place WHERE slug = 'paris'",
      "UPDATE person SET id = 'p-9' WHERE id = 'p-3'",
      // Put back: no change.
      "UPDATE place SET city = 'x' WHERE slug = 'nyc-unhq'",
      "UPDATE place SET city = 'New York' WHERE slug = 'nyc-unhq'",
    ]

    private func check(_ world: World) async throws {
      #expect(try await world.digests("quito", "ica").count == 1)
      let people = try await world.run("ica", "list", "person", "--json").objects()
      let ids = people.compactMap { $0["id"] as? String }
      #expect(Set(["p-1", "p-2", "p-9"]).isSubset(of: ids))
      #expect(!ids.contains("p-3"))
      let rio = try await world.run("ica", "get", "place/rio", "--json").object()
      #expect(rio["city"] as? String == "Rio")
      let chamonix = try await world.run("ica", "get", "place/chamonix", "--json").object()
      #expect(chamonix["city"] as? String == "Chamonix")
      // REPLACE empties what it does not name.
      #expect(chamonix["country"] is NSNull)
      #expect(try await world.run("ica", "get", "place/paris").exit == 1)
      let rules = try await world.run("ica", "list", "rule", "--where", "quote=new", "--json")
      #expect(try rules.objects().count == 1)
      #expect(try await world.run("ica", "conflicts").exit == 0)
      // The others verified the signatures as they pulled; here, who wrote and how much at once.
      let log = try await world.run("ica", "log", "--json").objects()
      let written = log.filter { $0["by"] as? String == "quito" }
      #expect(written.allSatisfy { ($0["records"] as? [String])?.count == 1 })
      #expect(
        written.count == Set(written.compactMap { ($0["records"] as? [String])?.first }).count)
      #expect(!written.contains { ($0["records"] as? [String])?.first?.contains("nyc") == true })
      #expect(written.count == 7)
    }

    @Test func `Python's edits of every kind are carried, attributed, one change a row`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      for statement in Self.writes { try await world.python("quito", statement) }
      try await world.sync("quito", "ica")
      try await check(world)
    }

    @Test func `the sqlite3 shell's edits are carried as well`() async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      try await world.tool(
        "sqlite3", world.replica(of: "quito"), Self.writes.joined(separator: ";\n"))
      try await world.sync("quito", "ica")
      try await check(world)
    }

    @Test func `a new member starts from a snapshot of a central that was opened again`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.python(
        "quito",
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) \
        INSERT INTO person(id, slug, name) SELECT 'p-' || i, 'p-' || i, 'x' FROM n
        """)
      try await world.sync("quito")
      try await world.stop()
      try await world.serve(merge: "on-push")
      let joined = try await world.run(
        "ica", "join", try await world.invite("ica"), "--name", "ica", "--json")
      #expect(joined.exit == 0, "\(joined.errors)")
      #expect((try joined.object()["records"] as? Int ?? 0) > 900)
      try await world.sync("ica", "quito")
      #expect(try await world.digests("quito", "ica").count == 1)
      let history = try await world.run("ica", "history", "person/p-7", "--json").objects()
      #expect(history.map { $0["by"] as? String } == ["quito"])
    }

    @Test func `edits by Python while syncs run are all carried, none twice`() async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      let script = """
        import os, sqlite3, sys, time
        db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
        i = -1
        while i < 30 or not os.path.exists("enough"):
          i += 1
          db.execute("BEGIN IMMEDIATE")
          db.execute("INSERT INTO person(id, slug, name) VALUES(?, ?, 'new')", (f"p-{i}", f"s-{i}"))
          db.execute("UPDATE organisation SET contact = ? WHERE slug = 'ecuador'", (f"c-{i}",))
          if i: db.execute("UPDATE person SET name = 'old' WHERE id = ?", (f"p-{i - 1}",))
          if i % 3 == 2: db.execute("DELETE FROM person WHERE id = ?", (f"p-{i - 2}",))
          if i % 5 == 4:
            db.execute("REPLACE INTO person(id, slug, name) VALUES(?, ?, 'put')", (f"p-{i}", f"s-{i}"))
          db.execute("COMMIT")
          time.sleep(0.002)  # a person's program does something else, too
        print([tuple(row) for row in db.execute(
          "SELECT id, slug, name FROM person WHERE id LIKE 'p-%' ORDER BY id")])
        """
      let python = Child(
        URL(filePath: "/usr/bin/python3"), ["-c", script, world.replica(of: "quito")],
        environment: ["PATH": "/usr/bin:/bin"], folder: world.folder)
      async let written = python.finish()
      for round in 1...6 {
        try await world.run("ica", "set", "organisation/quebec", "contact=\(round)")
        try await world.sync("quito", "ica")
      }
      try Data().write(to: world.folder.appending(path: "enough"))
      let final = try await written
      #expect(final.exit == 0, "\(final.errors)")
      try await world.sync("quito", "ica", "quito")
      for member in ["quito", "ica"] {
        let held = try await world.tool(
          "python3", "-c",
          """
          import sqlite3, sys
          print(sqlite3.connect(sys.argv[1]).execute(
            "SELECT id, slug, name FROM person WHERE id LIKE 'p-%' ORDER BY id").fetchall())
          """, world.replica(of: member))
        #expect(held == final.output)
        #expect(try await world.run(member, "conflicts").exit == 0)
        let status = try await world.run(member, "status", "--json").object()
        #expect(status["unsent"] as? Int == 0)
        #expect(status["quarantined"] as? Int == 0)
      }
      #expect(try await world.digests("quito", "ica").count == 1)
    }
  }
}

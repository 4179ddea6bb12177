import Foundation
import Programs
import Testing

extension EndToEnd {
  /// The commands as a newcomer meets them: real programs, one central, two members.
  @Suite(.timeLimit(.minutes(15))) struct CommandLineTests {
    /// Two members that edited the same field, and one a row that the other removed.
    private func contested() async throws -> World {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      try await world.run("quito", "set", "organisation/quebec", "contact=A")
      try await world.run("ica", "set", "organisation/quebec", "contact=B")
      try await world.run("quito", "remove", "place/rio")
      try await world.run("ica", "set", "place/rio", "un_locode=BR RIO")
      try await world.sync("quito", "ica", "quito")
      return world
    }

    @Test func `conflicts as JSON have every key and both sides`() async throws {
      let world = try await contested()
      let told = try await world.run("quito", "conflicts", "--json")
      #expect(told.exit == 3)
      #expect(told.output == (try await world.run("ica", "conflicts", "--json")).output)
      let items = try told.objects()
      try #require(items.count == 2)
      let keys: Set = [
        "kind", "record", "id", "field", "shown", "made_twice", "same_edit", "values",
      ]
      let sideKeys: Set = [
        "keep", "value", "fields", "did", "by", "organisation", "at", "actor", "n", "was",
      ]
      for item in items {
        #expect(Set(item.keys) == keys)
        for value in item["values"] as? [[String: Any]] ?? [] {
          #expect(Set(value.keys) == sideKeys)
        }
      }
      let field = items[0]
      #expect(field["kind"] as? String == "field")
      #expect(field["record"] as? String == "organisation/quebec")
      #expect((field["id"] as? String)?.count == 36)
      #expect(field["field"] as? String == "contact")
      let values = try #require(field["values"] as? [[String: Any]])
      #expect(values.map { $0["keep"] as? Int } == [1, 2])
      #expect(values.first?["value"] as? String == field["shown"] as? String)
      #expect(Set(values.compactMap { $0["value"] as? String }) == ["A", "B"])
      #expect(Set(values.compactMap { $0["by"] as? String }) == ["quito", "ica"])
      #expect(
        Set(values.compactMap { $0["organisation"] as? String })
          == ["organisation/ecuador", "organisation/ica"])
      for value in values {
        #expect((value["at"] as? String)?.hasSuffix("Z") == true)
        #expect((value["actor"] as? String)?.count == 48)
        #expect((value["n"] as? Int ?? 0) > 0)
      }
      let deleted = items[1]
      #expect(deleted["kind"] as? String == "deleted")
      #expect(deleted["record"] as? String == "place/rio")
      #expect(deleted["field"] is NSNull)
      #expect(deleted["shown"] as? Bool == true)
      let sides = try #require(deleted["values"] as? [[String: Any]])
      #expect(sides.map { $0["value"] as? Bool } == [true, false])
      #expect(sides.map { $0["by"] as? String } == ["ica", "quito"])
    }

    @Test func `a conflict is settled by number, by side, by value, and once for everybody`()
      async throws
    {
      let world = try await contested()
      #expect(try await world.run("quito", "resolve", "quebec", "contact", "--keep", "3").exit == 2)
      #expect(try await world.run("quito", "resolve", "quebec", "website", "--keep", "1").exit == 1)
      #expect(try await world.run("quito", "resolve", "quebec", "--value", "x").exit == 2)
      #expect(
        try await world.run("quito", "resolve", "quebec", "contact", "--keep", "theirs").exit == 0)
      let again = try await world.run("quito", "resolve", "quebec", "contact", "--keep", "mine")
      #expect(again.exit == 1)
      #expect(again.errors.contains("contact of organisation/quebec is not contested"))
      #expect(try await world.run("quito", "resolve", "place/rio", "--keep", "2").exit == 0)
      try await world.sync("quito", "ica")
      for member in ["quito", "ica"] {
        #expect(try await world.run(member, "conflicts").output == "No conflicts.\n")
        let quebec = try await world.run(member, "get", "quebec", "--json").object()
        #expect(quebec["contact"] as? String == "B")
        let rio = try await world.run(member, "get", "place/rio", "--json")
        #expect(rio.exit == 1)
        #expect(rio.errors.contains("urn:cordee:problem:record.deleted"))
      }
      #expect(try await world.digests("quito", "ica").count == 1)
    }

    @Test func `a deleted row is not listed, says who and when, keeps its history, comes back`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      #expect(try await world.run("quito", "remove", "place/rio").exit == 0)
      #expect(!(try await world.run("quito", "list", "place").output.contains("rio")))
      let gone = try await world.run("quito", "get", "place/rio")
      #expect(gone.exit == 1)
      #expect(gone.errors.contains("place/rio was deleted at 20"))
      #expect(gone.errors.contains("cordee undelete place/"))
      #expect(gone.errors.split(separator: "\n").count == 1)
      let history = try await world.run("quito", "history", "place/rio", "--json").objects()
      #expect(history.map { $0["did"] as? String } == ["created", "deleted"])
      #expect(try await world.run("quito", "set", "place/rio", "city=Rio").exit == 1)
      #expect(try await world.run("quito", "undelete", "place/rio").exit == 0)
      let back = try await world.run("quito", "get", "place/rio", "--json").object()
      #expect(back["city"] as? String == "Rio de Janeiro")
    }

    @Test func `a row is named by slug, id, the beginning of one, and never by a slug two share`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      let add = ["add", "organisation", "kind=state", "slug=twin", "name_en=One"]
      let ids = try await [
        world.run(as: "quito", add + ["--json"]).object(),
        world.run(as: "quito", add + ["--json"]).object(),
      ].compactMap { $0["id"] as? String }
      let twin = try await world.run("quito", "get", "organisation/twin")
      #expect(twin.exit == 1)
      for id in ids { #expect(twin.errors.contains("organisation/\(id)")) }
      let gone = try await world.run("quito", "remove", "organisation/\(ids[0])", "--json").object()
      #expect(gone["record"] as? String == "organisation/\(ids[0])")
      let ecuador = try await world.run("quito", "get", "ecuador", "--json").object()
      let id = try #require(ecuador["id"] as? String)
      for name in [id, "organisation/\(id)", String(id.prefix(8)), "organisation/ecuador"] {
        #expect(try await world.run("quito", "get", name, "--json").object()["id"] as? String == id)
      }
      let made = try await world.run(
        "quito", "add", "membership", "body=organisation/ilgsse", "member=organisation/quebec",
        "--json"
      ).object()
      let membership = try await world.run(
        "quito", "get", try #require(made["id"] as? String), "--json"
      ).object()
      let quebec = try await world.run("quito", "get", "quebec", "--json").object()
      #expect(membership["member_id"] as? String == quebec["id"] as? String)
      let listed = try await world.run(
        "quito", "list", "membership", "--where", "member=quebec", "--json"
      ).objects()
      #expect(listed.contains { $0["id"] as? String == made["id"] as? String })
    }

    @Test func `a key changed here and a row edited there settle by the way that is printed`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      try await world.python("quito", "UPDATE organisation SET id = 'other' WHERE slug = 'escwa'")
      try await world.run("ica", "set", "escwa", "contact=by post")
      try await world.sync("quito", "ica", "quito")
      let conflicts = try await world.run("quito", "conflicts")
      #expect(conflicts.exit == 3)
      let way = try #require(
        conflicts.output.split(separator: "\n").first { $0.contains("Settle:") })
      let remove = try #require(way.split(separator: " ").last)
      let record = try await world.run("quito", "conflicts", "--json").objects().first?["record"]
      #expect(record as? String == String(remove))
      #expect(try await world.run("quito", "undelete", String(remove)).exit == 0)
      #expect(try await world.run("quito", "conflicts").exit == 0)
    }

    @Test(.enabled(if: canShiftClocks))
    func `news is what was merged lately, however old its label; a refusal says why`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")

      let edit = try await world.child(
        at: "@2016-03-01 12:00:00", "quito", ["set", "ecuador", "contact=A"]
      ).finish()
      #expect(edit.exit == 0, "\(edit.errors)")
      try await world.sync("quito", "ica")
      let news = try await world.run("ica", "log", "--since", "1h", "--json").objects()
      let old = try #require(news.first { ($0["at"] as? String)?.hasPrefix("2016-03-01") == true })
      #expect(old["merged_by"] is String && old["reason"] is NSNull)
      try await world.python("quito", "UPDATE organisation SET country = 'ZZ' WHERE slug = 'ica'")
      try await world.sync("quito", "ica")
      let refused = try await world.run("ica", "log", "--since", "1h", "--json").objects()
        .first { $0["verdict"] as? String == "quarantined" }
      #expect((refused?["reason"] as? String)?.contains("country") == true)
    }

    @Test func `every reading command prints JSON, and errors under it are one problem`()
      async throws
    {
      let world = try await contested()
      let data = ["--data", "central", "--json"]
      for (member, words) in [
        ("quito", ["status", "--json"]), ("quito", ["list", "--json"]),
        ("quito", ["list", "place", "--json"]), ("quito", ["get", "quebec", "--json"]),
        ("quito", ["history", "quebec", "--json"]), ("quito", ["conflicts", "--json"]),
        ("quito", ["official-list", "--on", "2014-09-17", "--json"]), ("quito", ["log", "--json"]),
        ("quito", ["digest", "--json"]), ("quito", ["sync", "--json"]),
        ("quito", ["sync", "--dry-run", "--json"]),
        ("quito", ["set", "quebec", "note=x", "--json"]),
        ("keeper", ["central", "members"] + data), ("keeper", ["central", "status"] + data),
        ("keeper", ["central", "reports"] + data), ("keeper", ["central", "merge"] + data),
        ("keeper", ["central", "merge", "--dry-run"] + data),
        (
          "keeper", ["central", "invite", "--organisation", "ica", "--role", "member"] + data
        ),
      ] {
        let outcome = try await world.run(as: member, words)
        #expect(throws: Never.self, "\(words)") { try outcome.json() }
        #expect(outcome.errors == "", "\(words)")
      }
      let status = try await world.run("quito", "status", "--json").object()
      let keys: Set = ["unsent", "received", "conflicts", "quarantined", "last_sync", "spaces"]
      #expect(keys.isSubset(of: status.keys))
      #expect(status["conflicts"] as? Int == 2)
      #expect(status["spaces"] as? [String] == ["commons"])
      for line in try await world.run("quito", "dump", "--json").output.split(separator: "\n") {
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
      }
      for words in [
        ["get", "nobody", "--json"], ["set", "quebec", "country=quebec", "--json"],
        ["lst", "--json"],
        ["status", "--replica", "nowhere", "--json"],
      ] {
        let outcome = try await world.run(as: "quito", words)
        #expect([1, 2].contains(outcome.exit))
        #expect(outcome.output == "")
        let problem = try #require(
          try JSONSerialization.jsonObject(with: Data(outcome.errors.utf8)) as? [String: Any])
        #expect((problem["type"] as? String)?.hasPrefix("urn:cordee:problem:") == true)
        #expect((problem["detail"] as? String)?.isEmpty == false)
      }
    }

    @Test func `a dry run tells both ways and changes nothing`() async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      try await world.run("ica", "set", "quebec", "contact=B")
      try await world.sync("ica")
      try await world.run("quito", "set", "ecuador", "contact=A")
      try await world.python("quito", "UPDATE place SET city = 'x' WHERE slug = 'rio'")
      let before = try Data(contentsOf: URL(filePath: world.replica(of: "quito")))
      let told = try await world.run("quito", "sync", "--dry-run", "--json").object()
      #expect(told["changes_to_send"] as? Int == 1)
      #expect(told["edited_records_to_seal"] as? Int == 1)
      #expect((told["entries_to_fetch_at_most"] as? [String: Int])?["commons"] ?? 0 > 0)
      #expect(try Data(contentsOf: URL(filePath: world.replica(of: "quito"))) == before)
    }

    @Test func `only what may pass by itself is tried again`() async throws {
      let world = try World()
      let missing = try await world.run("quito", "sync", "--every", "1s")
      #expect(missing.exit == 1)
      #expect(missing.errors.split(separator: "\n").count == 1)
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.stop()
      let child = world.child("quito", ["sync", "--every", "1s"])
      try child.process.run()
      try await eventually("it says why") { child.read(child.errors).contains("cannot connect") }
      try await world.serve(merge: "on-push")
      try await eventually("it meets central again") { child.read(child.output).contains("Sent 0") }
      child.process.terminate()
      try await eventually("it stops") { !child.process.isRunning }
      #expect(child.process.terminationStatus == 0)
    }

    @Test func `a full disk under the output is said once, a reader that left is not`() async throws
    {
      let world = try World()
      let full = URL(filePath: "/dev/full")
      for words in [["help"], ["help", "--man"]] {
        let outcome = try await world.run(as: "quito", words, output: full)
        #expect(outcome.exit == 1)
        #expect(
          outcome.errors == "cordee: The output cannot be written: No space left on device. "
            + "What the command did stands; free some space and read it again.\n")
      }
      // The reader is gone before the first byte: with the signal's default effect, and ignoring it
      // as a service manager asks.
      let said = try await world.tool(
        "python3", "-c",
        """
        import os, subprocess, sys
        for restores in (True, False):
          reader, writer = os.pipe()
          os.close(reader)
          done = subprocess.run([sys.argv[1], "help", "--man"], stdout=writer,
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, restore_signals=restores)
          os.close(writer)
          print(done.returncode, repr(done.stderr.decode()))
        """, World.program.path)
      #expect(said == "-13 ''\n1 ''\n")
    }

    @Test func `cordee alone says what to type next, as things stand`() async throws {
      let world = try World()
      #expect(try await world.run("quito").output.contains("cordee join"))
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      #expect(try await world.run("quito").output.contains("Nothing waits"))
      try await world.python("quito", "UPDATE place SET city = 'x' WHERE slug = 'rio'")
      let waiting = try await world.run("quito").output
      #expect(waiting.contains("1 edit waits"))
      #expect(waiting.contains("cordee sync"))
    }
  }
}

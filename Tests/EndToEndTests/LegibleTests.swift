import Foundation
import Testing

extension EndToEnd {
  /// What people read names records as people do, and says what was written and what leads nowhere.
  @Suite(.timeLimit(.minutes(15))) struct LegibleTests {
    /// A member in Quito and one in Geneva, who have the founding records.
    private func pair() async throws -> World {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.join("ica", for: "ica")
      try await world.sync("quito", "ica")
      return world
    }

    /// The id of a record.
    private func id(_ reference: String, _ world: World) async throws -> String {
      let row = try await world.run("quito", "get", reference, "--json").object()
      return try #require(row["id"] as? String)
    }

    /// The id of an organisation's only membership.
    private func membership(of member: String, _ world: World) async throws -> String {
      let rows = try await world.run(
        "quito", "list", "membership", "--where", "member=\(member)", "--json"
      ).objects()
      return try #require(rows.first?["id"] as? String)
    }

    /// The words of each line that is not empty.
    private func lines(_ outcome: Outcome) -> [[String]] {
      outcome.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    }

    @Test func `R5: of a row edited here and deleted there each side says what it wrote unseen`()
      async throws
    {
      let world = try await pair()
      let row = try await membership(of: "quebec", world)
      try await world.run("quito", "remove", "place/rio")
      try await world.run("quito", "remove", "membership/\(row)")
      try await world.python(
        "ica", "UPDATE place SET un_locode = 'BR RIO', country = NULL WHERE slug = 'rio'",
        "UPDATE membership SET member_id = (SELECT id FROM organisation WHERE slug = 'fao') "
          + "WHERE id = '\(row)'")
      try await world.sync("quito", "ica", "quito", "ica")
      let items = try await world.run("quito", "conflicts", "--json").objects()
      #expect(items.map { $0["kind"] as? String } == ["deleted", "deleted"])
      let place = try #require(items.first { $0["record"] as? String == "place/rio" })
      let sides = try #require(place["values"] as? [[String: Any]])
      try #require(sides.count == 2)
      let edited = try #require(sides[0]["fields"] as? [String: Any])
      #expect(edited.count == 2 && edited["un_locode"] as? String == "BR RIO")
      #expect(edited["country"] is NSNull)
      #expect((sides[1]["fields"] as? [String: Any])?.isEmpty == true)
      #expect(sides.map { $0["did"] as? String } == ["changed", "deleted"])
      for member in ["quito", "ica"] {
        let told = lines(try await world.run(member, "conflicts"))
        let start = try #require(told.firstIndex { $0.first == "place/rio:" })
        let part = Array(told[start...].prefix(6))
        #expect(part[1].prefix(2) == ["1", "edited"])
        // In the order of the table's fields.
        #expect(part[2...3].map { $0 } == [["country:", "(empty)"], ["un_locode:", "BR", "RIO"]])
        #expect(part[4].prefix(2) == ["2", "deleted"])
        #expect(part[5].prefix(2) == ["Settle:", "cordee"])
        #expect(told.contains(["member_id:", "organisation/fao"]))
      }
    }

    @Test func `R5: what a delete had seen is not told as an edit; bringing back is told as such`()
      async throws
    {
      let world = try await pair()
      try await world.run("ica", "set", "place/rio", "un_locode=BR RIO")
      try await world.sync("ica", "quito")
      try await world.run("quito", "remove", "place/rio")
      try await world.run("ica", "set", "place/rio", "city=Rio")
      try await world.sync("quito", "ica")
      let edits = try await world.run("ica", "conflicts", "--json").objects()
      let written = try #require(edits.first?["values"] as? [[String: Any]])
      #expect(written.first?["fields"] as? [String: String] == ["city": "Rio"])
      try await world.run("ica", "undelete", "place/rio")
      try await world.sync("ica", "quito")
      // Each takes it away, one brings it back, without a word of each other.
      try await world.run("quito", "remove", "place/rio")
      try await world.run("ica", "remove", "place/rio")
      try await world.run("ica", "undelete", "place/rio")
      try await world.sync("quito", "ica", "quito")
      let items = try await world.run("quito", "conflicts", "--json").objects()
      let sides = try #require(items.first?["values"] as? [[String: Any]])
      #expect(sides.map { $0["did"] as? String } == ["undeleted", "deleted"])
      #expect(sides.allSatisfy { ($0["fields"] as? [String: Any])?.isEmpty == true })
      #expect(lines(try await world.run("quito", "conflicts"))[1].prefix(2) == ["1", "undeleted"])
    }

    @Test func `a reference is told by the record it leads to, and can be typed as it is told`()
      async throws
    {
      let world = try await pair()
      let row = try await membership(of: "quebec", world)
      try await world.run("quito", "set", "membership/\(row)", "member=fao")
      try await world.run("ica", "set", "membership/\(row)", "member=ilo")
      try await world.sync("quito", "ica", "quito")
      let told = lines(try await world.run("quito", "conflicts"))
      let names = told[1...2].map { $0[1] }
      #expect(Set(names) == ["organisation/fao", "organisation/ilo"])
      let json = try await world.run("quito", "conflicts", "--json").objects()
      let values = try #require(json.first?["values"] as? [[String: Any]])
      #expect(
        try await Set(values.compactMap { $0["value"] as? String })
          == [id("organisation/fao", world), id("organisation/ilo", world)])
      let settled = try await world.run(
        "quito", "resolve", "membership/\(row)", "member_id", "--value", names[1])
      #expect(settled.exit == 0, "\(settled.errors)")
      let got = lines(try await world.run("quito", "get", "membership/\(row)"))
      #expect(got.contains(["member_id:", names[1]]))
      let object = try await world.run("quito", "get", "membership/\(row)", "--json").object()
      #expect(try await object["member_id"] as? String == id(names[1], world))
      let history = lines(try await world.run("quito", "history", "membership/\(row)", "member"))
      #expect(
        history.filter { $0.first == "member_id:" }.map { $0[1] }.suffix(1) == [names[1]])
      #expect(history.contains(["member_id:", "organisation/quebec"]))
      // A name that two rows have is none.
      try await world.run("quito", "set", "organisation/ecuador", "slug=\(names[1].dropFirst(13))")
      let twin = lines(try await world.run("quito", "get", "membership/\(row)"))
      #expect(twin.contains(["member_id:", "organisation/\(object["member_id"] ?? "")"]))
    }

    @Test func `a reference that leads nowhere is marked where people read, and status lists it`()
      async throws
    {
      let world = try await pair()
      let clear = try await world.run("quito", "status", "--json").object()
      #expect(clear["loose_references_count"] as? Int == 0, "the founding records")
      let (france, quebec) = try await (
        membership(of: "france", world), membership(of: "quebec", world)
      )
      let (ica, mbm) = try await (membership(of: "ica", world), membership(of: "mbm", world))
      let rio = try await id("place/rio", world)
      try await world.python(
        "quito", "UPDATE membership SET member_id = 'not-there' WHERE id = '\(france)'",
        "UPDATE membership SET member_id = '\(rio)' WHERE id = '\(quebec)'",
        "UPDATE membership SET member_id = 'ecuador' WHERE id = '\(ica)'")
      let few = try await world.run("quito", "status").output
      #expect(few.contains("\n3 references lead nowhere: "))
      #expect(few.contains("\n  membership/\(france) member_id: not-there (no organisation)\n"))
      try await world.run("quito", "remove", "organisation/mbm")
      try await world.sync("quito", "ica")
      let wrong = [
        france: "not-there (no organisation)", quebec: "place/rio (no organisation)",
        ica: "ecuador (a name in place of an id)", mbm: "organisation/mbm (deleted)",
      ]
      for member in ["quito", "ica"] {
        let listed = try await world.run(member, "list", "membership")
        let status = try await world.run(member, "status")
        // What is still to come leads nowhere, too: no person is asked for.
        #expect(status.exit == 0)
        // After the figures, and counted.
        let parts = status.output.split(separator: "\n").map(String.init)
        let merged = try #require(parts.firstIndex { $0.hasPrefix("  merged up to ") })
        let told = try #require(parts.firstIndex { $0.contains(" references lead nowhere: ") })
        #expect(merged < told && parts[told...].count { $0.hasPrefix("  ") } == 6)
        #expect(parts.contains { $0.hasPrefix("  and ") && $0.hasSuffix(" more: see --json") })
        for (row, words) in wrong {
          let lines = listed.output.split(separator: "\n")
          #expect(lines.contains { $0.contains(row) && $0.contains(words) }, "\(words)")
          #expect(lines.filter { $0.contains(words) }.count == 1)
          let got = try await world.run(member, "get", "membership/\(row)")
          #expect(got.output.contains("  member_id: \(words)\n"), "\(got.output)")
        }
        let object = try await world.run(member, "status", "--json").object()
        let loose = try #require(object["loose_references"] as? [[String: Any]])
        #expect(object["loose_references_count"] as? Int == loose.count)
        #expect(parts[told].hasPrefix("\(loose.count) references lead nowhere: "))
        let first = try #require(loose.first { $0["id"] as? String == france })
        #expect(first["value"] as? String == "not-there")
        #expect(first["field"] as? String == "member_id")
        #expect(first["refers_to"] as? String == "organisation")
        #expect(loose.count { wrong[$0["id"] as? String ?? ""] != nil } == 4)
      }
      let told = try await world.run("ica", "official-list", "--on", "2014-09-17")
      #expect(told.output.contains("  not-there (no organisation)\n"), "\(told.output)")
      let page = try await world.tool(
        "python3", "-c",
        "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())",
        "http://127.0.0.1:\(world.port)/official-list.html?on=2014-09-17")
      #expect(page.contains("not-there (no organisation)"))
      let csv = try await world.run("ica", "official-list", "--on", "2014-09-17", "--format", "csv")
      #expect(csv.output.contains(",not-there,,official_stakeholder,"), "\(csv.output)")
      // Put right, nothing is left of it.
      for (row, name) in [(france, "france"), (quebec, "quebec"), (ica, "ica")] {
        let set = try await world.run("quito", "set", "membership/\(row)", "member=\(name)")
        #expect(set.exit == 0, "\(set.errors)")
      }
      #expect(try await world.run("quito", "undelete", "organisation/mbm").exit == 0)
      #expect(try await !world.run("quito", "status").output.contains("nowhere"))
    }

    @Test func `a record is called by what REF takes for it alone, in lists, logs and reports`()
      async throws
    {
      let world = try await pair()
      try await world.python(
        "quito", "INSERT INTO organisation(id, slug, kind) VALUES('o-1', 'twins', 'fund')",
        "INSERT INTO organisation(id, slug, kind) VALUES('o-2', 'twins', 'fund')",
        // A slug that is another row's id names that other row.
        "INSERT INTO organisation(id, slug, kind) VALUES('o-3', 'o-4', 'fund')",
        "INSERT INTO organisation(id, slug, kind) VALUES('o-4', 'fourth', 'fund')",
        "INSERT INTO membership(id, body_id, member_id) SELECT 'm-1', id, 'o-1' FROM organisation "
          + "WHERE slug = 'ilgsse'")
      try await world.sync("quito", "ica")
      let listed = lines(try await world.run("quito", "list", "organisation")).compactMap(\.first)
      for name in ["o-1", "o-2", "o-3", "fourth", "fao"] {
        #expect(listed.contains("organisation/\(name)"), "\(listed)")
      }
      #expect(!listed.contains("organisation/twins") && !listed.contains("organisation/o-4"))
      for name in listed {
        let row = try await world.run("quito", "get", name, "--json")
        #expect(row.exit == 0, "\(name): \(row.errors)")
      }
      let rows = lines(try await world.run("quito", "list", "membership"))
      #expect(rows.contains { $0.first == "membership/m-1" && $0.contains("o-1") }, "\(rows)")
      #expect(try await world.run("quito", "log").output.contains(" organisation/o-2"))
      try await world.run("quito", "set", "organisation/o-1", "contact=A")
      try await world.run("ica", "set", "organisation/o-1", "contact=B")
      try await world.sync("quito", "ica")
      let reports = try await world.run("keeper", "central", "reports", "--data", "central")
      #expect(reports.output.contains("conflict opened: organisation/o-1 contact\n"))
    }

    @Test func `a refusal names the record by its slug for people; the log keeps the id`()
      async throws
    {
      let world = try await pair()
      let fao = try await id("organisation/fao", world)
      try await world.stop()
      try await world.serve(merge: "every 6h")
      try await world.python(
        "quito", "UPDATE organisation SET country = 'nowhere' WHERE slug = 'fao'",
        "INSERT INTO organisation(id, slug, kind) VALUES('o-1', 'new', 'bad')")
      try await world.sync("quito")
      let trial = try await world.run(
        "keeper", "central", "merge", "--data", "central", "--dry-run")
      #expect(trial.output.contains("value.form: organisation/fao country needs"))
      let report = try await world.merge()
      let listed = try #require(report["quarantined"] as? [[String: Any]])
      let reasons = listed.compactMap { $0["reason"] as? String }
      #expect(reasons.contains { $0.hasPrefix("value.form: organisation/fao country needs ") })
      // What was refused at its creation has no name for anybody else.
      #expect(reasons.contains { $0.hasPrefix("value.form: organisation/o-1 kind needs ") })
      let told = try await world.run("quito", "sync").output
      #expect(told.contains("Refused: value.form: organisation/fao country needs "))
      for words in [["refusals"], ["log"], ["history", "organisation/fao"]] {
        let text = try await world.run(as: "quito", words).output
        #expect(text.contains("value.form: organisation/fao country needs "), "\(words): \(text)")
        #expect(!text.contains("value.form: organisation/\(fao)"), "\(words)")
      }
      let kept = try await world.run("quito", "refusals", "--json").objects()
      #expect(
        kept.contains {
          ($0["reason"] as? String)?.hasPrefix("value.form: organisation/\(fao) country") == true
        })
    }

    @Test func `edits that the role may not send are named beside what central refused`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("rabat", for: "ecuador", as: "observer")
      #expect(
        try await world.run("rabat", "refusals").output
          == "Central refused nothing of what was written here.\n")
      try await world.python(
        "rabat", "UPDATE organisation SET contact = 'by SQL', note = NULL WHERE slug = 'ecuador'",
        "INSERT INTO person(id, slug, name) VALUES('p-1', 'ada', 'Ada')")
      for _ in 0..<2 {
        let told = try await world.run("rabat", "refusals")
        #expect(told.exit == 0)
        let lines = told.output.split(separator: "\n").map { $0.drop { $0 == " " } }
        #expect(lines.contains("Not sent: the role observer may not write in commons"))
        #expect(lines.contains("changed organisation/ecuador"), "\(told.output)")
        #expect(lines.contains("contact: by SQL"))
        #expect(lines.contains("created person/ada") && lines.contains("name: Ada"))
        #expect(told.output.contains("They stay here. To send them, ask the secretariat"))
        // Where a person is asked for at every sync, it is said where the edits are named.
        let sync = try await world.run("rabat", "sync")
        #expect(sync.exit == 3 && sync.output.contains("`cordee refusals` names them."))
        #expect(try await world.run("rabat", "status").output.contains("`cordee refusals` names"))
      }
      let object = try await world.run("rabat", "status", "--json").object()
      let edits = try #require(object["forbidden_edits"] as? [[String: Any]])
      #expect(
        edits.map { $0["record"] as? String } == ["organisation/ecuador", "person/ada"])
      #expect((edits.first?["fields"] as? [String: Any])?["contact"] as? String == "by SQL")
      #expect(try await world.run("rabat", "refusals", "--json").objects().isEmpty)
      // Under a role that may write they go, and nothing stays to be named.
      #expect(try await world.run("rabat", "join", world.invite("ecuador"), "--adopt").exit == 0)
      #expect(try await world.run("rabat", "sync").exit == 0)
      #expect(try await !world.run("rabat", "refusals").output.contains("ecuador"))
    }
  }
}

import Foundation
import Testing

extension EndToEnd {
  /// Who is shown as an author, whatever they call themselves; and what a word names.
  @Suite(.timeLimit(.minutes(15))) struct NameTests {
    @Test func `beside the name of an author stands whose device it is, in text and in JSON`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      for (member, organisation) in [("quito", "ecuador"), ("thief", "ica")] {
        let joined = try await world.run(
          member, "join", try await world.invite(organisation), "--name", "Paris office")
        #expect(joined.exit == 0, "\(joined.errors)")
      }
      for member in ["quito", "thief"] {
        try await world.run(member, "set", "organisation/quebec", "contact=\(member)")
      }
      try await world.run("thief", "remove", "place/rio")
      try await world.sync("quito", "thief", "quito")
      let conflicts = try await world.run("quito", "conflicts").output.split(separator: "\n")
      for (value, organisation) in [("quito", "ecuador"), ("thief", "ica")] {
        let line = try #require(conflicts.first { $0.contains("\"\(value)\"") })
        #expect(
          line.contains("  organisation/\(organisation)  ") && line.contains("  Paris office"))
      }
      let history = try await world.run("quito", "history", "organisation/quebec", "contact").output
      for organisation in ["ecuador", "ica"] {
        #expect(history.contains("changed by organisation/\(organisation), Paris office  [merged"))
      }
      let events = try await world.run(
        "quito", "history", "organisation/quebec", "contact", "--json"
      ).objects()
      #expect(
        events.map { $0["organisation"] as? String }.suffix(2)
          == ["organisation/ecuador", "organisation/ica"])
      let log = try await world.run("quito", "log").output
      #expect(log.contains("organisation/ica      Paris office"))
      let entries = try await world.run("quito", "log", "--json").objects()
      #expect(
        Set(entries.compactMap { $0["organisation"] as? String })
          == ["", "organisation/ecuador", "organisation/ica"])
      for entry in entries where entry["organisation"] as? String == "" {
        #expect(entry["by"] as? String == "central")
      }
      let gone = try await world.run("quito", "get", "place/rio")
      #expect(gone.errors.contains("by organisation/ica, Paris office"))
      // Its own slug made another's makes nobody that other.
      let id = try #require(
        try await world.run("thief", "get", "ica", "--json").object()["id"] as? String)
      try await world.run("thief", "set", "organisation/ica", "slug=ecuador")
      try await world.sync("thief", "quito")
      let after = try await world.run("quito", "conflicts").output
      #expect(after.contains("organisation/\(id)  Paris office"))
      #expect(!after.contains("organisation/ecuador"))
    }

    @Test func `a slug that is the beginning of another's id names both; a longer beginning one`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      let id = try #require(
        try await world.run("quito", "get", "ecuador", "--json").object()["id"] as? String)
      let beginning = String(id.prefix(8))
      try await world.run(
        "quito", "add", "organisation", "slug=\(beginning)", "kind=fund", "name_en=Shadow")
      for name in [beginning, "organisation/\(beginning)"] {
        let told = try await world.run("quito", "set", name, "contact=hit")
        #expect(told.exit == 1 && told.errors.contains(id) && told.errors.contains("several"))
      }
      let longer = try await world.run("quito", "get", String(id.prefix(9)), "--json").object()
      #expect(longer["id"] as? String == id && longer["contact"] as? String != "hit")
      // No id begins so, whatever another's id reads like.
      try await world.python(
        "quito", "INSERT INTO organisation(id, slug, kind) VALUES('ecuador-2', 'e2', 'fund')")
      let named = try await world.run("quito", "get", "organisation/ecuador", "--json").object()
      #expect(named["id"] as? String == id)
    }

    @Test func `join refuses a name that may not stand before it asks central; empty is none`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      let invite = try await world.invite("ecuador")
      for (name, says) in [
        ("central", "central itself"), ("Paris\u{202E}eciffo", "turns the text"),
        (String(repeating: "x", count: 65), "over 64"), (" x", "white space"),
      ] {
        for words in [
          ["join", invite, "--name", name], ["join", invite, "--adopt", "--name", name],
        ] {
          let refused = try await world.run(as: "quito", words)
          #expect(refused.exit == 2 && refused.errors.contains(says), "\(refused.errors)")
          #expect(refused.errors.split(separator: "\n").count == 1)
        }
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: world.folder.path)
      #expect(!left.contains { $0.hasPrefix("quito") })
      let joined = try await world.run("quito", "join", invite, "--name", "")
      #expect(joined.exit == 0, "\(joined.errors)")
      let members = try await world.run(
        "keeper", "central", "members", "--data", "central", "--json"
      ).objects()
      #expect(members.map { $0["name"] as? String } == ["member of Ecuador"])
    }

    @Test func `a name of an older log that may not stand is read, and drives no terminal`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.run("quito", "set", "ecuador", "contact=A")
      try await world.sync("quito")
      func shows(_ sql: String) async throws -> [String] {
        try await world.python("quito", "UPDATE replica SET name = \(sql)")
        var shown: [String] = []
        for words in [["log"], ["history", "ecuador", "contact"]] {
          let told = try await world.run(as: "quito", words)
          #expect(told.exit == 0, "\(told.errors)")
          shown.append(told.output)
        }
        return shown
      }
      for text in try await shows("'Paris' || char(0x202E, 27, 10) || 'office'") {
        #expect(
          text.contains("organisation/ecuador") && text.contains("Paris\u{FFFD}\u{FFFD} office"))
      }
      for text in try await shows("printf('%.5000c', 'x')") {
        #expect(text.contains(String(repeating: "x", count: 63) + "…"))
        #expect(!text.contains(String(repeating: "x", count: 64)))
      }
      for text in try await shows("''") {
        #expect(text.contains("this device"))
      }
    }

    @Test func `a slug that is another row's id, too, names neither, and both ids are told`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.python(
        "quito", "INSERT INTO place(id, slug, city) VALUES('dupe', 'dupe', 'One')",
        "INSERT INTO place(id, slug, city) VALUES('other-row', 'dupe', 'Two')",
        "INSERT INTO place(id, slug, city) VALUES('alone', 'else', 'Three')",
        "INSERT INTO place(id, slug, city) VALUES('fourth-row', 'alone', 'Four')")
      for name in ["place/dupe", "dupe"] {
        let told = try await world.run("quito", "get", name)
        #expect(told.exit == 1)
        #expect(told.errors.contains("place/dupe, place/other-row"), "\(told.errors)")
        #expect(told.errors.contains("give the other another slug"))
        #expect(try await world.run("quito", "set", name, "country=EC").exit == 1)
      }
      #expect(
        try await world.run("quito", "get", "place/other-row", "--json").object()["city"] as? String
          == "Two")
      // An id stays a row's name, whoever takes it for a slug.
      #expect(
        try await world.run("quito", "get", "place/alone", "--json").object()["city"] as? String
          == "Three")
      #expect(try await world.run("quito", "set", "place/other-row", "slug=two").exit == 0)
      #expect(
        try await world.run("quito", "get", "place/dupe", "--json").object()["city"] as? String
          == "One")
    }
  }
}

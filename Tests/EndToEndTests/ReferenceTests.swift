import Foundation
import Testing

extension World {
  /// Runs the client of `SyncProtocol/reference`, which was written from the specification alone.
  @discardableResult
  func reference(_ words: String...) async throws -> Outcome {
    try await python(ReferenceTests.folder.path, words)
  }

  /// Runs a Python program with words.
  func python(_ program: String, _ words: [String]) async throws -> Outcome {
    try await Child(
      URL(filePath: "/usr/bin/python3"), ["-B", program] + words,
      environment: ["PATH": "/usr/bin:/bin"], folder: folder
    ).finish()
  }

  /// The same, which must succeed; `py.db` is the file of that member.
  @discardableResult
  func py(_ command: String, _ words: String...) async throws -> Outcome {
    let outcome = try await python(ReferenceTests.folder.path, [command, "py.db"] + words)
    #expect(outcome.exit == 0, "\(command) \(words): \(outcome.errors)")
    return outcome
  }

  /// The id of a record that has a short name.
  func id(_ record: String) async throws -> String {
    let row = try await run("quito", "get", record, "--json").object()
    return try #require(row["id"] as? String)
  }

  /// A merge between two syncs of both programs; equal digests are expected after it.
  func settle() async throws {
    try await sync("quito")
    try await py("sync")
    try await merge()
    try await sync("quito")
    try await py("sync")
    #expect(try await py("digest").output == run("quito", "digest").output)
  }
}

/// The second implementation beside the engine.
enum ReferenceTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../SyncProtocol/reference").standardizedFileURL
}

extension EndToEnd {
  /// A client in another language, written from the specification, beside the engine and against a real central.
  @Suite(.timeLimit(.minutes(15))) struct SecondClient {
    private func joined() async throws -> World {
      let world = try World()
      try await world.start(merge: "every 6h")
      try await world.join("quito", for: "ecuador")
      let joined = try await world.reference(
        "join", try await world.invite("ica"), "py.db", "--name", "py")
      #expect(joined.exit == 0, "\(joined.errors)")
      try await world.settle()
      return world
    }

    /// What both say of conflicts, without the words each adds for its readers.
    private func conflicts(_ said: Outcome) throws -> [[String]] {
      func words(_ item: [String: Any], _ names: [String]) -> String {
        names.map { "\(item[$0] ?? "nothing")" }.joined(separator: " ")
      }
      return try said.objects().map { item in
        let sides = try #require(item["values"] as? [[String: Any]])
        return [words(item, ["kind", "id", "field", "shown"])]
          + sides.map { words($0, ["keep", "value", "by", "actor", "n"]) }
      }
    }

    private func contacts(_ world: World, _ id: String) async throws -> [String?] {
      let here = try await world.run("quito", "get", "organisation/\(id)", "--json").object()
      let there = try await world.py("show", "organisation").objects()
        .first { $0["id"] as? String == id }
      return [here["contact"] as? String, there?["contact"] as? String]
    }

    @Test func `it checks central's fingerprint before it spends the invite [SP-604]`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "every 6h")
      let invite = try await world.invite("ica")
      let last = try #require(invite.last)
      let other = try await world.reference(
        "join", invite.dropLast() + (last == "0" ? "1" : "0"), "py.db")
      #expect(other.exit == 1 && other.errors.contains("central.key"), "\(other.errors)")
      #expect(try await world.reference("join", invite, "py.db").exit == 0)
      let again = try await world.reference("join", invite, "second.db")
      #expect(again.exit == 1 && again.errors.contains("invite.used"), "\(again.errors)")
    }

    @Test func `edits of every kind travel both ways, with values, authors and signatures`()
      async throws
    {
      let world = try await joined()
      let (ica, paris) = (try await world.id("organisation/ica"), try await world.id("place/paris"))
      try await world.stop()
      try await world.py("insert", "person", "p-1", "slug=ana", "name=Ana \"É\"\u{1}")
      try await world.py("insert", "person", "p-2", "slug=ben", "name=Ben")
      try await world.py("set", "organisation", ica, "contact=Geneva", "note=")
      try await world.py("delete", "place", paris)
      try await world.py("delete", "person", "p-2")
      try await world.py("undelete", "person", "p-2")
      #expect(try await world.reference("sync", "py.db").exit == 1)
      try await world.run("quito", "set", "organisation/ecuador", "contact=Quito")
      try await world.serve(merge: "every 6h")

      // What was received is visible to nobody before a merge. [SP-711]
      try await world.py("sync")
      let before = try await world.sync("quito").object()
      #expect(before["received"] as? Int == 0)
      try await world.settle()
      let log = try await world.run("quito", "log", "--json").objects()
      #expect(log.count { $0["by"] as? String == "py" } == 6)
      let ana = try await world.run("quito", "get", "person/ana", "--json").object()
      #expect(ana["name"] as? String == "Ana \"É\"\u{1}")
      #expect(try await world.run("quito", "get", "person/p-2").exit == 0)
      #expect(try await world.run("quito", "get", "place/\(paris)").exit == 1)
      #expect(try await contacts(world, ica) == ["Geneva", "Geneva"])
      let ecuador = try await world.id("organisation/ecuador")
      #expect(try await contacts(world, ecuador) == ["Quito", "Quito"])
      #expect(try await world.run("quito", "verify").exit == 0)
      #expect(try await world.reference("verify", "py.db").exit == 0)
    }

    @Test func `a conflict is the same for both, and either side settles it once`() async throws {
      let world = try await joined()
      let id = try await world.id("organisation/ecuador")
      let paris = try await world.id("place/paris")
      try await world.py("set", "organisation", id, "contact=One")
      try await world.py("delete", "place", paris)
      try await world.run("quito", "set", "organisation/ecuador", "contact=Two")
      try await world.run("quito", "set", "place/paris", "city=Lutetia")
      try await world.settle()
      let here = try await world.run("quito", "conflicts", "--json")
      let there = try await world.reference("conflicts", "py.db")
      #expect(here.exit == 3 && there.exit == 3)
      #expect(try conflicts(here) == conflicts(there))
      #expect(try conflicts(there).map(\.count) == [3, 3])
      let shown = try await contacts(world, id)
      #expect(shown[0] == shown[1] && ["One", "Two"].contains(shown[0]))

      try await world.py("resolve", "organisation", id, "contact", "2")
      try await world.run("quito", "remove", "place/paris")
      try await world.settle()
      #expect(try await world.py("conflicts").json() as? [String] == [])
      #expect(try await world.run("quito", "conflicts").exit == 0)
      let settled = try await contacts(world, id)
      #expect(settled[0] == settled[1] && settled[0] != shown[0])
      #expect(try await world.run("quito", "get", "place/paris").exit == 1)
    }

    @Test func `what central refuses is undone, and what came after it stands`() async throws {
      let world = try await joined()
      let id = try await world.id("organisation/ecuador")
      try await world.py("set", "organisation", id, "contact=Kept")
      try await world.py("set", "organisation", id, "kind=no such kind")
      try await world.py("set", "organisation", id, "note=Kept")
      try await world.settle()
      let row = try await world.run("quito", "get", "organisation/\(id)", "--json").object()
      #expect(row["contact"] as? String == "Kept" && row["note"] as? String == "Kept")
      #expect(row["kind"] as? String == "state")
      let there = try await world.py("show", "organisation").objects()
      #expect(there.first { $0["id"] as? String == id }?["kind"] as? String == "state")
    }

    @Test func `it verifies the engine's file, and finds a flipped byte in it [SP-1610] [SP-1613]`()
      async throws
    {
      let world = try await joined()
      try await world.run("quito", "set", "organisation/ecuador", "contact=Quito")
      try await world.settle()
      let sound = try await world.reference("verify", world.replica(of: "quito"))
      #expect(sound.exit == 0, "\(sound.errors)\(sound.output)")
      let bytes = try Data(contentsOf: URL(filePath: world.replica(of: "quito")))
      let hash = try await world.tool(
        "sqlite3", world.replica(of: "quito"),
        "SELECT hex(hash) FROM cordee_log ORDER BY seq DESC LIMIT 1")
      let places = [
        bytes.range(of: Data("\"contact\":\"Quito\"".utf8)), bytes.range(of: Self.bytes(hex: hash)),
        bytes.range(of: Data("\"value\":\"".utf8)), bytes.range(of: Data("\"context\":{\"".utf8)),
        bytes.range(of: Data("{\"checkpoint\":{\"".utf8)),
        bytes.range(of: Data("http://127.0.0.1".utf8)),
      ]
      for place in places {
        var bad = bytes
        bad[try #require(place).upperBound - 1] ^= 1
        let path = world.folder.appending(path: "bad.sqlite")
        try bad.write(to: path)
        let told = try await world.reference("verify", path.path)
        #expect(told.exit == 1, "\(told.output)")
      }
    }

    private static func bytes(hex: String) -> Data {
      let digits = hex.compactMap(\.hexDigitValue)
      return Data(
        stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) })
    }

    /// Flips one bit in every n-th byte of a bundle; what is still taken must be what was there, or lie in the first line.
    private static let flips = """
      import sys
      sys.path.insert(0, sys.argv[1])
      from reference import bundle
      from reference.state import Replica
      import rules

      replica, data, step = Replica("py.db"), open(sys.argv[2], "rb").read(), int(sys.argv[3])
      def told(data):
          found = bundle.verify(data, replica)
          return found.kind, found.entries, found.segments, found.receipts, [log.hash for log in found.logs.values()]
      good, first, refused = told(data), data.find(b"\\n"), 0
      for place in range(0, len(data), step):
          bad = bytearray(data)
          bad[place] ^= 1 << place % 8
          try:
              if told(bytes(bad)) != good:
                  sys.exit(f"taken with byte {place} flipped")
              if place > first and sys.argv[4] == "every":
                  sys.exit(f"not seen at {place}: {data[place - 20:place + 20]}")
          except rules.Refused:
              refused += 1
          except (LookupError, TypeError, ValueError):
              refused += 1
      print(good[1], good[2], refused)
      """

    @Test func `it verifies the engine's bundles, and refuses each when a byte is flipped`()
      async throws
    {
      let world = try await joined()
      try await world.py("insert", "person", "p-1", "slug=ana", "name=Ana")
      try await world.settle()
      try await world.run("quito", "set", "organisation/ecuador", "contact=Quito")
      let since = try #require(
        try await world.run("quito", "log", "--json").objects().compactMap { $0["seq"] as? Int }
          .max())
      try await world.run("quito", "bundle", "export", "mine.cordee", "--plain")
      try await world.run("quito", "bundle", "export", "log.cordee", "--log")
      try await world.run(
        "quito", "bundle", "export", "end.cordee", "--log", "--since", "\(since - 1)", "--plain")
      for (file, entries, segments) in [("mine", 0, 1), ("log", since, 0), ("end", 1, 0)] {
        let told = try await world.reference("verify", "\(file).cordee", "--with", "py.db")
        #expect(told.exit == 0, "\(file): \(told.errors)")
        #expect(try told.object()["entries"] as? Int == entries)
        #expect(try told.object()["segments"] as? Int == segments)
      }
      let script = world.folder.appending(path: "flips.py")
      try Data(Self.flips.utf8).write(to: script)
      for (file, step, which) in [
        ("mine", "1", "every"), ("end", "37", "every"), ("log", "1999", ""),
      ] {
        let told = try await world.python(
          script.path,
          [ReferenceTests.folder.deletingLastPathComponent().path, "\(file).cordee", step, which])
        #expect(told.exit == 0, "\(file): \(told.errors)")
      }
    }

    @Test func `two spaces, a log of several pieces, and a member who went on from a backup`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "every 6h")
      try await world.join("quito", for: "ecuador", as: "chair")
      let invite = try await world.invite("ica", "chair")
      #expect(try await world.reference("join", invite, "py.db", "--name", "py").exit == 0)
      try await world.settle()
      try await world.py("insert", "minutes_draft", "m-1", "body=Draft")
      try await world.run("quito", "set", "organisation/ica", "contact=Before")
      try await world.settle()
      let copy = world.folder.appending(path: "copy.sqlite").path
      try await world.run("quito", "backup", copy)
      // More than a piece of the log, 2 MiB, can hold.
      try await world.python(
        "quito",
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 11) \
        INSERT INTO person(id, name) SELECT 'p-' || i, hex(zeroblob(100000)) || i FROM n
        """)
      try await world.run("quito", "set", "organisation/ica", "contact=Sent")
      try await world.sync("quito")
      #expect(try await world.run("quito", "restore", copy).exit == 0)
      try await world.run("quito", "set", "organisation/ica", "contact=After")
      try await world.run("quito", "set", "organisation/ecuador", "contact=After")
      for _ in 0..<2 { try await world.settle() }
      let epochs = try await world.run("quito", "status", "--json").object()["epochs"] as? [Any]
      #expect(epochs?.count == 1)
      for space in ["commons", "bureau"] {
        let there = try await world.py("digest", "--space", space)
        #expect(try await there.output == world.run("quito", "digest", "--space", space).output)
      }
      let (here, there) = (
        try await world.run("quito", "conflicts", "--json"),
        try await world.reference("conflicts", "py.db")
      )
      #expect(try conflicts(here) == conflicts(there))
      let people = try await world.py("show", "person").objects()
      #expect(people.count { ($0["id"] as? String)?.hasPrefix("p-") == true } == 11)
      let drafts = try await world.run("quito", "list", "minutes_draft", "--json").objects()
      #expect(drafts.compactMap { $0["id"] as? String } == ["m-1"])
    }
  }
}

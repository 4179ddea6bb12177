import Foundation
import Programs
import Testing

/// What a command must say to bad input: how it ends, the stable code, a word of what to do.
struct Bad {
  let words: [String]
  let exit: Int32
  let code: String
  /// Stands in the line: where, or what to do.
  let says: String

  init(_ words: String, _ exit: Int32, _ code: String, says: String) {
    self.words = words.split(separator: " ").map(String.init)
    (self.exit, self.code, self.says) = (exit, code, says)
  }
}

extension World {
  /// A member with one edit by a command and one by another program, both unsent.
  static func withUnsentEdits() async throws -> World {
    let world = try World()
    try await world.start(merge: "on-push")
    try await world.join("quito", for: "ecuador")
    try await world.run("quito", "set", "ecuador", "contact=unsent")
    try await world.python("quito", "UPDATE place SET city = 'unsent' WHERE slug = 'rio'")
    // The next command seals what the other program wrote.
    #expect(try await world.run("quito", "status", "--json").object()["unsent"] as? Int == 2)
    return world
  }

  /// Runs a command on bad input, for people and for programs; the member's file must stay as it was, byte for byte.
  ///
  /// - Parameter notes: the command keeps a note of itself in the file before it asks.
  func refuses(_ bad: Bad, notes: Bool = false) async throws {
    let member = "quito"
    let file = URL(filePath: replica(of: member))
    let before = try Data(contentsOf: file)
    let told = try await run(as: member, bad.words)
    #expect(told.exit == bad.exit, "\(bad.words): \(told.errors)")
    #expect(told.output == "", "\(bad.words)")
    let lines = told.errors.split(separator: "\n")
    #expect(lines.count == 1 && told.errors.hasSuffix("\n"), "\(bad.words): \(told.errors)")
    #expect(told.errors.hasPrefix("cordee: ") && told.errors.contains(bad.says), "\(told.errors)")
    let problem = try JSONSerialization.jsonObject(
      with: Data(try await run(as: member, bad.words + ["--json"]).errors.utf8))
    let members = try #require(problem as? [String: Any])
    #expect(members["type"] as? String == "urn:cordee:problem:\(bad.code)", "\(bad.words)")
    #expect((members["hint"] as? String)?.isEmpty == false, "\(bad.words): what to do")
    #expect(try notes || Data(contentsOf: file) == before, "\(bad.words)")
  }

  /// What was unsent is unsent, and both values stand.
  func stillHoldsUnsentEdits() async throws {
    #expect(try await run("quito", "status", "--json").object()["unsent"] as? Int == 2)
    #expect(
      try await run("quito", "get", "ecuador", "--json").object()["contact"] as? String == "unsent")
    #expect(
      try await run("quito", "get", "place/rio", "--json").object()["city"] as? String == "unsent")
  }
}

extension EndToEnd {
  /// Bad words, files and keys: one line that says what, where and what to do; the file is as it was.
  @Suite(.timeLimit(.minutes(15))) struct BadInputTests {
    @Test func `unknown names and malformed values`() async throws {
      let world = try await World.withUnsentEdits()
      for bad in [
        Bad("add nothing x=1", 2, "table.unknown", says: "Tables: organisation"),
        Bad("list organisations", 2, "table.unknown", says: "Did you mean organisation?"),
        Bad("set ecuador nofield=1", 2, "field.unknown", says: "organisation has no field nofield"),
        Bad("set ecuador contct=1", 2, "field.unknown", says: "Did you mean contact?"),
        Bad("list place --where cty=x", 2, "field.unknown", says: "Did you mean city?"),
        Bad("list place --sort cty", 2, "field.unknown", says: "Did you mean city?"),
        Bad("set nobody contact=x", 1, "record.not_found", says: "there is no nobody"),
        Bad("get nothing/x", 2, "table.unknown", says: "Tables: organisation"),
        Bad("history plce/rio", 2, "table.unknown", says: "Did you mean place?"),
        Bad("bundle import /etc/passwd", 1, "bundle.shape", says: "/etc/passwd is no bundle. Give"),
        Bad("set ecuador country=ZZ", 2, "value.form", says: "code of ISO 3166-1, as `EC`"),
        Bad("set ecuador country=ec", 2, "value.form", says: "as `EC`"),
        Bad("set place/rio subdivision=ZZ-1", 2, "value.form", says: "as `CA-QC`"),
        Bad("set place/rio un_locode=RIO", 2, "value.form", says: "as `FRPAR`"),
        Bad("set place/rio time_zone=+02:00", 2, "value.form", says: "as `Africa/Casablanca`"),
        Bad("set ecuador founded=17.9.2014", 2, "value.form", says: "`2013-11-09`"),
        Bad("set ecuador founded=2015-02-29", 2, "value.form", says: "`2013-11-09`"),
        Bad("add event edtf=2014-09/2013", 2, "value.form", says: "two with a slash"),
        Bad("add minutes_draft lang=xx_YY", 2, "value.form", says: "as `fr` or `zh-Hant`"),
        Bad("set ecuador website=javascript:alert(1)", 2, "value.form", says: "https://"),
        Bad("set ecuador slug=É", 2, "value.form", says: "as `un-women`"),
        Bad("add occasion year=soon", 2, "value.form", says: "year needs a whole number"),
        Bad("set quebec contact=a contact=b", 2, "field.twice", says: "one value"),
        Bad("set quebec =x", 2, "field.name", says: "lower-case letters"),
        Bad("add membership body=ilgsse member=nobody", 1, "record.not_found", says: "nobody"),
        Bad(
          "add membership body=place/rio member=quebec", 1, "record.not_found",
          says: "place/rio names no organisation"),
        Bad("get 5e", 1, "record.not_found", says: "at least 4 characters"),
        Bad("set cordee_meta/network value=x", 2, "table.unknown", says: "Tables:"),
        Bad("add replica role=secretariat", 1, "table.forbidden", says: "only central writes"),
        Bad("official-list --on 17/9/2014", 2, "value.form", says: "2014-09-17"),
        Bad("sync --every 5x", 2, "option.duration", says: "15m"),
        Bad("log --since yesterday", 2, "option.duration", says: "a day as 2026-01-31"),
        Bad("log --since 2026-02-30", 2, "option.duration", says: "2026-01-31T10:00Z"),
        Bad("list organisation --where country=xx", 2, "value.form", says: "Correct --where"),
        Bad(
          "status --replica central/central.sqlite", 1, "replica.central", says: "its node holds"),
        Bad("bundle export --log --for 96 f", 1, "bundle.reader", says: "96 is too short"),
        Bad("verify --replica central", 1, "verify.folder", says: "--data DIR"),
        Bad("verify --against central", 1, "verify.folder", says: "central is a folder"),
        Bad("evidence --settle x --note y", 2, "option.number", says: "lists them"),
        Bad("evidence --settle 1", 2, "evidence.note", says: "--note TEXT"),
        Bad("evidence --settle 1 --note y", 1, "record.not_found", says: "lists what is kept"),
        Bad("evidence f --settle 1 --note y", 2, "option.together", says: "one of them"),
        Bad("join nothing", 2, "invite.shape", says: "whole link"),
      ] { try await world.refuses(bad) }
      try await world.stillHoldsUnsentEdits()
    }

    @Test func `words that are not UTF-8 are refused, not altered`() async throws {
      let world = try await World.withUnsentEdits()
      let before = try Data(contentsOf: URL(filePath: world.replica(of: "quito")))
      for json in ["", "--json"] {
        let outcome = try await Child(
          URL(filePath: "/bin/sh"),
          [
            "-c", "exec \"$0\" set ecuador \"contact=$(printf 'a\\377b')\" \(json)",
            World.program.path,
          ], environment: world.environment(of: "quito"), folder: world.folder
        ).finish()
        #expect(outcome.exit == 2 && outcome.output == "")
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(outcome.errors.contains(json.isEmpty ? "word 3" : "word.not_utf8"))
      }
      #expect(try Data(contentsOf: URL(filePath: world.replica(of: "quito"))) == before)
    }

    @Test func `files that are no replica, or no longer`() async throws {
      let world = try await World.withUnsentEdits()
      let whole = try Data(contentsOf: URL(filePath: world.replica(of: "quito")))
      func file(_ name: String, _ bytes: Data) throws {
        try bytes.write(to: world.folder.appending(path: name))
      }
      try file("text", Data(String(repeating: "This is no database.\n", count: 99).utf8))
      try file("empty", Data())
      try file("half", whole.prefix(whole.count / 2))
      try file("noise", whole.prefix(100) + Data((0..<20_000).map { UInt8($0 * $0 & 0xFF) }))
      try FileManager.default.createDirectory(
        at: world.folder.appending(path: "folder"), withIntermediateDirectories: true)
      try await world.tool("sqlite3", "foreign", "CREATE TABLE organisation(id)")
      try file("newer", whole)
      try await world.tool(
        "sqlite3", "newer", "UPDATE cordee_meta SET value = 99 WHERE key = 'schema'")
      for (name, code, says) in [
        ("text", "store.corrupt", "backup"), ("half", "store.corrupt", "backup"),
        ("noise", "store.corrupt", "backup"), ("empty", "store.foreign", "join"),
        ("foreign", "store.foreign", "join"), ("newer", "store.newer", "Install that version"),
        ("folder", "store.cannot_open", "may be read"), ("absent", "replica.missing", "join"),
      ] {
        let path = world.folder.appending(path: name)
        let before = try? Data(contentsOf: path)
        for command in ["status", "set ecuador contact=x", "list organisation", "sync", "digest"] {
          try await world.refuses(Bad("\(command) --replica \(name)", 1, code, says: says))
          #expect((try? Data(contentsOf: path)) == before, "\(name): \(command)")
        }
      }
      try await world.stillHoldsUnsentEdits()
    }

    @Test func `keys that are lost, spoilt or another's stop a sync, and nothing else`()
      async throws
    {
      let world = try await World.withUnsentEdits()
      let keys = world.folder.appending(path: "quito/.local/share/cordee/keys")
      let name = try #require(
        try FileManager.default.contentsOfDirectory(atPath: keys.path).first)
      let key = keys.appending(path: name)
      let own = try Data(contentsOf: key)
      for (bytes, code) in [
        (Data(repeating: 7, count: 32), "replica.key"), (own.dropLast(), "key.damaged"),
        (Data(), "key.damaged"), (nil, "key.missing"),
      ] as [(Data?, String)] {
        try FileManager.default.removeItem(at: key)
        try bytes?.write(to: key)
        try await world.refuses(Bad("sync", 1, code, says: "--adopt"))
        try await world.stillHoldsUnsentEdits()
        if bytes == nil { try own.write(to: key) }
      }
      try await world.sync("quito")
      #expect(try await world.run("quito", "status", "--json").object()["unsent"] as? Int == 0)
    }

    @Test(.enabled(if: canLimitFiles))
    func `a full disk stops writing in one line, and neither reading nor what was written`()
      async throws
    {
      let world = try await World.withUnsentEdits()
      let file = URL(filePath: world.replica(of: "quito"))
      let before = try Data(contentsOf: file)
      /// No file may grow beyond 4 kB: SQLite's journal finds no room.
      func confined(_ command: String, _ words: [String]) async throws -> Outcome {
        try await Child(
          URL(filePath: "/bin/sh"),
          ["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"", World.program.path, command]
            + words,
          environment: world.environment(of: "quito"), folder: world.folder
        ).finish()
      }
      for words in [["set", "ecuador", "contact=x"], ["add", "place", "slug=y"], ["sync"]] {
        let told = try await confined(words[0], Array(words.dropFirst()))
        #expect(told.exit == 1 && told.output == "", "\(words)")
        #expect(
          told.errors == "cordee: the disk is full while writing \(file.path). "
            + "Free some space; nothing was lost.\n")
      }
      #expect(try await confined("get", ["ecuador"]).exit == 0)
      #expect(try Data(contentsOf: file) == before)
      try await world.stillHoldsUnsentEdits()
      try await world.sync("quito")
      #expect(try await world.run("quito", "verify").exit == 0)
    }
  }
}

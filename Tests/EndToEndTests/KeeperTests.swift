import Foundation
import Programs
import Testing

extension EndToEnd {
  /// Whoever keeps central works with it while it serves.
  @Suite(.timeLimit(.minutes(15))) struct KeeperTests {
    @Test func `while central serves, its keeper's commands work through its socket`() async throws
    {
      let world = try World()
      try await world.start(merge: "every 6h")
      try await world.join("quito", for: "ecuador")
      try await world.run("quito", "set", "ecuador", "contact=A")
      try await world.sync("quito")
      let data = ["--data", "central", "--json"]
      let status = try await world.run(as: "keeper", ["central", "status"] + data).object()
      #expect(status["inbox"] as? Int == 1)
      #expect(status["members"] as? Int == 1)
      let report = try await world.merge()
      #expect((report["applied"] as? Int ?? 0) >= 1)
      let reports = try await world.run(as: "keeper", ["central", "reports"] + data).objects()
      #expect(reports.first?["number"] as? Int == report["number"] as? Int)
      let members = try await world.run(as: "keeper", ["central", "members"] + data).objects()
      #expect(members.map { $0["organisation"] as? String } == ["organisation/ecuador"])
      let replica = try #require(members.first?["replica"] as? String)

      let revoked = try await world.run(
        "keeper", "central", "revoke", String(replica.prefix(6)), "--data", "central")
      #expect(revoked.output == "Revoked \(replica); its next request is refused.\n")
      try await world.run("quito", "set", "ecuador", "contact=B")
      let refused = try await world.run("quito", "sync")
      #expect(refused.exit == 1)
      #expect(refused.errors.split(separator: "\n").count == 1)
      let again = try await world.run("keeper", "central", "revoke", replica, "--data", "central")
      #expect(again.exit == 0)
      #expect(again.output.hasPrefix("\(replica) was revoked before, at 20"))
      #expect(again.output.hasSuffix("Z; nothing was changed.\n"))
      let told = try await world.run(as: "keeper", ["central", "revoke", replica] + data).object()
      let listed = try await world.run(as: "keeper", ["central", "members"] + data).objects()
      #expect(told["already"] as? Bool == true)
      #expect(told["revoked_at"] as? String == listed.first?["revoked_at"] as? String)
      let lines = try await world.run("keeper", "central", "members", "--data", "central").output
      #expect(lines.contains("  revoked 20") && lines.split(separator: "\n").count == 1)
      let counted = try await world.run(as: "keeper", ["central", "status"] + data).object()
      #expect(counted["members"] as? Int == 0 && counted["revoked"] as? Int == 1)
      let short = try await world.run(
        "keeper", "central", "revoke", String(replica.prefix(2)), "--data", "central")
      #expect(short.exit == 1 && short.errors.contains("is too short to name a device"))
      let nobody = try await world.run("keeper", "central", "revoke", "0000", "--data", "central")
      #expect(nobody.exit == 1 && nobody.errors.contains("central members"))
      // The member's own edit is still there.
      #expect(try await world.run("quito", "status", "--json").object()["unsent"] as? Int == 1)

      let second = try await world.run(
        "keeper", "central", "serve", "--data", "central", "--listen", "127.0.0.1:0")
      #expect(second.exit == 1)
      #expect(second.errors.split(separator: "\n").count == 1)
      try await world.stop()
      #expect(
        !FileManager.default.fileExists(
          atPath: world.folder.appending(path: "central/central.sock").path))
      let after = try await world.run(as: "keeper", ["central", "status"] + data).object()
      #expect(after["inbox"] as? Int == 0)
      #expect(try world.processes() == [])
    }

    @Test func `an invite's link stands alone on the output, and for whom it is beside it`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "manual")
      let words = ["central", "invite", "--data", "central", "--organisation", "ecuador"]
      let told = try await world.run(as: "keeper", words + ["--role", "member"])
      #expect(told.output.split(separator: "\n").count == 1 && told.output.hasPrefix("http://"))
      let said = try Regex(
        "For organisation/ecuador as member, good once, until [0-9T:-]+Z\\.\n")
      #expect(told.errors.wholeMatch(of: said) != nil, "\(told.errors)")
      let object = try await world.run(
        as: "keeper", words + ["--role", "member", "--json"]
      ).object()
      #expect(object["record"] as? String == "organisation/ecuador")
      #expect((object["organisation"] as? String)?.contains("/") == false)
    }

    @Test func `a node that cannot be made leaves no folder behind`() async throws {
      let world = try World()
      let text = world.folder.appending(path: "text").path
      try Data("no records".utf8).write(to: URL(filePath: text))
      for words in [
        ["--seed", text], ["--seed", "missing"], ["--recover", "missing", "--network", "x"],
        ["--recover", "missing", "--network", String(repeating: "0", count: 32)],
      ] {
        let made = try await world.run(
          as: "keeper",
          ["central", "init", "--data", "new", "--name", "N", "--url", "http://127.0.0.1"] + words)
        #expect(made.exit != 0 && made.errors.hasPrefix("cordee: "), "\(words)")
        let left = try FileManager.default.contentsOfDirectory(atPath: world.folder.path)
        #expect(!left.contains("new"), "\(words)")
      }
    }

    @Test func `a revoked device remembers since when, and forgets it once it is let in again`()
      async throws
    {
      let world = try await World.withUnsentEdits()
      let before = try await world.run("quito", "status", "--json").object()
      #expect(before["refused"] is NSNull)
      let members = try await world.run(
        "keeper", "central", "members", "--data", "central", "--json"
      ).objects()
      let replica = try #require(members.first?["replica"] as? String)
      try await world.run("keeper", "central", "revoke", replica, "--data", "central")
      #expect(try await world.run("quito", "status").exit == 0)
      #expect(try await world.run("quito", "sync").exit == 1)
      let alone = try await world.run("quito").output
      #expect(alone.contains("central takes nothing from "))
      #expect(alone.contains("; 2 edits wait there"))
      #expect(!alone.contains("cordee sync") && alone.contains("cordee status"))
      let status = try await world.run("quito", "status")
      #expect(status.exit == 3)
      let line = try #require(status.output.split(separator: "\n").first { $0.contains("refused") })
      #expect(line.contains("since 20") && line.contains("cordee join INVITE --adopt"))
      let told = try await world.run("quito", "status", "--json").object()
      let refused = try #require(told["refused"] as? [String: Any])
      let since = try #require(refused["since"] as? String)
      #expect(line.contains(since))
      // A later refusal is the same one.
      #expect(try await world.run("quito", "sync").exit == 1)
      #expect(
        try await world.run("quito", "status", "--json").object()["refused"] as? [String: String]
          == refused as? [String: String])
      let doctor = try await world.run("quito", "doctor", "--json").objects()
      #expect(doctor.first { $0["check"] as? String == "access" }?["state"] as? String == "look")
      // A network that is away is no refusal, and none is forgotten by it.
      try await world.stop()
      #expect(try await world.run("quito", "sync", "--dry-run").exit == 1)
      try await world.serve(merge: "on-push")
      try await world.stillHoldsUnsentEdits()
      let invite = try await world.invite("ecuador")
      let adopted = try await world.run("quito", "join", invite, "--adopt")
      #expect(adopted.exit == 0, "\(adopted.errors)")
      let after = try await world.run("quito", "status", "--json")
      #expect(after.exit == 0, "\(after.output)")
      #expect(try after.object()["refused"] is NSNull)
      #expect(try after.object()["unsent"] as? Int == 0)
      #expect(try await world.run("quito", "verify").exit == 0)
    }

    @Test func `a socket left by a kill does not stand in the way`() async throws {
      let world = try World()
      try await world.start(merge: "every 6h")
      try await world.server?.kill()
      let status = try await world.run("keeper", "central", "status", "--data", "central")
      #expect(status.exit == 0, "\(status.errors)")
      try await world.serve(merge: "every 6h")
      #expect(try await world.run("keeper", "central", "status", "--data", "central").exit == 0)
    }

    /// Many rows in one member's file, pushed and not merged.
    private func pushed(_ rows: Int) async throws -> World {
      let world = try World()
      try await world.start(merge: "manual")
      try await world.join("quito", for: "ecuador")
      try await world.python(
        "quito",
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(rows)) \
        INSERT INTO person(id, slug, name) SELECT 'p-' || i, 'p-' || i, 'x' FROM n
        """)
      try await world.sync("quito")
      return world
    }

    @Test(arguments: [true, false])
    func `two merges never run at once, whether central serves or not`(_ serves: Bool) async throws
    {
      let world = try await pushed(500)
      if !serves { try await world.stop() }
      let merge = ["central", "merge", "--data", "central", "--json"]
      async let first = world.run(as: "keeper", merge)
      async let second = world.run(as: "keeper", merge)
      async let third = world.run(as: "keeper", merge)
      let outcomes = try await [first, second, third]
      let done = outcomes.filter { $0.exit == 0 }
      #expect(try done.compactMap { try $0.object()["received"] as? Int }.sorted().last == 500)
      #expect(try done.reduce(0) { try $0 + (($1.object()["received"] as? Int) ?? 0) } == 500)
      let numbers = try done.compactMap { try $0.object()["number"] as? Int }
      #expect(Set(numbers).count == numbers.count)
      for refused in outcomes where refused.exit != 0 {
        #expect(!serves && refused.exit == 1)
        #expect(refused.errors.contains("another process works on central"))
      }
    }

    @Test func `a merge that dies is taken up again, whole and once`() async throws {
      let world = try await pushed(2_000)
      try await world.stop()
      for wait in [0, 40, 80, 120, 160, 200] {
        let child = world.child("keeper", ["central", "merge", "--data", "central"])
        try child.process.run()
        try await Task.sleep(for: .milliseconds(wait))
        try await child.kill()
      }
      let report = try await world.merge()
      let reports = try await world.run(
        "keeper", "central", "reports", "--data", "central", "--json"
      ).objects()
      // Either a killed merge had committed all, or this one did.
      #expect(reports.filter { $0["received"] as? Int == 2_000 }.count == 1)
      #expect(report["waiting"] as? Int == 0)
      try await world.serve(merge: "manual")
      try await world.sync("quito")
      try await world.join("ica", for: "ica")
      try await world.sync("ica")
      #expect(try await world.digests("quito", "ica").count == 1)
      #expect(
        try await world.run("ica", "list", "person", "--where", "name=x", "--json").objects()
          .count == 2_000)
    }

    @Test func `a dry run reads like the merge to come and merges nothing`() async throws {
      let world = try await pushed(3)
      try await world.run("quito", "set", "place/rio", "city=Rio")
      try await world.python(
        "quito", "UPDATE organisation SET country = 'Quebec' WHERE slug = 'quebec'")
      try await world.sync("quito")
      let data = ["--data", "central"]
      let trial = try await world.run(as: "keeper", ["central", "merge", "--dry-run"] + data)
      #expect(trial.exit == 3)
      #expect(trial.output.hasPrefix("This merge would do: 5 received"))
      #expect(trial.output.contains("4 applied, 1 quarantined"))
      #expect(trial.output.contains("heard quito, organisation/ecuador"))
      #expect(trial.output.contains("value.form: organisation/"))
      let status = try await world.run(as: "keeper", ["central", "status", "--json"] + data)
      #expect(try status.object()["inbox"] as? Int == 2)
      let merged = try await world.run(as: "keeper", ["central", "merge"] + data)
      #expect(merged.exit == 3)
      #expect(
        merged.output.split(separator: "\n").dropFirst()
          == trial.output.split(separator: "\n").dropFirst())
      let told = try await world.run(as: "keeper", ["central", "reports", "--last", "1"] + data)
      #expect(told.output == merged.output)
    }
  }
}

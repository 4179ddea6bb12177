import Foundation
import Programs
import Testing

extension EndToEnd {
  /// Power cuts in the middle of syncs: nothing acknowledged is missing afterwards, and all agree.
  @Suite(.timeLimit(.minutes(15))) struct KillTests {
    /// Splitmix64, so that a failing run can be repeated by its seed.
    private struct Dice: RandomNumberGenerator {
      var state: UInt64
      mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
      }
    }

    /// Adds a row by a command and one by plain SQL.
    private func edit(_ world: World, _ member: String, _ round: Int) async throws {
      let slug = "\(member)-\(round)"
      let added = try await world.run(
        member, "add", "person", "slug=\(slug)", "name=\(slug)")
      #expect(added.exit == 0, "\(added.errors)")
      try await world.python(
        member, "INSERT INTO person(id, slug, name) VALUES('\(slug)-sql', '\(slug)-sql', 'x')",
        "UPDATE organisation SET contact = '\(slug)' WHERE slug = '\(member)'")
    }

    /// All that was ever added is everywhere, once; files are sound; contents are equal.
    private func check(_ world: World, _ rounds: ClosedRange<Int>, _ seed: UInt64) async throws {
      for _ in 1...2 {
        try await world.sync("ecuador", "ica")
        try await world.merge()
      }
      try await world.sync("ecuador", "ica")
      #expect(try await world.digests("ecuador", "ica").count == 1, "seed \(seed)")
      let added = ["ecuador", "ica"].flatMap { member in
        rounds.flatMap { ["\(member)-\($0)", "\(member)-\($0)-sql"] }
      }
      for member in ["ecuador", "ica"] {
        let rows = try await world.run(member, "list", "person", "--json").objects()
        let slugs = rows.compactMap { $0["slug"] as? String }.filter {
          $0.hasPrefix("ecuador-") || $0.hasPrefix("ica-")
        }
        #expect(slugs.sorted() == added.sorted(), "seed \(seed)")
        let status = try await world.run(member, "status", "--json").object()
        #expect(status["unsent"] as? Int == 0, "seed \(seed)")
        #expect(status["received"] as? Int == 0, "seed \(seed)")
        #expect(status["quarantined"] as? Int == 0, "seed \(seed)")
        let sound = try await world.tool(
          "python3", "-c",
          "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA integrity_check')"
            + ".fetchall())", world.replica(of: member))
        #expect(sound == "[('ok',)]\n")
        for organisation in ["ecuador", "ica"] {
          let row = try await world.run(member, "get", "organisation/\(organisation)", "--json")
          #expect(try row.object()["contact"] as? String == "\(organisation)-\(rounds.upperBound)")
        }
      }
    }

    @Test(arguments: [7 as UInt64])
    func `central is killed at any moment of a sync`(_ seed: UInt64) async throws {
      var dice = Dice(state: seed)
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("ecuador", for: "ecuador")
      try await world.join("ica", for: "ica")
      let rounds = 1...10
      for round in rounds {
        try await edit(world, "ecuador", round)
        try await edit(world, "ica", round)
        async let first = world.run("ecuador", "sync")
        async let second = world.run("ica", "sync")
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...90, using: &dice)))
        try await world.server?.kill()
        try await world.serve(merge: "on-push")
        for outcome in try await [first, second] where outcome.exit == 1 {
          #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        }
      }
      try await check(world, rounds, seed)
      try await world.stop()
      #expect(try world.processes() == [])
    }

    @Test(arguments: [11 as UInt64])
    func `a replica is killed at any moment of a sync`(_ seed: UInt64) async throws {
      var dice = Dice(state: seed)
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("ecuador", for: "ecuador")
      try await world.join("ica", for: "ica")
      let rounds = 1...20
      for round in rounds {
        try await edit(world, "ecuador", round)
        try await edit(world, "ica", round)
        if round.isMultiple(of: 3) { try await world.sync("ica") }
        let child = world.child("ecuador", ["sync"])
        try child.process.run()
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...90, using: &dice)))
        try await child.kill()
      }
      try await check(world, rounds, seed)
    }
  }
}

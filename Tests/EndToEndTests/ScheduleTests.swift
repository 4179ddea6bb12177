import Foundation
import Testing

extension EndToEnd {
  /// When central merges, with a real clock and real zones.
  @Suite(.timeLimit(.minutes(15))) struct ScheduleTests {
    private func about(_ world: World) async throws -> [String: Any] {
      let text = try await world.tool(
        "python3", "-c",
        "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())",
        "http://127.0.0.1:\(world.port)/v1")
      return try #require(
        try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private func status(_ world: World) async throws -> [String: Any] {
      try await world.run("keeper", "central", "status", "--data", "central", "--json").object()
    }

    @Test func `anybody can read when the next merge is, the keeper also when nothing serves`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "daily  02:00 Europe/Paris")
      let merge = try #require(try await about(world)["merge"] as? [String: Any])
      #expect(merge["schedule"] as? String == "daily 02:00 Europe/Paris")
      let next = try #require(merge["next"] as? String)
      // Python's own zones as a second opinion.
      let expected = try await world.tool(
        "python3", "-c",
        """
        import datetime as d, zoneinfo
        paris, now = zoneinfo.ZoneInfo("Europe/Paris"), d.datetime.now(d.timezone.utc)
        day = now.astimezone(paris).date()
        runs = [d.datetime(t.year, t.month, t.day, 2, tzinfo=paris).astimezone(d.timezone.utc)
          for t in (day, day + d.timedelta(1))]
        print(min(run for run in runs if run > now).strftime("%Y-%m-%dT%H:%M:%SZ"))
        """)
      #expect(expected == next + "\n")
      let serving = try await status(world)
      #expect(serving["serving"] as? Bool == true)
      #expect(serving["next_merge"] as? String == next)
      try await world.stop()
      let stopped = try await status(world)
      #expect(stopped["serving"] as? Bool == false)
      #expect(stopped["schedule"] as? String == "daily 02:00 Europe/Paris")
      #expect(stopped["next_merge"] is NSNull)
      try await world.serve(merge: "on-push")
      let onPush = try #require(try await about(world)["merge"] as? [String: Any])
      #expect(onPush["schedule"] as? String == "on-push")
      #expect(onPush["next"] is NSNull)
    }

    @Test func `a run missed while nothing served is made up for at the start, if something waits`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "manual")
      try await world.join("quito", for: "ecuador")
      try await world.run("quito", "set", "ecuador", "contact=A")
      try await world.sync("quito")
      #expect(try await status(world)["inbox"] as? Int == 1)
      let merges = try await world.reports()
      try await world.stop()
      try await world.serve(merge: "0 0 29 2 *")
      // It came after the last leap day: nothing was missed.
      #expect(try await status(world)["inbox"] as? Int == 1)
      #expect(try await world.reports() == merges)
      try await world.stop()
      try await world.tool(
        "python3", "-c",
        """
        import sqlite3, sys
        db = sqlite3.connect(sys.argv[1])
        db.execute("UPDATE cordee_inbox SET received_at = '2020-02-28T00:00:00Z'")
        db.commit()
        """, world.folder.appending(path: "central/central.sqlite").path)
      try await world.serve(merge: "0 0 29 2 *")
      try await eventually("the missed run") { try await status(world)["inbox"] as? Int == 0 }
      #expect(try await world.reports() == merges + 1)
    }

    @Test func `on-push merges at the start what a stopped node left`() async throws {
      let world = try World()
      try await world.start(merge: "manual")
      try await world.join("quito", for: "ecuador")
      try await world.run("quito", "set", "ecuador", "contact=A")
      try await world.sync("quito")
      try await world.stop()
      try await world.serve(merge: "on-push")
      try await eventually("a merge") { try await status(world)["inbox"] as? Int == 0 }
    }

    @Test func `a schedule that is none, or in a zone that is none, is one line and exit 2`()
      async throws
    {
      let world = try World()
      for text in ["6h", "daily 02:00 Mars/Base", "* * * *", "hourly Europe/Paris"] {
        let refused = try await world.run(
          "keeper", "central", "serve", "--data", "central", "--merge", text)
        #expect(refused.exit == 2, "\(text)")
        #expect(refused.errors.split(separator: "\n").count == 1)
        #expect(refused.output == "")
      }
    }
  }
}

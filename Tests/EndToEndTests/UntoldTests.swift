import Foundation
import Testing

extension EndToEnd {
  /// What a keeper of a serving node learns without being there.
  @Suite(.timeLimit(.minutes(15))) struct UntoldTests {
    @Test
    func `a keeper learns what a scheduled merge refused, once, and is left alone after that`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      let data = ["--data", "central"]
      let status = ["central", "status"] + data
      #expect(try await world.run(as: "keeper", status).exit == 0)
      try await world.python(
        "quito", "UPDATE organisation SET country = 'Quebec' WHERE slug = 'quebec'")
      try await world.sync("quito")

      let told = try await world.run(as: "keeper", status)
      #expect(told.exit == 3)
      #expect(told.output.contains("Not looked at: 1 change quarantined, 0 segments set aside"))
      let object = try await world.run(as: "keeper", status + ["--json"]).object()
      #expect(object["quarantined"] as? Int == 1)
      let first = try #require((object["untold"] as? [String: Any])?["first"] as? Int)
      #expect(told.output.contains("first in merge \(first). Next: cordee central reports"))
      #expect(try await quarantine(world) == "look")

      // On the author's replica it is settled; central hears nothing of that.
      let reports = try await world.run(as: "keeper", ["central", "reports"] + data)
      #expect(reports.exit == 0)
      #expect(reports.output.contains("Merge \(first), ") && reports.output.contains("value.form"))
      let after = try await world.run(as: "keeper", status)
      #expect(after.exit == 0 && !after.output.contains("Not looked at"))
      #expect(after.output.contains("quarantined"))
      #expect(try await quarantine(world) == "ok")
      #expect(try await world.run("keeper", "verify", "--data", "central").exit == 0)
    }

    /// What the doctor makes of central's quarantine.
    private func quarantine(_ world: World) async throws -> String? {
      let checks = try await world.run("keeper", "doctor", "--data", "central", "--json").objects()
      let check = checks.first { $0["check"] as? String == "quarantine" }
      #expect((check?["says"] as? String)?.hasPrefix("1 change is ") == true)
      return check?["state"] as? String
    }

    @Test func `who is told an address that leads elsewhere hears of it from serve and the doctor`()
      async throws
    {
      let world = try World()
      let made = try await world.run(
        "keeper", "central", "init", "--data", "central", "--name", "Test", "--url",
        "http://192.0.2.1:9000", "--allow-plain-http")
      #expect(made.output.hasSuffix("serve --data central --listen 192.0.2.1:9000\n"))
      try await world.serve(merge: "manual")
      let notice =
        "members come to http://192.0.2.1:9000, and it listens at 127.0.0.1:\(world.port):"
      try await eventually("the notice is there") {
        world.server.map { $0.outcome.errors.contains(notice) } ?? false
      }
      let doctor = try await world.run("keeper", "doctor", "--data", "central")
      #expect(doctor.exit == 3)
      #expect(doctor.output.contains("look address: \(notice) a proxy has to lead there."))
      #expect(doctor.output.contains("--listen 192.0.2.1:9000"))
    }
  }
}

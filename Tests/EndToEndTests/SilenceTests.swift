import Foundation
import Glibc
import Programs
import Testing

extension World {
  /// Runs a command some days from now.
  func later(_ days: Int, _ member: String, _ words: [String]) async throws -> Outcome {
    try await child(at: "\(days < 0 ? "" : "+")\(days)d", member, words).finish()
  }

  /// A command under another clock: `+3d`, or `@2016-03-01 12:00:00` when it begins.
  func child(at when: String, _ member: String, _ words: [String]) -> Child {
    let script = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Battery/support/clock-at").standardizedFileURL
    return Child(
      script, [when, Self.program.path] + words, environment: environment(of: member),
      folder: folder)
  }

  /// Runs `body` while central serves some days from now, at the place it served before.
  func serving(later days: Int, _ body: () async throws -> Void) async throws {
    let child = child(
      at: "+\(days)d", "keeper",
      [
        "central", "serve", "--data", "central", "--listen", "127.0.0.1:\(port)", "--merge",
        "manual",
      ])
    try child.process.run()
    defer { child.process.signal(SIGKILL) }
    try await eventually("central serves later") {
      guard child.process.isRunning else { throw Unmet(what: child.outcome.errors) }
      return child.read(child.output).contains("Serving on")
    }
    try await body()
    child.process.terminate()
    try await eventually("central stops") { !child.process.isRunning }
    #expect(child.outcome.exit == 0, "\(child.outcome.errors)")
  }
}

extension EndToEnd {
  /// A central that answers and shows nothing new may have no news, or keep it back: a member is told after a month.
  @Suite(.timeLimit(.minutes(15)), .enabled(if: canShiftClocks)) struct SilenceTests {
    @Test func `a central whose signed word stands still for a month is told of [R8]`() async throws
    {
      let world = try World()
      try await world.start(merge: "manual")
      try await world.join("quito", for: "ecuador")
      try await world.run("quito", "set", "ecuador", "contact=A")
      try await world.sync("quito")
      try await world.merge()
      try await world.sync("quito")
      try await world.stop()

      func news(_ days: Int) async throws -> (status: Outcome, silent: Int?, doctor: String?) {
        let synced = try await world.later(days, "quito", ["sync"])
        #expect(synced.exit == 0, "\(synced.errors)")
        let json = try await world.later(days, "quito", ["status", "--json"]).object()
        let checks = try await world.later(days, "quito", ["doctor", "--json"]).objects()
        return (
          try await world.later(days, "quito", ["status"]), json["silent_days"] as? Int,
          checks.first { $0["check"] as? String == "news" }?["state"] as? String
        )
      }
      try await world.serving(later: 29) {
        let quiet = try await news(29)
        #expect(!quiet.status.output.contains("no news") && quiet.status.exit == 0)
        #expect(quiet.silent == 29 && quiet.doctor == "ok")
      }
      // Nobody was asked: time alone accuses no one.
      let offline = try await world.later(200, "quito", ["status"])
      #expect(!offline.output.contains("no news") && offline.exit == 0)

      try await world.serving(later: 40) {
        let told = try await news(40)
        #expect(told.status.output.contains("no news      for 40 days, though central answers"))
        #expect(told.status.output.contains("cordee verify --against FILE"))
        #expect(told.silent == 40 && told.doctor == "look")
        // What was received long ago and never merged is named, too.
        #expect(try await world.later(40, "quito", ["set", "ecuador", "contact=B"]).exit == 0)
        #expect(try await world.later(40, "quito", ["sync"]).exit == 0)
      }
      try await world.serving(later: 75) {
        #expect(try await world.later(75, "quito", ["sync"]).exit == 0)
        let checks = try await world.later(75, "quito", ["doctor", "--json"]).objects()
        let verdicts = try #require(checks.first { $0["check"] as? String == "verdicts" })
        #expect(verdicts["state"] as? String == "look")
        #expect((verdicts["advice"] as? String)?.contains("signed receipts") == true)
        // One merge, and all is well.
        let merged = try await world.later(75, "keeper", ["central", "merge", "--data", "central"])
        #expect(merged.exit == 0, "\(merged.errors)")
        let well = try await news(75)
        #expect(!well.status.output.contains("no news"))
        #expect(well.silent == 0 && well.doctor == "ok")
      }
    }
  }
}

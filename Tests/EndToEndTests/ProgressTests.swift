import Foundation
import Testing

extension EndToEnd {
  /// How a transfer that takes a while is shown.
  @Suite(.timeLimit(.minutes(15))) struct ProgressTests {
    /// Bytes a second that let the founding records take a few seconds.
    private static let slow = 8_000
    private static let amounts =
      "Receiving [a-z ]+ [0-9.]+ k?B of [0-9.]+ k?B, [0-9.]+ k?B/s, [0-9]+s left"
    /// Towards the end nothing is left.
    private static let ending =
      "(\\[#*-*\\] )?Receiving [a-z ]+ [0-9.]+ k?B( of [0-9.]+ k?B)?, [0-9.]+ k?B/s(, [0-9]+s left)?"

    @Test func `at a terminal a bar is drawn over, with bytes, rate and the time left`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      let link = try await Middleman(to: world.port, bytesPerSecond: Self.slow, in: world)
      let invite = try await world.invite("ecuador", at: "http://127.0.0.1:\(link.port)")
      let told = try await world.atTerminal("quito", ["join", invite])
      #expect(told.exit == 0, "\(told.output)")
      let drawn = told.output.components(separatedBy: "\r\u{1B}[K").dropFirst()
      #expect(drawn.count >= 3, "\(told.output)")
      let bar = try Regex("\\[#*-+\\] " + Self.amounts)
      #expect(drawn.count { $0.wholeMatch(of: bar) != nil } >= 3, "\(drawn)")
      let line = try Regex(Self.ending)
      #expect(drawn.dropLast().allSatisfy { $0.wholeMatch(of: line) != nil }, "\(drawn)")
      let filled = drawn.filter { $0.wholeMatch(of: bar) != nil }.map { $0.count { $0 == "#" } }
      #expect(filled == filled.sorted() && filled.first != filled.last, "\(filled)")
      // The last one stays above what the command says.
      let last = try #require(drawn.last)
      #expect(last.contains("\r\nJoined http://127.0.0.1:\(link.port) as "), "\(last)")
      #expect(drawn.allSatisfy { ($0.split(separator: "\r\n").first?.count ?? 0) < 100 })
      try await link.leave()
    }

    @Test func `into a pipe go plain lines, and the result alone goes to the output`() async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      let link = try await Middleman(to: world.port, bytesPerSecond: Self.slow, in: world)
      let invite = try await world.invite("ecuador", at: "http://127.0.0.1:\(link.port)")
      let told = try await Child(
        URL(filePath: "/bin/bash"),
        [
          "-c",
          "set -o pipefail; { \"$0\" \"$@\" 2>&3 | cat; exit ${PIPESTATUS[0]}; } 3>&1 >result | cat >said",
        ]
          + [World.program.path, "join", invite],
        environment: world.environment(of: "quito"), folder: world.folder
      ).finish()
      #expect(told.exit == 0, "\(told.errors)")
      func text(_ name: String) throws -> String {
        try String(contentsOf: world.folder.appending(path: name), encoding: .utf8)
      }
      let said = try text("said")
      #expect(!said.contains("\u{1B}") && !said.contains("\r"))
      let lines = said.split(separator: "\n")
      // One after a second, others every ten seconds, one at the end.
      #expect(lines.count >= 2, "\(said)")
      #expect(try lines.first?.wholeMatch(of: Regex(Self.amounts)) != nil, "\(said)")
      #expect(lines.last?.hasPrefix("Receiving ") == true)
      #expect(try text("result").hasPrefix("Joined "))
      try await link.leave()
    }
  }
}

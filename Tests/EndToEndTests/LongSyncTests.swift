import Foundation
import Programs
import Testing

extension EndToEnd {
  /// `sync --every` as a service runs it.
  @Suite(.timeLimit(.minutes(15))) struct LongSyncTests {
    @Test
    func
      `R13: sync --every outlasts a central that is away, goes on when it is back, and stops when asked`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      let service = world.child("quito", ["sync", "--every", "1s"])
      try service.process.run()
      try await eventually("it syncs") { service.read(service.output).contains("Sent ") }
      try await world.server?.kill()
      // Each line stands for five attempts.
      for count in 1...3 {
        try await eventually("failure \(count) is told") {
          service.read(service.errors).split(separator: "\n").count >= count
        }
        let edited = try await world.run("quito", "set", "ecuador", "contact=Try \(count)")
        #expect(edited.exit == 0, "\(edited.errors)")
      }
      #expect(service.process.isRunning)
      for line in service.read(service.errors).split(separator: "\n") {
        #expect(line.contains("127.0.0.1:\(world.port)"), "\(line)")
        #expect(line.contains("next"), "\(line)")
      }
      try await world.serve(merge: "on-push")
      try await eventually("it sends what was written meanwhile") {
        try await world.run("quito", "status", "--json").object()["unsent"] as? Int == 0
      }
      service.process.terminate()
      try await eventually("it stops") { !service.process.isRunning }
      #expect(service.process.terminationStatus == 0)
      let whole = try await world.run("quito", "verify")
      #expect(whole.exit == 0, "\(whole.output)")
      try await world.join("rabat", for: "ica")
      try await world.sync("quito", "rabat")
      let seen = try await world.run("rabat", "get", "ecuador", "--json").object()
      #expect(seen["contact"] as? String == "Try 3")
      #expect(try await world.digests("quito", "rabat").count == 1)
    }

    /// Whether a process has a handler for SIGTERM (proc(5), `SigCgt`).
    private func catchesTerm(_ child: Child) -> Bool {
      let path = "/proc/\(child.process.processIdentifier)/status"
      let line = (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: "\n")
        .first { $0.hasPrefix("SigCgt:") }
      let mask = line.flatMap { UInt64($0.dropFirst(7).drop { $0 == "\t" }, radix: 16) } ?? 0
      return mask >> UInt64(SIGTERM - 1) & 1 == 1
    }

    @Test func `asked to stop while central is away it stops at once, with 0`() async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.server?.kill()
      let service = world.child("quito", ["sync", "--every", "6h"])
      try service.process.run()
      // Between two of its attempts, or in the long pause after them.
      try await eventually("it catches signals") { catchesTerm(service) }
      service.process.terminate()
      try await eventually("it stops") { !service.process.isRunning }
      #expect(service.process.terminationStatus == 0)
      #expect(try await world.run("quito", "verify").exit == 0)
    }
  }
}

import HTTP
import Replica
import Store
import Testing
import Wire

@testable import cordee

/// `sync --every` through days without a network.
@Suite struct SyncPaceTests {
  @Test func `pauses grow from ten seconds to what was asked, and a success sets them back`() {
    var pace = SyncPace(every: .seconds(900))
    #expect(pace.pause(succeeded: true, random: 0) == .seconds(900))
    for expected in [10, 20, 40, 80, 160, 320, 640, 900, 900] {
      #expect(pace.pause(succeeded: false, random: 0) == .seconds(expected))
    }
    #expect(pace.pause(succeeded: true, random: 0) == .seconds(900))
    #expect(pace.pause(succeeded: false, random: 0) == .seconds(10))
  }

  @Test func `after weeks of failures the pause is what was asked, at most half a day, and finite`()
  {
    for (every, cap) in [(1, 1), (10, 10), (900, 900), (3_600, 3_600), (172_800, 40_960)] {
      var pace = SyncPace(every: .seconds(every))
      var longest = Duration.zero
      for attempt in 1...5_000 {
        let pause = pace.pause(succeeded: false, random: 0)
        #expect(pause >= longest, "attempt \(attempt)")
        longest = pause
      }
      #expect(longest == .seconds(cap))
      #expect(pace.pause(succeeded: true, random: 0) == .seconds(every))
    }
  }

  @Test func `a pause is spread over a tenth of itself, never shortened`() {
    for every in [1, 10, 900, 172_800] {
      for random in [0, 1, 99, 12_345, UInt64.max / 2, .max] {
        var pace = SyncPace(every: .seconds(every))
        let pause = pace.pause(succeeded: true, random: random)
        #expect(pause >= .seconds(every) && pause < .seconds(every) * 11 / 10)
      }
    }
    var (one, other) = (SyncPace(every: .seconds(900)), SyncPace(every: .seconds(900)))
    #expect(one.pause(succeeded: true, random: 7) != other.pause(succeeded: true, random: 8))
  }

  @Test(
    arguments: [
      HTTPFailure(.unreachable, "x"), HTTPFailure(.timedOut, "x"), HTTPFailure(.interrupted, "x"),
      // A portal that asks for a ticket first: it breaks TLS, or answers with a page of its own.
      HTTPFailure(.tls, "x"), HTTPFailure(.badResponse, "x"), WireError(.syntax, "x"),
      SyncError("central.status", "x"),
      // A central that has much to do, or whose disk is nearly full.
      SyncError("requests.too_many", "x"), SyncError("queue.full", "x"),
      SyncError("disk.reserve", "x"), SyncError("internal", "x"),
      SyncError("central.restoring", "x"),
      StoreError(.busy, "x"), StoreError(.full, "x"),
    ] as [any Error & Sendable])
  func `what may pass by itself is waited for`(error: any Error & Sendable) {
    #expect(Failure.from(error).isPassing)
  }

  @Test(
    arguments: [
      Failure(code: "replica.missing", message: "x"), Failure(code: "key.missing", message: "x"),
      Failure.usage("option.unknown", "x"), StoreError(.corrupt, "x"), StoreError(.foreign, "x"),
      StoreError(.newer, "x"), StoreError(.cannotOpen, "x"),
      SyncError("signature.refused", "x"), SyncError("network.other", "x"),
      HTTPFailure(.refusedScheme, "x"),
    ] as [any Error & Sendable])
  func `what a person must mend ends it`(error: any Error & Sendable) {
    #expect(!Failure.from(error).isPassing)
  }
}

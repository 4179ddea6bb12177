import Foundation
import Testing

@testable import Simulator

/// One seed that once broke a promise.
struct PastFailure: CustomTestStringConvertible, Sendable {
  let seed: UInt64
  let steps: Int
  let story: String

  var testDescription: String { "seed \(seed): \(story)" }

  /// `Fixtures/seeds.txt`.
  static let all: [PastFailure] = {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try? String(
      contentsOf: root.appending(path: "Fixtures/seeds.txt"), encoding: .utf8)
    return (text ?? "").split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
      let parts = line.split(separator: " ", maxSplits: 2)
      guard parts.count == 3, let seed = UInt64(parts[0]), let steps = Int(parts[1]) else {
        return nil
      }
      return PastFailure(seed: seed, steps: steps, story: String(parts[2]))
    }
  }()
}

@Suite("The simulator: R1 to R7, R9, R10, R13, R14 and R16 under drawn faults")
struct SimulationTests {
  @Test("no promise is broken in any seed of the slice", arguments: 1001...1008)
  func slice(seed: Int) throws {
    let outcome = try inFolder { Simulation(seed: UInt64(seed), steps: 80).run(in: $0) }
    #expect(outcome.violations.isEmpty)
  }

  @Test("what once failed does not fail again", arguments: PastFailure.all)
  func past(failure: PastFailure) throws {
    let outcome = try inFolder {
      Simulation(seed: failure.seed, steps: failure.steps).run(in: $0)
    }
    #expect(outcome.violations.isEmpty)
  }

  @Test("past failures are kept")
  func keepsPast() { #expect(PastFailure.all.count >= 7) }

  @Test(
    "the same seed gives the same run, byte for byte; another seed another one", arguments: [3, 11])
  func repeats(seed: Int) throws {
    let simulation = Simulation(seed: UInt64(seed), steps: 60)
    let one = try inFolder { simulation.run(in: $0) }
    let other = try inFolder { simulation.run(in: $0) }
    #expect(one.trace == other.trace)
    #expect(one.hash == other.hash)
    let next = try inFolder { Simulation(seed: UInt64(seed + 1), steps: 80).run(in: $0) }
    #expect(next.hash != one.hash)
  }

  @Test("a step left out changes nothing of what the others draw")
  func drawsApart() throws {
    var simulation = Simulation(seed: 5, steps: 40)
    let whole = simulation.kept
    simulation.kept.removeFirst(10)
    #expect(simulation.kept == Array(whole.dropFirst(10)))
    let outcome = try inFolder { simulation.run(in: $0) }
    #expect(outcome.violations.isEmpty)
  }
}

import Foundation
import Synchronization
import Testing

@testable import Simulator

/// Every program started, kept for the run: Foundation's monitor may reach one after its end.
private let started = Mutex<[Process]>([])

/// One run that once broke a promise.
struct PastFailure: CustomTestStringConvertible, Sendable {
  let story: String
  let script: String

  var testDescription: String { story }

  /// `Fixtures/seeds.txt`.
  static let all: [PastFailure] = {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try? String(
      contentsOf: root.appending(path: "Fixtures/seeds.txt"), encoding: .utf8)
    var story = ""
    return (text ?? "").split(separator: "\n").compactMap { line in
      guard line.hasPrefix("#") else { return PastFailure(story: story, script: String(line)) }
      story = String(line.dropFirst(2))
      return nil
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
    let simulation = try Simulation(script: failure.script)
    let outcome = try inFolder { simulation.run(in: $0) }
    #expect(outcome.violations.isEmpty)
    #expect(simulation.script == failure.script)
  }

  @Test(
    "disks that lie strike in every way, on members and on central, and no promise is broken",
    arguments: [
      (
        "silentDisks", [Mark.lyingSync, .lostWrite, .misdirectedWrite, .damageFound, .stoodEarlier]
      ),
      (
        "silentCentralDisks",
        [
          .lyingSyncOfCentral, .lostWriteOfCentral, .misdirectedWriteOfCentral,
          .damageFoundInCentral, .centralStoodEarlier,
        ]
      ),
    ])
  func silentDisks(family: String, expected: [Mark]) throws {
    let deeds: [Deed] = [.edit, .sync, .silentDisk, .command, .silentDisk, .merge]
    let steps = (0..<150).map { "\($0):\(deeds[$0 % deeds.count]):\($0 % 4)" }
    var marks = Marks()
    for seed in 1...2 {
      let script =
        "seed \(seed) of 150 families \(family) roles chair,chair,member,member pool 4 schemas 2,2,2,2 "
        + "central 2 clocks 0,0,0,0 clock 0 snapshots 100000 pieces 2000000 on-push no roughness 30 "
        + "steps " + steps.joined(separator: " ")
      let outcome = try inFolder { try Simulation(script: script).run(in: $0) }
      #expect(outcome.violations.isEmpty)
      marks.merge(outcome.marks)
    }
    for mark in expected { #expect(marks.counts[mark, default: 0] > 0, "\(mark.rawValue)") }
  }

  @Test("past failures are kept")
  func keepsPast() { #expect(!PastFailure.all.isEmpty) }

  @Test("a script is the run it was made of, whatever seeds draw by then")
  func scripts() throws {
    var simulation = Simulation(seed: 8, steps: 40)
    simulation.kept.removeSubrange(5..<15)
    let again = try Simulation(script: simulation.script)
    #expect(again.kept == simulation.kept)
    let one = try inFolder { simulation.run(in: $0) }
    #expect(try inFolder { again.run(in: $0) }.hash == one.hash)
    for malformed in ["", "steps", "seed 7 steps 1:sync:0", simulation.script + " 1:dance:0"] {
      #expect(throws: Script.Malformed.self) { try Simulation(script: malformed) }
    }
  }

  @Test("another process runs the same seed the same way, byte for byte", arguments: [2, 7, 12])
  func processes(seed: Int) throws {
    let outcome = try inFolder { Simulation(seed: UInt64(seed), steps: 60).run(in: $0) }
    let told = try inFolder { folder in
      let output = URL(filePath: folder).appending(path: "output")
      try Data().write(to: output)
      let process = Process()
      process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "cordee-sim")
      process.arguments = ["--seeds", "\(seed)", "--steps", "60", "--trace", "--shrink", "0"]
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = try FileHandle(forWritingTo: output)
      process.standardError = FileHandle.nullDevice
      started.withLock { $0.append(process) }
      try process.run()
      process.waitUntilExit()
      return try String(contentsOf: output, encoding: .utf8)
    }
    #expect(told.contains("trace hash \(outcome.hash)\n"))
  }

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

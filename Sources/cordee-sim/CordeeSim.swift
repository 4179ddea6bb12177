import Foundation
import Simulator

/// `cordee-sim`: runs seeds of the simulator and prints what happened.
@main
enum CordeeSim {
  static func main() async {
    do {
      let options = try Options(Array(CommandLine.arguments.dropFirst()))
      let folders = try Folders()
      defer { folders.remove() }
      let isGood =
        if let file = options.scripts {
          try replay(file, options, folders)
        } else {
          try await run(options, folders)
        }
      folders.remove()
      exit(isGood ? 0 : 1)
    } catch let error as UsageError {
      print("cordee-sim: \(error.words)\n\n\(Options.usage)")
      exit(2)
    } catch {
      print("cordee-sim: \(error)")
      exit(1)
    }
  }

  /// - Returns: whether no promise was broken.
  private static func run(_ options: Options, _ folders: Folders) async throws -> Bool {
    let start = ContinuousClock.now
    var marks = Marks()
    var failed: [(seed: UInt64, violations: [Violation])] = []
    var count = 0
    var next = options.seeds.lowerBound
    await withTaskGroup(of: (UInt64, Simulation.Outcome).self) { group in
      func add() {
        guard next <= options.seeds.upperBound, !(options.stopsAtFirst && !failed.isEmpty) else {
          return
        }
        let seed = next
        next += 1
        group.addTask {
          let simulation = Simulation(seed: seed, steps: options.steps)
          return (seed, folders.with { simulation.run(in: $0) })
        }
      }
      for _ in 0..<options.jobs { add() }
      for await (seed, outcome) in group {
        count += 1
        marks.merge(outcome.marks)
        if options.prints {
          for line in outcome.trace { print(line) }
          print("trace hash \(outcome.hash)")
        }
        if !outcome.violations.isEmpty {
          failed.append((seed, outcome.violations))
          print("seed \(seed) failed:")
          for violation in outcome.violations.prefix(8) {
            print("  \(violation.rule): \(violation.words.prefix(600))")
          }
        }
        add()
      }
    }
    if let first = failed.min(by: { $0.seed < $1.seed }), options.shrinkRunsMax > 0 {
      try shrink(first.seed, first.violations[0].rule, options, folders)
    }
    let seconds = Double((ContinuousClock.now - start).components.seconds) + 0.001
    print("\n\(marks.table)\n")
    print(
      "\(count) seeds, \(options.steps) steps each, \(failed.count) failed, "
        + "\(Int(Double(count * options.steps) / max(1, seconds))) steps a second")
    return failed.isEmpty
  }

  /// Runs the scripts of a file.
  private static func replay(_ file: String, _ options: Options, _ folders: Folders) throws -> Bool
  {
    let text = try String(contentsOfFile: file, encoding: .utf8)
    var isGood = true
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      let simulation = try Simulation(script: String(line))
      let outcome = folders.with { simulation.run(in: $0) }
      if options.prints { for line in outcome.trace { print(line) } }
      for violation in outcome.violations.prefix(8) {
        print("line \(number + 1): \(violation.rule): \(violation.words.prefix(600))")
      }
      isGood = isGood && outcome.violations.isEmpty
    }
    return isGood
  }

  /// Prints the shortest failing script that can be found.
  private static func shrink(
    _ seed: UInt64, _ rule: String, _ options: Options, _ folders: Folders
  ) throws {
    var shrink = Shrink(runsMax: options.shrinkRunsMax) { try folders.next() }
    let simulation = Simulation(seed: seed, steps: options.steps)
    let shortest = try shrink.shortest(simulation, breaking: rule)
    let outcome = folders.with { shortest.run(in: $0) }
    print("\nseed \(seed), \(shortest.kept.count) of \(options.steps) steps are enough:")
    for line in outcome.trace { print("  \(line)") }
    for violation in outcome.violations { print("  → \(violation.rule): \(violation.words)") }
    print("\nthe same as a script, for Fixtures/seeds.txt or --script:\n\(shortest.script)")
  }
}

/// Empty folders for runs, below one that goes at the end.
final class Folders: Sendable {
  private let root: URL

  /// A run's databases lie in memory already; its spools and locks do, too, where that has room for central's reserve.
  private static var place: URL {
    let memory = "/dev/shm"
    let manager = FileManager.default
    let room = try? manager.attributesOfFileSystem(forPath: memory)[.systemFreeSize] as? NSNumber
    let isRoomy = (room?.int64Value ?? 0) > 1 << 32 && manager.isWritableFile(atPath: memory)
    return isRoomy ? URL(filePath: memory) : manager.temporaryDirectory
  }

  init() throws {
    root = Self.place.resolvingSymlinksInPath()
      .appending(path: "cordee-sim-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
  }

  func next() throws -> String {
    let folder = root.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder.path
  }

  /// Lends a new folder, which goes afterwards.
  func with<T>(_ body: (String) -> T) -> T {
    let folder = root.appending(path: UUID().uuidString)
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return body(folder.path)
  }

  func remove() { try? FileManager.default.removeItem(at: root) }
}

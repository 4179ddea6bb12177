import Foundation
import HTTP
import SQLite
import Wire

@main
struct CordeeBench {
  static let help = """
    Usage: cordee-bench [OPTION]... [WORKLOAD]...
    Measure Cordée beside reference loops in the same run: SQLite itself, and its session changesets
    sent over the same HTTP, both at synchronous=FULL. Every side runs in a process of its own.

      --records N       rows in the registry, 100 to 1000000 (default 100000)
      --rounds N        runs of each workload, of which the median counts
                        (default 3, and 15 where one takes milliseconds)
      --instructions    count instructions in "flat" with callgrind (needs valgrind; slow)
      --json            print JSON instead of a table
      --help            print this help

    Workloads (all, when none is named):
    \(Workload.all.map { "  \($0.name)".padding(toLength: 18, withPad: " ", startingAt: 0) + $0.title }
      .joined(separator: "\n"))

    Examples:
      cordee-bench                          every workload with 100,000 records
      cordee-bench behind --records 10000   one of them, smaller
      cordee-bench flat --instructions      does a pull cost the same in a larger registry?

    Exit status: 0 when every goal is met, 1 when one is missed or something failed, 2 for usage.
    """

  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    do {
      if try Child.run(words) { return }
      let options = try Options(words)
      if options.wantsHelp {
        print(help)
        return
      }
      let runner = try Runner(
        records: options.records, rounds: options.rounds,
        countsInstructions: options.countsInstructions, say: note)
      let report = Report(outcomes: try options.workloads.map { try runner.run($0) })
      print(options.wantsJSON ? report.json.text(pretty: true) : report.text)
      if !report.outcomes.allSatisfy({ $0.misses.isEmpty }) { exit(1) }
    } catch let error as UsageError {
      note("cordee-bench: \(error.description); see cordee-bench --help")
      exit(2)
    } catch {
      note("cordee-bench: \(error)")
      exit(1)
    }
  }

  private static func note(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
  }
}

/// Words that were not understood.
struct UsageError: Error, CustomStringConvertible {
  let description: String
}

/// The command line, understood.
struct Options {
  var workloads: [Workload] = []
  var records = 100_000
  var rounds: Int?
  var countsInstructions = false
  var wantsJSON = false
  var wantsHelp = false

  init(_ words: [String]) throws {
    var rest = words[...]
    while let word = rest.popFirst() {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      func number(_ range: ClosedRange<Int>) throws -> Int {
        let text = parts.count == 2 ? parts[1] : rest.popFirst() ?? ""
        guard let number = Int(text), range.contains(number) else {
          throw UsageError(
            description: "\(parts[0]) needs a number, \(range.lowerBound) to \(range.upperBound)")
        }
        return number
      }
      switch parts.first {
      case "--records": records = try number(100...1_000_000)
      case "--rounds": rounds = try number(1...99)
      case "--instructions": countsInstructions = true
      case "--json": wantsJSON = true
      case "--help": wantsHelp = true
      default:
        guard let workload = Workload.all.first(where: { $0.name == word }) else {
          throw UsageError(description: "there is no workload or option \(word)")
        }
        workloads.append(workload)
      }
    }
    if workloads.isEmpty { workloads = Workload.all }
  }
}

/// The processes the bench starts of itself: not for people.
enum Child {
  /// Does what the first word says; false when it is none of these.
  static func run(_ words: [String]) throws -> Bool {
    switch (words.first, words.count) {
    case ("base", 3):
      try Base(folder: words[1], records: Int(words[2]) ?? 0).make()
    case ("serve", 3) where words[1] == "cordee":
      let service = CentralService(try CentralService.open(words[2]))
      try Service.run { service.answer($0) }
    case ("serve", 3):
      let changeset = try Data(contentsOf: URL(filePath: "\(words[2])/changeset.zst"))
      let service = try ReferenceService(
        path: "\(words[2])/plain-central.sqlite", keeping: Array(changeset))
      try Service.run { service.answer($0) }
    case ("side", 8):
      let figures = try side(words)
      print(figures.json.text())
    default: return false
    }
    return true
  }

  private static func side(_ words: [String]) throws -> Figures {
    guard let port = UInt16(words[4]), let records = Int(words[5]), let edits = Int(words[6]),
      let round = Int(words[7])
    else { throw UsageError(description: "a side needs four numbers") }
    if words[1] == "cordee" {
      let side = CordeeSide(folder: words[3], port: port, records: records, round: round)
      switch words[2] {
      case "cold-start": return try side.coldStart()
      case "history": return try side.history()
      case "push": return try side.push(edits)
      case "behind": return try side.behind(edits)
      case "members": return try side.members(edits)
      case "both-different": return try side.meeting(edits, sameField: false)
      case "both-same": return try side.meeting(edits, sameField: true)
      case "idle": return try side.idle()
      case "edit": return try side.edits(edits, grouping: .eachItsOwn)
      case "edit-bulk": return try side.edits(edits, grouping: .oneTransaction)
      case "seal": return try side.seal(edits)
      default: throw UsageError(description: "there is no side \(words[2])")
      }
    }
    let side = ReferenceSide(folder: words[3], port: port, records: records, round: round)
    switch words[2] {
    case "cold-start": return try side.coldStart()
    case "raw-insert": return try side.rawInsert()
    case "push": return try side.push(edits)
    case "behind": return try side.behind(edits)
    case "members": return try side.members(edits)
    case "both-different": return try side.meeting(edits, sameField: false)
    case "both-same": return try side.meeting(edits, sameField: true)
    case "idle": return try side.idle()
    case "edit": return try side.edits(edits, grouping: .eachItsOwn)
    case "edit-bulk": return try side.edits(edits, grouping: .oneTransaction)
    case "seal": return try side.seal(edits)
    default: throw UsageError(description: "there is no side \(words[2])")
    }
  }
}

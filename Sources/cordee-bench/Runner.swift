import Foundation
import Wire

/// Runs workloads, each side of each in processes of its own, in a folder that goes at the end.
final class Runner {
  private let folder: String
  private let records: Int
  private let rounds: Int?
  private let countsInstructions: Bool
  /// Says what is done now.
  private let say: (String) -> Void

  init(
    records: Int, rounds: Int?, countsInstructions: Bool, say: @escaping (String) -> Void
  ) throws {
    self.records = records
    self.rounds = rounds
    self.countsInstructions = countsInstructions
    self.say = say
    folder =
      FileManager.default.temporaryDirectory
      .appending(path: "cordee-bench-\(ProcessInfo.processInfo.processIdentifier)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func run(_ workload: Workload) throws -> Outcome {
    let records = records / workload.divisor
    let edits = min(workload.edits, max(1, records / 10))
    if workload.name == "flat" { return try runFlat(workload, min(edits, records / 10)) }
    let work = try copy(of: try base(records))
    defer { try? FileManager.default.removeItem(atPath: work) }
    let servers = workload.isOnline
    let central = servers ? try serve("cordee", work) : nil
    let other = servers ? try serve("reference", work) : nil
    defer {
      central?.stop()
      other?.stop()
    }
    var mine: [Figures] = []
    var its = [[Figures]](repeating: [], count: workload.references.count)
    let rounds = rounds ?? workload.rounds
    for round in 0..<rounds {
      say("\(workload.name), round \(round + 1) of \(rounds)")
      mine.append(
        try side("cordee", workload.name, work, central?.port ?? 1, records, edits, round))
      for (place, reference) in workload.references.enumerated() {
        // Each loop on the same file needs edits of its own.
        let turn = round + place * rounds
        its[place].append(
          try side("reference", reference.name, work, other?.port ?? 1, records, edits, turn))
      }
    }
    return Outcome(
      workload: workload, records: records, edits: edits, cordee: .median(mine),
      references: zip(workload.references, its).map { ($0.title, .median($1)) })
  }

  /// The same pull from a registry of all records and from one of a tenth.
  private func runFlat(_ workload: Workload, _ edits: Int) throws -> Outcome {
    let both = try [records, records / 10].map { count in
      let work = try copy(of: try base(count))
      defer { try? FileManager.default.removeItem(atPath: work) }
      say("flat, \(count) records\(countsInstructions ? ", under callgrind" : "")")
      let central = try serve("cordee", work, counted: "\(work)/central.callgrind")
      var figures = try side(
        "cordee", "behind", work, central.port, count, edits, 0,
        counted: "\(work)/member.callgrind")
      central.stop()
      if countsInstructions {
        for part in ["central", "member"] {
          figures.instructions += try instructions("\(work)/\(part).callgrind")
        }
      }
      return figures
    }
    return Outcome(
      workload: workload, records: records, edits: edits, cordee: both[0],
      references: [(workload.references[0].title, both[1])])
  }

  /// The files with so many records, made once.
  private func base(_ count: Int) throws -> Base {
    let base = Base(folder: "\(folder)/base-\(count)", records: count)
    guard !FileManager.default.fileExists(atPath: base.folder) else { return base }
    try FileManager.default.createDirectory(
      atPath: base.folder, withIntermediateDirectories: true)
    say("preparing \(count) records")
    let child = try spawn(["base", base.folder, "\(count)"])
    child.waitUntilExit()
    guard child.terminationStatus == 0 else { throw BenchError("the files could not be made") }
    return base
  }

  private func copy(of base: Base) throws -> String {
    let work = "\(folder)/work"
    try base.copy(to: work)
    return work
  }

  /// Runs one side once and reads what it measured.
  private func side(
    _ side: String, _ name: String, _ work: String, _ port: UInt16, _ records: Int, _ edits: Int,
    _ round: Int, counted: String? = nil
  ) throws -> Figures {
    let output = Pipe()
    let child = try spawn(
      ["side", side, name, work, "\(port)", "\(records)", "\(edits)", "\(round)"],
      counted: counted, output: output)
    let said = try output.fileHandleForReading.readToEnd() ?? Data()
    child.waitUntilExit()
    guard child.terminationStatus == 0 else { throw BenchError("\(side) \(name) failed") }
    return Figures(try JSON.parse(Array(said)))
  }

  /// A server in a process of its own.
  private struct Served {
    let port: UInt16
    let child: Process
    let input: Pipe

    /// Ends it by ending its input.
    func stop() {
      try? input.fileHandleForWriting.close()
      child.waitUntilExit()
    }
  }

  private func serve(_ side: String, _ work: String, counted: String? = nil) throws -> Served {
    let (input, output) = (Pipe(), Pipe())
    let child = try spawn(["serve", side, work], counted: counted, output: output, input: input)
    var line = Data()
    while !line.contains(UInt8(ascii: "\n")) {
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { throw BenchError("the \(side) server did not start") }
      line += more
    }
    guard let port = UInt16(String(decoding: line.dropLast(), as: UTF8.self)) else {
      throw BenchError("the \(side) server named no port")
    }
    return Served(port: port, child: child, input: input)
  }

  private func spawn(
    _ words: [String], counted: String? = nil, output: Pipe? = nil, input: Pipe? = nil
  ) throws -> Process {
    let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let child = Process()
    if countsInstructions, let counted {
      let bare = try withoutDebugInformation(program)
      child.executableURL = URL(filePath: "/usr/bin/valgrind")
      child.arguments =
        [
          "-q", "--tool=callgrind", "--callgrind-out-file=\(counted)", "--collect-atstart=no",
          "--toggle-collect=*Probe*\(words[0] == "serve" ? "answer" : "sync")*", bare,
        ] + words
    } else {
      child.executableURL = URL(filePath: program)
      child.arguments = words
    }
    child.standardInput = input ?? FileHandle.nullDevice as Any
    if let output { child.standardOutput = output }
    try child.run()
    return child
  }

  /// Debian's valgrind gives up on Swift's debug information; names of functions are enough.
  private func withoutDebugInformation(_ program: String) throws -> String {
    let bare = "\(folder)/cordee-bench"
    guard !FileManager.default.fileExists(atPath: bare) else { return bare }
    let strip = try Process.run(
      URL(filePath: "/usr/bin/strip"), arguments: ["--strip-debug", "-o", bare, program])
    strip.waitUntilExit()
    return bare
  }

  private func instructions(_ path: String) throws -> Int {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    for line in text.split(separator: "\n") {
      for mark in ["summary: ", "totals: "] where line.hasPrefix(mark) {
        if let count = Int(line.dropFirst(mark.count)), count > 0 { return count }
      }
    }
    throw BenchError("callgrind counted nothing")
  }
}

/// One thing that is measured, what it stands beside, and the goal.
struct Workload: Sendable {
  /// A reference loop.
  struct Reference: Sendable {
    /// What it is called in the table.
    let title: String
    /// Which of `ReferenceSide`'s loops it is.
    let name: String
  }

  /// What has to hold.
  struct Goal: Sendable {
    /// Wall time as a multiple of the first reference's.
    var wallMax: Double?
    /// Processor time as a multiple of the first reference's.
    var cpuMax: Double?
    /// Bytes on the wire.
    var bytesMax: Int?
    /// Round trips.
    var requestsMax: Int?
    /// Bytes of memory of either process.
    var peakMax: Int?
    /// Seconds that may pass.
    var secondsMax: Double?
    /// Conflicts that every side lists, exactly.
    var conflicts: Int?
    /// By how much every count may differ from the first reference's.
    var spreadMax: Double?

    /// The goal in words.
    var text: String {
      var parts: [String] = []
      if let wallMax { parts.append("wall ≤ \(wallMax) ×") }
      if let cpuMax { parts.append("cpu ≤ \(cpuMax) ×") }
      if let secondsMax { parts.append("≤ \(secondsMax) s") }
      if let conflicts { parts.append("\(conflicts) conflicts") }
      if let bytesMax { parts.append("≤ \(bytesMax) B") }
      if let requestsMax { parts.append("\(requestsMax) round trip") }
      if let peakMax { parts.append("≤ \(peakMax / 1_000_000) MB") }
      if let spreadMax { parts.append("± \(Int(spreadMax * 100)) %") }
      return parts.joined(separator: ", ")
    }
  }

  let name: String
  let title: String
  let references: [Reference]
  let goal: Goal
  /// Edits made, at most one for each record.
  var edits = 0
  /// By how much the registry is smaller than asked for: many copies of it are made.
  var divisor = 1
  /// Whether the sides talk to servers.
  var isOnline = true
  /// How often each side runs, of which the median counts; more where a run takes milliseconds and the machine's clock shows.
  var rounds = 3

  static let all = [
    Workload(
      name: "cold-start", title: "cold start",
      references: [
        .init(title: "session", name: "cold-start"), .init(title: "raw insert", name: "raw-insert"),
      ], goal: Goal(wallMax: 1.0, peakMax: 150_000_000)),
    Workload(
      name: "history", title: "history after a cold start", references: [],
      goal: Goal(peakMax: 150_000_000)),
    Workload(
      name: "push", title: "push and merge",
      references: [.init(title: "session", name: "push")],
      goal: Goal(wallMax: 3, peakMax: 150_000_000), edits: 10_000),
    Workload(
      name: "behind", title: "behind",
      references: [.init(title: "session", name: "behind")],
      goal: Goal(wallMax: 2, bytesMax: 6_000, peakMax: 150_000_000), edits: 100, rounds: 15),
    Workload(
      name: "members", title: "behind, 50 replicas",
      references: [.init(title: "session", name: "members")], goal: Goal(cpuMax: 1), edits: 100,
      divisor: 10),
    Workload(
      name: "both-different", title: "records edited on both sides, different fields",
      references: [.init(title: "session", name: "both-different")],
      goal: Goal(secondsMax: 0.4, conflicts: 0), edits: 1_000),
    Workload(
      name: "both-same", title: "records edited on both sides, the same field",
      references: [.init(title: "session", name: "both-same")],
      goal: Goal(secondsMax: 0.4, conflicts: 1_000), edits: 1_000),
    Workload(
      name: "idle", title: "idle sync", references: [.init(title: "GET", name: "idle")],
      goal: Goal(bytesMax: 1_600, requestsMax: 1), rounds: 15),
    Workload(
      name: "edit", title: "edits, each its own transaction",
      references: [.init(title: "SQLite", name: "edit")], goal: Goal(cpuMax: 2), edits: 1_000,
      isOnline: false),
    Workload(
      name: "edit-bulk", title: "edits in one transaction",
      references: [.init(title: "SQLite", name: "edit-bulk")], goal: Goal(cpuMax: 2),
      edits: 10_000, isOnline: false),
    Workload(
      name: "seal", title: "edits in one transaction, sealed",
      references: [
        .init(title: "session", name: "seal"), .init(title: "SQLite", name: "edit-bulk"),
      ], goal: Goal(), edits: 10_000, isOnline: false),
    Workload(
      name: "flat", title: "behind, registry ten times larger",
      references: [.init(title: "a tenth", name: "tenth")], goal: Goal(spreadMax: 0.2), edits: 100),
  ]
}

/// A workload's figures.
struct Outcome {
  let workload: Workload
  let records: Int
  let edits: Int
  let cordee: Figures
  let references: [(title: String, figures: Figures)]

  var wallRatio: Double? { ratio(\.wall) }
  var cpuRatio: Double? { ratio(\.cpu) }

  private func ratio(_ part: KeyPath<Figures, Double>) -> Double? {
    guard let first = references.first?.figures[keyPath: part], first > 0 else { return nil }
    return cordee[keyPath: part] / first
  }

  /// What is not reached, in words; empty when the goal is met.
  var misses: [String] {
    let goal = workload.goal
    var misses: [String] = []
    func check(_ isMet: Bool, _ what: String) { if !isMet { misses.append(what) } }
    if let max = goal.wallMax { check(wallRatio.map { $0 <= max } ?? false, "wall") }
    if let max = goal.cpuMax { check(cpuRatio.map { $0 <= max } ?? false, "cpu") }
    if let max = goal.secondsMax { check(cordee.wall <= max, "time") }
    if let count = goal.conflicts { check(cordee.conflicts == min(count, edits), "conflicts") }
    if let max = goal.bytesMax { check(cordee.bytes <= max, "bytes") }
    if let max = goal.requestsMax { check(cordee.requests <= max, "round trips") }
    if let max = goal.peakMax {
      check(cordee.peak <= max, "memory of the member")
      check(cordee.serverPeak <= max, "memory of central")
    }
    if let spread = goal.spreadMax, let other = references.first?.figures {
      let counts: [(KeyPath<Figures, Int>, String)] = [
        (\.bytes, "bytes"), (\.statements, "statements"), (\.instructions, "instructions"),
      ]
      for (part, what) in counts {
        let (mine, its) = (Double(cordee[keyPath: part]), Double(other[keyPath: part]))
        check(abs(mine - its) <= spread * its, what)
      }
    }
    return misses
  }
}

import FoundationEssentials
import SQLite
import Wire

/// Outcomes as a table for people or as JSON.
struct Report {
  let outcomes: [Outcome]

  /// The machine the figures are of.
  static var machine: String {
    let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model =
      info.split(separator: "\n").first { $0.hasPrefix("model name") }?
      .split(separator: ":").last.map { String($0.drop { $0 == " " }) } ?? "unknown processor"
    let cores = ProcessInfo.processInfo.activeProcessorCount
    return "\(model), \(cores) cores, SQLite \(Connection.libraryVersion)"
  }

  var json: JSON {
    .object([
      ("machine", .string(Self.machine)),
      ("workloads", .array(outcomes.map(Self.json))),
    ])
  }

  private static func json(_ outcome: Outcome) -> JSON {
    var members: [(String, JSON)] = [
      ("name", .string(outcome.workload.name)), ("records", .integer(Int64(outcome.records))),
      ("edits", .integer(Int64(outcome.edits))), ("cordee", outcome.cordee.json),
      (
        "references",
        .object(outcome.references.map { ($0.title, $0.figures.json) })
      ),
      ("goal", .string(outcome.workload.goal.text)),
      ("misses", .array(outcome.misses.map { .string($0) })),
    ]
    if let ratio = outcome.wallRatio { members.append(("wall_ratio", .real(ratio))) }
    if let ratio = outcome.cpuRatio { members.append(("cpu_ratio", .real(ratio))) }
    return .object(members)
  }

  /// The table.
  var text: String {
    var rows = [
      ["work", "side", "wall ms", "cpu ms", "bytes", "memory MB", "central MB", "statements"]
    ]
    for outcome in outcomes {
      rows.append(Self.row(Self.title(outcome), "cordee", outcome.cordee))
      for reference in outcome.references {
        rows.append(Self.row("", reference.title, reference.figures))
      }
      rows.append(["", Self.verdict(outcome)])
    }
    let widths = (0..<8).map { column in
      rows.filter { $0.count > 2 }.map { $0[column].count }.max() ?? 0
    }
    let lines = rows.map { row in
      row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: max(0, widths[column] - cell.count))
        return column < 2 ? cell + space : space + cell
      }.joined(separator: "  ")
    }
    return ([Self.machine] + lines).joined(separator: "\n")
  }

  private static func title(_ outcome: Outcome) -> String {
    let edits = outcome.edits > 0 ? "\(outcome.edits) " : ""
    return "\(edits)\(outcome.workload.title) (\(outcome.records) records)"
  }

  private static func row(_ title: String, _ side: String, _ figures: Figures) -> [String] {
    func count(_ number: Int) -> String { number > 0 ? "\(number)" : "–" }
    func megabytes(_ bytes: Int) -> String { bytes > 0 ? tenths(Double(bytes) / 1e6) : "–" }
    return [
      title, side, tenths(figures.wall * 1000), tenths(figures.cpu * 1000), count(figures.bytes),
      megabytes(figures.peak), megabytes(figures.serverPeak), count(figures.statements),
    ]
  }

  private static func verdict(_ outcome: Outcome) -> String {
    var parts: [String] = []
    if let ratio = outcome.wallRatio { parts.append("wall \(tenths(ratio * 10, 100)) ×") }
    if let ratio = outcome.cpuRatio { parts.append("cpu \(tenths(ratio * 10, 100)) ×") }
    if outcome.cordee.instructions > 0, let other = outcome.references.first?.figures {
      parts.append("\(outcome.cordee.instructions) instructions to \(other.instructions)")
    }
    if outcome.workload.goal.conflicts != nil {
      parts.append("\(outcome.cordee.conflicts) conflicts listed")
    }
    let goal = outcome.workload.goal.text
    if !goal.isEmpty {
      let misses = outcome.misses.joined(separator: ", ")
      parts.append("goal \(goal): \(misses.isEmpty ? "met" : "missed in \(misses)")")
    }
    return parts.joined(separator: "; ")
  }

  /// A number with one digit after the point, or with two when divided by 100.
  private static func tenths(_ number: Double, _ divisor: Int = 10) -> String {
    let whole = Int((number * 10).rounded())
    let rest = "\(whole % divisor)"
    let digits = divisor == 10 ? 1 : 2
    return "\(whole / divisor)." + String(repeating: "0", count: digits - rest.count) + rest
  }
}

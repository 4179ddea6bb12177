import FoundationEssentials
import Wire

#if canImport(Glibc)
  import Glibc
#endif

/// What one side of a workload cost.
struct Figures {
  /// Seconds that passed.
  var wall = 0.0
  /// Seconds of processor time, all threads, user and system, of every process of the side.
  var cpu = 0.0
  /// Bytes over the network, both directions, HTTP's headers and TCP/IP's included.
  var bytes = 0
  /// The most memory the member's process held, in bytes.
  var peak = 0
  /// The most memory the server's process held, in bytes.
  var serverPeak = 0
  /// SQL statements run on both sides.
  var statements = 0
  /// Round trips: requests answered.
  var requests = 0
  /// Processor instructions of both sides; 0 where they were not counted.
  var instructions = 0
  /// Conflicts that each side lists at the end.
  var conflicts = 0

  var json: JSON {
    .object([
      ("wall_seconds", .real(wall)), ("cpu_seconds", .real(cpu)), ("bytes", .integer(Int64(bytes))),
      ("peak_bytes", .integer(Int64(peak))), ("server_peak_bytes", .integer(Int64(serverPeak))),
      ("statements", .integer(Int64(statements))), ("requests", .integer(Int64(requests))),
      ("instructions", .integer(Int64(instructions))), ("conflicts", .integer(Int64(conflicts))),
    ])
  }

  init() {}

  /// Reads what `json` wrote; what lacks counts as zero.
  init(_ json: JSON) {
    func number(_ key: String) -> Int { Int(json[key]?.integer ?? 0) }
    func seconds(_ key: String) -> Double {
      if case .real(let value)? = json[key] { value } else { 0 }
    }
    wall = seconds("wall_seconds")
    cpu = seconds("cpu_seconds")
    bytes = number("bytes")
    peak = number("peak_bytes")
    serverPeak = number("server_peak_bytes")
    statements = number("statements")
    requests = number("requests")
    instructions = number("instructions")
    conflicts = number("conflicts")
  }

  /// Each figure's median.
  static func median(_ all: [Figures]) -> Figures {
    func middle<T: Comparable>(_ values: [T], _ none: T) -> T {
      values.isEmpty ? none : values.sorted()[values.count / 2]
    }
    var result = Figures()
    result.wall = middle(all.map(\.wall), 0)
    result.cpu = middle(all.map(\.cpu), 0)
    result.bytes = middle(all.map(\.bytes), 0)
    result.peak = all.map(\.peak).max() ?? 0
    result.serverPeak = all.map(\.serverPeak).max() ?? 0
    result.statements = middle(all.map(\.statements), 0)
    result.requests = middle(all.map(\.requests), 0)
    result.instructions = middle(all.map(\.instructions), 0)
    result.conflicts = middle(all.map(\.conflicts), 0)
    return result
  }
}

/// This process's clocks and its peak of memory, as Linux keeps them (proc(5)).
enum Meter {
  /// Processor time of all threads so far, in seconds.
  static var cpuSeconds: Double { Double(clock()) / 1_000_000 }

  /// The most memory held since the start or `forgetPeak`, in bytes.
  static var peakBytes: Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
      let digits = line.filter { ("0"..."9").contains($0) }
      return (Int(digits) ?? 0) * 1024
    }
    return 0
  }

  /// Lets the peak begin again from what is held now.
  static func forgetPeak() {
    try? Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))
  }

  /// Runs `body`, adding what it cost here to `figures`.
  static func measure<T>(_ figures: inout Figures, _ body: () throws -> T) rethrows -> T {
    let cpu = cpuSeconds
    let start = ContinuousClock.now
    let result = try body()
    let passed = ContinuousClock.now - start
    figures.cpu += cpuSeconds - cpu
    figures.wall +=
      Double(passed.components.seconds)
      + Double(passed.components.attoseconds) / 1e18
    figures.peak = max(figures.peak, peakBytes)
    return result
  }
}

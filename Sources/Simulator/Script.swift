/// A run as text: everything its seed drew before the first step, and the steps themselves, so that a failure of the past can
/// be run again although seeds draw other runs by now.
///
/// One line: `seed 7 roles chair,member … steps 3:sync:1 9:merge:0`. A step is its index, its deed and whom it is about; what it
/// does in detail is drawn from the seed and the index, as ever.
package struct Script: Sendable {
  /// Why a line is no script.
  package struct Malformed: Error, CustomStringConvertible {
    package let description: String
  }

  private static let yes = "yes"

  /// The line for some steps of a scenario.
  static func line(_ scenario: Scenario, _ steps: [Step], of count: Int) -> String {
    func list<T>(_ items: [T]) -> String { items.map { "\($0)" }.joined(separator: ",") }
    let families = Family.allCases.filter(scenario.families.contains).map { "\($0)" }
    let parts: [(String, String)] = [
      ("seed", "\(scenario.seed)"), ("of", "\(count)"),
      ("families", families.isEmpty ? "-" : list(families)),
      ("roles", list(scenario.roles)), ("pool", "\(scenario.pool)"),
      ("schemas", list(scenario.schemas)), ("central", "\(scenario.centralSchema)"),
      ("clocks", list(scenario.clockOffsets)), ("clock", "\(scenario.centralOffset)"),
      ("snapshots", "\(scenario.snapshotEntriesMin)"), ("pieces", "\(scenario.logPieceBytes)"),
      ("on-push", scenario.mergesOnPush ? yes : "no"), ("roughness", "\(scenario.roughness)"),
    ]
    let words = steps.map { "\($0.index):\($0.deed):\($0.node)" }
    return parts.map { "\($0) \($1)" }.joined(separator: " ") + " steps "
      + words.joined(separator: " ")
  }

  /// Reads a line.
  static func parse(_ line: String) throws(Malformed) -> (scenario: Scenario, count: Int) {
    let words = line.split(separator: " ").map(String.init)
    guard let start = words.firstIndex(of: "steps"), start.isMultiple(of: 2) else {
      throw Malformed(description: "a script needs pairs of words, then its steps: \(line)")
    }
    var parts: [String: String] = [:]
    for place in stride(from: 0, to: start, by: 2) { parts[words[place]] = words[place + 1] }
    func text(_ name: String) throws(Malformed) -> String {
      guard let text = parts[name] else { throw Malformed(description: "a script lacks \(name)") }
      return text
    }
    func number(_ name: String) throws(Malformed) -> Int { try Self.number(text(name)) }
    func numbers(_ name: String) throws(Malformed) -> [Int] {
      var numbers: [Int] = []
      for part in try text(name).split(separator: ",") { numbers.append(try Self.number(part)) }
      return numbers
    }
    var steps: [Step] = []
    for word in words[(start + 1)...] { steps.append(try step(word)) }
    let names = try text("families").split(separator: ",").map(String.init)
    guard let seed = UInt64(try text("seed")) else {
      throw Malformed(description: "a seed is a number")
    }
    let scenario = Scenario(
      seed: seed, families: Set(Family.allCases.filter { names.contains("\($0)") }),
      roles: try text("roles").split(separator: ",").map(String.init), pool: try number("pool"),
      schemas: try numbers("schemas"), centralSchema: try number("central"),
      clockOffsets: try numbers("clocks").map { Int64($0) },
      centralOffset: Int64(try number("clock")), snapshotEntriesMin: try number("snapshots"),
      logPieceBytes: try number("pieces"), mergesOnPush: try text("on-push") == yes,
      roughness: try number("roughness"), steps: steps)
    return (scenario, try number("of"))
  }

  private static func number(_ text: some StringProtocol) throws(Malformed) -> Int {
    guard let number = Int(text) else { throw Malformed(description: "\(text) is no number") }
    return number
  }

  private static func step(_ word: String) throws(Malformed) -> Step {
    let parts = word.split(separator: ":").map(String.init)
    guard parts.count == 3, let deed = Deed.allCases.first(where: { "\($0)" == parts[1] }) else {
      throw Malformed(description: "\(word) is no step")
    }
    return Step(index: try number(parts[0]), deed: deed, node: try number(parts[2]))
  }
}

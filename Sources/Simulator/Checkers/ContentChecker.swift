import Causality
import Changes

/// No lost update, no resurrection, no conflict without cause: central holds exactly the values that an independent model
/// says must stand, and people see the one it says they must see.
struct ContentChecker: Checker {
  private var model = Model()
  private var found: [Violation] = []
  /// What must stand, worked out once for a log.
  private var expected: [RowKey: Model.Row]?

  mutating func see(_ event: Event) {
    switch event {
    case .accepted(let change): model.accept(change)
    case .branched(let line, let from, let order, let keepsContext):
      model.branch(line, from: from, at: order, keepsContext: keepsContext)
    case .merged(let entry, _):
      expected = nil
      model.add(entry)
      if model.accepted[entry.hash] != nil { return }
      found.append(Violation("forged", "entry \(entry.seq) is a change nobody made"))
    case .wentBack(let log, _):
      expected = nil
      model.goBack(to: log)
    case .finalDump("central", let space, let lines): compare(lines, in: space)
    case .finalTable(let node, let table, let fields, let rows): compare(rows, node, table, fields)
    default: break
    }
  }

  func verdict() -> [Violation] { found }

  private mutating func rows() -> [RowKey: Model.Row] {
    if let expected { return expected }
    model.settle()
    let rows = model.rows()
    expected = rows
    return rows
  }

  private mutating func compare(_ lines: [String], in space: String) {
    let right = Set(
      rows().filter { $0.value.space == space }.map { $0.value.line($0.key, in: model) })
    let held = Set(lines)
    for line in right.subtracting(held).sorted().prefix(3) {
      found.append(Violation("lost update", "central lacks \(line)"))
    }
    for line in held.subtracting(right).sorted().prefix(3) {
      found.append(Violation("resurrection", "central holds \(line)"))
    }
  }

  private mutating func compare(
    _ rows: [RowKey: [Value]], _ node: String, _ table: String, _ fields: [String]
  ) {
    var right: [RowKey: [Value]] = [:]
    for (key, row) in self.rows() where key.table == table && row.isShown(in: model) {
      right[key] = fields.map { row.shown($0, in: &model) }
    }
    for key in Set(right.keys).union(rows.keys).sorted() where right[key] != rows[key] {
      let words = "\(node) shows \(table)/\(key.id) as \(Self.words(rows[key]))"
      found.append(Violation("what people see", words + ", not \(Self.words(right[key]))"))
      return
    }
  }

  private static func words(_ values: [Value]?) -> String {
    values.map { "\($0)" } ?? "no row"
  }
}

import Causality
import Changes

/// No lost update, no resurrection: central holds exactly the values that an independent model says must stand.
struct ContentChecker: Checker {
  private var model = Model()
  private var found: [Violation] = []
  private var unknown = 0

  init() {}

  mutating func see(_ event: Event) {
    switch event {
    case .accepted(let change): model.accept(change)
    case .branched(let line, let from, let order): model.parents[line] = (from, order)
    case .merged(let entry, let life, _):
      model.log(entry, life: life)
      if let name = entry.name, model.accepted[name] != nil { return }
      found.append(Violation("forged", "entry \(entry.seq) is a change nobody made"))
    case .finalDump("central", let space, let lines): compare(lines, in: space)
    case .finalTable(let node, let table, let fields, let rows): compare(rows, node, table, fields)
    default: break
    }
  }

  func verdict() -> [Violation] { found }

  private mutating func compare(_ lines: [String], in space: String) {
    let expected = model.rows().filter { $0.value.space == space }.map {
      $0.value.line($0.key, in: model)
    }
    let (right, held) = (Set(expected), Set(lines))
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
    var expected: [RowKey: [Value]] = [:]
    for (key, row) in model.rows() where key.table == table && row.isShown(in: model) {
      expected[key] = fields.map { row.shown($0, in: model) }
    }
    for key in Set(expected.keys).union(rows.keys).sorted() where expected[key] != rows[key] {
      let words = "\(node) shows \(table)/\(key.id) as \(Self.words(rows[key]))"
      found.append(Violation("what people see", words + ", not \(Self.words(expected[key]))"))
      return
    }
  }

  private static func words(_ values: [Value]?) -> String {
    values.map { "\($0)" } ?? "no row"
  }
}

import Causality
import Changes
import SQLite
import Wire

/// Finds rows of one table that were edited while no trigger looked, and notes them as touched.
struct UnnoticedEdits {
  private let store: Store
  private let plan: TablePlan
  /// Rows found edited.
  private(set) var rows = 0
  /// Rows of which some field could not be compared, since the change that wrote it is not here.
  private(set) var unknown = 0
  private var touched: [RowKey: [String: Value]] = [:]
  /// What changes wrote, by dot; nil for a change whose body is not here.
  private var written: [Dot: [RowKey: [String: Value]]?] = [:]
  private static let writtenMax = 512

  init(store: Store, plan: TablePlan) {
    self.store = store
    self.plan = plan
  }

  /// Compares every row with what is known of it.
  ///
  /// - Complexity: O(rows), and the changes that wrote them are decoded again.
  mutating func run() throws {
    touched = try store.touchedCells()
    let name = plan.table.name
    try store.forEachRow(of: name) { try look(at: $0) }
    for id in try store.strayRows(of: name) {
      try touch(RowKey(table: name, id: id), [(Layout.liveness, .integer(0))])
    }
  }

  /// Compares those rows alone that are known and do not stand in their table.
  ///
  /// - Complexity: O(rows), by one query.
  mutating func runVanished() throws {
    let ids = try store.vanishedRows(of: plan.table.name)
    guard !ids.isEmpty else { return }
    touched = try store.touchedCells()
    for id in ids { try look(at: RowKey(table: plan.table.name, id: id)) }
  }

  private mutating func look(at row: RowKey) throws {
    let now = try store.values(of: row, plan)
    guard let (isShown, was) = try values(of: row) else { return }
    let noted = touched[row] ?? [:]
    var cells: [(String, Value)] = []
    switch (isShown, now) {
    case (false, nil): return
    case (false, _?):
      if noted[Layout.liveness] == nil { cells.append((Layout.liveness, .integer(0))) }
    case (true, nil):
      guard !was.contains(where: { $0 == nil }) else {
        unknown += 1
        return
      }
      for (field, value) in zip(plan.table.fields, was) where noted[field.name] == nil {
        cells.append((field.name, value ?? .null))
      }
      if noted[Layout.liveness] == nil { cells.append((Layout.liveness, .integer(1))) }
    case (true, let now?):
      if was.contains(where: { $0 == nil }) { unknown += 1 }
      for (place, field) in plan.table.fields.enumerated() {
        guard noted[field.name] == nil, let value = was[place], value != now[place] else {
          continue
        }
        cells.append((field.name, value))
      }
    }
    if !cells.isEmpty { try touch(row, cells) }
  }

  private mutating func touch(_ row: RowKey, _ cells: [(String, Value)]) throws {
    rows += 1
    for (field, value) in cells {
      try store.db.run(
        "INSERT INTO cordee_touched(tbl, id, field, old) VALUES(?, ?, ?, ?)", .text(row.table),
        .text(row.id), .text(field), Store.argument(value))
    }
  }

  /// Whether a row was shown at the last seal, and its fields then; nil for a field whose change is not here.
  private mutating func values(of row: RowKey) throws -> (isShown: Bool, [Value?])? {
    let table = try store.number(ofName: row.table)
    guard let stamp = try store.stamp(row, table: table) else { return nil }
    let fields = plan.table.fields
    if stamp.width < 0 {
      let state = try store.load(row)
      return (state.isShown, fields.map { state.shown($0.name) })
    }
    var dots = fields.indices.map { $0 < stamp.width ? stamp.dot : nil }
    for exception in stamp.exceptions where fields.indices.contains(exception.field) {
      dots[exception.field] = exception.dot
    }
    return (
      true,
      try zip(fields, dots).map { field, dot in
        guard let dot else { return .null }
        return try writes(of: dot)?[row]?[field.name]
      }
    )
  }

  private mutating func writes(of dot: Dot) throws -> [RowKey: [String: Value]]? {
    if let known = written[dot] { return known }
    if written.count >= Self.writtenMax { written = [:] }
    var found: [RowKey: [String: Value]]?
    if let bytes = try store.change(dot, in: plan.table.space)?.bodyBytes {
      var writes: [RowKey: [String: Value]] = [:]
      for write in try ChangeDecoding.body(bytes).writes {
        for field in write.verb.fields { writes[write.row, default: [:]][field.name] = field.value }
      }
      found = writes
    }
    written[dot] = .some(found)
    return found
  }
}

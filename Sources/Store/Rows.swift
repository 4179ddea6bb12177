import Causality
import Changes
import Mutants
import SQLite
import Wire

/// A row in its two forms.
///
/// *Settled*: one dot a cell, kept as one stamp with exceptions; values stand in the shared table.
/// *Expanded*: something is contested, deleted or not known to this schema; every cell stands in `cordee_sibling`.
enum KnownRow {
  /// Nobody wrote it.
  case nothing
  /// One dot a cell: the stamp, and a value for each field of the table.
  case settled(Stamp, [Value])
  /// Anything else.
  case state(RowState)
}

extension Store {
  /// All that is known of a row.
  ///
  /// `old` overrides values in the shared table by those they had at the last seal.
  func load(_ row: RowKey, old: [String: Value] = [:]) throws -> RowState {
    let table = try number(ofName: row.table)
    guard let stamp = try stamp(row, table: table) else { return RowState() }
    if stamp.width < 0 { return try loadExpanded(row, table: table) }
    guard let plan = plans[row.table] else { return RowState() }
    return state(of: .settled(stamp, values(try values(of: row, plan), old, plan)), plan)
  }

  /// A row as it stands in its table; nil when it does not.
  func values(of row: RowKey, _ plan: TablePlan) throws -> [Value]? {
    let count = plan.table.fields.count
    return try db.first(plan.select, .text(row.id)) { found in
      (0..<count).map { Store.value(found, $0) }
    }
  }

  /// A row as it was at the last seal.
  ///
  /// - Parameters:
  ///   - now: what its table holds.
  ///   - old: the values that touched cells had.
  func known(
    _ row: RowKey, now: [Value]?, old: [String: Value], _ plan: TablePlan
  ) throws -> KnownRow {
    let table = try number(ofName: row.table)
    guard let stamp = try stamp(row, table: table) else { return .nothing }
    if stamp.width < 0 { return .state(try loadExpanded(row, table: table)) }
    return .settled(stamp, values(now, old, plan))
  }

  private func values(_ now: [Value]?, _ old: [String: Value], _ plan: TablePlan) -> [Value] {
    var values = now ?? [Value](repeating: .null, count: plan.table.fields.count)
    for (name, value) in old {
      if let place = plan.places[name] { values[place] = value }
    }
    return values
  }

  /// A row's state in whichever form it is at hand.
  func state(of known: KnownRow, _ plan: TablePlan?) -> RowState {
    switch known {
    case .nothing: return RowState()
    case .settled(let stamp, let values):
      return plan.map { state(of: stamp, values, $0) } ?? RowState()
    case .state(let state): return state
    }
  }

  /// The shortest form of a state.
  func known(_ state: RowState, _ plan: TablePlan?) -> KnownRow {
    if state.liveness.isEmpty, state.cells.isEmpty { return .nothing }
    guard let plan, let stamp = settled(state, plan.table) else { return .state(state) }
    return .settled(stamp, plan.table.fields.map { state.cells[$0.name]?.first?.value ?? .null })
  }

  private func state(of stamp: Stamp, _ values: [Value], _ plan: TablePlan) -> RowState {
    var state = RowState()
    let fields = plan.table.fields
    func value(_ place: Int) -> Value { place < values.count ? values[place] : .null }
    state.liveness = [Sibling(dot: stamp.dot, weight: stamp.weight, value: .integer(1))]
    for (place, field) in fields.enumerated().prefix(stamp.width) {
      state.cells[field.name] = [
        Sibling(dot: stamp.dot, weight: stamp.weight, value: value(place))
      ]
    }
    for exception in stamp.exceptions {
      if exception.field < 0 {
        state.liveness = [Sibling(dot: exception.dot, weight: exception.weight, value: .integer(1))]
      } else if exception.field < fields.count {
        state.cells[fields[exception.field].name] = [
          Sibling(dot: exception.dot, weight: exception.weight, value: value(exception.field))
        ]
      }
    }
    return state
  }

  private func loadExpanded(_ row: RowKey, table: Int) throws -> RowState {
    let rows = try db.all(
      "SELECT field, actor, n, weight, seen, value FROM cordee_sibling WHERE tbl = ? AND id = ?",
      .int(table),
      .text(row.id)
    ) { ($0.int(0), $0.int(1), $0.int(2), $0.int(3), $0.int(4) == 1, Store.value($0, 5)) }
    var state = RowState()
    for (field, actor, n, weight, seen, value) in rows {
      let sibling = Sibling(
        dot: Dot(actor: try self.actor(ofNumber: actor), n: n), weight: weight, value: value,
        isSeenByDelete: seen)
      let name = try name(ofNumber: field)
      if name == Layout.liveness {
        state.liveness.append(sibling)
      } else {
        state.cells[name, default: []].append(sibling)
      }
    }
    state.liveness.sort { $0.dot < $1.dot }
    for name in state.cells.keys { state.cells[name]?.sort { $0.dot < $1.dot } }
    return state
  }

  /// Writes a row's state back, in the form it fits, and shows it in its table.
  func save(_ state: RowState, of row: RowKey) throws {
    cache.recent = nil
    let table = try number(ofName: row.table)
    let plan = plans[row.table]
    if let plan, let stamp = settled(state, plan.table) {
      try write(stamp, of: row, table: table)
      try db.run("DELETE FROM cordee_sibling WHERE tbl = ? AND id = ?", .int(table), .text(row.id))
    } else {
      try db.run("DELETE FROM cordee_sibling WHERE tbl = ? AND id = ?", .int(table), .text(row.id))
      try dropRecent(of: row, table: table)
      try db.run(
        """
        INSERT INTO cordee_row(tbl, id, actor, n, weight, width) VALUES(?, ?, 0, 0, 0, -1) ON CONFLICT(tbl, id)
        DO UPDATE SET actor = 0, n = 0, weight = 0, width = -1, exceptions = NULL
        """, .int(table), .text(row.id))
      try expand(state.liveness, Layout.liveness, row, table)
      // In order, so that the same changes give the same numbers to names.
      for name in state.cells.keys.sorted() {
        if plan?.places[name] == nil, mutant(25, "R14: a newer field is dropped") { continue }
        try expand(state.cells[name] ?? [], name, row, table)
      }
    }
    if let plan { try show(state, of: row, plan) }
  }

  private func expand(_ siblings: [Sibling], _ field: String, _ row: RowKey, _ table: Int) throws {
    for sibling in siblings {
      try db.run(
        """
        INSERT INTO cordee_sibling(tbl, id, field, actor, n, weight, seen, value) VALUES(?, ?, ?, ?, ?, ?, ?, ?)
        """, .int(table), .text(row.id), .int(try number(ofName: field)),
        .int(try number(of: sibling.dot.actor)),
        .int(sibling.dot.n), .int(sibling.weight), .int(sibling.isSeenByDelete ? 1 : 0),
        Store.argument(sibling.value))
    }
  }

  /// The stamp that says all of `state`, if one can: one dot a cell, alive, unmarked, only this schema's fields, none missing
  /// but the newest.
  private func settled(_ state: RowState, _ table: Table) -> Stamp? {
    guard state.liveness.count == 1, state.liveness[0].value == .integer(1) else { return nil }
    // What a delete had seen before the row came back stays marked until it is written anew.
    guard state.cells.values.allSatisfy({ $0.count == 1 && !$0[0].isSeenByDelete }) else {
      return nil
    }
    let width = table.fields.prefix { state.cells[$0.name] != nil }.count
    guard width == state.cells.count else { return nil }
    var cells: [(field: Int, sibling: Sibling)] = [(-1, state.liveness[0])]
    for (index, field) in table.fields.prefix(width).enumerated() {
      if let sibling = state.cells[field.name]?.first { cells.append((index, sibling)) }
    }
    var counts: [Dot: Int] = [:]
    for cell in cells { counts[cell.sibling.dot, default: 0] += 1 }
    guard
      let most = cells.map(\.sibling).max(by: {
        counts[$0.dot, default: 0] < counts[$1.dot, default: 0]
      })
    else { return nil }
    return Stamp(
      dot: most.dot, weight: most.weight, width: width,
      exceptions: cells.filter { $0.sibling.dot != most.dot }.map {
        .init(field: $0.field, dot: $0.sibling.dot, weight: $0.sibling.weight)
      })
  }

  private func show(_ state: RowState, of row: RowKey, _ plan: TablePlan) throws {
    guard state.isShown else { return try db.run(plan.delete, .text(row.id)) }
    try db.run(
      plan.upsert,
      [.text(row.id)] + plan.table.fields.map { Store.argument(state.shown($0.name)) })
  }

  /// The rows in expanded form.
  func expandedRows() throws -> [RowKey] {
    let found = try db.all("SELECT tbl, id FROM cordee_row WHERE width < 0") {
      ($0.int(0), $0.text(1))
    }
    return try found.map { RowKey(table: try name(ofNumber: $0.0), id: $0.1) }
  }
}

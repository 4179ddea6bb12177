import Causality
import Changes
import SQLite
import Wire

/// A row in its two forms. *Settled*: one dot a cell, kept as one stamp with exceptions; values stand in the shared table.
/// *Expanded*: something is contested, deleted or not known to this schema; every cell stands in `cordee_sibling`.
extension Store {
  /// One row's stamp as it is kept.
  struct Stamp {
    var dot: Dot
    var weight: Int
    /// How many of the table's fields the stamp covers; −1 for an expanded row.
    var width: Int
    var exceptions: [Exception]

    struct Exception {
      let field: Int
      let dot: Dot
      let weight: Int
    }
  }

  func stamp(_ row: RowKey, table: Int) throws -> Stamp? {
    let found = try db.first(
      "SELECT actor, n, weight, width, exceptions FROM cordee_row WHERE tbl = ? AND id = ?",
      .int(table),
      .text(row.id)
    ) { ($0.int(0), $0.int(1), $0.int(2), $0.int(3), $0.bytes(4)) }
    guard let (actor, n, weight, width, packed) = found else { return nil }
    guard width >= 0 else {
      return Stamp(
        dot: Dot(actor: ActorID(replica: ReplicaID(high: 0, low: 0), epoch: 0), n: 0), weight: 0,
        width: -1, exceptions: [])
    }
    var exceptions: [Stamp.Exception] = []
    var place = 0
    while place < packed.count {
      let field = Varint.read(packed, &place)
      let author = try self.actor(ofNumber: Varint.read(packed, &place))
      let count = Varint.read(packed, &place)
      exceptions.append(
        .init(field: field, dot: Dot(actor: author, n: count), weight: Varint.read(packed, &place)))
    }
    return Stamp(
      dot: Dot(actor: try self.actor(ofNumber: actor), n: n), weight: weight, width: width,
      exceptions: exceptions)
  }

  /// All that is known of a row.
  ///
  /// `old` overrides values in the shared table by those they had at the last seal.
  func load(_ row: RowKey, old: [String: Value] = [:]) throws -> RowState {
    let table = try number(ofName: row.table)
    guard let stamp = try stamp(row, table: table) else { return RowState() }
    if stamp.width < 0 { return try loadExpanded(row, table: table) }
    guard let declared = schema.table(row.table) else { return RowState() }
    let columns = declared.fields.map { Layout.quoted($0.name) }.joined(separator: ", ")
    let count = declared.fields.count
    let values =
      try db.first("SELECT \(columns) FROM \(Layout.quoted(row.table)) WHERE id = ?", .text(row.id))
    { found in
      (0..<count).map { Store.value(found, $0) }
    } ?? [Value](repeating: .null, count: count)
    var state = RowState()
    state.liveness = [Sibling(dot: stamp.dot, weight: stamp.weight, value: .integer(1))]
    for (index, field) in declared.fields.enumerated().prefix(stamp.width) {
      state.cells[field.name] = [
        Sibling(dot: stamp.dot, weight: stamp.weight, value: old[field.name] ?? values[index])
      ]
    }
    for exception in stamp.exceptions {
      if exception.field < 0 {
        state.liveness = [Sibling(dot: exception.dot, weight: exception.weight, value: .integer(1))]
      } else if exception.field < count {
        let name = declared.fields[exception.field].name
        state.cells[name] = [
          Sibling(
            dot: exception.dot, weight: exception.weight,
            value: old[name] ?? values[exception.field])
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
    let table = try number(ofName: row.table)
    let declared = schema.table(row.table)
    if let declared, let stamp = settled(state, declared) {
      try write(stamp, of: row, table: table)
      try db.run("DELETE FROM cordee_sibling WHERE tbl = ? AND id = ?", .int(table), .text(row.id))
    } else {
      try db.run("DELETE FROM cordee_sibling WHERE tbl = ? AND id = ?", .int(table), .text(row.id))
      try db.run(
        """
        INSERT INTO cordee_row(tbl, id, actor, n, weight, width) VALUES(?, ?, 0, 0, 0, -1) ON CONFLICT(tbl, id)
        DO UPDATE SET actor = 0, n = 0, weight = 0, width = -1, exceptions = NULL
        """, .int(table), .text(row.id))
      try expand(state.liveness, Layout.liveness, row, table)
      for (name, siblings) in state.cells { try expand(siblings, name, row, table) }
    }
    if let declared { try show(state, of: row, in: declared) }
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

  func write(_ stamp: Stamp, of row: RowKey, table: Int) throws {
    var packed: [UInt8] = []
    for exception in stamp.exceptions {
      Varint.append(exception.field, to: &packed)
      Varint.append(try number(of: exception.dot.actor), to: &packed)
      Varint.append(exception.dot.n, to: &packed)
      Varint.append(exception.weight, to: &packed)
    }
    try db.run(
      """
      INSERT INTO cordee_row(tbl, id, actor, n, weight, width, exceptions) VALUES(?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT(tbl, id) DO UPDATE SET actor = excluded.actor, n = excluded.n, weight = excluded.weight,
        width = excluded.width, exceptions = excluded.exceptions
      """, .int(table), .text(row.id), .int(try number(of: stamp.dot.actor)), .int(stamp.dot.n),
      .int(stamp.weight), .int(stamp.width), packed.isEmpty ? .null : .blob(packed))
  }

  /// The stamp that says all of `state`, if one can: one dot a cell, alive, only this schema's fields, none missing
  /// but the newest.
  private func settled(_ state: RowState, _ table: Table) -> Stamp? {
    guard state.liveness.count == 1, state.liveness[0].value == .integer(1) else { return nil }
    guard state.cells.values.allSatisfy({ $0.count == 1 }) else { return nil }
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

  private func show(_ state: RowState, of row: RowKey, in table: Table) throws {
    guard state.isShown else {
      try db.run("DELETE FROM \(Layout.quoted(table.name)) WHERE id = ?", .text(row.id))
      return
    }
    let names = table.fields.map { Layout.quoted($0.name) }
    let marks = [String](repeating: "?", count: names.count + 1).joined(separator: ", ")
    let update = names.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
    try db.run(
      "INSERT INTO \(Layout.quoted(table.name))(id, \(names.joined(separator: ", "))) VALUES(\(marks)) "
        + "ON CONFLICT(id) DO UPDATE SET \(update)",
      [.text(row.id)] + table.fields.map { Store.argument(state.shown($0.name)) })
  }

  /// The rows in expanded form.
  func expandedRows() throws -> [RowKey] {
    let found = try db.all("SELECT tbl, id FROM cordee_row WHERE width < 0") {
      ($0.int(0), $0.text(1))
    }
    return try found.map { RowKey(table: try name(ofNumber: $0.0), id: $0.1) }
  }
}

import Causality
import Changes
import SQLite
import Wire

/// Rows and heads, compared with what the log makes of them.
extension Audit {
  /// Every row of a space: its stamps, its siblings, its values, here and in the scratch file.
  func compareRows(_ space: String) throws {
    let touched = try store.touchedCells()
    for (_, table) in try store.tables(of: space) {
      try store.forEachRow(of: table) { row in
        report.rows += 1
        let shared = try store.base(of: row)
        let state = try store.load(row, old: touched[row] ?? [:])
        if try shared?.state ?? state != scratch.load(row) {
          damage("row.state", "\(row.table)/\(row.id) is not what its changes make of it")
        }
        if let shared {
          if try withWaiting(shared.state, row, in: space) != state {
            damage(
              "row.waiting", "\(row.table)/\(row.id) is not what own waiting changes make of it")
          }
        }
        if touched[row] == nil, try !store.showsRight(state, of: row) {
          damage("row.shown", "\(row.table)/\(row.id) shows other values than it has")
        }
      }
      try scratch.forEachRow(of: table) { row in
        guard try store.isKnown(row) else {
          return damage("row.missing", "\(row.table)/\(row.id) is missing")
        }
      }
      for id in try store.strayRows(of: table, limit: 100) {
        damage("row.stray", "\(table)/\(id) stands in its table, but no change wrote it")
      }
    }
  }

  /// A shared state with the own changes that wait written into it.
  private func withWaiting(_ shared: RowState, _ row: RowKey, in space: String) throws -> RowState {
    var state = shared
    let changes = try scratch.db.all(
      "SELECT actor, n FROM waiting WHERE tbl = ? AND id = ? ORDER BY actor, n", .text(row.table),
      .text(row.id)
    ) { ($0.int(0), $0.int(1)) }
    for (actor, n) in changes {
      let dot = Dot(actor: try store.actor(ofNumber: actor), n: n)
      let author = Authorship(dot: dot, context: try store.context(at: dot, in: space))
      for write in try writes(of: dot, in: space) where write.row == row {
        state.apply(write.verb, by: author)
      }
    }
    return state
  }

  /// The writes of a waiting change; the change that was asked for last is kept, since one may write many rows in a row.
  private func writes(of dot: Dot, in space: String) throws -> [Write] {
    if let recent, recent.dot == dot, recent.space == space { return recent.writes }
    guard let body = try store.change(dot, in: space)?.bodyBytes else { return [] }
    let writes = try ChangeDecoding.body(body).writes
    recent = (space, dot, writes)
    return writes
  }

  /// The vector: for every author the last change of the chain, and the context its headers add up to.
  func compareHeads(_ space: String, isWhole: Bool) throws {
    let known = try store.known(in: space)
    for entry in known.entries {
      let head = try store.head(of: entry.actor, in: space)
      let chain = chains[entry.actor] ?? (0, .zero)
      guard (head.n, head.hash) == chain else {
        damage(
          "vector.head", "what is known of \(entry.actor) in \(space) is not where its chain ends")
        continue
      }
      guard isWhole else { continue }
      var right = try scratch.head(of: entry.actor, in: space)
      // What is not in the log yet says in its headers what its author had seen since.
      for (_, delta) in try store.deltas(of: entry.actor, in: space, after: right.n, upTo: head.n) {
        right.context.merge(delta)
      }
      if right.context != head.context {
        damage(
          "vector.context", "what \(entry.actor) had seen in \(space) is not what its headers say")
      }
    }
    for actor in chains.keys where known[actor] == 0 {
      damage("vector.head", "\(actor) has changes in \(space), but is not in its vector")
    }
  }
}

extension Store {
  /// Touched cells with the values they had, by row.
  func touchedCells() throws -> [RowKey: [String: Value]] {
    Dictionary(uniqueKeysWithValues: try touched())
  }

  /// Gives every row of a table that anything is known of, by id.
  func forEachRow(of table: String, _ body: (RowKey) throws -> Void) throws {
    var after: String?
    while true {
      let ids = try rowIDs(of: table, after: after)
      for id in ids { try body(RowKey(table: table, id: id)) }
      guard let last = ids.last else { return }
      after = last
    }
  }

  /// Rows in a shared table that the engine knows nothing of and did not note as edited, at most `limit`; all for −1.
  func strayRows(of table: String, limit: Int = -1) throws -> [String] {
    guard schema.table(table) != nil else { return [] }
    return try db.all(
      "SELECT id FROM \(Layout.quoted(table)) v WHERE NOT EXISTS(SELECT 1 FROM cordee_row r "
        + "WHERE r.tbl = ? AND r.id = v.id) AND NOT EXISTS(SELECT 1 FROM cordee_touched t "
        + "WHERE t.tbl = ? AND t.id = v.id) LIMIT ?", .int(try number(ofName: table)), .text(table),
      .int(limit)
    ) { $0.text(0) }
  }

  /// Rows that are known and do not stand in their shared table: deleted ones, and those taken away unnoticed.
  func vanishedRows(of table: String) throws -> [String] {
    try db.all(
      "SELECT id FROM cordee_row r WHERE tbl = ? AND NOT EXISTS(SELECT 1 FROM "
        + "\(Layout.quoted(table)) v WHERE v.id = r.id) ORDER BY id",
      .int(try number(ofName: table))
    ) { $0.text(0) }
  }

  /// Whether the shared table shows what the state says.
  func showsRight(_ state: RowState, of row: RowKey) throws -> Bool {
    guard let table = schema.table(row.table) else { return true }
    let columns = table.fields.map { Layout.quoted($0.name) }.joined(separator: ", ")
    let values = try db.first(
      "SELECT \(columns) FROM \(Layout.quoted(table.name)) WHERE id = ?", .text(row.id)
    ) { found in table.fields.indices.map { Store.value(found, $0) } }
    guard let values else { return !state.isShown }
    return state.isShown && values == table.fields.map { state.shown($0.name) }
  }
}

public import Causality
public import Changes
import SQLite
import Wire

/// What was written, by whom, since when.
extension Store {
  /// Every change that touches a row, in the order it came to this file.
  ///
  /// - Complexity: O(changes held): bodies are searched for the row's id.
  public func changes(touching row: RowKey) throws -> [(change: Change, state: String)] {
    let rows = try db.all(
      """
      SELECT c.header, c.body, c.body_hash, c.hash, c.state, l.seq, l.reason FROM cordee_change c
      LEFT JOIN cordee_log l ON l.space = c.space AND l.actor = c.actor AND l.n = c.n
      WHERE instr(c.body, ?) > 0 ORDER BY l.seq IS NULL, l.seq, c.n
      """, .blob(Array(row.id.utf8))
    ) { (ChangeRow($0), $0.int(4), $0.int(5), $0.textOrNil(6)) }
    return try rows.compactMap { held, state, seq, reason in
      let change = try held.change()
      // The id may stand in a body that is about another row.
      guard
        try ChangeDecoding.body(change.bodyBytes ?? []).writes.contains(where: { $0.row == row })
      else { return nil }
      let standing =
        try reason.map { "quarantined: \($0)" }
        ?? (state == ChangeState.logged.rawValue
          ? "merged \(seq)"
          : change.dot.n <= received(of: change.dot.actor, in: change.header.space)
            ? "received" : "local")
      return (change, standing)
    }
  }

  /// Own changes of a space that central does not hold, in the order they were sealed.
  ///
  /// - Complexity: O(changes held).
  public func unsent(in space: String) throws -> [Change] {
    try db.all(
      "SELECT header, body, body_hash, hash FROM cordee_change WHERE state = 0 AND space = ? ORDER BY rowid",
      .int(try number(ofName: space))
    ) { ChangeRow($0) }.map { try $0.change() }
      .filter { try $0.dot.n > received(of: $0.dot.actor, in: space) }
  }

  /// The body of one change to a table; nil when it is not held.
  public func body(of dot: Dot, table: String) throws -> Body? {
    let space = schema.table(table)?.space ?? schema.spaces[0]
    let bytes = try db.first(
      "SELECT body FROM cordee_change WHERE space = ? AND actor = ? AND n = ?",
      .int(try number(ofName: space)),
      .int(try number(of: dot.actor)), .int(dot.n)
    ) { $0.bytes(0) }
    return try bytes.map { try ChangeDecoding.body($0) }
  }
}

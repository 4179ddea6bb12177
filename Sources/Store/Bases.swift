public import Causality
public import Changes
import Mutants
import SQLite
import Wire

/// A row's *base*: its shared state while own changes to it wait for their verdict.
///
/// What others write goes into both the base and the row. A refused change is undone by taking the base and writing the
/// remaining own changes into it again: exact, and possible without a network.
struct Base {
  /// Own changes to the row that wait.
  var pending: Int
  /// The row without them.
  var state: RowState
}

extension Store {
  func hasBase() throws -> Bool {
    if let known = cache.hasBase { return known }
    let found = try db.first("SELECT 1 FROM cordee_base LIMIT 1") { _ in true } ?? false
    cache.hasBase = found
    return found
  }

  func base(of row: RowKey) throws -> Base? {
    let found = try db.first(
      "SELECT pending, state FROM cordee_base WHERE tbl = ? AND id = ?",
      .int(try number(ofName: row.table)),
      .text(row.id)
    ) { ($0.int(0), $0.bytes(1)) }
    guard let (pending, bytes) = found else { return nil }
    return Base(pending: pending, state: try decodeBase(bytes, plans[row.table]))
  }

  func setBase(_ base: Base, of row: RowKey) throws {
    cache.hasBase = true
    try db.run(
      """
      INSERT INTO cordee_base(tbl, id, pending, state) VALUES(?, ?, ?, ?) ON CONFLICT(tbl, id)
      DO UPDATE SET pending = excluded.pending, state = excluded.state
      """, .int(try number(ofName: row.table)), .text(row.id), .int(base.pending),
      .blob(try encodeBase(known(base.state, plans[row.table]))))
  }

  /// One more own change to `row` waits; `before` is kept when it is the first.
  func keepBase(_ before: KnownRow, of row: RowKey) throws {
    if mutant(19, "R7: a refused edit cannot be undone") { return }
    cache.hasBase = true
    try db.run(
      """
      INSERT INTO cordee_base(tbl, id, pending, state) VALUES(?, ?, 1, ?)
      ON CONFLICT(tbl, id) DO UPDATE SET pending = pending + 1
      """, .int(try number(ofName: row.table)), .text(row.id), .blob(try encodeBase(before)))
  }

  /// An own change met its verdict.
  func settle(_ entry: LogEntry, _ body: Body?) throws {
    let dot = entry.change.dot
    let held = try db.first(
      "SELECT state, body, hash FROM cordee_change WHERE space = ? AND actor = ? AND n = ?",
      .int(try number(ofName: entry.change.header.space)), .int(try number(of: dot.actor)),
      .int(dot.n)
    ) { ($0.int(0), $0.bytes(1), $0.bytes(2)) }
    guard let (state, ownBody, hash) = held, Hash(bytes: hash) == entry.change.hash else {
      throw StoreError(.chain, "central's change \(dot) is not the one held here")
    }
    guard state != ChangeState.logged.rawValue else { return }
    let space = entry.change.header.space
    try setState(.logged, of: dot, in: space)
    let applied = entry.verdict.isApplied
    var author: Authorship?
    var isAhead = false
    for write in try (body ?? ChangeDecoding.body(ownBody)).writes {
      guard var base = try base(of: write.row) else { continue }
      base.pending -= 1
      if applied, base.pending > 0, author == nil {
        let context = try context(at: dot, in: space)
        author = Authorship(dot: dot, context: context)
        isAhead = try isAheadOfOwn(context, in: space)
      }
      if let author, base.pending > 0 || isAhead { base.state.apply(write.verb, by: author) }
      if !applied || isAhead {
        try rewriteWaiting([write.row: base.state], in: space, and: dot.actor)
      }
      if base.pending > 0 { try setBase(base, of: write.row) } else { try dropBase(of: write.row) }
    }
  }

  /// Whether a change of this context comes before an own one that it had seen, and that waits: then the row has them the
  /// other way round than the log will.
  ///
  /// What waits of a chain stands behind all that is logged of it, so that the last one it had seen tells. One that is not here
  /// does not wait: a snapshot brought it.
  func isAheadOfOwn(_ context: VersionVector, in space: String) throws -> Bool {
    try ownActors().contains { actor in
      let seen = try min(context[actor], head(of: actor, in: space).n)
      guard seen > 0 else { return false }
      return try db.first(
        "SELECT state FROM cordee_change WHERE space = ? AND actor = ? AND n = ?",
        .int(try number(ofName: space)), .int(try number(of: actor)), .int(seen)
      ) { $0.int(0) != ChangeState.logged.rawValue } ?? false
    }
  }

  func setState(_ state: ChangeState, of dot: Dot, in space: String) throws {
    try db.run(
      "UPDATE cordee_change SET state = ? WHERE space = ? AND actor = ? AND n = ?",
      .int(state.rawValue),
      .int(try number(ofName: space)), .int(try number(of: dot.actor)), .int(dot.n))
  }

  private func dropBase(of row: RowKey) throws {
    try db.run(
      "DELETE FROM cordee_base WHERE tbl = ? AND id = ?", .int(try number(ofName: row.table)),
      .text(row.id))
    cache.hasBase = nil
  }

  /// The actor's changes that are in no log yet, in order, at most `limit`.
  public func ownChanges(
    of actor: ActorID, in space: String, after n: Int = 0, limit: Int = .max
  ) throws -> [Change] {
    try db.all(
      """
      SELECT header, body, body_hash, hash FROM cordee_change
      WHERE space = ? AND actor = ? AND n > ? AND state < 2 ORDER BY n LIMIT ?
      """, .int(try number(ofName: space)), .int(try number(of: actor)), .int(n), .int(limit)
    ) { ChangeRow($0) }.map { try $0.change() }
  }
}

public import Causality
public import Changes
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
    return Base(pending: pending, state: try RowStateEncoding.decode(bytes))
  }

  func setBase(_ base: Base, of row: RowKey) throws {
    cache.hasBase = true
    try db.run(
      """
      INSERT INTO cordee_base(tbl, id, pending, state) VALUES(?, ?, ?, ?) ON CONFLICT(tbl, id)
      DO UPDATE SET pending = excluded.pending, state = excluded.state
      """, .int(try number(ofName: row.table)), .text(row.id), .int(base.pending),
      .blob(RowStateEncoding.encode(base.state)))
  }

  /// One more own change to `row` waits.
  func keepBase(_ before: RowState, of row: RowKey) throws {
    var base = try base(of: row) ?? Base(pending: 0, state: before)
    base.pending += 1
    try setBase(base, of: row)
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
    try setState(.logged, of: dot, in: entry.change.header.space)
    for write in try (body ?? ChangeDecoding.body(ownBody)).writes {
      guard var base = try base(of: write.row) else { continue }
      base.pending -= 1
      if entry.verdict.isApplied {
        if base.pending > 0 {
          let context = try context(at: dot, in: entry.change.header.space)
          base.state.apply(write.verb, by: Authorship(dot: dot, context: context))
        }
      } else {
        try rebuild(write.row, from: base.state, space: entry.change.header.space, actor: dot.actor)
      }
      if base.pending > 0 { try setBase(base, of: write.row) } else { try dropBase(of: write.row) }
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

  /// The base with the own changes that still wait written into it again.
  private func rebuild(_ row: RowKey, from base: RowState, space: String, actor: ActorID) throws {
    var state = base
    for change in try ownChanges(of: actor, in: space) {
      let context = try context(at: change.dot, in: space)
      for write in try ChangeDecoding.body(change.bodyBytes ?? []).writes where write.row == row {
        state.apply(write.verb, by: Authorship(dot: change.dot, context: context))
      }
    }
    try save(state, of: row)
  }

  /// An author's full context at one of its changes: the sum of its headers' deltas.
  ///
  /// - Complexity: O(changes of the author up to it).
  func context(at dot: Dot, in space: String) throws -> VersionVector {
    var context = VersionVector()
    let headers = try db.all(
      "SELECT header FROM cordee_change WHERE space = ? AND actor = ? AND n <= ? ORDER BY n",
      .int(try number(ofName: space)), .int(try number(of: dot.actor)), .int(dot.n)
    ) { $0.bytes(0) }
    for header in headers { context.merge(try ChangeDecoding.header(header).context) }
    return context
  }

  /// The actor's changes that are in no log yet, in order, at most `limit`.
  public func ownChanges(
    of actor: ActorID, in space: String, after n: Int = 0, limit: Int = .max
  ) throws -> [Change] {
    let rows = try db.all(
      """
      SELECT header, body, body_hash, hash FROM cordee_change
      WHERE space = ? AND actor = ? AND n > ? AND state < 2 ORDER BY n LIMIT ?
      """, .int(try number(ofName: space)), .int(try number(of: actor)), .int(n), .int(limit)
    ) { ($0.bytes(0), $0.isNull(1) ? nil : $0.bytes(1), $0.bytes(2), $0.bytes(3)) }
    return try rows.map { header, body, bodyHash, hash in
      Change(
        header: try ChangeDecoding.header(header), headerBytes: header, bodyBytes: body,
        bodyHash: Hash(bytes: bodyHash) ?? .zero, hash: Hash(bytes: hash) ?? .zero)
    }
  }
}

/// A row's state as JSON, for the base.
enum RowStateEncoding {
  static func encode(_ state: RowState) -> [UInt8] {
    var members: [(String, JSON)] = [("", json(state.liveness))]
    for name in state.cells.keys.sorted() { members.append((name, json(state.cells[name] ?? []))) }
    return JSON.object(members).bytes()
  }

  static func decode(_ bytes: [UInt8]) throws -> RowState {
    guard case .object(let members) = try JSON.parse(bytes) else {
      throw WireError(.shape, "a base is no object")
    }
    var state = RowState()
    for (name, list) in members {
      let siblings = try (list.array ?? []).map(sibling)
      if name.isEmpty { state.liveness = siblings } else { state.cells[name] = siblings }
    }
    return state
  }

  private static func json(_ siblings: [Sibling]) -> JSON {
    .array(
      siblings.map { sibling in
        .array([
          .string(sibling.dot.description), .integer(Int64(sibling.weight)),
          .bool(sibling.isSeenByDelete),
          ChangeEncoding.json(sibling.value),
        ])
      })
  }

  private static func sibling(_ json: JSON) throws -> Sibling {
    guard let items = json.array, items.count == 4,
      let dot = items[0].string.flatMap(ChangeDecoding.dot),
      let weight = items[1].integer
    else { throw WireError(.shape, "a base holds a sibling that is none") }
    return Sibling(
      dot: dot, weight: Int(weight), value: try ChangeDecoding.value(items[3]),
      isSeenByDelete: items[2].isTrue)
  }
}

public import Causality
public import Changes
import SQLite
import Seal
public import Wire

/// Who seals: the actor this file writes as, its network, and what the clock says for the label.
public struct Author: Sendable {
  /// The network.
  public let network: NetworkID
  /// The actor.
  public let actor: ActorID
  /// RFC 3339; a label.
  public let at: String

  /// Makes an author.
  public init(network: NetworkID, actor: ActorID, at: String) {
    self.network = network
    self.actor = actor
    self.at = at
  }
}

/// What becomes of one row at a seal: the write, and the row as it was.
struct PendingWrite {
  let write: Write
  let before: RowState
}

/// Touched cells become changes.
extension Store {
  /// Whether a change becomes one row or all rows touched together.
  public enum Grouping: Sendable {
    /// One change a row: edits by other programs, whose transactions cannot be told apart.
    case byRow
    /// One change a space: one command's edit.
    case together
  }

  /// Seals everything touched since the last seal; call inside `write`.
  ///
  /// - Returns: how many changes were made; 0 when every cell came back to its value.
  /// - Complexity: O(touched cells).
  @discardableResult
  public func seal(as author: Author, grouping: Grouping = .byRow) throws -> Int {
    var bySpace: [String: [PendingWrite]] = [:]
    for (row, old) in try touched() {
      guard let table = schema.table(row.table), let pending = try pending(row, old, table) else {
        continue
      }
      bySpace[table.space, default: []].append(pending)
    }
    try db.run("DELETE FROM cordee_touched")
    var count = 0
    for (space, writes) in bySpace.sorted(by: { $0.key < $1.key }) {
      let size = grouping == .byRow ? 1 : ChangeLimits.writesMax
      for start in stride(from: 0, to: writes.count, by: size) {
        try sealOne(
          Array(writes[start..<min(start + size, writes.count)]), space: space, author: author)
        count += 1
      }
    }
    return count
  }

  /// How many rows were touched since the last seal.
  public func touchedRows() throws -> Int {
    try db.first("SELECT count(*) FROM (SELECT DISTINCT tbl, id FROM cordee_touched)") { $0.int(0) }
      ?? 0
  }

  /// The touched rows in the order they were first touched, each with the values its cells had.
  func touched() throws -> [(RowKey, [String: Value])] {
    let cells = try db.all("SELECT tbl, id, field, old FROM cordee_touched ORDER BY rowid") {
      (RowKey(table: $0.text(0), id: $0.text(1)), $0.text(2), Store.value($0, 3))
    }
    var order: [RowKey] = []
    var rows: [RowKey: [String: Value]] = [:]
    for (row, field, old) in cells {
      if rows[row] == nil { order.append(row) }
      rows[row, default: [:]][field] = old
    }
    return order.map { ($0, rows[$0] ?? [:]) }
  }

  private func pending(_ row: RowKey, _ old: [String: Value], _ table: Table) throws
    -> PendingWrite?
  {
    let columns = table.fields.map { Layout.quoted($0.name) }.joined(separator: ", ")
    let now = try db.first(
      "SELECT \(columns) FROM \(Layout.quoted(table.name)) WHERE id = ?", .text(row.id)
    ) { found in (0..<table.fields.count).map { Store.value(found, $0) } }
    let wasThere = old[Layout.liveness] != .integer(0)
    let before = try load(row, old: old)
    switch (wasThere, now) {
    case (false, nil): return nil
    case (true, nil): return PendingWrite(write: Write(row, .delete), before: before)
    case (false, let values?):
      let fields = zip(table.fields, values).map { FieldValue($0.name, $1) }
      return PendingWrite(write: Write(row, .insert(fields)), before: before)
    case (true, let values?):
      let fields = zip(table.fields, values).compactMap { field, value -> FieldValue? in
        guard let was = old[field.name], was != value else { return nil }
        return FieldValue(field.name, value)
      }
      return fields.isEmpty ? nil : PendingWrite(write: Write(row, .set(fields)), before: before)
    }
  }

  /// Makes one change of `writes` that no table shows yet: what a command does beyond plain SQL.
  ///
  /// Call inside `write`.
  public func seal(_ writes: [Write], space: String, author: Author, was: Dot? = nil) throws {
    try sealOne(
      try writes.map { PendingWrite(write: $0, before: try load($0.row)) }, space: space,
      author: author, was: was)
  }

  private func sealOne(
    _ writes: [PendingWrite], space: String, author: Author, was: Dot? = nil
  ) throws {
    var head = try head(of: author.actor, in: space)
    var context = try known(in: space)
    context.remove(author.actor)
    let delta = context.exceeding(head.context)
    let dot = Dot(actor: author.actor, n: head.n + 1)
    let change = Store.change(
      Header(network: author.network, space: space, dot: dot, context: delta),
      Body(key: Randomness.bytes(16), at: author.at, was: was, writes: writes.map(\.write)),
      previous: head.hash)
    let authorship = Authorship(dot: dot, context: context)
    for pending in writes {
      try keepBase(pending.before, of: pending.write.row)
      var state = pending.before
      state.apply(pending.write.verb, by: authorship)
      try save(state, of: pending.write.row)
    }
    try insert(change, state: .local)
    head = Head(n: dot.n, hash: change.hash, context: context)
    try setHead(head, of: author.actor, in: space)
  }

  /// Encodes and hashes a change.
  public static func change(_ header: Header, _ body: Body, previous: Hash) -> Change {
    let headerBytes = ChangeEncoding.bytes(of: header)
    let bodyBytes = ChangeEncoding.bytes(of: body)
    let bodyHash = hash(Preimage.body(bodyBytes))
    return Change(
      header: header, headerBytes: headerBytes, bodyBytes: bodyBytes, bodyHash: bodyHash,
      hash: hash(Preimage.change(previous: previous, bodyHash: bodyHash, header: headerBytes)))
  }

  /// Places a received line in its author's chain.
  public static func change(_ line: ChangeDecoding.Line, previous: Hash) -> Change {
    let bodyHash = line.bodyHash ?? hash(Preimage.body(line.bodyBytes ?? []))
    return Change(
      header: line.header, headerBytes: line.headerBytes, bodyBytes: line.bodyBytes,
      bodyHash: bodyHash,
      hash: hash(Preimage.change(previous: previous, bodyHash: bodyHash, header: line.headerBytes)))
  }

  /// BLAKE2b-256 of a preimage.
  public static func hash(_ preimage: [[UInt8]]) -> Hash {
    Hash(bytes: Blake2b.hash(preimage)) ?? .zero
  }
}

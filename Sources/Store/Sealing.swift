public import Causality
public import Changes
import Mutants
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
  let before: KnownRow
}

/// Touched cells become changes.
extension Store {
  /// Seals everything touched since the last seal, one change a row, since transactions of other programs cannot be told
  /// apart; call inside `write`.
  ///
  /// What no change can carry is left as it is, in `heldBack`.
  ///
  /// - Returns: how many changes were made; 0 when every cell came back to its value.
  /// - Complexity: O(touched cells), and O(rows of a table) while another program's UNIQUE index stands on it.
  @discardableResult
  public func seal(as author: Author) throws -> Int {
    try noteVanished(from: replaceable)
    let (touched, unnamed) = try touchedAll()
    cache.heldBack = try hold(unnamed)
    guard !touched.isEmpty || !unnamed.isEmpty else { return 0 }
    let author = try present(author)
    var seen: [String: VersionVector] = [:]
    var unread: [String: String] = [:]
    var sealed: [RowKey] = []
    var count = 0
    for (row, old) in touched {
      guard let plan = plans[row.table], let pending = try pending(row, old, plan) else {
        sealed.append(row)
        continue
      }
      let space = plan.table.space
      if seen[space] == nil {
        seen[space] = try knownOfOthers(than: author.actor, in: space)
        unread[space] = try objection(toSpace: space)
      }
      do {
        if let reason = Self.objection(toID: row.id) ?? unread[space] {
          throw Unfit(reason: reason)
        }
        try sealOne(
          [pending], space: space, author: author, seen: seen[space] ?? VersionVector(),
          isShown: true)
        sealed.append(row)
        count += 1
      } catch let error as Unfit {
        cache.heldBack.append(HeldBack(row: row, reason: error.reason))
      }
    }
    try forgetTouched(sealed)
    return count
  }

  /// A write that no change may hold; nothing was done with it.
  private struct Unfit: Error { let reason: String }

  /// The author as the file has it now: another program may have begun an epoch since the caller looked.
  private func present(_ author: Author) throws -> Author {
    Author(network: author.network, actor: try currentActor() ?? author.actor, at: author.at)
  }

  private func knownOfOthers(than actor: ActorID, in space: String) throws -> VersionVector {
    if mutant(20, "R5: a change does not say what its author had seen") { return VersionVector() }
    var known = try known(in: space)
    known.remove(actor)
    return known
  }

  /// How many rows were touched since the last seal.
  public func touchedRows() throws -> Int {
    try db.first("SELECT count(*) FROM (SELECT DISTINCT tbl, id FROM cordee_touched)") { $0.int(0) }
      ?? 0
  }

  /// The touched rows in the order they were first touched, each with the values its cells had.
  func touched() throws -> [(RowKey, [String: Value])] { try touchedAll().rows }

  /// The same, and beside them those whose id is no valid text.
  func touchedAll() throws -> (rows: [(RowKey, [String: Value])], unnamed: [Unnamed]) {
    var order: [RowKey] = []
    var rows: [RowKey: [String: Value]] = [:]
    var unnamed: [Unnamed] = []
    try db.scan("SELECT tbl, id, field, old FROM cordee_touched ORDER BY rowid", []) { found in
      guard let id = found.validText(1) else {
        let bytes = found.bytes(1)
        if unnamed.last?.id != bytes { unnamed.append(Unnamed(table: found.text(0), id: bytes)) }
        return true
      }
      let row = RowKey(table: found.text(0), id: id)
      if rows[row] == nil { order.append(row) }
      let field = found.text(2)
      if rows[row]?[field] == nil { rows[row, default: [:]][field] = Store.value(found, 3) }
      return true
    }
    return (order.map { ($0, rows[$0] ?? [:]) }, unnamed)
  }

  func pending(_ row: RowKey, _ old: [String: Value], _ plan: TablePlan) throws
    -> PendingWrite?
  {
    let now = try values(of: row, plan)
    let before = try known(row, now: now, old: old, plan)
    let fields = plan.table.fields
    switch (old[Layout.liveness] != .integer(0), now) {
    case (false, nil): return nil
    case (true, nil): return PendingWrite(write: Write(row, .delete), before: before)
    case (false, let values?):
      let written = zip(fields, values).map { FieldValue($0.name, $1) }
      return PendingWrite(write: Write(row, .insert(written)), before: before)
    case (true, let values?):
      let written = zip(fields, values).compactMap { field, value -> FieldValue? in
        guard let was = old[field.name], was != value else { return nil }
        return FieldValue(field.name, value)
      }
      return written.isEmpty ? nil : PendingWrite(write: Write(row, .set(written)), before: before)
    }
  }

  /// Makes one change of `writes` that no table shows yet: what a command does beyond plain SQL.
  ///
  /// Call inside `write`.
  public func seal(_ writes: [Write], space: String, author: Author, was: Dot? = nil) throws {
    let author = try present(author)
    do {
      if let reason = try objection(toSpace: space) { throw Unfit(reason: reason) }
      try sealOne(
        try writes.map { PendingWrite(write: $0, before: .state(try load($0.row))) }, space: space,
        author: author, seen: try knownOfOthers(than: author.actor, in: space), isShown: false,
        was: was)
    } catch let error as Unfit {
      throw StoreError(
        .heldBack, "this edit cannot be sent: \(error.reason)", hint: "Nothing was changed.")
    }
  }

  /// - Parameters:
  ///   - seen: what is known of others.
  ///   - isShown: whether the tables hold the written values already.
  private func sealOne(
    _ writes: [PendingWrite], space: String, author: Author, seen: VersionVector,
    isShown: Bool, was: Dot? = nil
  ) throws {
    let head = try head(of: author.actor, in: space)
    // What an earlier change had seen this one claims too, be it that central forgot it meanwhile.
    var context = head.context
    if seen != context { context.merge(seen) }
    let delta = context == head.context ? VersionVector() : context.exceeding(head.context)
    let dot = Dot(actor: author.actor, n: head.n + 1)
    let number = try number(ofName: space)
    let run = try nextRun(for: dot, space: number, startsSegment: !delta.isEmpty)
    let change = Store.change(
      Header(network: author.network, space: space, dot: dot, context: delta),
      Body(key: run.key(of: dot.n), at: author.at, was: was, writes: writes.map(\.write)),
      previous: head.hash)
    if let reason = Self.objection(toBodyOf: change.bodyBytes?.count ?? 0) {
      throw Unfit(reason: reason)
    }
    keep(run, of: dot.actor, space: number)
    let authorship = Authorship(dot: dot, context: context)
    for pending in writes {
      try keepBase(pending.before, of: pending.write.row)
      try take(pending, by: authorship, isShown: isShown)
    }
    try insert(change, state: .local)
    try setHead(
      Head(n: dot.n, hash: change.hash, context: context), of: author.actor, in: space)
  }

  /// Writes what is known of a row after a write of its own author.
  private func take(_ pending: PendingWrite, by author: Authorship, isShown: Bool) throws {
    let row = pending.write.row
    let plan = plans[row.table]
    if isShown, let plan,
      let stamp = pending.before.stamp(after: pending.write.verb, by: author, plan)
    {
      return try write(stamp, of: row, table: try number(ofName: row.table))
    }
    var state = state(of: pending.before, plan)
    state.apply(pending.write.verb, by: author)
    try save(state, of: row)
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
    Hash(words: Blake2b.words(of: preimage))
  }
}

extension KnownRow {
  /// The stamp that says all of the row after a write of its own author; nil when none can.
  fileprivate func stamp(after verb: Verb, by author: Authorship, _ plan: TablePlan) -> Stamp? {
    switch self {
    case .nothing: Stamp.after(verb, on: nil, by: author, plan)?.stamp
    case .settled(let stamp, _): Stamp.after(verb, on: stamp, by: author, plan)?.stamp
    case .state: nil
    }
  }
}

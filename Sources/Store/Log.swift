public import Causality
public import Changes
import Mutants
import SQLite
public import Wire

/// The log as it is held: reading it back, and where it ends.
extension Store {
  /// Where a space's log ends: the last place and the hash there.
  public func logEnd(of space: String) throws -> (seq: Int, hash: Hash) {
    if let known = cache.logEnds[space] { return known }
    let found = try db.first(
      "SELECT seq, hash FROM cordee_log WHERE space = ? ORDER BY seq DESC LIMIT 1",
      .int(try number(ofName: space))
    ) { ($0.int(0), $0.bytes(1)) }
    let end = found.flatMap { seq, bytes in Hash(bytes: bytes).map { (seq, $0) } } ?? (0, .zero)
    cache.logEnds[space] = end
    return end
  }

  /// Keeps how far a space's log was read; call inside `write`.
  ///
  /// - Throws: `StoreError.cursor` unless that is the very end of what is held, or where a snapshot stood: a cursor beyond
  ///   what was applied would lose what lies between, in silence.
  public func setCursor(_ cursor: Cursor, of space: String) throws {
    var held = try logEnd(of: space)
    if let place = try gap(in: space)?.upTo, place.seq > held.seq {
      held = (place.seq, place.hash)
    }
    guard cursor.seq == held.seq, cursor.hash == held.hash else {
      throw StoreError(
        .cursor,
        "\(path) holds the log of \(space) up to \(held.seq), and was told to go on from \(cursor.seq)",
        hint: "Nothing of it was kept. Sync again.")
    }
    try setMeta("cursor.\(space)", .text(cursor.text))
  }

  /// The last place over all spaces.
  public func lastSeq() throws -> Int {
    if let known = cache.lastSeq { return known }
    let last = try db.first("SELECT max(seq) FROM cordee_log") { $0.int(0) } ?? 0
    cache.lastSeq = last
    return last
  }

  /// The hash of a space's log at `seq`; nil when no entry of the space stands there.
  public func logHash(of space: String, at seq: Int) throws -> Hash? {
    if seq == 0 { return .zero }
    return try db.first(
      "SELECT hash FROM cordee_log WHERE space = ? AND seq = ?", .int(try number(ofName: space)),
      .int(seq)
    ) { $0.bytes(0) }.flatMap { Hash(bytes: $0) }
  }

  /// The last place of a space's log at or before `seq`.
  public func place(of space: String, atOrBefore seq: Int) throws -> (seq: Int, hash: Hash) {
    let found = try db.first(
      "SELECT seq, hash FROM cordee_log WHERE space = ? AND seq <= ? ORDER BY seq DESC LIMIT 1",
      .int(try number(ofName: space)), .int(seq)
    ) { ($0.int(0), $0.bytes(1)) }
    return found.flatMap { seq, bytes in Hash(bytes: bytes).map { (seq, $0) } } ?? (0, .zero)
  }

  /// Gives the entries of a space after `seq`, in order, until `body` returns false.
  ///
  /// - Complexity: O(entries given).
  public func forEachEntry(of space: String, after seq: Int, _ body: (LogEntry) throws -> Bool)
    throws
  {
    let skipped = mutant(17, "R3: the log is read from one place too far") ? 1 : 0
    try db.scan(
      """
      SELECT l.seq, l.actor, l.n, l.reason, l.hash, l.signatures, c.header, c.body, c.body_hash, c.hash
      FROM cordee_log l JOIN cordee_change c ON c.space = l.space AND c.actor = l.actor AND c.n = l.n
      WHERE l.space = ? AND l.seq > ? ORDER BY l.seq
      """, [.int(try number(ofName: space)), .int(seq + skipped)]
    ) { row in
      try body(
        LogEntry(
          seq: row.int(0), change: try ChangeRow(row, at: 6).change(),
          verdict: row.isNull(3) ? .applied : .quarantined(reason: row.text(3)),
          hash: Hash(bytes: row.bytes(4)) ?? .zero, signatures: row.isNull(5) ? nil : row.bytes(5)))
    }
  }

  /// The hash of one change known here; nil when it is neither held nor an author's newest.
  public func changeHash(_ dot: Dot, in space: String) throws -> Hash? {
    if let hash = try storedHash(dot, in: space) { return hash }
    let head = try head(of: dot.actor, in: space)
    return head.n == dot.n && dot.n > 0 ? head.hash : nil
  }

  /// The hash of a change whose header is held.
  func storedHash(_ dot: Dot, in space: String) throws -> Hash? {
    try db.first(
      "SELECT hash FROM cordee_change WHERE space = ? AND actor = ? AND n = ?",
      .int(try number(ofName: space)),
      .int(try number(of: dot.actor)), .int(dot.n)
    ) { $0.bytes(0) }.flatMap { Hash(bytes: $0) }
  }

  /// Central holds the actor's changes up to `n`, and none above.
  ///
  /// Call inside `write`.
  ///
  /// - Complexity: O(1): one number, not a mark at each change.
  public func markReceived(_ actor: ActorID, upTo n: Int, in space: String) throws {
    guard try received(of: actor, in: space) != n else { return }
    try setMeta("received.\(space)", .text("\(actor) \(n)"))
  }

  /// How far central holds this actor's changes, as it said last.
  ///
  /// What a former actor still has here stands at central: the rest was sealed again.
  public func received(of actor: ActorID, in space: String) throws -> Int {
    if try epochs().contains(where: { $0.from == actor }) { return .max }
    let parts =
      try meta("received.\(space)")?.text?.split(separator: " ").map(String.init) ?? []
    guard parts.count == 2, ActorID(parts[0]) == actor else { return 0 }
    return Int(parts[1]) ?? 0
  }

  /// How many own changes wait: sealed only, and received.
  ///
  /// - Parameter only: the one space to look at; nil for all.
  /// - Complexity: O(changes held).
  public func waiting(in only: String? = nil) throws -> (local: Int, received: Int) {
    let waiting = try db.all("SELECT space, actor, n FROM cordee_change WHERE state = 0") {
      (HeadNumbers(space: $0.int(0), actor: $0.int(1)), $0.int(2))
    }.filter { author, _ in try only.map { try name(ofNumber: author.space) == $0 } ?? true }
    var held: [HeadNumbers: Int] = [:]
    var received = 0
    for (author, n) in waiting {
      if held[author] == nil {
        held[author] = try self.received(
          of: actor(ofNumber: author.actor), in: name(ofNumber: author.space))
      }
      if n <= held[author] ?? 0 { received += 1 }
    }
    return (waiting.count - received, received)
  }

  /// How many changes of an actor wait for a verdict above one count and up to another.
  func waitingCount(of actor: ActorID, in space: String, after low: Int, upTo high: Int) throws
    -> Int
  {
    try db.first(
      """
      SELECT count(*) FROM cordee_change WHERE space = ? AND actor = ? AND n > ? AND n <= ? AND state < 2
      """, .int(try number(ofName: space)), .int(try number(of: actor)), .int(low), .int(high)
    ) { $0.int(0) } ?? 0
  }

  /// Whether anything was ever known of a row.
  public func isKnown(_ row: RowKey) throws -> Bool {
    cache.recent = nil
    let stamp = try stamp(row, table: try number(ofName: row.table))
    if isWriting { cache.recent = stamp.map { (row, $0) } }
    return stamp != nil
  }
}

extension Store {
  /// How many entries of a space stand after `seq`, but for those of `actor`.
  ///
  /// - Complexity: O(entries counted).
  public func entryCount(of space: String, after seq: Int, besides actor: ActorID? = nil) throws
    -> Int
  {
    try db.first(
      """
      SELECT count(*) FROM cordee_log WHERE space = ? AND seq > ?
        AND actor IS NOT (SELECT id FROM cordee_actor WHERE actor = ?)
      """, .int(try number(ofName: space)), .int(seq), actor.map { .blob($0.bytes) } ?? .null
    ) { $0.int(0) } ?? 0
  }

  /// How many rows a space has, deleted ones included.
  ///
  /// - Complexity: O(rows).
  public func rowCount(of space: String) throws -> Int {
    try tables(of: space).reduce(0) { sum, table in
      try sum
        + (db.first("SELECT count(*) FROM cordee_row WHERE tbl = ?", .int(table.number)) {
          $0.int(0)
        } ?? 0)
    }
  }
}

private struct HeadNumbers: Hashable {
  let space: Int
  let actor: Int
}

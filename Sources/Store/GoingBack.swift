public import Causality
public import Changes
import SQLite
public import Wire

/// A change that stood in a log which central lost: kept until it stands in the log again.
public struct AdriftChange: Sendable {
  /// The change.
  public let change: Change
  /// The signatures of its author's segment, where it ended one.
  public let signatures: [UInt8]?
}

/// Going back to where this file's log and a restored central's part; what stood above is kept, to be offered again.
extension Store {
  /// Goes back to `place` of a space's log and makes the state anew from the log up to there; call inside `write`, after
  /// sealing what is touched.
  ///
  /// Others' changes above it take no effect until central's log has them again; own ones wait for a new verdict.
  ///
  /// - Returns: how many entries were undone.
  /// - Complexity: O(log of the space).
  public func goBack(_ space: String, to place: LogPlace) throws -> Int {
    let count = try unlog(space, above: place)
    let number = try number(ofName: space)
    if let gap = try gap(in: space), gap.after.seq >= place.seq { try setGap(nil, in: space) }
    try clearRows(of: space)
    try db.run("DELETE FROM cordee_known WHERE space = ?", .int(number))
    forgetHeads(in: number)
    try forEachEntry(of: space, after: 0) { entry in
      try replay(entry)
      return true
    }
    for actor in try ownActors() {
      for change in try ownChanges(of: actor, in: space) { try rewrite(change) }
    }
    return count
  }

  /// Takes the entries above `place` out of a space's log and keeps their changes; call inside `write`.
  ///
  /// The rows are the caller's to make anew.
  public func unlog(_ space: String, above place: LogPlace) throws -> Int {
    let number = try number(ofName: space)
    try db.execute(
      """
      CREATE TABLE IF NOT EXISTS cordee_adrift(space INTEGER NOT NULL, actor INTEGER NOT NULL, n INTEGER NOT NULL,
        seq INTEGER NOT NULL, header BLOB NOT NULL, body BLOB, body_hash BLOB NOT NULL, hash BLOB NOT NULL,
        signatures TEXT, refused TEXT, PRIMARY KEY(space, actor, n, hash)) STRICT, WITHOUT ROWID;
      """)
    cache.hasAdrift = nil
    guardRows(of: .adrift)
    let own = try ownActors().map { String(try self.number(of: $0)) }.joined(separator: ", ")
    let lost = "SELECT actor, n FROM cordee_log WHERE space = ?1 AND seq > ?2"
    let count =
      try db.first("SELECT count(*) FROM (\(lost))", .int(number), .int(place.seq)) { $0.int(0) }
      ?? 0
    try db.run(
      """
      INSERT INTO cordee_adrift(space, actor, n, seq, header, body, body_hash, hash, signatures)
      SELECT c.space, c.actor, c.n, l.seq, c.header, c.body, c.body_hash, c.hash, l.signatures FROM cordee_log l
      JOIN cordee_change c ON c.space = l.space AND c.actor = l.actor AND c.n = l.n
      WHERE l.space = ? AND l.seq > ? ON CONFLICT DO NOTHING
      """, .int(number), .int(place.seq))
    try db.run(
      """
      UPDATE cordee_change SET state = 0 WHERE space = ?1 AND actor IN (\(own)) AND body IS NOT NULL
        AND (actor, n) IN (\(lost))
      """, .int(number), .int(place.seq))
    try leaveToOthers(in: number, above: place, own: own)
    if let gap = try gap(in: space), gap.upTo.seq > place.seq {
      // Of own changes in a missing part of history a snapshot alone said that they stand.
      try db.run(
        """
        UPDATE cordee_change SET state = 0 WHERE space = ?1 AND actor IN (\(own)) AND body IS NOT NULL
          AND (actor, n) NOT IN (SELECT actor, n FROM cordee_log WHERE space = ?1)
        """, .int(number))
    }
    try db.run(
      "DELETE FROM cordee_change WHERE space = ?1 AND state = 2 AND (actor, n) IN (\(lost))",
      .int(number), .int(place.seq))
    try db.run("DELETE FROM cordee_log WHERE space = ? AND seq > ?", .int(number), .int(place.seq))
    try db.run(
      "DELETE FROM cordee_known WHERE space = ? AND actor NOT IN (\(own))", .int(number))
    forgetHeads(in: number)
    return count
  }

  /// A twin of this file may have gone on under a former name: what is not held whole from the log up is others' like all
  /// else that came by the log.
  private func leaveToOthers(in space: Int, above place: LogPlace, own: String) throws {
    let lost = "SELECT actor, n FROM cordee_log WHERE space = ?1 AND seq > ?2"
    let cuts = try db.all(
      """
      SELECT actor, min(n) FROM cordee_change c
      WHERE space = ?1 AND actor IN (\(own)) AND (actor, n) IN (\(lost))
        AND (body IS NULL OR n > 1 AND NOT EXISTS(SELECT 1 FROM cordee_change p
          WHERE p.space = c.space AND p.actor = c.actor AND p.n = c.n - 1))
      GROUP BY actor
      """, .int(space), .int(place.seq)
    ) { ($0.int(0), $0.int(1)) }
    for (actor, n) in cuts {
      try db.run(
        """
        UPDATE cordee_change SET state = 2 WHERE space = ?1 AND actor = ?3 AND n >= ?4
          AND (actor, n) IN (\(lost))
        """, .int(space), .int(place.seq), .int(actor), .int(n))
      try db.run(
        "DELETE FROM cordee_known WHERE space = ? AND actor = ?", .int(space), .int(actor))
    }
  }

  /// Changes of a space that are adrift and were not refused: all of one author together, each after what it was sealed after.
  ///
  /// Their places in the log say nothing of that order: each may be of another life of central.
  public func adrift(in space: String) throws -> [AdriftChange] {
    guard try hasAdrift() else { return [] }
    return try db.all(
      """
      SELECT header, body, body_hash, hash, signatures FROM cordee_adrift
      WHERE space = ? AND refused IS NULL ORDER BY min(seq) OVER (PARTITION BY actor), actor, n, seq
      """, .int(try number(ofName: space)), read: Self.kept
    ).map(Self.change)
  }

  private typealias KeptRow = (change: ChangeRow, signatures: [UInt8]?)

  private static func kept(_ row: borrowing Row) throws(SQLiteError) -> KeptRow {
    (ChangeRow(row), row.isNull(4) ? nil : row.bytes(4))
  }

  private static func change(_ row: KeptRow) throws -> AdriftChange {
    AdriftChange(change: try row.change.change(), signatures: row.signatures)
  }

  /// How many changes are adrift, and how many of them central refused.
  public func adriftCount() throws -> (all: Int, refused: Int) {
    guard try hasAdrift() else { return (0, 0) }
    return try db.first("SELECT count(*), count(refused) FROM cordee_adrift") {
      ($0.int(0), $0.int(1))
    } ?? (0, 0)
  }

  /// Keeps that central refused the changes of an author up to `dot`: they are offered no more.
  ///
  /// Call inside `write`.
  public func refuseAdrift(upTo dot: Dot, in space: String, reason: String) throws {
    try db.run(
      "UPDATE cordee_adrift SET refused = ? WHERE space = ? AND actor = ? AND n <= ? AND refused IS NULL",
      .text(reason), .int(try number(ofName: space)), .int(try number(of: dot.actor)), .int(dot.n))
    guardRows(of: .adrift)
  }

  /// The hash that a change follows in its author's chain, wherever that one is held: in the log, waiting, or adrift.
  ///
  /// A central that was put back may have used its places twice: of several of one name it is the one this change was
  /// sealed after.
  public func hash(before change: Change) throws -> Hash? {
    let dot = Dot(actor: change.dot.actor, n: change.dot.n - 1)
    if dot.n == 0 { return .zero }
    let space = change.header.space
    var held = try [changeHash(dot, in: space)].compactMap(\.self)
    if try hasAdrift() {
      held += try db.all(
        "SELECT hash FROM cordee_adrift WHERE space = ? AND actor = ? AND n = ?",
        .int(try number(ofName: space)), .int(try number(of: dot.actor)), .int(dot.n)
      ) { $0.bytes(0) }.compactMap { Hash(bytes: $0) }
    }
    return held.first { Self.isSealed(change, after: $0) }
  }

  /// Whether a change was sealed after the one of that hash.
  public static func isSealed(_ change: Change, after previous: Hash) -> Bool {
    hash(Preimage.change(previous: previous, bodyHash: change.bodyHash, header: change.headerBytes))
      == change.hash
  }

  func hasAdrift() throws -> Bool {
    if let known = cache.hasAdrift { return known }
    let found =
      try db.first("SELECT 1 FROM sqlite_schema WHERE name = 'cordee_adrift'") { _ in true }
      ?? false
    cache.hasAdrift = found
    return found
  }

  /// A change stands in the log again.
  func settleAdrift(_ change: Change) throws {
    guard try hasAdrift() else { return }
    try db.run(
      "DELETE FROM cordee_adrift WHERE space = ? AND actor = ? AND n = ? AND hash = ?",
      .int(try number(ofName: change.header.space)), .int(try number(of: change.dot.actor)),
      .int(change.dot.n), .blob(change.hash.bytes))
    if db.changes > 0 { guardRows(of: .adrift) }
  }

  /// Whether an own change that may still wait had seen a change: then the latter comes back after a loss, too late.
  func isSeenByOwn(_ dot: Dot, in space: String) throws -> Bool {
    for actor in try ownActors() where actor != dot.actor {
      if try head(of: actor, in: space).context.sees(dot) { return true }
    }
    return false
  }

  /// An own change that waits, written into the state as sealing would; it is its author's head then.
  func rewrite(_ change: Change) throws {
    let space = change.header.space
    let context = try context(at: change.dot, in: space)
    let author = Authorship(dot: change.dot, context: context)
    for write in try ChangeDecoding.body(change.bodyBytes ?? []).writes {
      var state = try load(write.row)
      try keepBase(.state(state), of: write.row)
      state.apply(write.verb, by: author)
      try save(state, of: write.row)
    }
    try setHead(
      Head(n: change.dot.n, hash: change.hash, context: context), of: change.dot.actor, in: space)
  }

  /// Removes everything that is known of the rows of a space.
  func clearRows(of space: String) throws {
    for (number, name) in try tables(of: space) {
      if schema.table(name) != nil { try db.run("DELETE FROM main.\(Layout.quoted(name))") }
      for part in ["cordee_row", "cordee_sibling", "cordee_base"] {
        try db.run("DELETE FROM main.\(part) WHERE tbl = ?", .int(number))
      }
      try dropRecents(of: name, table: number)
    }
    cache.hasBase = nil
    cache.recent = nil
  }

  private func forgetHeads(in space: Int) {
    cache.heads = cache.heads.filter { $0.key.space != space }
    cache.movedHeads = cache.movedHeads.filter { $0.space != space }
    cache.contexts = cache.contexts.filter { $0.key.space != space }
    cache.logEnds = [:]
    cache.lastSeq = nil
  }

  /// An entry of the log takes effect again.
  func replay(_ entry: LogEntry) throws {
    let change = entry.change
    let space = change.header.space
    let head = try head(of: change.dot.actor, in: space)
    var context = head.context
    context.merge(change.header.context)
    if entry.verdict.isApplied, let bytes = change.bodyBytes {
      try apply(
        try ChangeDecoding.body(bytes).writes, by: Authorship(dot: change.dot, context: context),
        in: space)
    }
    try setHead(
      Head(n: change.dot.n, hash: change.hash, context: context), of: change.dot.actor, in: space)
  }
}

/// What a replica shows a central that forgot.
extension Store {
  /// Places of a space's log for a question to central, evenly spread, the highest first.
  ///
  /// - Parameters:
  ///   - low: a place that both hold.
  ///   - high: a place that only this file may hold; above it nothing is asked.
  public func marks(of space: String, above low: Int, upTo high: Int, count: Int) throws
    -> [LogPlace]
  {
    var marks: [LogPlace] = []
    for step in stride(from: count, through: 1, by: -1) {
      let seq = low + (high - low) * step / count
      let found = try db.first(
        "SELECT seq, hash FROM cordee_log WHERE space = ? AND seq <= ? AND seq > ? ORDER BY seq DESC LIMIT 1",
        .int(try number(ofName: space)), .int(seq), .int(low)
      ) { ($0.int(0), $0.bytes(1)) }
      guard let (place, bytes) = found, let hash = Hash(bytes: bytes), marks.last?.seq != place
      else { continue }
      marks.append(LogPlace(seq: place, hash: hash))
    }
    return marks
  }

  /// A held change by its name, in the log or waiting.
  public func change(_ dot: Dot, in space: String) throws -> Change? {
    try db.first(
      "SELECT header, body, body_hash, hash FROM cordee_change WHERE space = ? AND actor = ? AND n = ?",
      .int(try number(ofName: space)), .int(try number(of: dot.actor)), .int(dot.n)
    ) { ChangeRow($0) }?.change()
  }
}

extension Store {
  /// The changes of a device, such as central, that make a row, in the log or adrift, each with its signatures.
  ///
  /// - Complexity: O(changes of the device).
  public func enrolments(of row: RowKey, by replica: ReplicaID, in space: String) throws
    -> [AdriftChange]
  {
    let logged = """
      cordee_change c LEFT JOIN cordee_log l ON l.space = c.space AND l.actor = c.actor AND l.n = c.n
      """
    let sources = try [(logged, "l")] + (hasAdrift() ? [("cordee_adrift c", "c")] : [])
    return try sources.flatMap { source, signed in
      try db.all(
        """
        SELECT c.header, c.body, c.body_hash, c.hash, \(signed).signatures FROM \(source)
        JOIN cordee_actor a ON a.id = c.actor
        WHERE c.space = ? AND substr(a.actor, 1, 16) = ? AND instr(c.body, ?) > 0 ORDER BY a.actor, c.n
        """, .int(try number(ofName: space)), .blob(replica.bytes), .blob(Array(row.id.utf8)),
        read: Self.kept)
    }.map(Self.change).filter { held in
      try ChangeDecoding.body(held.change.bodyBytes ?? []).writes.contains {
        if case .insert = $0.verb { $0.row == row } else { false }
      }
    }
  }
}

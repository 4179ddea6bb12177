import Causality
public import Changes
import SQLite
import Wire

/// How far a change of this store has come.
public enum ChangeState: Int, Sendable {
  /// Sealed here, not yet received by central.
  case local = 0
  /// On central's disk.
  case received = 1
  /// In the log, with a verdict.
  case logged = 2
}

/// One entry of a space's log: a change, its place and its verdict.
public struct LogEntry: Sendable {
  /// Its place in central's log, over all spaces.
  public let seq: Int
  /// The change.
  public let change: Change
  /// The verdict.
  public let verdict: Verdict
  /// The log's hash at this entry.
  public let hash: Hash
  /// Signatures of the author's segment, on its head, as sent.
  public let signatures: [UInt8]?

  /// Makes an entry.
  public init(seq: Int, change: Change, verdict: Verdict, hash: Hash, signatures: [UInt8]?) {
    self.seq = seq
    self.change = change
    self.verdict = verdict
    self.hash = hash
    self.signatures = signatures
  }
}

/// Changes take effect: central's merge and a replica's pull go through here alike.
extension Store {
  /// Takes the next entry of a space's log.
  ///
  /// Call inside `write`, after sealing what is touched.
  ///
  /// A change that is already known is not applied again; if it is this store's own, its verdict settles it.
  ///
  /// - Throws: `StoreError.gap` when the author's chain or context is not held, `.chain` when it forks.
  public func integrate(_ entry: LogEntry) throws {
    let change = entry.change
    let space = change.header.space
    let head = try head(of: change.dot.actor, in: space)
    let body = try change.bodyBytes.map { (bytes) throws(WireError) in
      try ChangeDecoding.body(bytes)
    }
    if change.dot.n <= head.n {
      try settle(entry, body)
    } else {
      guard change.dot.n == head.n + 1 else {
        throw StoreError(.gap, "change \(change.dot.n) of \(change.dot.actor) follows \(head.n)")
      }
      var context = head.context
      context.merge(change.header.context)
      if entry.verdict.isApplied, let body {
        try apply(body.writes, by: Authorship(dot: change.dot, context: context), in: space)
      }
      try insert(change, state: .logged)
      try setHead(
        Head(n: change.dot.n, hash: change.hash, context: context), of: change.dot.actor, in: space)
    }
    try log(entry)
  }

  private func apply(_ writes: [Write], by author: Authorship, in space: String) throws {
    for write in writes {
      try carry(write.row.table, in: space)
      if try hasBase(), var base = try base(of: write.row) {
        base.state.apply(write.verb, by: author)
        try setBase(base, of: write.row)
      }
      if try applyInPlace(write, by: author) { continue }
      var state = try load(write.row)
      state.apply(write.verb, by: author)
      try save(state, of: write.row)
    }
  }

  /// The common case without loading the row: known fields of a settled row, each replaced by one who had seen it.
  private func applyInPlace(_ write: Write, by author: Authorship) throws -> Bool {
    guard case .set(let fields) = write.verb, let declared = schema.table(write.row.table) else {
      return false
    }
    let table = try number(ofName: write.row.table)
    guard var stamp = try stamp(write.row, table: table), stamp.width >= 0 else { return false }
    var exceptions = stamp.exceptions
    for field in fields {
      guard let index = declared.fields.firstIndex(where: { $0.name == field.name }),
        index < stamp.width
      else { return false }
      let place = exceptions.firstIndex { $0.field == index }
      guard author.supersedes(place.map { exceptions[$0].dot } ?? stamp.dot) else { return false }
      let exception = Stamp.Exception(field: index, dot: author.dot, weight: author.weight)
      if let place { exceptions[place] = exception } else { exceptions.append(exception) }
    }
    stamp.exceptions = exceptions
    try self.write(stamp, of: write.row, table: table)
    let columns = fields.map { "\(Layout.quoted($0.name)) = ?" }.joined(separator: ", ")
    try db.run(
      "UPDATE \(Layout.quoted(write.row.table)) SET \(columns) WHERE id = ?",
      fields.map { Store.argument($0.value) } + [.text(write.row.id)])
    return true
  }

  func insert(_ change: Change, state: ChangeState) throws {
    try db.run(
      """
      INSERT INTO cordee_change(space, actor, n, header, body, body_hash, hash, state) VALUES(?, ?, ?, ?, ?, ?, ?, ?)
      """, .int(try number(ofName: change.header.space)), .int(try number(of: change.dot.actor)),
      .int(change.dot.n), .blob(change.headerBytes), change.bodyBytes.map { .blob($0) } ?? .null,
      .blob(change.bodyHash.bytes), .blob(change.hash.bytes), .int(state.rawValue))
  }

  func log(_ entry: LogEntry) throws {
    var reason: Argument = .null
    if case .quarantined(let text) = entry.verdict { reason = .text(text) }
    try db.run(
      "INSERT INTO cordee_log(seq, space, actor, n, reason, hash, signatures) VALUES(?, ?, ?, ?, ?, ?, ?)",
      .int(entry.seq), .int(try number(ofName: entry.change.header.space)),
      .int(try number(of: entry.change.dot.actor)), .int(entry.change.dot.n), reason,
      .blob(entry.hash.bytes),
      entry.signatures.map { .textBytes($0) } ?? .null)
  }
}

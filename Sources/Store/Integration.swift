import Causality
public import Changes
import Mutants
import SQLite
import Wire

/// How far a change of this store has come; how many of those that wait central has received is one number a space.
public enum ChangeState: Int, Sendable {
  /// Sealed here, without a verdict yet.
  case local = 0
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
  /// The change's body, when somebody has decoded it already.
  let body: Body?

  /// Makes an entry; `body` saves decoding it again.
  public init(
    seq: Int, change: Change, verdict: Verdict, hash: Hash, signatures: [UInt8]?, body: Body? = nil
  ) {
    self.body = body
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
    let body =
      try entry.body
      ?? change.bodyBytes.map { (bytes) throws(WireError) in try ChangeDecoding.body(bytes) }
    if change.dot.n <= head.n {
      try settle(entry, body)
    } else {
      guard change.dot.n == head.n + 1 else {
        throw StoreError(.gap, "change \(change.dot.n) of \(change.dot.actor) follows \(head.n)")
      }
      var context = head.context
      if mutant(21, "R3: an author forgets what it had seen before") { context = VersionVector() }
      if !change.header.context.isEmpty { context.merge(change.header.context) }
      let isApplied = entry.verdict.isApplied || mutant(22, "R7: a refused change takes effect")
      if isApplied, let body {
        var author = Authorship(dot: change.dot, context: context)
        if mutant(23, "R4: the value with the later label is shown") {
          author.weight = Int(Timestamp.unixSeconds(body.at) ?? 0)
        }
        try apply(body.writes, by: author, in: space)
      }
      try insert(change, state: .logged)
      try setHead(
        Head(n: change.dot.n, hash: change.hash, context: context), of: change.dot.actor, in: space)
    }
    try log(entry)
  }

  func apply(_ writes: [Write], by author: Authorship, in space: String) throws {
    for write in writes {
      try carry(write.row.table, in: space)
      if !cache.heldBack.isEmpty { try checkNotHeld(write.row) }
      if try hasBase(), var base = try base(of: write.row) {
        base.state.apply(write.verb, by: author)
        try setBase(base, of: write.row)
        if try isSeenByOwn(author.dot, in: space) || isAheadOfOwn(author.context, in: space) {
          try rewriteWaiting([write.row: base.state], in: space)
          continue
        }
      }
      if try applyInPlace(write, by: author) { continue }
      var state = try load(write.row)
      watch(write.row, state)
      state.apply(write.verb, by: author)
      try save(state, of: write.row)
    }
  }

  /// The common case without loading the row: a new row whole, or known fields of a settled row, each replaced by one who
  /// had seen it.
  private func applyInPlace(_ write: Write, by author: Authorship) throws -> Bool {
    guard let plan = plans[write.row.table] else { return false }
    let table = try number(ofName: write.row.table)
    let known = try stamp(write.row, table: table)
    guard let after = Stamp.after(write.verb, on: known, by: author, plan) else { return false }
    let fields = write.verb.fields
    if let known {
      try replace(known, by: after.stamp, of: write.row, table: table)
      try db.run(
        plan.update(after.places), fields.map { Store.argument($0.value) } + [.text(write.row.id)])
      return true
    }
    try self.write(after.stamp, of: write.row, table: table, isNew: true)
    var arguments = [Argument](repeating: .null, count: fields.count + 1)
    arguments[0] = .text(write.row.id)
    for (place, field) in zip(after.places, fields) {
      arguments[place + 1] = Store.argument(field.value)
    }
    try db.run(plan.upsert, arguments)
    return true
  }

  func insert(_ change: Change, state: ChangeState) throws {
    let space = try number(ofName: change.header.space)
    let author = HeadKey(space: space, actor: change.dot.actor)
    if let looked = cache.contexts[author], change.dot.n <= looked.upTo {
      cache.contexts[author] = nil
    }
    try db.run(
      """
      INSERT INTO cordee_change(space, actor, n, header, body, body_hash, hash, state) VALUES(?, ?, ?, ?, ?, ?, ?, ?)
      """, .int(space), .int(try number(of: change.dot.actor)),
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
    try settleAdrift(entry.change)
    let space = entry.change.header.space
    if let end = cache.logEnds[space], end.seq < entry.seq {
      cache.logEnds[space] = (entry.seq, entry.hash)
    }
    if let last = cache.lastSeq, last < entry.seq { cache.lastSeq = entry.seq }
  }
}

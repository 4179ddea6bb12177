public import Causality
import Changes
import SQLite
import Seal
import Store
public import Wire

/// What one merge did: kept, and readable by people.
public struct MergeReport: Sendable {
  /// Which merge.
  public var number = 0
  /// When it ran.
  public var at = ""
  /// The actors whose changes were taken.
  public var heard: Set<ActorID> = []
  /// Changes that took effect.
  public var applied = 0
  /// Changes kept without effect, each with its reason.
  public var quarantined: [(dot: Dot, reason: String)] = []
  /// Segments that wait for changes not here yet.
  public var waiting = 0
  /// Conflicts that this merge opened.
  public var conflictsOpened = 0
  /// Conflicts that this merge closed.
  public var conflictsClosed = 0

  /// The report as JSON.
  public var json: JSON {
    .object([
      ("number", .integer(Int64(number))), ("at", .string(at)),
      ("heard", .array(heard.sorted().map { .string($0.description) })),
      ("applied", .integer(Int64(applied))),
      (
        "quarantined",
        .array(
          quarantined.map {
            .object([("change", .string($0.dot.description)), ("reason", .string($0.reason))])
          })
      ), ("waiting", .integer(Int64(waiting))),
      ("conflicts_opened", .integer(Int64(conflictsOpened))),
      ("conflicts_closed", .integer(Int64(conflictsClosed))),
    ])
  }
}

/// The scheduled merge: everything in the inbox that can stand, in causal order, one transaction.
extension Central {
  /// Merges.
  ///
  /// A merge that dies leaves the inbox as it was; the next one takes it up again.
  ///
  /// - Parameter at: now, RFC 3339; a label.
  /// - Complexity: O(changes in the inbox).
  @discardableResult
  public func merge(at: String) throws -> MergeReport {
    try store.write {
      var report = MergeReport()
      report.at = at
      report.number =
        try store.withConnection {
          try $0.first("SELECT ifnull(max(number), 0) + 1 FROM cordee_report") { $0.int(0) }
        } ?? 1
      let before = try Set(
        store.conflicts().map { "\($0.row.table)/\($0.row.id)/\($0.field ?? "")" })
      var touched: Set<String> = []
      try mergeOwn(at: at, &report, &touched)
      while try mergeRound(&report, &touched) {}
      report.waiting =
        try store.withConnection { try $0.first("SELECT count(*) FROM cordee_inbox") { $0.int(0) } }
        ?? 0
      for space in touched.sorted() { try sign(space, at: at) }
      let after = try Set(
        store.conflicts().map { "\($0.row.table)/\($0.row.id)/\($0.field ?? "")" })
      report.conflictsOpened = after.subtracting(before).count
      report.conflictsClosed = before.subtracting(after).count
      try store.withConnection {
        try $0.run(
          "INSERT INTO cordee_report(number, report) VALUES(?, ?)", .int(report.number),
          .textBytes(report.json.bytes()))
      }
      return report
    }
  }

  /// The kept reports, newest first.
  public func reports(limit: Int = 20) throws -> [JSON] {
    try store.withConnection { connection in
      try connection.all(
        "SELECT report FROM cordee_report ORDER BY number DESC LIMIT ?", .int(limit)
      ) { $0.bytes(0) }
    }.map { try JSON.parse($0) }
  }

  /// Central's own queued writes: enrolments, revocations, the founding records.
  private func mergeOwn(at: String, _ report: inout MergeReport, _ touched: inout Set<String>)
    throws
  {
    let queued = try store.withConnection { connection in
      try connection.all("SELECT space, body FROM cordee_outbox ORDER BY id") {
        ($0.text(0), $0.bytes(1))
      }
    }
    for (space, bytes) in queued {
      let head = try store.head(of: actor, in: space)
      var context = try store.known(in: space)
      context.remove(actor)
      let header = Header(
        network: network, space: space, dot: Dot(actor: actor, n: head.n + 1),
        context: context.exceeding(head.context))
      let body = try ChangeDecoding.body(bytes)
      let change = Store.change(header, body, previous: head.hash)
      let message = Preimage.segment(
        network: network, space: space, head: change.dot, hash: change.hash)
      let signatures = JSON.array([Signature(key: keyID, value: key.sign(message)).json]).bytes()
      try append(change, .applied, body: body, signatures: signatures)
      touched.insert(space)
      report.applied += 1
    }
    try store.withConnection { try $0.run("DELETE FROM cordee_outbox") }
  }

  /// Takes every segment that can stand now; true if one did, since others may wait for it.
  private func mergeRound(_ report: inout MergeReport, _ touched: inout Set<String>) throws -> Bool
  {
    let rows = try store.withConnection { connection in
      try connection.all(
        "SELECT id, space, actor, n_from, n_to, previous, head, signatures FROM cordee_inbox ORDER BY id"
      ) { row in
        (
          row.int(0), row.text(1), row.bytes(2), row.int(3), row.int(4), row.bytes(5), row.bytes(6),
          row.bytes(7)
        )
      }
    }
    var progressed = false
    for (id, space, actorBytes, from, to, previous, headBytes, signatures) in rows {
      guard let actor = ActorID(bytes: actorBytes) else { continue }
      let head = try store.head(of: actor, in: space)
      if to <= head.n {
        let isDuplicate =
          try store.changeHash(Dot(actor: actor, n: to), in: space)?.bytes == headBytes
        try take(id, aside: isDuplicate ? nil : "segment.fork: another change holds this place")
        progressed = true
        continue
      }
      guard from <= head.n + 1 else { continue }
      // One cut of a chain may come by push and another by a bundle: they overlap, and agree on what both hold.
      let before = Dot(actor: actor, n: from - 1)
      guard try (store.changeHash(before, in: space) ?? .zero).bytes == previous,
        try from == head.n + 1 || follows(head, segment: id)
      else {
        try take(id, aside: "segment.chain: it does not follow what central holds")
        progressed = true
        continue
      }
      guard try mergeSegment(id, space, signatures, &report) else { continue }
      touched.insert(space)
      report.heard.insert(actor)
      progressed = true
    }
    return progressed
  }

  /// Merges one segment that follows its author's chain; false when it waits for its context.
  private func mergeSegment(
    _ id: Int, _ space: String, _ signatures: [UInt8], _ report: inout MergeReport
  ) throws -> Bool {
    let bytes =
      try store.withConnection {
        try $0.first("SELECT lines FROM cordee_inbox WHERE id = ?", .int(id)) { $0.bytes(0) }
      } ?? []
    let lines = try Lines.split(bytes).map { try ChangeDecoding.line($0) }
    guard let actor = lines.first?.header.dot.actor else { return false }
    let held = try store.head(of: actor, in: space).n
    guard let first = lines.first(where: { $0.header.dot.n > held }) else { return false }
    let sight = try sight(of: first.header)
    if sight == .waits { return false }
    guard let author = try member(actor.replica) else { return false }
    for (offset, line) in lines.enumerated() where line.header.dot.n > held {
      let change = Store.change(
        line, previous: try store.head(of: line.header.dot.actor, in: space).hash)
      let body = try? line.decodedBody()
      let reason =
        sight == .impossible
        ? "context.unknown: claims what it cannot have seen"
        : try objection(to: change, body, by: author)
      let verdict = reason.map { Verdict.quarantined(reason: $0) } ?? .applied
      try append(
        change, verdict, body: body, signatures: offset == lines.count - 1 ? signatures : nil)
      if let reason { report.quarantined.append((change.dot, reason)) } else { report.applied += 1 }
    }
    try take(id, aside: nil)
    return true
  }

  /// Whether a segment in the inbox that begins below an author's head goes through that very head.
  private func follows(_ head: Head, segment id: Int) throws -> Bool {
    let row = try store.withConnection { connection in
      try connection.first("SELECT previous, lines FROM cordee_inbox WHERE id = ?", .int(id)) {
        ($0.bytes(0), $0.bytes(1))
      }
    }
    guard let (previous, bytes) = row, var hash = Hash(bytes: previous) else { return false }
    for line in try Lines.split(bytes).map({ try ChangeDecoding.line($0) }) {
      hash = Store.change(line, previous: hash).hash
      if line.header.dot.n == head.n { return hash == head.hash }
    }
    return false
  }

  private enum Sight { case covered, waits, impossible }

  /// Whether everything a change's author had seen is merged here, still in the inbox, or nowhere.
  private func sight(of header: Header) throws -> Sight {
    var result = Sight.covered
    for entry in header.context.entries
    where try store.head(of: entry.actor, in: header.space).n < entry.n {
      guard try heldHead(of: entry.actor, in: header.space).n >= entry.n else { return .impossible }
      result = .waits
    }
    return result
  }

  private func append(
    _ change: Change, _ verdict: Verdict, body: Body?, signatures: [UInt8]?
  ) throws {
    let seq = try store.lastSeq() + 1
    let previous = try store.logEnd(of: change.header.space).hash
    let hash = Store.hash(
      Preimage.log(
        previous: previous, seq: seq, dot: change.dot, verdict: verdict, hash: change.hash))
    try store.integrate(
      LogEntry(
        seq: seq, change: change, verdict: verdict, hash: hash, signatures: signatures, body: body))
  }

  private func take(_ id: Int, aside reason: String?) throws {
    try store.withConnection {
      if let reason {
        try $0.run(
          """
          INSERT INTO cordee_aside(space, actor, n_from, n_to, reason, lines)
          SELECT space, actor, n_from, n_to, ?, lines FROM cordee_inbox WHERE id = ?
          """, .text(reason), .int(id))
      }
      try $0.run("DELETE FROM cordee_inbox WHERE id = ?", .int(id))
    }
  }

  private func sign(_ space: String, at: String) throws {
    let end = try store.logEnd(of: space)
    let bytes = Checkpoint(
      network: network, instance: instance, space: space, seq: end.seq, hash: end.hash, at: at
    ).bytes
    let signature = Signature(key: keyID, value: key.sign(Preimage.checkpoint(bytes)))
    try store.setMeta(
      "checkpoint.\(space)", .blob(LogLine.checkpointLine(bytes, signatures: [signature])))
    try store.setMeta("checkpoint.\(space).seq", .integer(Int64(end.seq)))
  }
}

import Causality
import Changes
import Mutants
import SQLite
import Seal
import Store
public import Wire

/// The scheduled merge: everything in the inbox that can stand, in causal order, in one transaction here.
extension Central {
  /// Merges.
  ///
  /// A merge that dies leaves the inbox as it was; the next one takes it up again.
  ///
  /// - Parameters:
  ///   - at: now, RFC 3339; a label.
  ///   - isTrial: judges everything, tells, and takes all of it back.
  /// - Throws: `Problem` `central.restoring` while a restore waits to be accepted.
  /// - Complexity: O(changes in the inbox).
  @discardableResult
  public func merge(at: String, isTrial: Bool = false) throws -> MergeReport {
    var run = try beginMerge(at: at)
    guard isTrial else {
      _ = try goOn(&run)
      return run.report
    }
    do {
      return try store.write {
        _ = try mergePart(&run, changesMax: .max)
        run.report.isTrial = true
        throw Trial(report: run.report)
      }
    } catch let trial as Trial {
      return trial.report
    }
  }

  /// Carries a trial's report out of the transaction that it takes back.
  private struct Trial: Error { let report: MergeReport }

  /// Central's own queued writes: enrolments, revocations, the founding records.
  func mergeOwn(at: String, _ report: inout MergeReport, _ touched: inout Set<String>)
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
      try appendOwn(change, .applied, body: body)
      touched.insert(space)
      report.applied += 1
      report.own += 1
    }
    guard !queued.isEmpty else { return }
    try store.withConnection { try $0.run("DELETE FROM cordee_outbox") }
    store.guardRows(of: .outbox)
  }

  /// Puts a change of central's into the log, signed.
  func appendOwn(_ change: Change, _ verdict: Verdict, body: Body? = nil) throws {
    let message = Preimage.segment(
      network: network, space: change.header.space, head: change.dot, hash: change.hash)
    let signatures = JSON.array([Signature(key: keyID, value: key.sign(message)).json]).bytes()
    try append(change, verdict, body: body, signatures: signatures)
  }

  /// Takes segments that can stand; each that waits is called up by what it waits for.
  ///
  /// Nobody's change comes before the one that enrolled its author: without its key nobody could verify it. A restored
  /// central hears of both in any order; what enrolled somebody in an earlier life may be gone, and is written again.
  ///
  /// - Parameter changesMax: changes after which it ends, with the segment it is in.
  /// - Returns: whether none is left that can stand.
  func mergeInbox(
    _ queue: inout MergeQueue, _ report: inout MergeReport, _ touched: inout Set<String>,
    changesMax: Int
  ) throws -> Bool {
    var count = 0
    while count < changesMax {
      guard let entry = try queue.next(isMerged: isMerged) else {
        if try callUpStrangers(&queue, &report, &touched) { continue }
        let isStuck = mutant(66, "R16: segments that claim to have seen each other wait for ever")
        guard try wasRestored, !isStuck, try queue.freeRings(isMerged: isMerged) else {
          return true
        }
        continue
      }
      let segment = entry.segment
      let fate = try fate(of: segment, freeOf: queue.freed(segment))
      switch fate {
      case .waits(let needs): queue.hold(entry, for: needs)
      case .isHeld: try drop(segment)
      case .aside(let reason):
        if mutant(51, "R16: one bad segment stops the queue") { return true }
        try set(segment, aside: reason, &report)
        // Who waits for it may wait in vain.
        queue.doubt()
        heldCounts = [:]
      case .stands(let standing), .parted(let standing):
        guard try isInLog(standing.author) else {
          queue.hold(entry, until: standing.author)
          continue
        }
        count += standing.changes.count
        touched.insert(segment.space)
        if case .stands = fate {
          try take(segment, standing, &report)
          queue.release(
            standing.changes.map(\.change.dot.n), of: standing.actor, in: segment.space)
        } else if mutant(52, "R2: of two changes of one name one is dropped") {
          try drop(segment)
        } else {
          try keepBoth(segment, standing, &report)
          // What follows it waits for places of the log that others hold.
          queue.doubt()
          heldCounts = [:]
        }
      }
    }
    return false
  }

  func isMerged(_ dot: Dot, in space: String) throws -> Bool {
    try store.head(of: dot.actor, in: space).n >= dot.n
  }

  /// Calls up the segments of those whom the log names by now; where it names none, it is made to name the first.
  ///
  /// - Returns: whether there was anybody to call up.
  private func callUpStrangers(
    _ queue: inout MergeQueue, _ report: inout MergeReport, _ touched: inout Set<String>
  ) throws -> Bool {
    guard let first = queue.strangers.first else { return false }
    if try !queue.strangers.contains(where: isInLog) {
      try self.queue([Self.enrolling(first)], space: store.schema.spaces[0], at: report.at)
      try mergeOwn(at: report.at, &report, &touched)
    }
    for author in try queue.strangers.filter(isInLog) { queue.callUp(author) }
    return true
  }

  /// Whether the log names a device and its key.
  func isInLog(_ author: Member) throws -> Bool {
    try author.replica == keyID
      || isMade(RowKey(table: "replica", id: author.replica.description))
  }

  /// Whether the log holds what made a row: after a restore it may hold only what was written to it later.
  func isMade(_ row: RowKey) throws -> Bool { try !store.state(of: row).liveness.isEmpty }

  /// Gives each change of a segment its verdict and its place.
  private func take(
    _ segment: QueuedSegment, _ standing: QueuedSegment.Standing, _ report: inout MergeReport
  ) throws {
    let author = standing.author
    var heard = try report.members[author.replica] ?? heard(author)
    var refused: Set<Int> = []
    if mutant(53, "R10: a segment leaves the inbox a transaction before it is in the log") {
      try drop(segment)
      try store.withConnection { try $0.execute("COMMIT; BEGIN IMMEDIATE") }
    }
    for (offset, (change, body)) in standing.changes.enumerated() {
      let reason =
        standing.claimsTooMuch
        ? "context.unknown: claims what it cannot have seen"
        : try objection(to: change, body, by: author)
      try append(
        change, reason.map { Verdict.quarantined(reason: $0) } ?? .applied, body: body,
        signatures: offset == standing.changes.count - 1 ? standing.signatures : nil)
      if author.replica == keyID, reason == nil, let body { try recognise(body) }
      if let reason {
        let isListed = report.quarantined.count < MergeReport.itemsMax
        let told = try isListed ? store.readable(reason, isExact: false) : reason
        report.quarantined.append((change.dot, author.name, told))
        refused.insert(change.dot.n)
        heard.quarantined += 1
      } else {
        report.applied += 1
        heard.applied += 1
      }
    }
    // Where one body is withheld, the secret of its run would help to guess it.
    let first = standing.changes.first?.change.dot.n ?? 0
    for run in segment.runs
    where run.from >= first && !(run.from...run.to).contains(where: refused.contains)
      && Self.gives(run, standing.changes)
    {
      try store.keep(run, of: standing.actor, in: segment.space)
    }
    report.heard.insert(standing.actor)
    report.members[author.replica] = heard
    try drop(segment)
  }

  /// Whether a run is the one its bodies were sealed in: readers are sent its secret in the keys' place, and the disk may
  /// have spoilt it, which no signature covers.
  private static func gives(_ run: Run, _ changes: [(change: Change, body: Body?)]) -> Bool {
    guard let first = changes.first?.change.dot.n else { return false }
    return [run.from, run.to].allSatisfy { n in
      changes.indices.contains(n - first)
        && changes[n - first].body?.key == Run.key(secret: run.secret, n: n)
    }
  }

  private func heard(_ member: Member) throws -> MergeReport.Heard {
    let row = RowKey(table: "organisation", id: member.organisation)
    return MergeReport.Heard(
      name: member.name, organisation: store.name(of: row, try store.state(of: row)))
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

  /// Signs a space's log as it ends now.
  func sign(_ space: String, at: String) throws {
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

/// Reports are kept; runs in a row that found nothing to do share one.
extension Central {
  /// Keeps a run's report as it is now; call inside `write`.
  func keep(_ run: inout MergeRun) throws {
    let last = run.isKept ? nil : try reports(limit: 1).first
    if let last, run.report.isIdle, last["idle"]?.isTrue == true,
      last["waiting"]?.integer == Int64(run.report.waiting)
    {
      run.report.since = last["since"]?.string ?? run.report.since
      run.report.runs = Int(last["runs"]?.integer ?? 0) + 1
      try store.withConnection {
        try $0.run(
          "DELETE FROM cordee_report WHERE number = ?", .integer(last["number"]?.integer ?? 0))
      }
    }
    run.isKept = true
    let (number, bytes) = (run.report.number, run.report.json.bytes())
    try store.withConnection {
      try $0.run(
        """
        INSERT INTO cordee_report(number, report) VALUES(?, ?)
        ON CONFLICT(number) DO UPDATE SET report = excluded.report
        """, .int(number), .textBytes(bytes))
    }
    store.guardRows(of: .report)
  }

  /// Keeps a report that is no merge's under the next number; call inside `write`.
  ///
  /// - Parameter parts: what it tells besides when it was made.
  @discardableResult
  func keepReport(at: String, _ parts: [(String, JSON)]) throws -> JSON {
    var report = MergeReport()
    (report.at, report.since) = (at, at)
    report.number =
      try store.withConnection {
        try $0.first("SELECT ifnull(max(number), 0) + 1 FROM cordee_report") { $0.int(0) }
      } ?? 1
    guard case .object(let members) = report.json else { return .null }
    let json = JSON.object(members.filter { $0.0 != "idle" } + parts)
    try store.withConnection {
      try $0.run(
        "INSERT INTO cordee_report(number, report) VALUES(?, ?)", .int(report.number),
        .textBytes(json.bytes()))
    }
    store.guardRows(of: .report)
    return json
  }

  /// The kept reports, newest first.
  public func reports(limit: Int = 20) throws -> [JSON] {
    try store.withConnection { connection in
      try connection.all(
        "SELECT report FROM cordee_report ORDER BY number DESC LIMIT ?", .int(limit)
      ) { $0.bytes(0) }
    }.map { try JSON.parse($0) }
  }
}

import Causality
import Changes
import Files
import HTTP
import Mutants
import Seal
import Store
import Wire

/// The log from central: downloaded first, outside any lock, then taken whole in one transaction.
extension Replica {
  private static let wanted: Headers = ["Accept-Encoding": "zstd"]

  /// Takes the log up to a checkpoint that reaches at least what central announced.
  ///
  /// What an earlier sync had downloaded and could not write may end before that; then the rest follows.
  func pull(
    _ space: String, announced: Int = 0, author: Author, _ line: Line, _ report: inout SyncReport
  ) throws {
    var renewals = 0
    while true {
      let start = try cursor(of: space)
      var spool = Spool(path: "\(store.path).cordee-pull-\(space)", start: start)
      var taken = report
      var first: Int?
      do {
        _ = try takeLog(of: space, from: start, &spool, author: author, &taken) { cursor in
          let base = first ?? cursor.seq
          first = base
          line.reckon(.pull, done: cursor.seq - base, of: announced - base)
          return try piece(of: space, after: cursor, line, .pull)
        }
      } catch let error as SyncError where error.code == Spool.unfit && renewals < 2 {
        renewals += 1
        continue
      }
      report = taken
      let end = try cursor(of: space).seq
      if end >= announced { return }
      guard spool.isTakenUp || end > start.seq else {
        throw try suspect(
          "log.short", space, at: author.at,
          "central announced entry \(announced) of \(space), and gave the log up to \(end)")
      }
    }
  }

  /// Takes pieces of the log up to a checkpoint, whoever brings them.
  ///
  /// What one piece cannot hold goes through a spool file, so that memory stays flat and a cut loses nothing. Evidence
  /// against central is kept only of bytes that came in this conversation.
  ///
  /// - Parameter next: gives the lines after a place, in short or full form; none when there are none.
  /// - Returns: false when the pieces end before a checkpoint; then nothing was taken.
  /// - Throws: `SyncError` `spool.unfit` when what an earlier conversation left led nowhere: it is gone, begin again.
  func takeLog(
    of space: String, from start: Cursor, _ spool: inout Spool, author: Author,
    _ report: inout SyncReport, next: (Cursor) throws -> [[UInt8]]
  ) throws -> Bool {
    var reading = takeUp(&spool, of: space, from: start)
    do {
      guard try read(&reading, &spool, next) else { return false }
    } catch let error as SyncError
      where error.code.hasPrefix("log.") || error.code == "cursor.unknown"
    {
      let isLeft = spool.isTakenUp
      if isLeft || error.code.hasPrefix("log.") { spool.remove() }
      if isLeft { throw spool.unfit }
      guard error.code.hasPrefix("log.") else { throw error }
      throw try unfit(
        error, reading.verification, reading.line(), start, space, at: author.at)
    }
    do {
      try keep(&reading, spool, from: start, author: author, &report)
    } catch {
      // What is not what it should be would be refused at every sync to come.
      let isRefusal = Self.isRefusal(error)
      let isLeft = spool.isTakenUp && isRefusal && (error as? SyncError)?.code != "log.key"
      if isRefusal { spool.remove() }
      if isLeft { throw spool.unfit }
      throw try forged(error, by: reading.line(), reading.verification, space, at: author.at)
    }
    spool.remove()
    return true
  }

  /// Begins with what an earlier conversation left, where it is what central would send now.
  private func takeUp(_ spool: inout Spool, of space: String, from start: Cursor) -> LogReading {
    var reading = LogReading(verification(of: space, from: start))
    do {
      try spool.takeUp { _ = try reading.verification.entry(try LogLine.parse($0)) }
    } catch {
      spool = Spool(path: spool.path, start: start)
      spool.remove()
      reading = LogReading(verification(of: space, from: start))
    }
    return reading
  }

  /// Reads pieces up to a checkpoint; false when they end before one.
  private func read(
    _ reading: inout LogReading, _ spool: inout Spool, _ next: (Cursor) throws -> [[UInt8]]
  ) throws -> Bool {
    while !reading.verification.isComplete {
      let before = reading.verification.cursor
      reading.piece = LogPiece(try next(before))
      try store.read {
        try reading.piece.forEachLine { line in
          if let entry = try reading.verification.entry(line) { reading.entries.append(entry) }
        }
      }
      let isComplete = reading.verification.isComplete
      if !isComplete, reading.verification.cursor == before { return false }
      if !isComplete || spool.isUsed {
        try spool.append(LogPiece.full(reading.piece.lines).flatMap { $0 + [UInt8(ascii: "\n")] })
        reading.entries = []
      }
    }
    return true
  }

  /// Takes what was read, in one transaction.
  private func keep(
    _ reading: inout LogReading, _ spool: Spool, from start: Cursor, author: Author,
    _ report: inout SyncReport
  ) throws {
    let space = reading.verification.space
    let isEarly = mutant(33, "R10: the cursor is kept a transaction before the log")
    if isEarly, !spool.isUsed {
      let text = reading.verification.cursor.text
      try store.write { try store.setMeta("cursor.\(space)", .text(text)) }
    }
    try store.write {
      let isBlind = mutant(34, "R5: a pull overwrites what another program edited meanwhile")
      if !isBlind { try store.seal(as: author) }
      guard try isEarly || cursor(of: space) == start else { throw Self.overtaken }
      if spool.isUsed {
        reading.verification = verification(of: space, from: start)
        try spool.forEachLine { bytes in
          reading.spooled = bytes
          if let entry = try reading.verification.entry(try LogLine.parse(bytes)) {
            try take(entry, &reading.verification, &report)
          }
        }
      } else {
        for entry in reading.entries {
          reading.taken = entry
          try take(entry, &reading.verification, &report)
        }
        reading.taken = nil
      }
      try finish(reading.verification, at: author.at)
    }
  }

  /// Another program took the log further while this one fetched it.
  static var overtaken: SyncError {
    SyncError(
      "sync.overtaken", "another sync of this replica went on meanwhile", hint: "Sync again.")
  }

  private static func isRefusal(_ error: any Error) -> Bool {
    switch error {
    case is SyncError, is WireError: true
    case let error as StoreError: [.chain, .gap, .wire].contains(error.code)
    default: false
    }
  }

  /// Keeps the new cursor, and central's signed word for it.
  func finish(_ verification: Verification, at: String) throws {
    let line = verification.checkpoint ?? []
    try store.setCursor(try verification.finish(), of: verification.space)
    try store.setMeta("checkpoint.\(verification.space)", .blob(line))
    if let checkpoint = verification.signedCheckpoint {
      try store.remember(checkpoint, line: line)
    }
    // A promise that is not kept yet is settled by hello alone, two histories by a person.
    let isCompared = try compareDoubted(in: verification.space, at: at)
    try store.settleSuspicions(
      in: verification.space, at: at,
      except: ["receipt.broken", Self.parted] + (isCompared ? [] : ["log.forged"]))
    try store.dropDelivered(in: verification.space)
  }

  /// Fetches history older than the snapshot, piece by piece, each kept as soon as it is verified.
  ///
  /// - Returns: entries taken.
  /// - Throws: as `sync`; the next sync goes on from the last piece.
  func fetchHistory(of space: String, at: String, _ line: Line) throws -> Int {
    var count = 0
    var first: Gap?
    while let gap = try store.gap(in: space) {
      let begun = first ?? gap
      first = begun
      line.reckon(
        .history, done: gap.after.seq - begun.after.seq, of: gap.upTo.seq - begun.after.seq)
      var last: [UInt8] = []
      do {
        count += try fillPiece(of: gap, in: space, &last, line)
      } catch let error as SyncError where error.code.hasPrefix("log.") && error.code != "log.key" {
        throw try suspect(
          error.code, space, at: at,
          "\(error.message) (history of \(space) after entry \(gap.after.seq))", [last])
      } catch let error as StoreError where [.chain, .gap].contains(error.code) {
        throw try suspect(
          "log.history", space, at: at,
          "central's history of \(space) before entry \(gap.upTo.seq) does not lead to what it signed there: "
            + error.message, [last])
      }
    }
    return count
  }

  /// Takes one piece of a gap; gives the entries in it.
  ///
  /// - Parameter last: the line that was read last.
  private func fillPiece(of gap: Gap, in space: String, _ last: inout [UInt8], _ line: Line) throws
    -> Int
  {
    let start = Cursor(
      instance: try cursor(of: space).instance, seq: gap.after.seq, hash: gap.after.hash)
    var verification = verification(of: space, from: start)
    var entries: [LogEntry] = []
    var whole = 0
    // A piece may end within a segment, which counts only as a whole.
    while whole == 0 {
      let before = verification.cursor
      for bytes in try LogPiece.full(piece(of: space, after: before, line, .history)) {
        last = bytes
        guard verification.cursor.seq < gap.upTo.seq,
          let entry = try verification.entry(try LogLine.parse(bytes))
        else { break }
        try verification.verifySignature(of: entry)
        entries.append(entry)
        if verification.isSigned { whole = entries.count }
      }
      guard verification.cursor != before else {
        throw SyncError("log.incomplete", "central's log ends without its signatures")
      }
    }
    try store.write { try store.fill(gap, with: Array(entries[..<whole]), in: space) }
    return whole
  }

  func verification(of space: String, from cursor: Cursor) -> Verification {
    Verification(store: store, identity: identity, space: space, cursor: cursor)
  }

  /// The lines of one piece of the log, in short or full form; of a piece that was cut, those that came.
  private func piece(
    of space: String, after cursor: Cursor, _ line: Line, _ phase: Transferred.Phase
  ) throws -> [[UInt8]] {
    if let told = line.takeTold(of: space, after: cursor) { return told }
    var attempt = 0
    while true {
      // Of a compressed block that was cut nothing can be read; plain lines can, one by one.
      let (response, cut) = try line.askForPart(
        "/v1/spaces/\(space)/log?after=\(cursor.text)&form=short",
        headers: attempt == 0 ? Self.wanted : Headers(), phase: phase)
      guard let cut else { return Lines.split(try Line.decoded(response)) }
      let lines = try LogPiece.full(Lines.split(Line.decodedPart(response)))
      attempt = lines.isEmpty ? attempt + 1 : 1
      try line.bear(cut, attempt: attempt)
      if !lines.isEmpty { return lines }
    }
  }

  private func take(
    _ entry: LogEntry, _ verification: inout Verification, _ report: inout SyncReport
  ) throws {
    let dot = entry.change.dot
    // What is known before the log brings it was written here, be it under a former epoch.
    let isOwn = try store.head(of: dot.actor, in: entry.change.header.space).n >= dot.n
    try store.integrate(entry)
    try verification.verifySignature(of: entry)
    report.pulled += 1
    if case .quarantined(let reason) = entry.verdict, isOwn {
      report.refused.append(reason)
    }
  }
}

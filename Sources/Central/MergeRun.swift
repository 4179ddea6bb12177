import Changes
import SQLite
import Store

/// One merge, in parts.
///
/// Each part is a transaction that ends in signed checkpoints, so that requests are answered between two parts, and a run that
/// dies leaves what its parts did, with their report. Who writes meanwhile is heard by the next run, but that a revocation
/// counts from the next part on.
public struct MergeRun: Sendable {
  /// What it has done so far.
  public internal(set) var report = MergeReport()
  let begin: Int64
  /// What the inbox held when it began and was not taken yet; nil before the first part.
  var queue: MergeQueue?
  /// Where the signed logs ended before its first part, by space.
  var ends: [String: Int] = [:]
  /// Whether its report is kept already.
  var isKept = false
  /// Conflicts that are there since it began, and those that are gone, as people call them.
  private var opened: [ConflictName: Named] = [:]
  private var closed: [ConflictName: Named] = [:]

  typealias Named = (record: String, field: String?)

  init(at: String, begin: Int64) {
    (report.at, report.since, self.begin) = (at, at, begin)
  }

  /// Adds what one part did to conflicts; what one part opens and another closes is no news.
  mutating func note(
    _ part: (opened: [ConflictName], closed: [ConflictName]), _ name: (ConflictName) throws -> Named
  ) rethrows {
    for conflict in part.closed where opened.removeValue(forKey: conflict) == nil {
      closed[conflict] = try name(conflict)
    }
    for conflict in part.opened where closed.removeValue(forKey: conflict) == nil {
      opened[conflict] = try name(conflict)
    }
    report.opened = Self.sorted(opened)
    report.closed = Self.sorted(closed)
  }

  private static func sorted(_ conflicts: [ConflictName: Named]) -> [Named] {
    conflicts.sorted { ($0.key.row, $0.key.field ?? "") < ($1.key.row, $1.key.field ?? "") }
      .map(\.value)
  }
}

extension Central {
  /// Begins a merge, of which `goOn` does one part after the other.
  ///
  /// - Parameter at: now, RFC 3339; a label.
  /// - Throws: `Problem` `central.restoring` while a restore waits to be accepted.
  public func beginMerge(at: String) throws -> MergeRun {
    try checkServes()
    return MergeRun(at: at, begin: milliseconds())
  }

  /// Does the next part of a merge; only one run may be under way.
  ///
  /// - Parameter changesMax: changes after which the part ends, with the segment it is in.
  /// - Returns: whether something is left to do.
  /// - Throws: what `beginMerge` throws, and whatever fails: then nothing of the part happened, and the run is over.
  public func goOn(_ run: inout MergeRun, changesMax: Int = .max) throws -> Bool {
    try checkServes()
    let isOver = try store.write {
      let isOver = try mergePart(&run, changesMax: changesMax)
      try keep(&run)
      return isOver
    }
    // The merge stands; what fails here fails whoever asks for the log.
    if isOver { try? makeLogsReady(since: run.ends) }
    return !isOver
  }

  /// - Returns: whether nothing is left to do.
  func mergePart(_ run: inout MergeRun, changesMax: Int) throws -> Bool {
    if run.queue == nil {
      run.report.number =
        try store.withConnection {
          try $0.first("SELECT ifnull(max(number), 0) + 1 FROM cordee_report") { $0.int(0) }
        } ?? 1
      run.report.received =
        try store.withConnection {
          try $0.first("SELECT ifnull(sum(n_to - n_from + 1), 0) FROM cordee_inbox") { $0.int(0) }
        } ?? 0
      for space in store.schema.spaces { run.ends[space] = try signedEnd(of: space) }
    }
    store.watchConflicts()
    var touched: Set<String> = []
    try mergeOwn(at: run.report.at, &run.report, &touched)
    heldCounts = [:]
    var queue = try run.queue.take() ?? MergeQueue(queuedSegments())
    let isOver = try mergeInbox(&queue, &run.report, &touched, changesMax: changesMax)
    run.queue = queue
    run.report.waiting = try inboxCount()
    if isOver {
      verified = VerifiedSegments()
      run.report.waitingFor = try whatWaits()
    }
    for space in touched.sorted() { try sign(space, at: run.report.at) }
    let names = RecordNames(store)
    try run.note(try store.conflictsChanged()) {
      (try names.name(of: $0.row, store.state(of: $0.row)), $0.field)
    }
    run.report.milliseconds = milliseconds() - run.begin
    return isOver
  }
}

import Causality
import Changes
import Mutants
import SQLite
public import Seal
import Wire

/// Everything a file says, checked against everything else it says; nothing is written to it.
///
/// The log is replayed into a scratch file from its first entry, and what comes out is compared with the file: rows, stamps,
/// siblings, heads. What a snapshot brought cannot be shown until its history is here.
public final class Audit {
  let store: Store
  let scratch: Store
  let centralKey: PublicKey
  /// What was found so far.
  public internal(set) var report = AuditReport()
  /// Where each author's chain stands in the space at hand.
  var chains: [ActorID: (n: Int, hash: Hash)] = [:]
  var keys: [ReplicaID: PublicKey] = [:]
  /// The waiting change whose writes were asked for last.
  var recent: (space: String, dot: Dot, writes: [Write])?

  /// Whether the log only takes effect in the scratch file, with nothing of it kept there and no signature checked.
  var isReplayAlone = false

  /// Prepares an audit of a file opened for reading.
  ///
  /// - Parameter scratchPath: a file that does not exist yet; the caller removes it afterwards. It grows as large as the
  ///   rows do.
  public init(of store: Store, centralKey: PublicKey, scratchPath: String) throws {
    self.store = store
    self.centralKey = centralKey
    scratch = try Store(path: scratchPath, schema: store.schema, use: .replica, create: true)
    try scratch.db.execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF")
  }

  /// Runs the whole audit.
  ///
  /// - Throws: what kept it from looking, such as a full disk under the scratch file.
  /// - Complexity: O(changes + rows); memory stays flat.
  public func run() throws -> AuditReport {
    do {
      try checkFile()
      guard !report.has(.damage) else { return report }
      try store.read {
        if try !store.factsAreRight() {
          damage("facts.altered", "what the file notes about itself is not what was written")
        }
        for table in try store.alteredTables() {
          damage("rows.altered", "rows of cordee_\(table.rawValue) are not those that were written")
        }
        for space in store.schema.spaces { try audit(space) }
        try checkLooseEnds()
        try checkRecentStamps()
        try checkMembers()
        try checkRuns()
        try checkPlacesOfCheckpoints()
        try noteEvidence()
      }
    } catch let error as SQLiteError where error.isCorrupt {
      damage("sqlite.corrupt", "\(error)")
    } catch let error as StoreError where Self.shows(error) {
      damage(error.code.rawValue, error.message)
    } catch let error as WireError {
      damage("wire", "\(error)")
    }
    return report
  }

  /// Whether an error is about the file's bytes: a full disk or another program's lock says nothing of them.
  private static func shows(_ error: StoreError) -> Bool {
    ![.full, .busy, .cannotOpen, .sqlite].contains(error.code)
  }

  func damage(_ code: String, _ message: String) {
    if mutant(31, "R11: damage is found and not told") { return }
    report.add(Finding(.damage, code, message))
  }

  /// SQLite's own check, and that tables and triggers are the ones this program makes.
  private func checkFile() throws {
    for line in try store.db.all("PRAGMA integrity_check(20)", read: { $0.text(0) })
    where line != "ok" {
      damage("sqlite.integrity", line)
    }
    let objects = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
    let expected = try Dictionary(
      scratch.db.all(objects) { ($0.text(1), $0.text(2)) }, uniquingKeysWith: { first, _ in first })
    for (kind, name, sql) in try store.db.all(
      objects, read: { ($0.text(0), $0.text(1), $0.text(2)) })
    {
      if let right = expected[name] {
        if right == sql { continue }
        if kind == "table", let foreign = try foreignColumns(of: name) {
          report.add(
            Finding(
              .notice, "schema.foreign",
              "\(name).\(foreign[0]) is not Cordée's column: what it holds stays in this file",
              asksPerson: false))
        } else {
          damage(
            kind == "trigger" ? "schema.trigger" : "schema.altered",
            "the \(kind) \(name) was altered"
              + (kind == "trigger" ? ": edits may go unnoticed" : ""))
        }
      } else if ["trigger", "view"].contains(kind) || !name.hasPrefix("cordee_") {
        report.add(
          Finding(
            .notice, "schema.foreign",
            "the file holds \(kind == "index" ? "an" : "a") \(kind) \(name) that is not Cordée's",
            // It does something at each write, which whoever did not make it should know.
            asksPerson: kind == "trigger"))
      }
    }
    let found = try Set(store.db.all("SELECT name FROM sqlite_schema", read: { $0.text(0) }))
    let kept = ["cordee_parcel", "cordee_receipt", "cordee_checkpoint", "cordee_evidence"]
    let due = expected.keys.sorted() + (found.isDisjoint(with: kept) ? [] : kept)
    for name in due where !found.contains(name) {
      damage("schema.missing", "the file lacks \(name)")
    }
    try checkEntries()
  }

  /// That each entry of the schema says what SQLite writes there, which `integrity_check` does not look at.
  private func checkEntries() throws {
    let isOdd = """
      (sql IS NULL AND NOT (type = 'index' AND substr(name, 1, length(tbl_name) + 18)
        = 'sqlite_autoindex_' || tbl_name || '_' COLLATE NOCASE))
      OR (type IN ('index', 'trigger') AND NOT EXISTS(SELECT 1 FROM sqlite_schema t
        WHERE t.type IN ('table', 'view') AND t.name = s.tbl_name COLLATE NOCASE))
      OR (type IN ('table', 'view') AND tbl_name <> name COLLATE NOCASE)
      """
    for name in try store.db.all(
      "SELECT name FROM sqlite_schema s WHERE \(isOdd)", read: { $0.text(0) })
    {
      damage("schema.entry", "SQLite's entry of \(name) was altered: its type or its table")
    }
  }

  /// The columns of a shared table that another program added; nil unless that is all it did.
  private func foreignColumns(of name: String) throws -> [String]? {
    guard store.schema.table(name) != nil else { return nil }
    let columns = "SELECT name || ' ' || type || ' ' || \"notnull\" || pk FROM pragma_table_info(?)"
    let found = try store.db.all(columns, .text(name)) { $0.text(0) }
    let right = try scratch.db.all(columns, .text(name)) { $0.text(0) }
    let foreign = Set(found).subtracting(right)
    guard Set(found).isSuperset(of: right), !foreign.isEmpty else { return nil }
    return foreign.map { String($0.prefix { $0 != " " }) }.sorted()
  }

  private func audit(_ space: String) throws {
    let gap = try store.gap(in: space)
    try replay(space, gap: gap)
    try checkWaiting(space)
    if let gap {
      report.add(
        Finding(
          .incomplete, "history.missing",
          "history of \(space) from entry \(gap.after.seq + 1) to \(gap.upTo.seq) is not here yet: its rows are "
            + "central's word"))
    } else {
      try compareRows(space)
    }
    try compareHeads(space, isWhole: gap == nil)
    try checkCheckpoint(space)
    try checkKept(space)
  }

  /// The checkpoint kept is central's, and fits the end of the log.
  private func checkCheckpoint(_ space: String) throws {
    let end = try store.logEnd(of: space)
    guard case .blob(let line)? = try store.meta("checkpoint.\(space)") else {
      // There is none between a snapshot, or a way back, and the pull after it; the file's own notes are held together.
      if end.seq > 0, try store.gap(in: space) == nil {
        report.add(
          Finding(
            .incomplete, "checkpoint.missing",
            "\(space) has a log, and central's word for it comes with the next sync"))
      }
      // A pull from anywhere else would meet what is held already.
      if end.seq > 0, let cursor = try store.meta("cursor.\(space)")?.text.map({ Cursor($0) }) {
        guard cursor?.seq == end.seq, cursor?.hash == end.hash else {
          return damage("cursor.log", "the cursor of \(space) is not where its log ends")
        }
      }
      return
    }
    guard case .checkpoint(let bytes, let checkpoint, let signatures) = try LogLine.parse(line)
    else {
      return damage("checkpoint.shape", "what is kept as the checkpoint of \(space) is none")
    }
    let message = Preimage.checkpoint(bytes)
    guard signatures.contains(where: { centralKey.verifies($0.value, of: message) }) else {
      return damage("checkpoint.signature", "the checkpoint of \(space) is not signed by central")
    }
    report.signatures += 1
    let held =
      try checkpoint.seq == end.seq ? end.hash : store.logHash(of: space, at: checkpoint.seq)
    if let gap = try store.gap(in: space), checkpoint.seq == gap.upTo.seq {
      guard gap.upTo.hash == checkpoint.hash else {
        return damage("checkpoint.log", "the checkpoint of \(space) does not fit the snapshot")
      }
    } else if held != checkpoint.hash || checkpoint.space != space || checkpoint.seq != end.seq {
      damage("checkpoint.log", "the checkpoint of \(space) does not fit its log")
    }
    if let text = try store.meta("cursor.\(space)")?.text {
      guard let cursor = Cursor(text), cursor.seq == checkpoint.seq, cursor.hash == checkpoint.hash
      else {
        return damage("cursor.log", "the cursor of \(space) is not where its log ends")
      }
    }
  }

  /// What belongs to nothing.
  private func checkLooseEnds() throws {
    let checks = [
      (
        "change.unlogged", "changes called merged stand in no log",
        """
        SELECT count(*) FROM (SELECT space, actor, n FROM cordee_change WHERE state = 2
          EXCEPT SELECT space, actor, n FROM cordee_log)
        """
      ),
      (
        "log.empty", "entries of the log have no change",
        """
        SELECT count(*) FROM cordee_log l WHERE NOT EXISTS(SELECT 1 FROM cordee_change c
          WHERE l.space = c.space AND l.actor = c.actor AND l.n = c.n AND c.state = 2)
        """
      ),
      (
        "sibling.loose", "siblings belong to no expanded row",
        """
        SELECT count(*) FROM cordee_sibling s WHERE NOT EXISTS(SELECT 1 FROM cordee_row r
          WHERE r.tbl = s.tbl AND r.id = s.id AND r.width < 0)
        """
      ),
    ]
    let hasGap = try store.schema.spaces.contains { try store.gap(in: $0) != nil }
    for (code, words, sql) in checks {
      let count = try store.db.first(sql) { $0.int(0) } ?? 0
      // Own changes that a snapshot holds are merged before their log entries come.
      if count > 0, !(hasGap && code == "change.unlogged") { damage(code, "\(count) \(words)") }
    }
  }
}

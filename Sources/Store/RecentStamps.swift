import Causality
import Changes
import SQLite
import Seal

/// Stamps that changed lately stand in a small table before the large one takes them, so that a pull writes few pages.
///
/// Every known row has its line in `cordee_row`. The stamp of a settled row may stand in `cordee_row_recent` instead, and is
/// taken over with all others there in one pass through the large table, in its order, when they would be too many.
struct RecentStamps {
  /// Stamps in the small table; nil in a file without one, which could not be brought up to this layout.
  var count: Int?
  /// Whether the count moved in the transaction that is open.
  var isMoved = false
  /// Whether that transaction writes so many stamps that the large table takes them one by one.
  var isSpread = false
  /// Stamps replaced in it, by the table's number and the row; when it ends they are written where that is cheapest.
  var late: [Int: [RowKey: Late]] = [:]
  /// How many these are.
  var lateCount = 0

  struct Late {
    /// The stamp as the file has it.
    let stored: Stamp
    var stamp: Stamp
  }

  /// A row of a table whose number is known: ids are told apart by their bytes, which `String` does not do.
  static func key(_ id: String) -> RowKey { RowKey(table: "", id: id) }

  mutating func replace(_ old: Stamp, by stamp: Stamp, of id: String, table: Int) {
    let before = late[table]?.count ?? 0
    late[table, default: [:]][Self.key(id), default: Late(stored: old, stamp: stamp)].stamp = stamp
    lateCount += (late[table]?.count ?? 0) - before
  }

  /// Forgets what was replaced of a row, or of a table.
  mutating func forgetLate(of table: Int, _ id: String?) {
    guard let rows = late[table] else { return }
    guard let id else {
      late[table] = nil
      lateCount -= rows.count
      return
    }
    if late[table]?.removeValue(forKey: Self.key(id)) != nil { lateCount -= 1 }
  }

  /// Stamps in the small table at most: with 100,000 rows and 100 edits a pull, fewer have the large table taken through too
  /// often, and more make the small one large.
  static let countMax = 4_096
  /// Fewer new ones in one transaction go into the large table, where they would end up with as many pages written.
  static let fewest = 32
  /// More in one transaction touch nearly every page of the large table.
  static let manyMax = 1_000

  /// Four bytes of a hash over the line behind a recent stamp, which nothing else could show to be altered. `[SP-1616]`
  static func check(
    actor: Int, n: Int, weight: Int, width: Int, exceptions: [UInt8]?
  ) -> Int {
    var line = Array("cordee line 1\0".utf8)
    for number in [actor, n, weight, width] { Varint.append(number, to: &line) }
    line.append(exceptions == nil ? 0 : 1)
    line += exceptions ?? []
    return Blake2b.hash(line).prefix(4).reduce(0) { $0 << 8 | Int($1) }
  }
}

extension Store {
  /// How many recent stamps there are, among the facts.
  private static let recentKey = "recent_stamps"

  /// What is known of recent stamps; outside a transaction it is read anew, since others may write.
  func recents() throws -> RecentStamps {
    if db.isInTransaction, let known = cache.recents { return known }
    let recents = RecentStamps(count: try meta(Self.recentKey)?.integer.map { Int($0) })
    cache.recents = recents
    return recents
  }

  /// Makes the table of a new file, or of one of an earlier layout; call inside `write`.
  func prepareRecentStamps() throws {
    try setMeta(Self.recentKey, .integer(0))
    cache.recents = nil
  }

  /// Replaces the stamp of a settled row.
  func replace(_ old: Stamp, by stamp: Stamp, of row: RowKey, table: Int) throws {
    guard try takesLate() else {
      return try write(stamp, of: row.id, table: table, isNew: false)
    }
    cache.recent = nil
    cache.recents?.replace(old, by: stamp, of: row.id, table: table)
    guard cache.recents?.lateCount ?? 0 > RecentStamps.manyMax else { return }
    try place(isSpread: true)
    cache.recents?.isSpread = true
  }

  private func takesLate() throws -> Bool {
    let recents = try recents()
    return recents.count != nil && !recents.isSpread
  }

  /// Replaces the stamp in the small table; false when it is not there.
  func updateRecent(_ stamp: [Argument], of id: String, table: Int) throws -> Bool {
    guard try recents().count ?? 0 > 0 else { return false }
    try db.run(
      """
      UPDATE cordee_row_recent SET actor = ?, n = ?, weight = ?, width = ?, exceptions = ?
      WHERE tbl = ? AND id = ?
      """, stamp + [.int(table), .text(id)])
    return db.changes > 0
  }

  /// Forgets the recent stamp of a row, or those of a table; their lines are the caller's to write.
  func dropRecents(of table: Int, _ id: String? = nil) throws {
    guard try recents().count ?? 0 > 0 || recents().lateCount > 0 else { return }
    cache.recents?.forgetLate(of: table, id)
    guard let count = cache.recents?.count, count > 0 else { return }
    try db.run(
      "DELETE FROM cordee_row_recent WHERE tbl = ?" + (id == nil ? "" : " AND id = ?"),
      [.int(table)] + (id.map { [.text($0)] } ?? []))
    guard db.changes > 0 else { return }
    setRecents(count - db.changes)
  }

  /// Writes down what the transaction left to its end.
  func flushStamps() throws {
    try place(isSpread: false)
    guard let recents = cache.recents, let count = recents.count else { return }
    cache.recents = RecentStamps(count: count)
    if recents.isMoved { try setMeta(Self.recentKey, .integer(Int64(count))) }
  }

  private func setRecents(_ count: Int) {
    cache.recents?.count = count
    cache.recents?.isMoved = true
  }

  /// Writes the stamps replaced so far, in the order of the tables' keys.
  private func place(isSpread: Bool) throws {
    guard let recents = cache.recents, let count = recents.count, recents.lateCount > 0 else {
      return
    }
    cache.recents?.late = [:]
    cache.recents?.lateCount = 0
    let fresh = recents.late.values.reduce(0) { $0 + $1.values.count { !$0.stored.isRecent } }
    let isTooMany = count + fresh > RecentStamps.countMax
    if isSpread || isTooMany { try takeOver() }
    let isDirect = isSpread || isTooMany || fresh < RecentStamps.fewest
    for table in recents.late.keys.sorted() {
      let rows = recents.late[table] ?? [:]
      for row in rows.keys.sorted() {
        guard let late = rows[row] else { continue }
        if isDirect || late.stored.isRecent {
          try write(late.stamp, of: row.id, table: table, isNew: false)
        } else {
          try insertRecent(late, of: row.id, table: table)
        }
      }
    }
    if !isDirect { setRecents(count + fresh) }
  }

  private func insertRecent(_ late: RecentStamps.Late, of id: String, table: Int) throws {
    let (before, after) = (late.stored, late.stamp)
    let (packedBefore, packed) = (try packed(before.exceptions), try packed(after.exceptions))
    let check = RecentStamps.check(
      actor: try number(of: before.dot.actor), n: before.dot.n, weight: before.weight,
      width: before.width, exceptions: packedBefore.isEmpty ? nil : packedBefore)
    try db.run(
      """
      INSERT INTO cordee_row_recent(tbl, id, line, actor, n, weight, width, exceptions)
      VALUES(?, ?, ?, ?, ?, ?, ?, ?)
      """, .int(table), .text(id), .int(check), .int(try number(of: after.dot.actor)),
      .int(after.dot.n), .int(after.weight), .int(after.width),
      packed.isEmpty ? .null : .blob(packed))
  }

  /// The large table takes every recent stamp; call inside `write`.
  func takeOver() throws {
    guard try recents().count ?? 0 > 0 else { return }
    try db.scan(
      "SELECT actor, n, weight, width, exceptions, tbl, id FROM cordee_row_recent ORDER BY tbl, id",
      []
    ) { row in
      try db.run(
        Self.updateLine,
        (0..<4).map { .int(row.int($0)) } + [row.isNull(4) ? .null : .blob(row.bytes(4))]
          + [.int(row.int(5)), .text(row.text(6))])
      return true
    }
    try db.run("DELETE FROM cordee_row_recent")
    setRecents(0)
  }
}

extension Audit {
  /// Each recent stamp stands before the line of a settled row, which is as it was; what it says is compared with the log
  /// like every row's.
  func checkRecentStamps() throws {
    guard let told = try store.recents().count else { return }
    var count = 0
    try store.db.scan(
      """
      SELECT x.tbl, x.id, x.line, x.width, r.actor, r.n, r.weight, r.width, r.exceptions
      FROM cordee_row_recent x LEFT JOIN cordee_row r ON r.tbl = x.tbl AND r.id = x.id
      """, []
    ) { row in
      count += 1
      let name = "\(try store.name(ofNumber: row.int(0)))/\(row.text(1))"
      guard !row.isNull(7), row.int(7) >= 0, row.int(3) >= 0 else {
        damage("recent.loose", "the recent stamp of \(name) belongs to no settled row")
        return true
      }
      let right = RecentStamps.check(
        actor: row.int(4), n: row.int(5), weight: row.int(6), width: row.int(7),
        exceptions: row.isNull(8) ? nil : row.bytes(8))
      if row.int(2) != right {
        damage("recent.line", "the line behind the recent stamp of \(name) was altered")
      }
      return true
    }
    if count != told {
      damage("recent.count", "there are \(count) recent stamps, of which the file notes \(told)")
    }
  }
}

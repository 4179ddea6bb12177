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
  /// Stamps replaced in it; when it ends they are written where that is cheapest.
  private(set) var late: [RowKey: Late] = [:]
  /// Their rows as they came, some of which may be forgotten again.
  private var order: [RowKey] = []

  init(count: Int?) { self.count = count }

  struct Late {
    /// The table's number.
    let table: Int
    /// The stamp as the file has it.
    let stored: Stamp
    var stamp: Stamp
  }

  mutating func replace(_ old: Stamp, by stamp: Stamp, of row: RowKey, table: Int) {
    let count = late.count
    late[row, default: Late(table: table, stored: old, stamp: stamp)].stamp = stamp
    if late.count > count { order.append(row) }
  }

  /// Gives away what was replaced, in order: by the tables' keys, where that makes neighbours of pages, or as it came.
  mutating func takeLate(byKey: Bool) -> [(row: RowKey, late: Late)] {
    let rows = byKey ? late.keys.sorted() : order
    defer { (late, order) = ([:], []) }
    return rows.compactMap { row in late.removeValue(forKey: row).map { (row, $0) } }
  }

  /// Forgets what was replaced of a row.
  mutating func forgetLate(of row: RowKey) {
    if !late.isEmpty { late[row] = nil }
  }

  /// Forgets what was replaced of a table.
  mutating func forgetLate(ofTable name: String) {
    late = late.filter { !$0.key.table.hasBytes(of: name) }
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
      return try write(stamp, of: row, table: table, isNew: false)
    }
    cache.recent = nil
    cache.recents?.replace(old, by: stamp, of: row, table: table)
    guard cache.recents?.late.count ?? 0 > RecentStamps.manyMax else { return }
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

  /// Forgets the recent stamp of a row, whose line is the caller's to write.
  func dropRecent(of row: RowKey, table: Int) throws {
    guard let count = try recents().count else { return }
    cache.recents?.forgetLate(of: row)
    guard count > 0 else { return }
    try db.run(
      "DELETE FROM cordee_row_recent WHERE tbl = ? AND id = ?", .int(table), .text(row.id))
    if db.changes > 0 { setRecents(count - db.changes) }
  }

  /// Forgets the recent stamps of a table, whose lines are the caller's to take away.
  func dropRecents(of name: String, table: Int) throws {
    guard let count = try recents().count else { return }
    cache.recents?.forgetLate(ofTable: name)
    guard count > 0 else { return }
    try db.run("DELETE FROM cordee_row_recent WHERE tbl = ?", .int(table))
    if db.changes > 0 { setRecents(count - db.changes) }
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

  /// Writes the stamps replaced so far.
  private func place(isSpread: Bool) throws {
    guard let recents = cache.recents, let count = recents.count, !recents.late.isEmpty else {
      return
    }
    let fresh = recents.late.values.count { !$0.stored.isRecent }
    let isTooMany = count + fresh > RecentStamps.countMax
    if isSpread || isTooMany { try takeOver() }
    let isDirect = isSpread || isTooMany || fresh < RecentStamps.fewest
    for (row, late) in cache.recents?.takeLate(byKey: isDirect) ?? [] {
      if isDirect || late.stored.isRecent {
        try write(late.stamp, of: row, table: late.table, isNew: false)
      } else {
        try insertRecent(late, of: row.id)
      }
    }
    if !isDirect { setRecents(count + fresh) }
  }

  private func insertRecent(_ late: RecentStamps.Late, of id: String) throws {
    let (before, after) = (late.stored, late.stamp)
    let (packedBefore, packed) = (try packed(before.exceptions), try packed(after.exceptions))
    let check = RecentStamps.check(
      actor: try number(of: before.dot.actor), n: before.dot.n, weight: before.weight,
      width: before.width, exceptions: packedBefore.isEmpty ? nil : packedBefore)
    try db.run(
      """
      INSERT INTO cordee_row_recent(tbl, id, line, actor, n, weight, width, exceptions)
      VALUES(?, ?, ?, ?, ?, ?, ?, ?)
      """, .int(late.table), .text(id), .int(check), .int(try number(of: after.dot.actor)),
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

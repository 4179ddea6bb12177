import Changes
import SQLite
import Seal

/// A table whose rows nothing else in a file could show to be altered: a hash over them stands among the facts.
///
/// Whoever writes such a row says so by `Store.guardRows`, in the same transaction.
public enum GuardedTable: String, Sendable, CaseIterable {
  case evidence, settlement, refusal, parcel, adrift
  case invite, outbox, member, instance, tip, lost, fork, report, aside

  /// The table's name in the file.
  fileprivate var name: String { "cordee_\(rawValue)" }

  /// What is guarded, its key first, in the order of the rows.
  ///
  /// Labels that no rule reads, and what signatures cover, are not.
  private var columns: String {
    switch self {
    case .evidence: "id, at, space, kind, code, message, statements, settled_at"
    case .settlement: "id, evidence, at, author, note"
    case .refusal: "id, entry, at, author, note"
    case .parcel: "id, refused"
    case .adrift: "space, actor, n, hash, seq, header, body, body_hash, signatures, refused"
    case .invite: "hash, organisation, role, expires, used_by"
    case .outbox: "id, space, body"
    case .member: "replica, key, organisation, role, name, enrolled_at, revoked_at"
    case .instance: "number, instance, at, cause, places"
    case .tip: "space, hash, seq, at, offered_by"
    case .lost: "space, actor, n, at"
    case .fork: "space, actor, n, hash, second"
    case .report: "number, report"
    case .aside: "id, space, actor, n_from, n_to, reason, lines"
    }
  }

  /// How many of the columns order the rows.
  private var keyColumns: Int {
    switch self {
    case .tip, .lost: 2
    case .adrift, .fork: 4
    default: 1
    }
  }

  /// The number of a table in which rows are only added, by growing numbers, and only the last may still change: its hash
  /// goes on from the row before that.
  fileprivate var growing: String? {
    switch self {
    case .report: "number"
    case .aside: "id"
    default: nil
    }
  }

  /// The rows in their order; of a growing table those above a number.
  fileprivate var query: String {
    let order = (1...keyColumns).map(String.init).joined(separator: ", ")
    let part =
      growing.map { "WHERE \($0) > ?" } ?? (self == .parcel ? "WHERE refused IS NOT NULL" : "")
    return "SELECT \(columns) FROM \(name) \(part) ORDER BY \(order)"
  }
}

extension Store {
  /// Has the hash over a table's rows written down anew when the transaction ends; call inside `write`.
  public func guardRows(of table: GuardedTable) { movedTables.insert(table) }

  /// Has the rows guarded of every table that is here and was written before tables were guarded; call inside `write`.
  public func guardOldRows() throws {
    for table in GuardedTable.allCases where try meta(Self.key(table)) == nil {
      if try hasTable(table.name) { guardRows(of: table) }
    }
  }

  func flushGuards() throws {
    for table in movedTables {
      let key = Self.key(table)
      var rows = GuardedRows()
      if table.growing != nil, case .blob(let before)? = try meta(key + ".before"),
        let end = try meta(key + ".end")?.integer
      {
        rows = GuardedRows(end: Int(end), hash: before)
      }
      try rows.take(table, of: self)
      if table.growing != nil {
        try setMeta(key + ".before", .blob(rows.before))
        try setMeta(key + ".end", .integer(Int64(rows.end)))
      }
      try setMeta(key, .blob(rows.hash))
    }
    movedTables = []
  }

  /// The guarded tables whose rows are not those that were written.
  func alteredTables() throws -> [GuardedTable] {
    try GuardedTable.allCases.filter { table in
      guard case .blob(let right)? = try meta(Self.key(table)) else { return false }
      guard try hasTable(table.name) else { return true }
      var rows = GuardedRows()
      try rows.take(table, of: self)
      return rows.hash != right
    }
  }

  private static func key(_ table: GuardedTable) -> String { "guard.\(table.rawValue)" }
}

/// A hash that grows by a row at a time.
private struct GuardedRows {
  private static let domain = Array("cordee rows 1\0".utf8)

  /// In a growing table, the number of the last row but one.
  private(set) var end = 0
  /// The hash over the rows up to `end`.
  private(set) var before = [UInt8](repeating: 0, count: 32)
  /// The hash over all rows.
  private(set) var hash = [UInt8](repeating: 0, count: 32)

  init() {}

  init(end: Int, hash: [UInt8]) {
    self.end = end
    before = hash
    self.hash = hash
  }

  /// Takes the rows of a table; of a growing one those above `end`.
  ///
  /// - Complexity: O(rows taken); memory holds one.
  mutating func take(_ table: GuardedTable, of store: Store) throws {
    var (last, number) = (hash, end)
    try store.db.scan(table.query, table.growing == nil ? [] : [.int(end)]) { row in
      (before, end) = (last, number)
      var next = Blake2b()
      next.update(Self.domain)
      next.update(last)
      for column in 0..<row.columnCount {
        let kind = row.kind(column)
        let bytes = row.bytes(column)
        next.update(Array("\(kind) \(bytes.count) ".utf8))
        next.update(bytes)
      }
      last = next.finalize()
      if table.growing != nil { number = row.int(0) }
      return true
    }
    hash = last
  }
}

import Causality
public import Changes
import Mutants
public import SQLite

/// One replica file: the shared tables, what is known of each cell, and every change.
///
/// It belongs to one owner at a time and blocks while SQLite works. Every writing call runs inside `write`, one
/// `BEGIN IMMEDIATE` transaction that stands or falls as a whole.
public final class Store {
  /// The tables this store knows.
  public let schema: Schema
  /// The file.
  public let path: String
  let db: Connection
  /// Whether edits by SQL are captured, as they are on a member's file.
  private let captures: Bool
  /// The shared tables by name.
  let plans: [String: TablePlan]
  var cache = Cache()
  /// Whether a writing transaction is open; numbers for new names are given only then.
  private(set) var isWriting = false
  /// Whether a fact the file keeps about itself moved in the transaction that is open.
  var movedFacts = false
  /// Tables whose guarded rows moved in the transaction that is open.
  var movedTables: Set<GuardedTable> = []

  /// What is read once and kept while it stays true.
  struct Cache {
    var names: [String: Int] = [:]
    var nameOf: [Int: String] = [:]
    var actors: [ActorID: Int] = [:]
    var actorOf: [Int: ActorID] = [:]
    var heads: [HeadKey: Head] = [:]
    var carried: [String: String] = [:]
    var hasBase: Bool?
    /// Whether the table for changes that central lost was ever made.
    var hasAdrift: Bool?
    /// Heads that moved in the transaction that is open.
    var movedHeads: Set<HeadKey> = []
    var contexts: [HeadKey: Contexts] = [:]
    /// Each author's newest run.
    var openRuns: [HeadKey: OpenRun] = [:]
    var logEnds: [String: (seq: Int, hash: Hash)] = [:]
    var lastSeq: Int?
    /// The stamp that was asked for last, by `isKnown`.
    var recent: (row: RowKey, stamp: Stamp)?
    /// Edited rows that the last seal left.
    var heldBack: [HeldBack] = []
    /// Conflicts of the rows written since `watchConflicts`, as they were before.
    var watched: [RowKey: [ConflictName]]?
    /// SQLite's count of what other connections committed (sqlite.org/pragma.html#pragma_data_version).
    var version: Int?
  }

  /// How a file is used, which settles its journal.
  public enum Use: Sendable {
    /// A member's file, which other programs open too: rollback journal.
    case replica
    /// Central's file, written by one connection: write-ahead log.
    case central
    /// Reading only.
    case reader
  }

  /// Opens or makes a file.
  ///
  /// - Throws: `StoreError` `.corrupt`, `.foreign`, `.newer`, `.cannotOpen`.
  public init(path: String, schema: Schema, use: Use, create: Bool = false) throws {
    self.path = path
    self.schema = schema
    captures = use == .replica
    plans = Dictionary(
      schema.tables.map { ($0.name, TablePlan($0)) }, uniquingKeysWith: { first, _ in first })
    do {
      db = try Self.connection(
        path, use == .reader ? .readOnly : create ? .create : .readWrite)
      // One process at a time writes central's file: SQLite before 3.51.3 may damage a write-ahead log that two use.
      if use == .central { _ = try db.first("PRAGMA locking_mode=EXCLUSIVE") { $0.text(0) } }
      if use != .reader {
        _ = try db.first("PRAGMA journal_mode=\(use == .central ? "WAL" : "TRUNCATE")") {
          $0.text(0)
        }
        try db.execute("PRAGMA synchronous=FULL")
        if mutant(26, "R1: commits await no disk") { try db.execute("PRAGMA synchronous=OFF") }
      }
      try db.execute("PRAGMA cache_size=-32768; PRAGMA cell_size_check=ON")
      // Nobody edits central's tables by SQL. Switching makes SQLite prepare every statement anew: a fifth of an idle answer.
      if !captures { try db.setTriggers(enabled: false) }
    } catch {
      throw StoreError(error, path: path)
    }
    try prepare(use: use, create: create)
  }

  /// A connection that has read the file.
  ///
  /// A reader finds a transaction that was cut rolled back: SQLite does that for whoever may write (sqlite.org/atomiccommit.html).
  private static func connection(_ path: String, _ mode: Connection.Mode) throws(SQLiteError)
    -> Connection
  {
    let reading = "SELECT count(*) FROM sqlite_schema"
    let connection = try Connection(path: path, mode: mode)
    do {
      _ = try connection.first(reading) { $0.int(0) }
    } catch  where error.needsRollback {
      _ = try Connection(path: path, mode: .readWrite).first(reading) { $0.int(0) }
      _ = try connection.first(reading) { $0.int(0) }
    }
    return connection
  }

  /// Runs `body` as one transaction, with the capturing triggers off.
  ///
  /// - Throws: what `body` throws; then nothing has happened.
  public func write<T>(_ body: () throws -> T) throws -> T {
    if db.isInTransaction {
      let outer = isWriting
      isWriting = true
      defer { isWriting = outer }
      return try body()
    }
    let before = cache
    if captures { try db.setTriggers(enabled: false) }
    // Cannot fail on an open connection.
    defer {
      isWriting = false
      if captures { try? db.setTriggers(enabled: true) }
    }
    isWriting = true
    do {
      return try db.transaction(.immediate) { () throws in
        try noticeOthers()
        let result = try body()
        try flushHeads()
        try flushRuns()
        try flushGuards()
        try flushFacts()
        return result
      }
    } catch {
      cache = before
      movedTables = []
      if let error = error as? SQLiteError { throw StoreError(error, path: path) }
      throw error
    }
  }

  /// Reads a consistent state: nothing another program writes meanwhile is seen.
  public func read<T>(_ body: () throws -> T) throws -> T {
    guard !db.isInTransaction else { return try body() }
    do {
      return try db.transaction(.deferred) { () throws in
        try noticeOthers()
        return try body()
      }
    } catch let error as SQLiteError {
      throw StoreError(error, path: path)
    }
  }

  /// Forgets what was kept when another connection has written since.
  private func noticeOthers() throws {
    let version = try db.first("PRAGMA data_version") { $0.int(0) }
    if version != cache.version {
      cache = Cache()
      cache.version = version
    }
  }

  /// The connection, for reading shared tables and for edits by commands (triggers see those outside `write`).
  public func withConnection<T>(_ body: (borrowing Connection) throws -> T) throws -> T {
    do {
      return try body(db)
    } catch let error as SQLiteError {
      throw StoreError(error, path: path)
    }
  }

  private func prepare(use: Use, create: Bool) throws {
    do {
      let isOurs =
        try db.first("SELECT 1 FROM sqlite_schema WHERE name = 'cordee_meta'") { _ in true }
        ?? false
      let isEmpty = try db.first("SELECT count(*) FROM sqlite_schema") { $0.int(0) == 0 } ?? true
      if !isOurs {
        guard isEmpty, create, use != .reader else {
          throw StoreError(
            .foreign, "\(path) is no Cordée replica",
            hint: "Give the replica's own file, or join to make one.")
        }
        try write {
          try db.execute(Layout.engine); try setMeta("layout", .integer(Int64(Layout.number)))
        }
      }
      let layout = try meta("layout")?.integer ?? 0
      let number = try meta("schema")?.integer ?? 0
      guard layout <= Layout.number, number <= schema.number else {
        throw StoreError(
          .newer, "\(path) was written by a newer version of Cordée", hint: "Install that version.")
      }
      if number < schema.number, use != .reader { try write { try migrate() } }
    } catch let error as SQLiteError {
      throw StoreError(error, path: path)
    }
  }

  /// Brings the shared tables up to this schema, and moves what was carried for it into them.
  private func migrate() throws {
    for table in schema.tables {
      let columns = try db.all("SELECT name FROM pragma_table_info(?)", .text(table.name)) {
        $0.text(0)
      }
      if columns.isEmpty {
        try db.execute(Layout.create(table))
      } else {
        for field in table.fields where !columns.contains(field.name) {
          try db.execute(Layout.addColumn(field, to: table))
        }
      }
      try db.execute(Layout.triggers(table))
    }
    try setMeta("schema", .integer(Int64(schema.number)))
    if mutant(27, "R14: what was carried for a newer schema stays where it was") { return }
    for row in try expandedRows() { try save(try load(row), of: row) }
  }

  static func value(_ row: borrowing Row, _ index: Int) -> Value {
    switch row.kind(index) {
    case .null: return .null
    case .integer: return .integer(row.integer(index))
    case .real: return .real(row.real(index))
    case .blob: return .blob(row.bytes(index))
    case .text:
      return row.validText(index).map { .text($0) } ?? .malformedText(row.bytes(index))
    }
  }

  static func argument(_ value: Value) -> Argument {
    switch value {
    case .null: .null
    case .integer(let number): .integer(number)
    case .real(let number): .real(number)
    case .text(let text): .text(text)
    case .malformedText(let bytes): .textBytes(bytes)
    case .blob(let bytes): .blob(bytes)
    }
  }
}

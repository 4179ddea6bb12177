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
  private let use: Use
  /// The shared tables by name.
  let plans: [String: TablePlan]
  var cache = Cache()
  /// Whether a writing transaction is open; numbers for new names are given only then.
  private(set) var isWriting = false
  /// Whether a transaction of `write` or `read` is open.
  private var isWithin = false
  /// Whether commits await the disk; nil before that was settled.
  private var isAwaiting: Bool?
  /// Whether the write-ahead log may have holes: a sync that failed once saves what it was asked for never.
  private var isDoubtful = false
  /// Whether a fact the file keeps about itself moved in the transaction that is open.
  var movedFacts: Facts?
  /// What was mended when the file was opened; nil when nothing had to be.
  public internal(set) var mended: Mended?
  /// Tables with a UNIQUE index of another program's: over it REPLACE takes rows away that no trigger sees.
  var replaceable: [String] = []
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
    /// Tables made when they were first of use that were found here.
    var tables: Set<String> = []
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
    /// What is known of recent stamps.
    var recents: RecentStamps?
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
    (self.path, self.schema, self.use) = (path, schema, use)
    plans = Dictionary(
      schema.tables.map { ($0.name, TablePlan($0)) }, uniquingKeysWith: { first, _ in first })
    do {
      db = try Self.connection(
        path, use == .reader ? .readOnly : create ? .create : .readWrite)
      // One process at a time writes central's file: SQLite before 3.51.3 may damage a write-ahead log that two use.
      if use == .central { _ = try db.first("PRAGMA locking_mode=EXCLUSIVE") { $0.text(0) } }
      if use != .reader { try Self.setJournal(of: db, use) }
      try db.execute("PRAGMA cache_size=-32768; PRAGMA cell_size_check=ON")
      // Switching makes SQLite prepare every statement anew, which is why `edit` alone has triggers.
      try db.setTriggers(enabled: false)
    } catch {
      throw StoreError(error, path: path)
    }
    do {
      if use != .reader { try awaitDisk(true) }
      if use == .central {
        db.countLog()
        // The first transaction takes the file for this process.
        try db.transaction(.immediate) { () throws(SQLiteError) in }
        try renewLog()
      }
    } catch let error as SQLiteError {
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
    let connection = try Connection(path: path, mode: mode, gathersJournal: true)
    do {
      _ = try connection.first(reading) { $0.int(0) }
    } catch  where error.needsRollback {
      _ = try Connection(path: path, mode: .readWrite).first(reading) { $0.int(0) }
      _ = try connection.first(reading) { $0.int(0) }
    }
    return connection
  }

  /// Sets the journal; a member's file that another program keeps open with a write-ahead log stays so, and works.
  private static func setJournal(of db: borrowing Connection, _ use: Use) throws(SQLiteError) {
    do {
      _ = try db.first("PRAGMA journal_mode=\(use == .central ? "WAL" : "TRUNCATE")") { $0.text(0) }
    } catch  where error.isBusy && use == .replica {}
  }

  /// Frames of central's log of writes from which on it is copied into the file.
  private static let logFramesMax = 1000

  /// Brings the log of writes to the disk, as it is read.
  ///
  /// A process that was killed may have committed what it did not await: SQLite shows it to whoever opens the file next, who
  /// must not speak of what a power cut undoes. And what a failed sync was to save is saved by no later one: whatever follows
  /// such a hole would be lost with it.
  private func renewLog() throws(SQLiteError) {
    try db.renewLog()
    isDoubtful = false
  }

  /// Copies central's log of writes into the file when it has grown; whether that works is another matter than the commit before it.
  private func copyLog() {
    guard db.logFrames >= Self.logFramesMax else { return }
    do {
      _ = try db.first("PRAGMA wal_checkpoint(PASSIVE)") { $0.int(0) }
    } catch {
      if error.isIOError { isDoubtful = true }
    }
  }

  /// Whether a transaction of `write` or `read` is open; one that an earlier call could not end is ended first.
  private func isNested() throws -> Bool {
    if isWithin {
      guard db.isInTransaction else {
        throw StoreError(.io, "a transaction of \(path) was given up", hint: "Try again.")
      }
      return true
    }
    guard db.isInTransaction else { return false }
    do {
      try db.execute("ROLLBACK")
    } catch {
      throw StoreError(error, path: path)
    }
    let version = cache.version
    cache = Cache()
    cache.version = version
    return false
  }

  /// Runs `body` as one transaction that no trigger captures.
  ///
  /// - Parameter awaitsDisk: whether the disk has it when this returns. Where not, a power cut may undo it, and the next
  ///   transaction that awaits the disk brings it there too; of use with a write-ahead log alone.
  /// - Throws: what `body` throws; then nothing has happened.
  public func write<T>(awaitsDisk: Bool = true, _ body: () throws -> T) throws -> T {
    if try isNested() {
      let outer = isWriting
      isWriting = true
      defer { isWriting = outer }
      return try body()
    }
    let before = cache
    defer {
      (isWriting, isWithin) = (false, false)
      // Where that fails, the next transaction sees to it.
      if !awaitsDisk { try? awaitDisk(true) }
    }
    do {
      if isDoubtful { try renewLog() }
      try awaitDisk(awaitsDisk)
      (isWriting, isWithin) = (true, true)
      defer { copyLog() }
      return try db.transaction(.immediate) { () throws in
        try noticeOthers()
        let result = try body()
        try flushHeads()
        try flushStamps()
        try flushRuns()
        try flushGuards()
        try flushFacts()
        return result
      }
    } catch {
      cache = before
      movedFacts = nil
      movedTables = []
      // A log that grew in the midst of a transaction may fail there, too, and be told as a StoreError.
      let isOfDisk = (error as? SQLiteError)?.isIOError ?? ((error as? StoreError)?.code == .io)
      if use == .central, isOfDisk { isDoubtful = true }
      if error is SQLiteError {
        // A commit may have failed behind the call that made it stand: then what was known before is not so any more.
        cache = Cache()
        cache.version = before.version
      }
      if let error = error as? SQLiteError {
        throw try foreignIndex(behind: error) ?? StoreError(error, path: path)
      }
      throw error
    }
  }

  /// Whether commits await the disk (sqlite.org/pragma.html#pragma_synchronous).
  private func awaitDisk(_ isAwaited: Bool) throws(SQLiteError) {
    guard isAwaiting != isAwaited else { return }
    isAwaiting = nil
    let isMutant = mutant(26, "R1: commits await no disk")
    try db.execute(
      isMutant ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=\(isAwaited ? "FULL" : "NORMAL")")
    isAwaiting = isAwaited
  }

  /// Reads a consistent state: nothing another program writes meanwhile is seen.
  public func read<T>(_ body: () throws -> T) throws -> T { try reading(.deferred, body) }

  /// Reads while no other program reads or writes; `body` writes nothing.
  ///
  /// - Throws: what `body` throws; `StoreError` `.busy` while another program has a transaction open.
  public func alone<T>(_ body: () throws -> T) throws -> T { try reading(.exclusive, body) }

  private func reading<T>(_ kind: TransactionKind, _ body: () throws -> T) throws -> T {
    guard try !isNested() else { return try body() }
    isWithin = true
    defer { isWithin = false }
    do {
      return try db.transaction(kind) { () throws in
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
      // One that refuses keeps refusing, however often it is asked.
      if cache.version != nil { try versions() }
      cache = Cache()
      cache.version = version
    }
  }

  /// Edits shared tables by SQL as any other program does: captured, and made changes of by the next `seal`.
  ///
  /// Edits through `withConnection` are not captured, and lost to others.
  ///
  /// - Throws: what `body` throws; errors of SQLite as `StoreError`.
  public func edit<T>(_ body: (borrowing Connection) throws -> T) throws -> T {
    try db.setTriggers(enabled: true)
    // Cannot fail on an open connection.
    defer { try? db.setTriggers(enabled: false) }
    return try withConnection(body)
  }

  /// The connection, for reading shared tables and for tables of one's own.
  public func withConnection<T>(_ body: (borrowing Connection) throws -> T) throws -> T {
    do {
      return try body(db)
    } catch let error as SQLiteError {
      throw StoreError(error, path: path)
    }
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

import CSQLite
import CShims

/// One connection to one SQLite file, closed when it goes out of scope.
///
/// It has one owner at a time: SQLite's own locking between threads is switched off. Prepared statements are kept by
/// their SQL text.
@safe
public struct Connection: ~Copyable {
  private let handle: OpaquePointer
  let statements: StatementCache

  /// How a file is opened.
  public enum Mode: Sendable {
    /// Read and write; made if missing.
    case create
    /// Read and write.
    case readWrite
    /// Read.
    case readOnly
  }

  /// How a transaction begins (sqlite.org/lang_transaction.html).
  public enum TransactionKind: String, Sendable {
    /// Takes locks as they are needed.
    case deferred = "BEGIN DEFERRED"
    /// Takes the write lock at once.
    case immediate = "BEGIN IMMEDIATE"
  }

  /// Opens `path`.
  ///
  /// - Throws: `SQLiteError`; `isCannotOpen` when the file or its folder is missing. That a file is no database shows at
  ///   the first statement, as `isCorrupt`.
  public init(path: String, mode: Mode, busyTimeoutMilliseconds: Int32 = 5_000) throws(SQLiteError)
  {
    let flags: Int32 =
      switch mode {
      case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
      case .readWrite: SQLITE_OPEN_READWRITE
      case .readOnly: SQLITE_OPEN_READONLY
      }
    var opened: OpaquePointer?
    let code = unsafe sqlite3_open_v2(
      path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    guard code == SQLITE_OK, let connection = unsafe opened else {
      let message = unsafe String(cString: sqlite3_errstr(code))
      unsafe sqlite3_close_v2(opened)
      throw SQLiteError(extendedCode: code, message: message)
    }
    unsafe handle = connection
    statements = unsafe StatementCache(connection)
    unsafe sqlite3_busy_timeout(connection, busyTimeoutMilliseconds)
    unsafe cordee_sqlite_configure(connection, SQLITE_DBCONFIG_DEFENSIVE, 1)
    unsafe cordee_sqlite_configure(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
  }

  deinit {
    statements.finalizeAll()
    unsafe sqlite3_close_v2(handle)
  }

  /// Runs every statement of a script; results are thrown away.
  public func execute(_ script: String) throws(SQLiteError) {
    let code = unsafe sqlite3_exec(handle, script, nil, nil, nil)
    guard code == SQLITE_OK else { throw error(script) }
  }

  /// Runs one statement to its end.
  public func run(_ sql: String, _ arguments: Argument...) throws(SQLiteError) {
    try run(sql, arguments)
  }

  /// Runs one statement to its end.
  public func run(_ sql: String, _ arguments: [Argument]) throws(SQLiteError) {
    let statement = try statements.take(sql)
    defer { statements.giveBack(statement, sql) }
    try statement.bind(arguments)
    while try statement.step() {}
  }

  /// Gives each row of a query to `row` until it returns false.
  ///
  /// - Throws: `SQLiteError`, or what `row` throws.
  public func forEach(
    _ sql: String, _ arguments: [Argument] = [], row: (borrowing Row) throws -> Bool
  ) throws {
    let statement = try statements.take(sql)
    defer { statements.giveBack(statement, sql) }
    try statement.bind(arguments)
    while try statement.step() {
      if try !row(Row(statement)) { return }
    }
  }

  /// The first row of a query, read by `read`; nil when there is none.
  public func first<T>(
    _ sql: String, _ arguments: Argument..., read: (borrowing Row) -> T
  ) throws(SQLiteError) -> T? {
    let statement = try statements.take(sql)
    defer { statements.giveBack(statement, sql) }
    try statement.bind(arguments)
    return try statement.step() ? read(Row(statement)) : nil
  }

  /// Every row of a query, read by `read`.
  public func all<T>(
    _ sql: String, _ arguments: Argument..., read: (borrowing Row) -> T
  ) throws(SQLiteError) -> [T] {
    let statement = try statements.take(sql)
    defer { statements.giveBack(statement, sql) }
    try statement.bind(arguments)
    var rows: [T] = []
    while try statement.step() { rows.append(read(Row(statement))) }
    return rows
  }

  /// Runs `body` in a transaction: committed when it returns, rolled back when it throws.
  public func transaction<T>(_ kind: TransactionKind = .immediate, body: () throws -> T) throws -> T
  {
    try run(kind.rawValue)
    do {
      let result = try body()
      try run("COMMIT")
      return result
    } catch {
      if isInTransaction { try? run("ROLLBACK") }
      throw error
    }
  }

  /// Rows touched by the last INSERT, UPDATE or DELETE.
  public var changes: Int { unsafe Int(sqlite3_changes64(handle)) }

  /// The rowid of the last INSERT.
  public var lastInsertRowID: Int64 { unsafe sqlite3_last_insert_rowid(handle) }

  /// Whether a transaction is open.
  public var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

  /// Switches this connection's triggers; other connections are not touched.
  public func setTriggers(enabled: Bool) {
    unsafe cordee_sqlite_configure(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, enabled ? 1 : 0)
  }

  /// Copies the whole database, as of one moment, over the file at `path` (sqlite.org/backup.html).
  public func backup(to path: String) throws(SQLiteError) {
    let target = try Connection(path: path, mode: .create)
    guard let backup = unsafe sqlite3_backup_init(target.handle, "main", handle, "main") else {
      throw target.error(nil)
    }
    let stepped = unsafe sqlite3_backup_step(backup, -1)
    let finished = unsafe sqlite3_backup_finish(backup)
    guard stepped == SQLITE_DONE, finished == SQLITE_OK else { throw target.error(nil) }
  }

  /// The version of the SQLite library in use.
  public static var libraryVersion: String { unsafe String(cString: sqlite3_libversion()) }

  private func error(_ sql: String?) -> SQLiteError {
    unsafe SQLiteError(
      extendedCode: sqlite3_extended_errcode(handle),
      message: String(cString: sqlite3_errmsg(handle)),
      statement: sql)
  }
}

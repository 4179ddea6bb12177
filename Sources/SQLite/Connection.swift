internal import CSQLite
internal import CShims
import Glibc

/// One open database, owned by one place at a time.
///
/// It is not Sendable: keep it in an actor or in a `Mutex`. It closes when its owner goes. SQLite opens lazily: a file that is
/// no database is refused (`isCorrupt`) by the first statement that reads it.
@safe public struct Connection: ~Copyable {
  /// How a file is opened.
  public enum Mode: Sendable {
    /// Read and write; an absent file is made, for its owner alone.
    case create
    /// Read and write a file that exists.
    case readWrite
    /// Read a file that exists.
    case readOnly
  }

  let handle: OpaquePointer
  let statements: StatementCache
  /// Frames of the write-ahead log after the last commit, where they are counted.
  private let frames: UnsafeMutablePointer<Int32>

  /// Opens a file, or `:memory:` for a database that lives as long as the connection.
  ///
  /// `busyTimeoutMilliseconds`: how long a statement waits for another connection's lock before it throws `isBusy`.
  /// `gathersJournal`: whether a rollback journal is written in large pieces, not in three small ones a page; as durable,
  /// but for synchronous=OFF. Schemas are not trusted, and no SQL can damage the file's structure
  /// (sqlite.org/security.html).
  public init(
    path: String, mode: Mode, busyTimeoutMilliseconds: Int32 = 5000, gathersJournal: Bool = false
  ) throws(SQLiteError) {
    let handle = unsafe try Self.open(path, mode, gathersJournal)
    unsafe self.handle = handle
    unsafe frames = .allocate(capacity: 1)
    unsafe frames.initialize(to: 0)
    unsafe statements = StatementCache(on: handle)
    // SQLite's own handler sleeps up to a tenth of a second between tries, and so hardly ever meets the short gaps
    // of a program that commits in a loop; one millisecond does.
    unsafe _ = sqlite3_busy_handler(
      handle,
      { limit, tries in
        guard Int(tries) < Int(bitPattern: limit) else { return 0 }
        usleep(1000)
        return 1
      }, UnsafeMutableRawPointer(bitPattern: Int(busyTimeoutMilliseconds)))
  }

  deinit {
    statements.removeAll()
    unsafe _ = sqlite3_close_v2(handle)
    unsafe frames.deallocate()
  }

  /// Lets checkpoints of the write-ahead log to the caller (sqlite.org/wal.html#ckpt): SQLite tells of none that failed.
  public func countLog() { unsafe cordee_sqlite_count_log(handle, frames) }

  /// Frames of the write-ahead log after the last commit; 0 unless they are counted.
  public var logFrames: Int { Int(unsafe frames.pointee) }

  /// Writes the write-ahead log over itself and awaits the disk.
  ///
  /// What a sync that failed was to save is read, and saved by no later one, until it is written again.
  ///
  /// - Complexity: O(bytes of the log).
  public func renewLog() throws(SQLiteError) {
    let code = unsafe cordee_sqlite_renew_log(handle)
    guard code == SQLITE_OK else { throw unsafe SQLiteError(of: handle, code: code) }
  }

  /// The version of the SQLite library in use.
  public static var libraryVersion: String { unsafe String(cString: sqlite3_libversion()) }

  /// Rows changed by the last INSERT, UPDATE or DELETE, without those its triggers changed.
  public var changes: Int { Int(unsafe sqlite3_changes64(handle)) }

  /// Rows changed since the connection was opened, triggers' included.
  public var totalChanges: Int { Int(unsafe sqlite3_total_changes64(handle)) }

  /// The rowid of the last INSERT.
  public var lastInsertRowID: Int64 { unsafe sqlite3_last_insert_rowid(handle) }

  /// Statements run since the connection was opened, those of scripts not counted.
  public var statementsRun: Int { statements.taken }

  /// Whether a transaction is open.
  public var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

  /// Turns every trigger of this connection on or off.
  ///
  /// Statements prepared before obey too.
  public func setTriggers(enabled: Bool) throws(SQLiteError) {
    try setOption(SQLITE_DBCONFIG_ENABLE_TRIGGER, enabled)
  }

  /// Copies the whole database to a file, replacing what the file held.
  ///
  /// Others may read and write this database meanwhile; the copy is of one moment (sqlite.org/backup.html).
  public func backup(to path: String) throws(SQLiteError) {
    let target = try Connection(path: path, mode: .create)
    guard let backup = unsafe sqlite3_backup_init(target.handle, "main", handle, "main") else {
      throw unsafe SQLiteError(of: target.handle, code: SQLITE_ERROR)
    }
    let step = unsafe sqlite3_backup_step(backup, -1)
    let end = unsafe sqlite3_backup_finish(backup)
    guard step == SQLITE_DONE, end == SQLITE_OK else {
      throw unsafe SQLiteError(of: target.handle, code: step == SQLITE_DONE ? end : step)
    }
  }

  private func setOption(_ option: Int32, _ on: Bool) throws(SQLiteError) {
    let code = unsafe cordee_sqlite_set_option(handle, option, on ? 1 : 0)
    guard code == SQLITE_OK else { throw unsafe SQLiteError(of: nil, code: code) }
  }

  /// What holds for the whole process; a global is made once, whichever threads meet here.
  private static let isSetUp: Void = cordee_sqlite_stop_counting_memory()

  private static func open(
    _ path: String, _ mode: Mode, _ gathersJournal: Bool
  ) throws(SQLiteError) -> OpaquePointer {
    guard !path.utf8.contains(0) else { throw .misuse("there is a NUL in the path") }
    _ = isSetUp
    let access =
      switch mode {
      case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
      case .readWrite: SQLITE_OPEN_READWRITE
      case .readOnly: SQLITE_OPEN_READONLY
      }
    let flags = access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    // Debian's SQLite reads a path that begins with file: as a URI, whose query can change the mode.
    let plainPath = path.utf8.starts(with: "file:".utf8) ? "./" + path : path
    if mode == .create { makePrivate(plainPath) }
    var handle: OpaquePointer?
    let vfs = unsafe gathersJournal ? cordee_sqlite_gathering_vfs() : nil
    var code = unsafe sqlite3_open_v2(plainPath, &handle, flags, vfs)
    if code == SQLITE_OK { code = unsafe harden(handle) }
    guard code == SQLITE_OK, let handle = unsafe handle else {
      let error = unsafe SQLiteError(of: handle, code: code)
      unsafe _ = sqlite3_close_v2(handle)
      throw error
    }
    return unsafe handle
  }

  /// Makes an absent file that its owner alone may read, whatever the process's umask allows others.
  ///
  /// SQLite gives a journal the permissions of its database (sqlite.org/src, `findCreateFileMode`). Only a file that is not
  /// there is opened here: closing one that another connection of this process has open would drop its locks
  /// (sqlite.org/howtocorrupt.html §2.2). What cannot be made is told by the opening that follows.
  private static func makePrivate(_ path: String) {
    guard !path.isEmpty, path != ":memory:" else { return }
    let descriptor = unsafe Glibc.open(
      path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(S_IRUSR | S_IWUSR))
    if descriptor >= 0 { close(descriptor) }
  }

  /// What SQLite advises for files from elsewhere (sqlite.org/security.html).
  private static func harden(_ handle: OpaquePointer?) -> Int32 {
    for (option, on) in [(SQLITE_DBCONFIG_DEFENSIVE, 1), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)] {
      let code = unsafe cordee_sqlite_set_option(handle, option, Int32(on))
      guard code == SQLITE_OK else { return code }
    }
    return unsafe sqlite3_exec(handle, "PRAGMA cell_size_check = ON", nil, nil, nil)
  }
}

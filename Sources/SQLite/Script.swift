internal import CSQLite
import Glibc

/// SQL text of any number of statements, compiled one by one.
struct Script {
  private let sql: String
  private let text: ContiguousArray<CChar>
  private var offset = 0

  /// Takes the text; SQLite would end it at a NUL unseen, so there may be none.
  init(_ sql: String) throws(SQLiteError) {
    guard !sql.utf8.contains(0) else {
      throw .misuse("there is a NUL in the SQL text", statement: sql)
    }
    self.sql = sql
    self.text = sql.utf8CString
  }

  /// Compiles the next statement, which the caller finalizes; nil at the end.
  mutating func next(
    on connection: OpaquePointer, flags: UInt32 = 0
  ) throws(SQLiteError) -> OpaquePointer? {
    while offset < text.count - 1 {
      var statement: OpaquePointer?
      let (code, end) = unsafe text.withUnsafeBufferPointer { buffer -> (Int32, Int) in
        guard let base = buffer.baseAddress else { return (SQLITE_OK, 0) }
        var tail: UnsafePointer<CChar>?
        let code = unsafe sqlite3_prepare_v3(
          connection, base + offset, Int32(clamping: text.count - offset), flags, &statement, &tail)
        return unsafe (code, tail.map { unsafe $0 - base } ?? text.count)
      }
      guard code == SQLITE_OK else {
        unsafe _ = sqlite3_finalize(statement)
        throw unsafe SQLiteError(of: connection, code: code, statement: rest)
      }
      offset = end
      // White space and comments compile to nothing.
      if let statement = unsafe statement { return unsafe statement }
    }
    return nil
  }

  /// The text that is not compiled yet.
  private var rest: String {
    String(decoding: sql.utf8.dropFirst(offset), as: UTF8.self)
  }
}

extension SQLiteError {
  /// Asks the connection what went wrong last; nil when it could not even be made.
  init(of connection: OpaquePointer?, code: Int32, statement: String? = nil) {
    guard let connection = unsafe connection else {
      self.init(
        extendedCode: code, message: unsafe String(cString: sqlite3_errstr(code)),
        statement: statement)
      return
    }
    let code = unsafe sqlite3_extended_errcode(connection)
    // SQLite takes a quota or a limit of file sizes for a broken disk; to whoever writes they are a full one.
    let isFull =
      code & 0xFF == SQLITE_IOERR
      && [ENOSPC, EDQUOT, EFBIG].contains(unsafe sqlite3_system_errno(connection))
    let text = unsafe isFull ? sqlite3_errstr(SQLITE_FULL) : sqlite3_errmsg(connection)
    let file = unsafe sqlite3_db_filename(connection, "main").map { unsafe String(cString: $0) }
    self.init(
      extendedCode: isFull ? SQLITE_FULL : code,
      message: unsafe text.map { unsafe String(cString: $0) } ?? "", statement: statement,
      file: file?.isEmpty == false ? file : nil)
  }
}

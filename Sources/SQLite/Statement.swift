internal import CSQLite

/// One prepared statement; its pointer dies with it.
///
/// A class, because the cache and the query that runs it hold it together.
@safe final class Statement {
  let pointer: OpaquePointer
  let sql: String
  private let parameterCount: Int
  var isInUse = false
  /// How many were handed out at the last use.
  var lastUse = 0

  /// Prepares a text of exactly one statement.
  init(_ sql: String, on connection: OpaquePointer, isCached: Bool) throws(SQLiteError) {
    var script = try Script(sql)
    let flags = isCached ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
    guard let pointer = unsafe try script.next(on: connection, flags: flags) else {
      throw .misuse("there is no statement in the text", statement: sql)
    }
    unsafe self.pointer = pointer
    self.sql = sql
    parameterCount = Int(unsafe sqlite3_bind_parameter_count(pointer))
    if let second = unsafe try script.next(on: connection) {
      unsafe _ = sqlite3_finalize(second)
      throw .misuse("more than one statement; use execute", statement: sql)
    }
  }

  deinit {
    // Its code repeats what the last step has thrown already.
    unsafe _ = sqlite3_finalize(pointer)
  }

  /// Binds every parameter, in order.
  func bind(_ arguments: [Argument]) throws(SQLiteError) {
    guard arguments.count == parameterCount else {
      throw .misuse(
        "\(parameterCount) parameters, \(arguments.count) arguments", statement: sql)
    }
    for index in arguments.indices {
      let code = bind(arguments[index], at: Int32(truncatingIfNeeded: index + 1))
      guard code == SQLITE_OK else { throw failure(code) }
    }
  }

  private func bind(_ argument: Argument, at index: Int32) -> Int32 {
    switch argument {
    case .null:
      return unsafe sqlite3_bind_null(pointer, index)
    case .integer(let value):
      return unsafe sqlite3_bind_int64(pointer, index, value)
    case .real(let value):
      return unsafe sqlite3_bind_double(pointer, index, value)
    case .text(var value):
      return value.withUTF8 { unsafe bindText($0, at: index) }
    case .textBytes(let value):
      return unsafe value.withUnsafeBufferPointer { unsafe bindText($0, at: index) }
    case .blob(let value):
      return unsafe value.withUnsafeBufferPointer { unsafe bindBlob($0, at: index) }
    }
  }

  private func bindText(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int32) -> Int32 {
    // A null address would bind NULL, not the empty text.
    guard !bytes.isEmpty else {
      return unsafe sqlite3_bind_text64(
        pointer, index, "", 0, copiedBySQLite, UInt8(SQLITE_UTF8))
    }
    return unsafe bytes.withMemoryRebound(to: CChar.self) {
      unsafe sqlite3_bind_text64(
        pointer, index, $0.baseAddress, UInt64($0.count), copiedBySQLite, UInt8(SQLITE_UTF8))
    }
  }

  private func bindBlob(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int32) -> Int32 {
    guard !bytes.isEmpty else { return unsafe sqlite3_bind_zeroblob(pointer, index, 0) }
    return unsafe sqlite3_bind_blob64(
      pointer, index, bytes.baseAddress, UInt64(bytes.count), copiedBySQLite)
  }

  /// Runs to the next row; false at the end.
  func step() throws(SQLiteError) -> Bool {
    switch unsafe sqlite3_step(pointer) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    case let code: throw failure(code)
    }
  }

  /// Makes it ready for its next use and lets go of what was bound.
  func reset() {
    // Its code repeats what the last step has thrown already.
    unsafe _ = sqlite3_reset(pointer)
    if parameterCount > 0 { unsafe _ = sqlite3_clear_bindings(pointer) }
  }

  private func failure(_ code: Int32) -> SQLiteError {
    unsafe SQLiteError(of: sqlite3_db_handle(pointer), code: code, statement: sql)
  }
}

/// SQLITE_TRANSIENT, which Swift cannot import: SQLite copies the bytes before the call returns.
private var copiedBySQLite: sqlite3_destructor_type {
  unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}

internal import CSQLite

/// The row a query stands on, lent to a closure while the query waits.
///
/// Columns count from 0. Reading a column as another kind converts as SQLite does (sqlite.org/c3ref/column_blob.html);
/// ask `kind(_:)` before such a read, not after it. A column out of range reads as NULL.
@safe public struct Row: ~Copyable {
  /// What a column holds.
  public enum Kind: Sendable {
    /// NULL.
    case null
    /// A 64-bit signed integer.
    case integer
    /// A double.
    case real
    /// Text, in whatever bytes.
    case text
    /// Bytes.
    case blob
  }

  private let statement: OpaquePointer

  init(_ statement: Statement) {
    unsafe self.statement = statement.pointer
  }

  /// The number of columns of the result.
  public var columnCount: Int { Int(unsafe sqlite3_column_count(statement)) }

  /// The column's name: its alias, or what SQLite calls it.
  public func name(_ column: Int) -> String {
    guard let name = unsafe sqlite3_column_name(statement, Int32(column)) else { return "" }
    return unsafe String(cString: name)
  }

  /// What the column holds.
  public func kind(_ column: Int) -> Kind {
    switch unsafe sqlite3_column_type(statement, Int32(column)) {
    case SQLITE_INTEGER: .integer
    case SQLITE_FLOAT: .real
    case SQLITE_TEXT: .text
    case SQLITE_BLOB: .blob
    default: .null
    }
  }

  /// Whether the column is NULL.
  public func isNull(_ column: Int) -> Bool {
    unsafe sqlite3_column_type(statement, Int32(column)) == SQLITE_NULL
  }

  /// The column as an integer; 0 for NULL.
  public func integer(_ column: Int) -> Int64 {
    unsafe sqlite3_column_int64(statement, Int32(column))
  }

  /// The column as an integer of the machine's width; 0 for NULL.
  public func int(_ column: Int) -> Int { Int(integer(column)) }

  /// The column as a double; 0 for NULL.
  public func real(_ column: Int) -> Double {
    unsafe sqlite3_column_double(statement, Int32(column))
  }

  /// The column as text; bytes that are no UTF-8 are replaced by U+FFFD, NULL is empty.
  public func text(_ column: Int) -> String {
    guard let start = unsafe sqlite3_column_text(statement, Int32(column)) else { return "" }
    let count = Int(unsafe sqlite3_column_bytes(statement, Int32(column)))
    return unsafe String(
      decoding: UnsafeBufferPointer(start: start, count: count), as: Unicode.UTF8.self)
  }

  /// The column as text; nil when its bytes are no UTF-8.
  public func validText(_ column: Int) -> String? {
    guard let start = unsafe sqlite3_column_text(statement, Int32(column)) else { return "" }
    let count = Int(unsafe sqlite3_column_bytes(statement, Int32(column)))
    return unsafe String(
      validating: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  /// The column as text, or nil for NULL.
  public func textOrNil(_ column: Int) -> String? { isNull(column) ? nil : text(column) }

  /// The column as an integer of the machine's width, or nil for NULL.
  public func intOrNil(_ column: Int) -> Int? { isNull(column) ? nil : int(column) }

  /// The bytes of a TEXT or a BLOB, unchanged; none for NULL.
  public func bytes(_ column: Int) -> [UInt8] {
    let index = Int32(column)
    // In a UTF-16 file only column_text gives text as UTF-8.
    let start =
      if unsafe sqlite3_column_type(statement, index) == SQLITE_BLOB {
        unsafe UnsafeRawPointer(sqlite3_column_blob(statement, index))
      } else {
        unsafe UnsafeRawPointer(sqlite3_column_text(statement, index))
      }
    guard let start = unsafe start else { return [] }
    let count = Int(unsafe sqlite3_column_bytes(statement, index))
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
  }

  /// The bytes of a TEXT or a BLOB, or nil for NULL.
  public func bytesOrNil(_ column: Int) -> [UInt8]? { isNull(column) ? nil : bytes(column) }
}

import CSQLite
import CShims

/// One value bound to a statement.
public enum Argument: Sendable {
  /// NULL.
  case null
  /// An integer.
  case integer(Int64)
  /// A real.
  case real(Double)
  /// Text.
  case text(String)
  /// TEXT given as bytes, which need not be UTF-8.
  case textBytes([UInt8])
  /// Bytes.
  case blob([UInt8])

  /// An integer.
  public static func int(_ value: Int) -> Argument { .integer(Int64(value)) }

  /// Text or NULL.
  public static func optional(_ text: String?) -> Argument { text.map { .text($0) } ?? .null }
}

/// A prepared statement, lent by the cache.
@safe
struct Statement {
  let pointer: OpaquePointer
  private let connection: OpaquePointer

  init(pointer: OpaquePointer, connection: OpaquePointer) {
    unsafe self.pointer = pointer
    unsafe self.connection = connection
  }

  func bind(_ arguments: [Argument]) throws(SQLiteError) {
    for (index, argument) in arguments.enumerated() {
      let place = Int32(index + 1)
      let code: Int32
      switch argument {
      case .null: code = unsafe sqlite3_bind_null(pointer, place)
      case .integer(let value): code = unsafe sqlite3_bind_int64(pointer, place, value)
      case .real(let value): code = unsafe sqlite3_bind_double(pointer, place, value)
      case .text(var text):
        code = text.withUTF8 { bytes in
          unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
            unsafe cordee_sqlite_bind_text(
              pointer, place, characters.baseAddress, Int32(characters.count))
          }
        }
      case .textBytes(let bytes):
        code = unsafe bytes.withUnsafeBufferPointer { buffer in
          unsafe buffer.withMemoryRebound(to: CChar.self) { characters in
            unsafe cordee_sqlite_bind_text(
              pointer, place, characters.baseAddress, Int32(characters.count))
          }
        }
      case .blob(let bytes):
        code = unsafe bytes.withUnsafeBytes { buffer in
          unsafe cordee_sqlite_bind_blob(pointer, place, buffer.baseAddress, Int32(buffer.count))
        }
      }
      if code != SQLITE_OK { throw error() }
    }
  }

  /// Steps to the next row; false at the end.
  func step() throws(SQLiteError) -> Bool {
    switch unsafe sqlite3_step(pointer) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default: throw error()
    }
  }

  private func error() -> SQLiteError {
    unsafe SQLiteError(
      extendedCode: sqlite3_extended_errcode(connection),
      message: String(cString: sqlite3_errmsg(connection)),
      statement: String(cString: sqlite3_sql(pointer)))
  }
}

/// Prepared statements of one connection, by their text.
///
/// A statement in use is never handed out twice.
@safe
final class StatementCache {
  private static let countMax = 256
  private let connection: OpaquePointer
  private var idle: [String: OpaquePointer] = unsafe [:]

  init(_ connection: OpaquePointer) {
    unsafe self.connection = connection
  }

  func take(_ sql: String) throws(SQLiteError) -> Statement {
    if let pointer = unsafe idle.removeValue(forKey: sql) {
      return unsafe Statement(pointer: pointer, connection: connection)
    }
    var pointer: OpaquePointer?
    let code = unsafe sqlite3_prepare_v3(
      connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &pointer, nil)
    guard code == SQLITE_OK, let prepared = unsafe pointer else {
      throw unsafe SQLiteError(
        extendedCode: sqlite3_extended_errcode(connection),
        message: String(cString: sqlite3_errmsg(connection)), statement: sql)
    }
    return unsafe Statement(pointer: prepared, connection: connection)
  }

  func giveBack(_ statement: Statement, _ sql: String) {
    unsafe sqlite3_reset(statement.pointer)
    if unsafe idle[sql] == nil, unsafe idle.count < Self.countMax {
      unsafe idle[sql] = statement.pointer
    } else {
      unsafe sqlite3_finalize(statement.pointer)
    }
  }

  func finalizeAll() {
    unsafe idle.values.forEach { unsafe sqlite3_finalize($0) }
    unsafe idle.removeAll()
  }
}

/// The row a query stands on, lent to the reader.
@safe
public struct Row: ~Copyable {
  private let statement: Statement

  /// The storage class of a column.
  public enum Kind: Sendable {
    /// NULL.
    case null
    /// A 64-bit integer.
    case integer
    /// A double.
    case real
    /// Text.
    case text
    /// Bytes.
    case blob
  }

  init(_ statement: Statement) {
    self.statement = statement
  }

  /// How many columns the row has.
  public var columnCount: Int { unsafe Int(sqlite3_column_count(statement.pointer)) }

  /// What column `index` holds.
  public func kind(_ index: Int) -> Kind {
    switch unsafe sqlite3_column_type(statement.pointer, Int32(index)) {
    case SQLITE_INTEGER: .integer
    case SQLITE_FLOAT: .real
    case SQLITE_TEXT: .text
    case SQLITE_BLOB: .blob
    default: .null
    }
  }

  /// Whether column `index` is NULL.
  public func isNull(_ index: Int) -> Bool { kind(index) == .null }
  /// Column `index` as an integer.
  public func integer(_ index: Int) -> Int64 {
    unsafe sqlite3_column_int64(statement.pointer, Int32(index))
  }
  /// Column `index` as an integer.
  public func int(_ index: Int) -> Int { Int(integer(index)) }
  /// Column `index` as a real.
  public func real(_ index: Int) -> Double {
    unsafe sqlite3_column_double(statement.pointer, Int32(index))
  }

  /// Column `index` as text; bytes that are not UTF-8 are replaced, NULL is empty.
  public func text(_ index: Int) -> String {
    guard let start = unsafe sqlite3_column_text(statement.pointer, Int32(index)) else { return "" }
    let count = unsafe Int(sqlite3_column_bytes(statement.pointer, Int32(index)))
    return unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  /// Column `index` as text; nil for NULL.
  public func optionalText(_ index: Int) -> String? { isNull(index) ? nil : text(index) }

  /// The bytes of a text or blob column.
  public func bytes(_ index: Int) -> [UInt8] {
    guard let start = unsafe sqlite3_column_blob(statement.pointer, Int32(index)) else { return [] }
    let count = unsafe Int(sqlite3_column_bytes(statement.pointer, Int32(index)))
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
  }
}

import CSQLite

/// What SQLite refused, in its own words; bound values never appear (sqlite.org/rescode.html).
public struct SQLiteError: Error, Sendable, CustomStringConvertible {
  /// The extended result code.
  public let extendedCode: Int32
  /// SQLite's message.
  public let message: String
  /// The SQL text, without values.
  public let statement: String?

  /// Makes an error.
  public init(extendedCode: Int32, message: String, statement: String? = nil) {
    self.extendedCode = extendedCode
    self.message = message
    self.statement = statement
  }

  /// The primary result code.
  public var code: Int32 { extendedCode & 0xFF }
  /// Another connection holds the lock.
  public var isBusy: Bool { code == SQLITE_BUSY || code == SQLITE_LOCKED }
  /// The disk is full.
  public var isFull: Bool { code == SQLITE_FULL }
  /// The file is damaged or no SQLite database.
  public var isCorrupt: Bool { code == SQLITE_CORRUPT || code == SQLITE_NOTADB }
  /// The file cannot be written.
  public var isReadOnly: Bool { code == SQLITE_READONLY }
  /// The file cannot be opened.
  public var isCannotOpen: Bool { code == SQLITE_CANTOPEN }

  /// The message and the code.
  public var description: String { "\(message) (SQLite \(extendedCode))" }
}

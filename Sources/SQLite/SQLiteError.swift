internal import CSQLite

/// A refusal by SQLite: its code, its own message, and the statement concerned.
///
/// Bound values never appear in it, so that an error can be logged.
public struct SQLiteError: Error, Sendable {
  /// SQLite's extended result code (sqlite.org/rescode.html).
  public let extendedCode: Int32
  /// SQLite's message, in English.
  public let message: String
  /// The SQL text that failed, when there is one.
  public let statement: String?
  /// The main file of the connection, when it is known.
  public let file: String?

  /// Makes an error from its parts.
  public init(
    extendedCode: Int32, message: String, statement: String? = nil, file: String? = nil
  ) {
    self.extendedCode = extendedCode
    self.message = message
    self.statement = statement
    self.file = file
  }

  /// The primary result code: the low byte of the extended one.
  public var code: Int32 { extendedCode & 0xFF }
  /// Another connection holds the lock, and the busy timeout has passed.
  public var isBusy: Bool { code == SQLITE_BUSY || code == SQLITE_LOCKED }
  /// The disk, or the page limit, is full.
  public var isFull: Bool { code == SQLITE_FULL }
  /// The file is damaged or is no database.
  public var isCorrupt: Bool { code == SQLITE_CORRUPT || code == SQLITE_NOTADB }
  /// The file or the connection may only be read.
  public var isReadOnly: Bool { code == SQLITE_READONLY }
  /// A transaction was cut, and must be rolled back by one who may write before it is read (SQLITE_READONLY_ROLLBACK).
  public var needsRollback: Bool { extendedCode == SQLITE_READONLY | 3 << 8 }
  /// The operating system refused a read, a write or a sync.
  public var isIOError: Bool { code == SQLITE_IOERR }
  /// The file cannot be opened: it is missing, a folder, or out of reach.
  public var isCannotOpen: Bool { code == SQLITE_CANTOPEN }
  /// The name of a table or column that the file should have and lacks; nil for any other refusal.
  public var missingName: String? {
    guard code == SQLITE_ERROR,
      let start = ["no such table: ", "no such column: "].first(where: message.hasPrefix)
    else { return nil }
    return String(message.dropFirst(start.count))
  }
  /// A constraint of the schema refused the row.
  public var isConstraint: Bool { code == SQLITE_CONSTRAINT }

  /// A call that breaks this module's own rules, told as SQLITE_MISUSE.
  static func misuse(_ message: String, statement: String? = nil) -> SQLiteError {
    SQLiteError(extendedCode: SQLITE_MISUSE, message: message, statement: statement)
  }
}

extension SQLiteError: CustomStringConvertible {
  /// Message, code and the beginning of the statement, on one line.
  public var description: String {
    guard let statement else { return "\(message) (SQLite \(extendedCode))" }
    let words = statement.prefix(Self.describedCharactersMax).split(whereSeparator: \.isWhitespace)
    let end = statement.dropFirst(Self.describedCharactersMax).isEmpty ? "" : " …"
    return "\(message) (SQLite \(extendedCode)) in: \(words.joined(separator: " "))\(end)"
  }

  /// More of a statement would bury the message in a log.
  private static let describedCharactersMax = 200
}

public import SQLite

/// What a store could not do: a stable code, what and where, and what to do.
public struct StoreError: Error, Sendable, CustomStringConvertible {
  /// A stable reason.
  public enum Code: String, Sendable {
    /// The file is damaged or no SQLite database.
    case corrupt = "store.corrupt"
    /// A SQLite database of another program.
    case foreign = "store.foreign"
    /// Written by a newer version.
    case newer = "store.newer"
    /// The file cannot be opened.
    case cannotOpen = "store.cannot_open"
    /// The file may be read and not written.
    case readOnly = "store.read_only"
    /// The file lacks a table or a column that it was made with.
    case lacking = "store.lacking"
    /// The operating system could not read or write the file.
    case io = "store.io"
    /// The disk is full.
    case full = "store.full"
    /// Another program holds the file.
    case busy = "store.busy"
    /// An edit that no change can carry.
    case heldBack = "edit.held_back"
    /// A change does not follow what is held.
    case gap = "store.gap"
    /// The log does not chain.
    case chain = "store.chain"
    /// A place of the log that this file does not hold, or not any more.
    case cursor = "store.cursor"
    /// Anything else SQLite refused.
    case sqlite = "store.sqlite"
    /// No row of that name.
    case notFound = "record.not_found"
    /// Several rows of that name.
    case ambiguous = "record.ambiguous"
    /// Bytes held or received are not what the protocol says.
    case wire = "store.wire"
  }

  /// The reason.
  public let code: Code
  /// What happened, and where.
  public let message: String
  /// What to do.
  public let hint: String
  /// SQLite's own words with the beginning of the statement, for those who look into it.
  public let cause: String?

  /// Whether the file can still be read: another program holds it, the disk is full, or it may only be read.
  public var isOfWritingAlone: Bool { [.busy, .full, .readOnly].contains(code) }

  /// Makes an error.
  public init(_ code: Code, _ message: String, hint: String = "", cause: String? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
    self.cause = cause
  }

  /// Translates SQLite's refusal.
  ///
  /// - Parameter path: the file, as its user named it.
  public init(_ error: SQLiteError, path: String) {
    let (code, message, hint) = Self.words(for: error, path)
    self.init(code, message, hint: hint, cause: "\(error)")
  }

  /// Translates SQLite's refusal where only the connection knows the file.
  public init(_ error: SQLiteError) {
    self.init(error, path: error.file ?? "a database in memory")
  }

  private static let spoilt =
    "Keep it as it is, and restore a backup (`cordee restore`, `cordee central restore`); a member can also join again "
    + "beside it."

  private static func words(for error: SQLiteError, _ path: String) -> (Code, String, String) {
    if error.isCorrupt {
      return (
        .corrupt, "\(path) is damaged or no SQLite database",
        spoilt
      )
    } else if error.isFull {
      return (.full, "the disk is full while writing \(path)", "Free some space; nothing was lost.")
    } else if error.isBusy {
      return (.busy, "another program holds \(path)", "Close its transaction and try again.")
    } else if error.isCannotOpen {
      return (
        .cannotOpen, "\(path) cannot be opened", "Check that the file exists and may be read."
      )
    } else if error.isReadOnly {
      return (
        .readOnly, "\(path) may only be read",
        "Nothing was changed. Make the file and its folder writable for you, or copy it elsewhere."
      )
    } else if error.isIOError {
      return (
        .io, "the disk failed under \(path)",
        "What was being written is kept whole or not at all: look. See to the disk, then run `cordee verify`."
      )
    } else if let name = error.missingName {
      return (
        .lacking, "\(path) lacks \(name), which another program must have dropped",
        spoilt
      )
    }
    return (
      .sqlite, "SQLite refuses to work on \(path): \(error.message)",
      "Run `cordee verify`; if that says it is sound, tell the makers of Cordée."
    )
  }

  /// The message, the hint and the cause.
  public var description: String {
    (hint.isEmpty ? message : "\(message). \(hint)") + (cause.map { " (\($0))" } ?? "")
  }
}

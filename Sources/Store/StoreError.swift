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

  /// Makes an error.
  public init(_ code: Code, _ message: String, hint: String = "") {
    self.code = code
    self.message = message
    self.hint = hint
  }

  /// Translates SQLite's refusal.
  public init(_ error: SQLiteError, path: String) {
    if error.isCorrupt {
      self.init(
        .corrupt, "\(path) is damaged or no SQLite database", hint: "Restore it from a backup.")
    } else if error.isFull {
      self.init(
        .full, "the disk is full while writing \(path)", hint: "Free some space; nothing was lost.")
    } else if error.isBusy {
      self.init(
        .busy, "another program holds \(path)", hint: "Close its transaction and try again.")
    } else if error.isCannotOpen {
      self.init(
        .cannotOpen, "\(path) cannot be opened", hint: "Check that the file exists and may be read."
      )
    } else {
      self.init(.sqlite, "\(path): \(error)")
    }
  }

  /// The message and the hint.
  public var description: String { hint.isEmpty ? message : "\(message). \(hint)" }
}

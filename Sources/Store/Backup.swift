import Changes
import SQLite
import Wire

extension Store {
  /// Copies the whole file, as of one moment, while others go on reading and writing.
  ///
  /// The copy needs no companion files and holds no key. Whoever uses it begins a new epoch.
  ///
  /// - Parameter target: a file that does not exist yet.
  /// - Throws: `StoreError`; a half copy is then left for the caller to remove.
  /// - Complexity: O(pages).
  public func backup(to target: String) throws {
    do {
      try db.backup(to: target)
      let copy = try Connection(path: target, mode: .readWrite)
      _ = try copy.first("PRAGMA journal_mode=DELETE") { $0.text(0) }
    } catch {
      throw StoreError(error, path: target)
    }
  }

  /// What SQLite says of this file's settings, read back.
  public func settings() throws -> (journal: String, synchronous: Int, version: String) {
    try (
      db.first("PRAGMA journal_mode") { $0.text(0) } ?? "",
      db.first("PRAGMA synchronous") { $0.int(0) } ?? 0, Connection.libraryVersion
    )
  }

  /// When the oldest own change that central has not received was sealed; a label, nil when there is none.
  ///
  /// - Complexity: O(unsent changes).
  public func oldestUnsent() throws -> String? {
    let bodies = try db.all("SELECT body FROM cordee_change WHERE state = 0") { $0.bytes(0) }
    return try bodies.map { try ChangeDecoding.body($0).at }.min()
  }
}

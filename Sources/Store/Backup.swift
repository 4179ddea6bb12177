import Causality
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
  public func settings() throws -> (
    journal: String, synchronous: Int, version: String, locking: String
  ) {
    try (
      db.first("PRAGMA journal_mode") { $0.text(0) } ?? "",
      db.first("PRAGMA synchronous") { $0.int(0) } ?? 0, Connection.libraryVersion,
      db.first("PRAGMA locking_mode") { $0.text(0) } ?? ""
    )
  }

  /// When the oldest own changes were sealed that central has not received, and that it has without a verdict; labels.
  ///
  /// - Complexity: O(changes that wait); memory holds one.
  public func oldestWaiting() throws -> (local: String?, received: String?) {
    var oldest: (local: String?, received: String?) = (nil, nil)
    for space in schema.spaces {
      try forEachWaiting(in: space) { dot, _, body, _, _ in
        let at = try ChangeDecoding.body(body).at
        if try dot.n <= received(of: dot.actor, in: space) {
          oldest.received = min(oldest.received ?? at, at)
        } else {
          oldest.local = min(oldest.local ?? at, at)
        }
      }
    }
    return oldest
  }
}

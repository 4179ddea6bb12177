public import Changes
import SQLite
import Seal

/// What a file notes about itself, kept with a hash over all of it.
///
/// Rows, changes and the log are checked against each other; who this replica is, where central is and which spaces it
/// reads stand nowhere else, so that only a hash beside them shows an altered byte.
extension Store {
  /// How the facts were before they moved.
  enum Facts { case right, altered }

  /// The key the hash stands under.
  private static let guardKey = "guard"
  private static let domain = Array("cordee facts 1\0".utf8)

  /// A fact the file keeps about itself.
  public func meta(_ key: String) throws -> Value? {
    try db.first("SELECT value FROM cordee_meta WHERE key = ?", .text(key)) { Store.value($0, 0) }
  }

  /// Keeps a fact; call inside `write`.
  public func setMeta(_ key: String, _ value: Value) throws {
    try moveFacts()
    try db.run(
      "INSERT INTO cordee_meta(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
      .text(key), Store.argument(value))
  }

  /// Forgets facts; call inside `write`.
  public func forgetMeta(_ keys: String...) throws {
    try moveFacts()
    for key in keys { try db.run("DELETE FROM cordee_meta WHERE key = ?", .text(key)) }
  }

  /// Looks at the facts before the first of them moves in a transaction: what others altered must not come under a new hash.
  private func moveFacts() throws {
    guard movedFacts == nil else { return }
    let isAltered = try meta(Self.guardKey) != nil && !factsAreRight()
    movedFacts = isAltered ? .altered : .right
  }

  /// Writes down the hash of the facts when one of them moved; one that was wrong stays so, for `verify` to find.
  func flushFacts() throws {
    if movedFacts == .right {
      try db.run(
        "INSERT INTO cordee_meta(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
        .text(Self.guardKey), .blob(try factsHash()))
    }
    movedFacts = nil
  }

  /// Whether the facts are those that were written down.
  func factsAreRight() throws -> Bool {
    try meta(Self.guardKey) == .blob(try factsHash())
  }

  private func factsHash() throws -> [UInt8] {
    var hash = Blake2b()
    hash.update(Self.domain)
    let facts = try db.all(
      "SELECT key, typeof(value), CAST(value AS BLOB) FROM cordee_meta WHERE key <> ? ORDER BY key",
      .text(Self.guardKey)
    ) { ($0.bytes(0), $0.bytes(1), $0.bytes(2)) }
    for (key, kind, value) in facts {
      for part in [key, kind, value] {
        hash.update(Array("\(part.count) ".utf8))
        hash.update(part)
      }
    }
    return hash.finalize()
  }
}

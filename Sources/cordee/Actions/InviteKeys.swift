import Changes
import Files
import Replica
import Seal
import Store

/// The keys that this device shows with invites, until what central answered is kept.
///
/// A call that was cut goes on with the key it had, for which central gives the used invite's answer once more. Another
/// invite gets another key: central enrols a key once.
struct InviteKeys {
  /// The file that names them, each with the hash of its invite: `KEY:HASH`, apart by spaces.
  let store: Store
  /// The fact under which it does.
  let fact: String
  /// Where keys are kept.
  let folder: String

  var isEmpty: Bool {
    get throws { try named().isEmpty }
  }

  /// The key for an invite: of a call that was cut, or a new one, which is on the disk before anybody sees it.
  ///
  /// - Throws: `Failure` `key.unreadable` when one is there and cannot be read now; the invite may be spent on it.
  func key(for invite: String) throws -> (key: SigningKey, isNew: Bool) {
    let hash = Self.hash(invite)
    // In one transaction: two calls at a time take one key.
    return try store.write {
      var keys = try named()
      if let id = keys[hash], let key = try KeyFile.found(path(id)) { return (key, false) }
      let key = SigningKey.generate()
      let id = SyncActions.fingerprint(of: key.publicKey)
      try KeyFile.write(key, to: path(id))
      keys[hash] = id
      try name(keys)
      return (key, true)
    }
  }

  /// Forgets a key that nobody knows.
  func forget(_ key: SigningKey) throws {
    let id = SyncActions.fingerprint(of: key.publicKey)
    try store.write { try name(named().filter { $0.value != id }) }
    Files.remove(path(id))
  }

  /// Names none any more; call inside `write`, once an answer is kept.
  func clear() throws { try store.setMeta(fact, .null) }

  /// Whether central, or this device before it asked, refused the invite or what came with it: it enrolled no key.
  static func isRefusal(_ error: SyncError) -> Bool {
    ["invite.", "enrolment.name", "adopt."].contains(where: error.code.hasPrefix)
  }

  private func named() throws -> [String: String] {
    let pairs = try (store.meta(fact)?.text ?? "").split(separator: " ").map {
      $0.split(separator: ":").map(String.init)
    }
    return Dictionary(pairs.filter { $0.count == 2 }.map { ($0[1], $0[0]) }) { $1 }
  }

  private func name(_ keys: [String: String]) throws {
    let text = keys.map { "\($0.value):\($0.key)" }.sorted().joined(separator: " ")
    try store.setMeta(fact, text.isEmpty ? .null : .text(text))
  }

  /// What stands for an invite where its secret must not.
  static func hash(_ invite: String) -> String {
    Base64URL.encode(Blake2b.hash(Array("cordee.invite-key.1\n\(invite)".utf8)))
  }

  private func path(_ id: String) -> String { "\(folder)/\(id).key" }
}

import Causality
import Changes
import Files
import FoundationEssentials
import HTTP
import Registry
import Replica
import Seal
import Store
import Wire

/// How a device enrols: in a file that gets its name once it has joined.
///
/// A join that was cut anywhere is taken up again with the key it had, for which central gives the used invite's answer
/// once more. So a path holds no replica or one that has joined.
struct Joining {
  /// Where the replica is to stand.
  let path: String
  /// Where keys are kept.
  let keys: String
  /// What stands after # in the invite.
  let invite: String
  let origin: Origin
  let exchange: any Exchange

  /// The file until it has joined.
  private var begun: String { path + ".joining" }

  /// Redeems the invite, for a device called `name`, and gives the replica.
  func enrol(name: String?, plain: Bool) throws -> Replica {
    try Folders.make(URL(filePath: path).absoluteURL.deletingLastPathComponent().path)
    let key = try Conversation.alone(path, .command) {
      try Self.checkFree(path, origin)
      let key = try enrolled(name: name, plain: plain)
      // A journal of a file that was taken away from here would be rolled back into this one.
      DatabaseSides.remove(of: begun)
      try DatabaseSides.leave(of: path)
      try Files.syncFolder(of: path)
      try Files.rename(begun, to: path)
      try Files.syncFolder(of: path)
      return key
    }
    return try Replica(
      store: try Store(path: path, schema: .registry, use: .replica), key: key, exchange: exchange)
  }

  /// Refuses a path where something stands; of a replica that has joined there and fetched nothing yet, says how it goes on.
  static func checkFree(_ path: String, _ origin: Origin) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    if let store = try? Store(path: path, schema: .registry, use: .reader),
      let identity = try? Identity(store), identity.origin == origin,
      (try? store.meta("last_sync"))?.text == nil
    {
      throw Failure(
        code: "replica.exists",
        message: "\(path) has joined \(origin) already, and fetched nothing yet",
        hint: "Run `cordee sync` to go on; another invite goes with --adopt.")
    }
    throw Failure(
      code: "replica.exists", message: "there is a file at \(path) already",
      hint: "Name another with --replica, or give a copy a key of its own with --adopt.")
  }

  /// The file is closed when this returns, so that it can be renamed.
  private func enrolled(name: String?, plain: Bool) throws -> SigningKey {
    let (store, key) = try takenUp() ?? anew()
    do {
      if try store.meta("network") == nil {
        _ = try Replica.join(
          store, invite: invite, origin: origin, key: key, name: name, now: Now().seconds,
          exchange: exchange)
      }
      try store.write {
        try store.setMeta("plain", .integer(plain ? 1 : 0))
        try store.setMeta("joining", .null)
      }
      return key
    } catch let error as SyncError
      where ["invite.", "enrolment.name"].contains(where: error.code.hasPrefix)
    {
      // Whatever else failed, central may have enrolled this key.
      forget(key)
      throw error
    }
  }

  /// What a join to the same central that was cut has left.
  private func takenUp() throws -> (Store, SigningKey)? {
    guard Files.size(begun) ?? 0 > 0, let store = try left() else { return nil }
    let identity = try Self.identity(of: store)
    // Cut between its last write and its name, the file knows its key as any replica does.
    guard let id = try store.meta("joining")?.text ?? identity?.actor.replica.description,
      let key = try KeyFile.found(keyPath(id))
    else { return nil }
    guard let identity else { return (store, key) }
    let pin = invite.split(separator: ".").last.map(String.init)
    guard identity.origin == origin, pin == SyncActions.fingerprint(of: identity.centralKey)
    else { return nil }
    return (store, key)
  }

  /// The file that was begun; nil when it is none.
  ///
  /// One that only cannot be opened now names the key that central may know.
  private func left() throws -> Store? {
    do {
      return try Store(path: begun, schema: .registry, use: .replica, create: true)
    } catch let error as StoreError where [.corrupt, .foreign].contains(error.code) {
      return nil
    }
  }

  private static func identity(of store: Store) throws -> Identity? {
    do {
      return try Identity(store)
    } catch let error as SyncError where error.code.hasPrefix("replica.") {
      return nil
    }
  }

  private func anew() throws -> (Store, SigningKey) {
    forget(nil)
    let key = SigningKey.generate()
    let id = SyncActions.fingerprint(of: key.publicKey)
    try KeyFile.write(key, to: keyPath(id))
    let store = try Store(path: begun, schema: .registry, use: .replica, create: true)
    try store.write { try store.setMeta("joining", .text(id)) }
    return (store, key)
  }

  /// The file holds nothing yet that anybody wrote, and nobody knows the key.
  private func forget(_ key: SigningKey?) {
    for end in ["", "-journal"] { Files.remove(begun + end) }
    if let key { Files.remove(keyPath(SyncActions.fingerprint(of: key.publicKey))) }
  }

  private func keyPath(_ id: String) -> String { "\(keys)/\(id).key" }
}

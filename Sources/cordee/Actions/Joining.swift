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
    let (store, joined) = try takenUp() ?? (anew(), nil)
    let pending = InviteKeys(store: store, fact: "joining", folder: keys)
    let key = try joined ?? join(store, pending, name: name)
    try store.write {
      try store.setMeta("plain", .integer(plain ? 1 : 0))
      try pending.clear()
    }
    return key
  }

  private func join(_ store: Store, _ pending: InviteKeys, name: String?) throws -> SigningKey {
    let (key, isNew) = try pending.key(for: invite)
    do {
      _ = try Replica.join(
        store, invite: invite, origin: origin, key: key, name: name, now: Now().seconds,
        exchange: exchange)
      return key
    } catch let error as SyncError where isNew && InviteKeys.isRefusal(error) {
      // Whatever else failed, or had been tried before, central may have enrolled a key.
      try pending.forget(key)
      if try pending.isEmpty { DatabaseSides.removeWhole(begun) }
      throw error
    }
  }

  /// What a join that was cut has left, with its key where it had joined.
  ///
  /// - Throws: `Failure` `join.begun` when it has joined another central, or can no more tell which: an invite was spent on it.
  private func takenUp() throws -> (Store, SigningKey?)? {
    guard Files.size(begun) ?? 0 > 0, let store = try left() else { return nil }
    let identity = try Self.identity(of: store)
    guard try identity != nil || store.meta("network") != nil else { return (store, nil) }
    let pin = invite.split(separator: ".").last.map(String.init)
    guard let identity, pin == SyncActions.fingerprint(of: identity.centralKey) else {
      throw Failure(
        code: "join.begun", message: "\(begun) has joined another central, and was cut",
        hint: "Finish that with its own invite, or move the file elsewhere.")
    }
    guard let key = try KeyFile.found("\(keys)/\(identity.actor.replica).key") else { return nil }
    // Central may have another address by now.
    try store.write { try store.setMeta("central_url", .text(origin.description)) }
    return (store, key)
  }

  /// The file that was begun; nil when it is none.
  ///
  /// One that only cannot be opened now names the keys that central may know.
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

  /// An empty file; it holds nothing yet that anybody wrote.
  private func anew() throws -> Store {
    DatabaseSides.removeWhole(begun)
    return try Store(path: begun, schema: .registry, use: .replica, create: true)
  }
}

public import Causality
import Changes
public import HTTP
public import Seal
public import Store
import Wire

/// What a replica could not do in a sync: a stable code, one line, and what to do.
public struct SyncError: Error, Sendable, CustomStringConvertible {
  /// A stable code.
  public let code: String
  /// What happened.
  public let message: String
  /// What to do.
  public let hint: String

  /// Makes an error.
  public init(_ code: String, _ message: String, hint: String = "") {
    self.code = code
    self.message = message
    self.hint = hint
  }

  /// The message and the hint.
  public var description: String { hint.isEmpty ? message : "\(message). \(hint)" }
}

/// What the file remembers about the network it joined.
public struct Identity: Sendable {
  /// The network.
  public let network: NetworkID
  /// Who writes here.
  public let actor: ActorID
  /// Central's key, pinned at joining.
  public let centralKey: PublicKey
  /// Where central is.
  public let origin: Origin
  /// The spaces received.
  public let spaces: [String]

  /// Reads it from a file that joined.
  public init(_ store: Store) throws { self = try store.read { try Self(facts: store) } }

  private init(facts store: Store) throws {
    func blob(_ name: String) throws -> [UInt8] {
      guard case .blob(let bytes)? = try store.meta(name) else {
        throw SyncError(
          "replica.not_joined", "\(store.path) has joined no network",
          hint: "Run `cordee join INVITE`.")
      }
      return bytes
    }
    guard let network = NetworkID(bytes: try blob("network")),
      let actor = ActorID(bytes: try blob("actor")),
      let key = PublicKey(kept: try blob("central_key")),
      let origin = try store.meta("central_url")?.text.flatMap({ Origin($0) }),
      let spaces = try store.meta("spaces")?.text
    else {
      throw SyncError(
        "replica.damaged", "\(store.path) has lost what it knew of its network",
        hint: "Keep it as it is, and put a backup in its place: `cordee restore FILE`.")
    }
    self.network = network
    self.actor = actor
    self.centralKey = key
    self.origin = origin
    self.spaces = spaces.split(separator: " ").map(String.init)
  }
}

/// A member's side: one file, one key, one central.
public final class Replica {
  /// The file.
  public let store: Store
  /// The network it joined, and who writes here now.
  public internal(set) var identity: Identity
  package let key: SigningKey
  package let exchange: any Exchange
  /// How a bad network is borne.
  public var patience = Patience.none
  /// Who is told how far a transfer has come.
  public var observe: (Transferred) -> Void = { _ in }

  /// Opens a replica that joined.
  public convenience init(store: Store, key: SigningKey, exchange: any Exchange) throws {
    try self.init(unchecked: store, key: key, exchange: exchange)
    try checkKey()
  }

  /// Reads who writes here anew: another conversation may have begun an epoch since this file was opened.
  func readIdentity() throws {
    identity = try Identity(store)
    try checkKey()
  }

  /// Does what may begin an epoch, and where it fails reads who writes here anew: a commit that failed may stand, and what was
  /// taken back does not.
  func rereadingIdentity<T>(_ body: () throws -> T) throws -> T {
    do {
      return try body()
    } catch {
      identity = (try? Identity(store)) ?? identity
      throw error
    }
  }

  private func checkKey() throws {
    guard identity.actor.replica.bytes == key.publicKey.fingerprint else {
      throw SyncError(
        "replica.key", "the key beside \(store.path) is not this replica's",
        hint: "Ask for an invite and run `cordee join INVITE --adopt`.")
    }
  }

  /// Opens a file that joined under whatever key.
  init(unchecked store: Store, key: SigningKey, exchange: any Exchange) throws {
    self.store = store
    self.key = key
    self.exchange = exchange
    identity = try Identity(store)
  }

  /// Redeems an invite and makes `store` a replica of the network.
  ///
  /// - Parameters:
  ///   - invite: `secret.fingerprint`, the part of the link after `#`.
  ///   - now: Unix seconds, for the signature.
  /// - Throws: `SyncError`; then the file is as it was.
  public static func join(
    _ store: Store, invite: String, origin: Origin, key: SigningKey, name: String?, now: Int64,
    exchange: any Exchange
  ) throws -> Replica {
    let invite = try Invite(invite)
    let line = Line(key: key, exchange: exchange, origin: origin, patience: .none, now: { now })
    try Conversation.alone(store.path, .none) {
      guard try store.meta("network") == nil else {
        throw SyncError(
          "replica.joined", "\(store.path) has already joined a network",
          hint: "Give another file.")
      }
      let enrolled = try Enrolled(invite, key: key, name: name, line)
      try store.write {
        try store.setMeta("network", .blob(enrolled.network.bytes))
        let actor = ActorID(replica: key.publicKey.replica, epoch: Randomness.uint64())
        try store.setMeta("actor", .blob(actor.bytes))
        try store.setMeta("central_key", .blob(enrolled.centralKey.bytes))
        try enrolled.keep(in: store, origin: origin)
      }
    }
    return try Replica(store: store, key: key, exchange: exchange)
  }
}

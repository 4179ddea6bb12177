public import Causality
public import Changes
import SQLite
public import Seal
public import Store
import Wire

/// The central node: it receives members' changes, merges them on a schedule and gives everybody the same log.
///
/// It is a store with an inbox. One owner at a time; every call blocks while SQLite works. Nothing here reads a clock:
/// times come in as RFC 3339 labels.
public final class Central {
  /// What it holds.
  public let store: Store
  /// The network it serves.
  public let network: NetworkID
  /// Its present life.
  public internal(set) var instance: InstanceID
  /// Whether it was restored and not accepted yet: it takes offers, and gives and merges nothing.
  public internal(set) var isRestoring = false
  /// Entries of difference below which the log is always taken to be shorter than a snapshot.
  public var snapshotEntriesMin = 500
  /// A clock that nobody sets, in milliseconds; for the time that merges take.
  public var milliseconds: () -> Int64 = { 0 }
  /// When it merges by itself, while it serves.
  public internal(set) var plan: MergePlan?
  /// Where it listens, `HOST:PORT`, while it serves.
  public var listening: String?
  /// What devices may use of it.
  public var limits = CentralLimits()
  /// What is left to each device this minute.
  var allowance = Allowance()
  /// Its key: everything it says is signed with it.
  let key: SigningKey
  /// Central's own replica id.
  public let keyID: ReplicaID
  /// What was verified since the last merge.
  var verified = VerifiedSegments()
  /// What is known of the snapshots kept beside the file.
  var heldSnapshots = HeldSnapshots()
  /// Logs for who says hello.
  var readyLogs = ReadyLogs()
  /// What the log and the inbox hold of each author, by space; kept within one merge.
  var heldCounts: [String: [ActorID: Int]] = [:]

  /// The actor of central's own changes: its key and, as epoch, the first half of its instance.
  public var actor: ActorID { ActorID(replica: keyID, epoch: instance.high) }

  /// Its public key.
  public var publicKey: PublicKey { key.publicKey }

  private static let tables = """
    CREATE TABLE IF NOT EXISTS cordee_inbox(id INTEGER PRIMARY KEY, space TEXT NOT NULL, actor BLOB NOT NULL,
      n_from INTEGER NOT NULL, n_to INTEGER NOT NULL, previous BLOB NOT NULL, head BLOB NOT NULL,
      signatures TEXT NOT NULL, lines BLOB NOT NULL, runs TEXT NOT NULL, received_at TEXT NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS cordee_inbox_actor ON cordee_inbox(space, actor, n_from);
    CREATE TABLE IF NOT EXISTS cordee_outbox(id INTEGER PRIMARY KEY, space TEXT NOT NULL, body BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS cordee_aside(id INTEGER PRIMARY KEY, space TEXT NOT NULL, actor BLOB NOT NULL,
      n_from INTEGER NOT NULL, n_to INTEGER NOT NULL, reason TEXT NOT NULL, lines BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS cordee_invite(hash BLOB PRIMARY KEY NOT NULL, organisation TEXT NOT NULL,
      role TEXT NOT NULL, expires INTEGER NOT NULL, used_by TEXT) STRICT;
    CREATE TABLE IF NOT EXISTS cordee_member(replica TEXT PRIMARY KEY NOT NULL, key BLOB NOT NULL,
      organisation TEXT NOT NULL, role TEXT NOT NULL, name TEXT NOT NULL, enrolled_at TEXT NOT NULL,
      revoked_at TEXT, last_heard TEXT) STRICT;
    CREATE TABLE IF NOT EXISTS cordee_nonce(key TEXT NOT NULL, nonce TEXT NOT NULL, until INTEGER NOT NULL,
      PRIMARY KEY(key, nonce)) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS cordee_nonce_until ON cordee_nonce(until);
    CREATE TABLE IF NOT EXISTS cordee_report(number INTEGER PRIMARY KEY, report TEXT NOT NULL) STRICT;
    """

  /// Makes a new central node in the file at `path`.
  public static func create(
    path: String, schema: Schema, key: SigningKey, name: String, url: String
  ) throws -> Central {
    let store = try Store(path: path, schema: schema, use: .central, create: true)
    try store.write {
      try begin(
        in: store, network: Randomness.bytes(16), instance: Randomness.bytes(16), name: name,
        url: url)
    }
    return try Central(store: store, key: key)
  }

  /// Makes a central node again from its key and the network's name: its log is to come from members' replicas.
  ///
  /// - Parameter at: now; a label.
  public static func recover(
    path: String, schema: Schema, key: SigningKey, network: NetworkID, name: String, url: String,
    at: String
  ) throws -> Central {
    let store = try Store(path: path, schema: schema, use: .central, create: true)
    // At once: cut in between, it would be a new network under a key that members of the old one trust.
    try store.write {
      let instance = Randomness.bytes(16)
      try begin(in: store, network: network.bytes, instance: instance, name: name, url: url)
      try store.withConnection {
        try $0.execute(livesTables)
        try $0.run(
          "INSERT INTO cordee_instance(instance, at, cause) VALUES(?, ?, ?)", .blob(instance),
          .text(at), .text(Cause.rebuilt.rawValue))
      }
      store.guardRows(of: .instance)
    }
    return try Central(store: store, key: key)
  }

  /// Writes what makes a store a central node; call inside `write`.
  private static func begin(
    in store: Store, network: [UInt8], instance: [UInt8], name: String, url: String
  ) throws {
    guard try store.meta("network") == nil else {
      throw StoreError(
        .foreign, "\(store.path) already holds a central node", hint: "Give another folder.")
    }
    try store.withConnection { try $0.execute(tables) }
    try store.setMeta("network", .blob(network))
    try store.setMeta("instance", .blob(instance))
    try store.setMeta("name", .text(name))
    try store.setMeta("url", .text(url))
  }

  /// Opens the central node in a store.
  public init(store: Store, key: SigningKey) throws {
    self.store = store
    self.key = key
    keyID = ReplicaID(bytes: key.publicKey.fingerprint) ?? ID128(high: 0, low: 0)
    func id(_ name: String) throws -> ID128 {
      guard case .blob(let bytes)? = try store.meta(name), let id = ID128(bytes: bytes) else {
        throw StoreError(
          .foreign, "\(store.path) holds no central node", hint: "Run `cordee central init` first.")
      }
      return id
    }
    network = try id("network")
    instance = try id("instance")
    try store.write {
      try store.withConnection { try $0.execute(Self.livesTables) }
      try store.guardOldRows()
    }
    isRestoring = try Self.waitsForAcceptance(store)
  }

  /// Queues central's own writes; they take effect at the next merge.
  public func queue(_ writes: [Write], space: String, at: String) throws {
    try store.write {
      for start in stride(from: 0, to: writes.count, by: 100) {
        let body = Body(
          key: Randomness.bytes(16), at: at,
          writes: Array(writes[start..<min(start + 100, writes.count)]))
        try store.withConnection {
          try $0.run(
            "INSERT INTO cordee_outbox(space, body) VALUES(?, ?)", .text(space),
            .blob(ChangeEncoding.bytes(of: body)))
        }
      }
      store.guardRows(of: .outbox)
    }
  }

  /// The signed checkpoint of a space, as it was sent; nil before the first merge.
  func checkpoint(of space: String) throws -> [UInt8]? {
    if case .blob(let bytes)? = try store.meta("checkpoint.\(space)") { bytes } else { nil }
  }

  /// Whether the logs are signed in the name of this key; nil before one is signed.
  public func hasSigned() throws -> Bool? {
    let signers = try store.schema.spaces.compactMap { space -> [ReplicaID]? in
      guard let line = try checkpoint(of: space),
        case .checkpoint(_, _, let signatures)? = try? LogLine.parse(line)
      else { return nil }
      return signatures.map(\.key)
    }
    return signers.isEmpty ? nil : signers.allSatisfy { $0.contains(keyID) }
  }

  /// The last place of the signed log; 0 before the first.
  func signedEnd(of space: String) throws -> Int {
    try Int(store.meta("checkpoint.\(space).seq")?.integer ?? 0)
  }
}

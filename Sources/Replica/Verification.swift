import Causality
import Changes
import Mutants
import Seal
import Store
import Wire

/// Checks a pull while it is taken: log chain, authors' chains, authors' signatures, central's checkpoint.
struct Verification {
  let store: Store
  let identity: Identity
  let space: String
  /// Where the lines read so far end.
  private(set) var cursor: Cursor
  /// The checkpoint's line, once it was reached and verified.
  private(set) var checkpoint: [UInt8]?
  /// Whether the checkpoint was reached.
  var isComplete: Bool { checkpoint != nil }
  /// What the checkpoint says, once its signature was found to be central's, whether it fits the log or not.
  private(set) var signedCheckpoint: Checkpoint?
  /// The hashes of changes read but not integrated yet.
  private var read: [Dot: Hash] = [:]
  /// Changes not yet covered by a signature, by actor.
  private var unsigned: Set<ActorID> = []

  init(store: Store, identity: Identity, space: String, cursor: Cursor) {
    self.store = store
    self.identity = identity
    self.space = space
    self.cursor = cursor
  }

  /// The next entry in its chains; nil for the checkpoint, which is verified.
  mutating func entry(_ line: LogLine) throws -> LogEntry? {
    switch line {
    case .checkpoint(let bytes, let checkpoint, let signatures):
      try verify(bytes, checkpoint, signatures)
      self.checkpoint = LogLine.checkpointLine(bytes, signatures: signatures)
      return nil
    case .entry(let seq, let line, let verdict, _, let signatures):
      guard !isComplete, seq > cursor.seq, line.header.space == space,
        line.header.network == identity.network
      else {
        throw SyncError("log.order", "central's log is out of order at \(seq)")
      }
      let dot = line.header.dot
      let before = Dot(actor: dot.actor, n: dot.n - 1)
      // Of what lies behind a snapshot only its heads are known.
      let previous =
        try read.removeValue(forKey: before)
        ?? (before.n > 0 ? store.namedHash(before, in: space) : nil) ?? .zero
      let change = Store.change(line, previous: previous)
      let hash = Store.hash(
        Preimage.log(previous: cursor.hash, seq: seq, dot: dot, verdict: verdict, hash: change.hash)
      )
      cursor = Cursor(instance: cursor.instance, seq: seq, hash: hash)
      read[dot] = change.hash
      return LogEntry(
        seq: seq, change: change, verdict: verdict, hash: hash, signatures: signatures,
        body: line.body)
    }
  }

  /// Checks the author's signature where a segment ends; the entry is integrated already, so that a key that came
  /// before it in the log is known.
  mutating func verifySignature(of entry: LogEntry) throws {
    let dot = entry.change.dot
    guard let raw = entry.signatures else {
      unsigned.insert(dot.actor)
      return
    }
    let signatures = try Signature.list(try JSON.parse(raw))
    let message = Preimage.segment(
      network: identity.network, space: space, head: dot, hash: entry.change.hash)
    guard let key = try key(of: dot.actor.replica) else {
      throw SyncError(
        "log.key", "the key of \(dot.actor.replica) is in no log held here",
        hint: "Tell the secretariat; nothing of this pull was taken.")
    }
    guard
      signatures.contains(where: {
        $0.key == dot.actor.replica && key.verifies($0.value, of: message)
      }) || mutant(35, "R6: a replica takes changes that their author did not sign")
    else {
      throw SyncError(
        "log.signature", "change \(dot) is not signed by its author",
        hint: "Tell the secretariat; nothing of this pull was taken.")
    }
    unsigned.remove(dot.actor)
  }

  /// Whether every change so far is covered by its author's signature.
  var isSigned: Bool { unsigned.isEmpty }

  /// The cursor after a whole pull.
  func finish() throws -> Cursor {
    guard isComplete, unsigned.isEmpty else {
      throw SyncError("log.incomplete", "central's log ends without its signatures")
    }
    return cursor
  }

  private mutating func verify(
    _ bytes: [UInt8], _ checkpoint: Checkpoint, _ signatures: [Signature]
  ) throws {
    let message = Preimage.checkpoint(bytes)
    guard checkpoint.network == identity.network, checkpoint.space == space,
      signatures.contains(where: { identity.centralKey.verifies($0.value, of: message) })
        || mutant(36, "R8: a checkpoint that central did not sign will do")
    else {
      throw SyncError(
        "log.checkpoint", "this checkpoint is not central's",
        hint: "Tell the secretariat; nothing of this pull was taken.")
    }
    signedCheckpoint = checkpoint
    guard checkpoint.instance == cursor.instance, checkpoint.seq == cursor.seq,
      checkpoint.hash == cursor.hash || mutant(37, "R8: a checkpoint need not fit its log")
    else {
      throw SyncError(
        "log.checkpoint", "central's checkpoint does not fit its log",
        hint: "Tell the secretariat; nothing of this pull was taken.")
    }
  }

  /// The key whose fingerprint is `replica`: central's own, or one that central enrolled in the log.
  func key(of replica: ReplicaID) throws -> PublicKey? {
    try Self.key(of: replica, in: store, centralKey: identity.centralKey)
  }

  /// The same for a file that may be anybody's.
  static func key(of replica: ReplicaID, in store: Store, centralKey: PublicKey) throws
    -> PublicKey?
  {
    if centralKey.fingerprint == replica.bytes { return centralKey }
    let state = try store.state(of: RowKey(table: "replica", id: replica.description))
    guard
      let key = state.shown("key").text.flatMap(Base64URL.decode).flatMap({ PublicKey(kept: $0) }),
      key.fingerprint == replica.bytes
    else { return nil }
    return key
  }
}

import Causality
import Changes
import Files
import Mutants
import SQLite
import Seal
import Store
public import Wire

/// Central's lives: a new one after every restore, so that nobody takes a restored log for the one that was.
///
/// Until whoever keeps central accepts the new life it is *restoring*: it takes what members offer and push, and gives and
/// merges nothing.
extension Central {
  static let livesTables = """
    CREATE TABLE IF NOT EXISTS cordee_instance(number INTEGER PRIMARY KEY, instance BLOB NOT NULL, at TEXT NOT NULL,
      cause TEXT NOT NULL, places TEXT) STRICT;
    CREATE TABLE IF NOT EXISTS cordee_offered(space TEXT NOT NULL, hash BLOB NOT NULL, previous BLOB NOT NULL,
      previous_seq INTEGER NOT NULL, seq INTEGER NOT NULL, actor BLOB NOT NULL, n INTEGER NOT NULL,
      author_previous BLOB NOT NULL, change BLOB NOT NULL, has_body INTEGER NOT NULL, line BLOB NOT NULL,
      PRIMARY KEY(space, hash)) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cordee_tip(space TEXT NOT NULL, hash BLOB NOT NULL, seq INTEGER NOT NULL,
      at TEXT NOT NULL, offered_by TEXT NOT NULL, PRIMARY KEY(space, hash)) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cordee_lost(space TEXT NOT NULL, actor BLOB NOT NULL, n INTEGER NOT NULL,
      at TEXT NOT NULL, PRIMARY KEY(space, actor)) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cordee_fork(space TEXT NOT NULL, actor BLOB NOT NULL, n INTEGER NOT NULL,
      hash BLOB NOT NULL, second BLOB NOT NULL, PRIMARY KEY(space, actor, n, hash)) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS cordee_change_withheld ON cordee_change(space, actor, n) WHERE body IS NULL;
    """

  /// Why a life began, in words for people.
  public enum Cause: String, Sendable {
    /// The first life.
    case made = "made new"
    /// Whoever keeps central restored a backup.
    case restored = "restored from a backup"
    /// A member showed central's own signature for what its log no longer holds.
    case rewound = "the file was rewound: a member showed a later checkpoint of this central"
    /// Made again from the key and what members hold; lives before it are unknown.
    case rebuilt = "rebuilt from members' replicas"
    /// Known only from checkpoints that members showed.
    case shown = "shown by members"
  }

  /// Begins a life in which nothing is given or merged before it is accepted; open invites are void.
  ///
  /// - Parameter at: now; a label.
  public func beginRestoring(because cause: Cause, at: String) throws {
    let drawn = Randomness.bytes(16)
    guard let new = InstanceID(bytes: drawn) else { return }
    try store.write {
      try keepFirstLife()
      try store.withConnection { connection in
        try connection.run(
          "INSERT INTO cordee_instance(instance, at, cause) VALUES(?, ?, ?)", .blob(drawn),
          .text(at), .text(cause.rawValue))
        try connection.run("DELETE FROM cordee_invite WHERE used_by IS NULL")
      }
      store.guardRows(of: .instance)
      store.guardRows(of: .invite)
      try store.setMeta("instance", .blob(drawn))
      for space in store.schema.spaces { try forgetSnapshot(of: space) }
    }
    instance = new
    isRestoring = true
  }

  /// The lives whose beginning is settled, the oldest first.
  ///
  /// A life that was left before it was accepted gave nothing to anybody, and is not among them.
  public func starts() throws -> [InstanceStart] {
    let rows = try store.withConnection { connection in
      try connection.all(
        "SELECT instance, at, places FROM cordee_instance WHERE places IS NOT NULL ORDER BY number"
      ) { ($0.bytes(0), $0.text(1), $0.bytes(2)) }
    }
    let starts = try rows.compactMap { bytes, at, places in
      try InstanceID(bytes: bytes).map {
        InstanceStart(instance: $0, at: at, places: try InstanceStart.places(JSON.parse(places)))
      }
    }
    return starts.isEmpty && !isRestoring
      ? [InstanceStart(instance: instance, at: "", places: [:])] : starts
  }

  /// Why the present life began.
  func cause() throws -> String {
    try store.withConnection {
      try $0.first("SELECT cause FROM cordee_instance ORDER BY number DESC LIMIT 1") { $0.text(0) }
    } ?? Cause.made.rawValue
  }

  /// Whether there was ever another life: then contexts may name what is gone.
  var wasRestored: Bool {
    get throws {
      try store.withConnection {
        try $0.first(
          "SELECT count(*) FROM cordee_instance WHERE cause <> ?", .text(Cause.made.rawValue)
        ) {
          $0.int(0) > 0
        }
      } ?? false
    }
  }

  /// Whether the present life waits to be accepted.
  static func waitsForAcceptance(_ store: Store) throws -> Bool {
    try store.withConnection {
      try $0.first("SELECT places IS NULL FROM cordee_instance ORDER BY number DESC LIMIT 1") {
        $0.int(0) == 1
      }
    } ?? false
  }

  private func keepFirstLife() throws {
    try store.withConnection {
      try $0.run(
        """
        INSERT INTO cordee_instance(number, instance, at, cause, places) SELECT 1, ?, '', ?, '{}'
        WHERE NOT EXISTS(SELECT 1 FROM cordee_instance)
        """, .blob(instance.bytes), .text(Cause.made.rawValue))
    }
  }

  /// Refuses what a restoring central does not do.
  func checkServes() throws(Problem) {
    guard isRestoring, !mutant(58, "R9: a central that was restored serves unasked") else { return }
    throw Problem(
      "central.restoring", status: 503,
      "central was restored and is taking back what members hold; it gives and merges nothing yet",
      hint: "Sync again after whoever keeps central has run `cordee central restore --accept`.")
  }

  /// Takes a member's proof that this file is older than what central signed: its own checkpoint for a place it does not
  /// hold, or of a life it knows nothing of.
  ///
  /// Of a forgotten life the log may be held as far as the member goes; what is gone above it changes may name all the same,
  /// and one that takes itself for never restored would refuse these. What an earlier life gave was settled when a later one
  /// was accepted, and proves nothing; a false claim changes nothing.
  ///
  /// - Returns: whether a new life began.
  func noticeRewind(_ checkpoint: Checkpoint, at: String) throws -> Bool {
    guard !isRestoring, !mutant(59, "R8: central shrugs at proof that its log was rewound") else {
      return false
    }
    let isHeld = try store.logHash(of: checkpoint.space, at: checkpoint.seq) == checkpoint.hash
    let isProof =
      try checkpoint.instance == instance
      ? !isHeld : !isKnown(life: checkpoint.instance) && (!isHeld || !wasRestored)
    guard isProof else { return false }
    try beginRestoring(because: .rewound, at: at)
    return true
  }

  /// Whether a life was before the present one; to a rebuilt central every other one was.
  private func isKnown(life: InstanceID) throws -> Bool {
    if try cause() == Cause.rebuilt.rawValue { return true }
    return try store.withConnection {
      try $0.first("SELECT 1 FROM cordee_instance WHERE instance = ?", .blob(life.bytes)) { _ in
        true
      }
    } ?? false
  }

  /// Remembers a life that only members know of: what it gave is settled when the present one is accepted.
  func remember(life: InstanceID) throws {
    try store.withConnection {
      try $0.run(
        """
        INSERT INTO cordee_instance(number, instance, at, cause, places)
        SELECT (SELECT min(number) - 1 FROM cordee_instance), ?1, '', ?2, '{}'
        WHERE NOT EXISTS(SELECT 1 FROM cordee_instance WHERE instance = ?1)
        """, .blob(life.bytes), .text(Cause.shown.rawValue))
    }
    store.guardRows(of: .instance)
  }

  /// A checkpoint that this central signed.
  ///
  /// - Throws: `Problem` when it is another network's, another space's, or not signed with central's key.
  func verified(_ line: [UInt8], space: String) throws -> Checkpoint {
    let parsed = try Self.wire { () throws(WireError) in try LogLine.parse(line) }
    guard case .checkpoint(let bytes, let checkpoint, let signatures) = parsed else {
      throw Problem("tail.checkpoint", status: 422, "the second line of a tail is no checkpoint")
    }
    let message = Preimage.checkpoint(bytes)
    guard checkpoint.network == network, checkpoint.space == space,
      signatures.contains(where: { publicKey.verifies($0.value, of: message) })
    else {
      throw Problem(
        "tail.checkpoint", status: 422, "the checkpoint was not signed by this central")
    }
    return checkpoint
  }
}

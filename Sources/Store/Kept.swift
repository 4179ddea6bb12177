public import Causality
public import Changes
import SQLite
import Wire

/// A segment of another author on its way to central.
///
/// Bundles bring them; each is kept as it came.
public struct Parcel: Sendable {
  /// Its number here.
  public let id: Int
  /// The space.
  public let space: String
  /// The head's name.
  public let head: Dot
  /// The head's hash.
  public let hash: Hash
  /// The segment's line and its changes' lines, as they are offered.
  public let lines: [UInt8]
  /// Why central did not take it, if it was asked.
  public let refused: String?
}

/// What a file keeps of others' words beside its own history: parcels for central and receipts for them. Such tables are
/// made when the first of it comes.
extension Store {
  static let kept = """
    CREATE TABLE IF NOT EXISTS cordee_parcel(id INTEGER PRIMARY KEY, space TEXT NOT NULL, actor BLOB NOT NULL,
      n INTEGER NOT NULL, hash BLOB NOT NULL, lines BLOB NOT NULL, refused TEXT, UNIQUE(space, actor, n)) STRICT;
    CREATE TABLE IF NOT EXISTS cordee_receipt(space TEXT NOT NULL, actor BLOB NOT NULL, n INTEGER NOT NULL,
      hash BLOB NOT NULL, line BLOB NOT NULL, PRIMARY KEY(space, actor)) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cordee_checkpoint(space TEXT NOT NULL, ordinal INTEGER NOT NULL, seq INTEGER NOT NULL,
      instance BLOB NOT NULL, hash BLOB NOT NULL, line BLOB NOT NULL, PRIMARY KEY(space, ordinal)) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cordee_evidence(id INTEGER PRIMARY KEY, at TEXT NOT NULL, space TEXT NOT NULL,
      kind TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL UNIQUE, statements BLOB NOT NULL,
      settled_at TEXT) STRICT;
    """

  /// Whether tables of this kind are here yet; a file opened for reading may lack them.
  func hasKept() throws -> Bool { try hasTable("cordee_evidence") }

  /// Whether the file has a table of this name; one that was found stays.
  ///
  /// - Complexity: O(tables and triggers), each time until it is found.
  func hasTable(_ name: String) throws -> Bool {
    if cache.tables.contains(name) { return true }
    let found =
      try db.first(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", .text(name)
      ) { _ in true } ?? false
    if found { cache.tables.insert(name) }
    return found
  }

  /// Makes them; call inside `write`.
  func prepareKept() throws {
    if try !hasKept() { try db.execute(Store.kept) }
  }

  /// Keeps a segment that somebody brought; call inside `write`.
  ///
  /// - Returns: false when it is held already, or the space's log holds its head.
  /// - Throws: `StoreError` when the parcels would grow beyond `StoreLimits.parcelBytesMax`.
  public func keepParcel(space: String, head: Dot, hash: Hash, lines: [UInt8]) throws -> Bool {
    try prepareKept()
    guard try self.head(of: head.actor, in: space).n < head.n else { return false }
    let isHeld = try db.first(
      "SELECT 1 FROM cordee_parcel WHERE space = ? AND actor = ? AND n = ?", .text(space),
      .blob(head.actor.bytes), .int(head.n)
    ) { _ in true }
    guard isHeld == nil else { return false }
    let bytes = try db.first("SELECT ifnull(sum(length(lines)), 0) FROM cordee_parcel") {
      $0.int(0)
    }
    guard (bytes ?? 0) + lines.count <= StoreLimits.parcelBytesMax else {
      throw StoreError(
        .full, "this replica carries \(bytes ?? 0) bytes of others' changes already",
        hint: "Sync first, so that central takes them.")
    }
    try db.run(
      "INSERT INTO cordee_parcel(space, actor, n, hash, lines) VALUES(?, ?, ?, ?, ?)", .text(space),
      .blob(head.actor.bytes), .int(head.n), .blob(hash.bytes), .blob(lines))
    return true
  }

  /// The next parcels of a space in the order they came, of at most about `bytesMax` bytes together.
  ///
  /// - Parameter all: also those that central refused for good.
  public func parcels(in space: String, after id: Int = 0, bytesMax: Int, all: Bool = false) throws
    -> [Parcel]
  {
    guard try hasKept() else { return [] }
    var parcels: [Parcel] = []
    var bytes = 0
    try db.scan(
      """
      SELECT id, actor, n, hash, lines, refused FROM cordee_parcel WHERE space = ? AND id > ?
        AND (? OR refused IS NULL OR refused = 'author.unknown') ORDER BY id
      """, [.text(space), .int(id), .int(all ? 1 : 0)]
    ) { row in
      guard let actor = ActorID(bytes: row.bytes(1)), let hash = Hash(bytes: row.bytes(3)) else {
        return true
      }
      let lines = row.bytes(4)
      guard parcels.isEmpty || bytes + lines.count <= bytesMax else { return false }
      bytes += lines.count
      parcels.append(
        Parcel(
          id: row.int(0), space: space, head: Dot(actor: actor, n: row.int(2)), hash: hash,
          lines: lines, refused: row.isNull(5) ? nil : row.text(5)))
      return true
    }
    return parcels
  }

  /// How many parcels wait, and how many of them central refused.
  public func parcelCounts() throws -> (waiting: Int, refused: Int) {
    guard try hasKept() else { return (0, 0) }
    return try db.first("SELECT count(*), count(refused) FROM cordee_parcel") {
      ($0.int(0), $0.int(1))
    } ?? (0, 0)
  }

  /// Remembers that central refused a parcel; call inside `write`.
  public func markRefused(_ id: Int, _ code: String) throws {
    try db.run("UPDATE cordee_parcel SET refused = ? WHERE id = ?", .text(code), .int(id))
    guardRows(of: .parcel)
  }

  /// Drops the parcels that the log or a receipt of central's present life covers; call inside `write`.
  ///
  /// What a former life received may be what it forgot.
  ///
  /// - Returns: how many.
  @discardableResult
  public func dropDelivered(in space: String) throws -> Int {
    guard try hasKept() else { return 0 }
    let life = try meta("cursor.\(space)")?.text.flatMap { Cursor($0) }?.instance
    var done: [Int] = []
    let heads = try db.all(
      "SELECT id, actor, n, hash FROM cordee_parcel WHERE space = ?", .text(space)
    ) { ($0.int(0), $0.bytes(1), $0.int(2), $0.bytes(3)) }
    for (id, bytes, n, hash) in heads {
      guard let actor = ActorID(bytes: bytes) else { continue }
      let isLogged = try head(of: actor, in: space).n >= n
      let isReceived = try receipt(of: actor, in: space).map { kept in
        kept.n == n && kept.hash.bytes == hash
          && (try? ReceiptNote.parse(line: kept.line))?.note.instance == life
      }
      if isLogged || isReceived == true { done.append(id) }
    }
    for id in done { try db.run("DELETE FROM cordee_parcel WHERE id = ?", .int(id)) }
    if !done.isEmpty { guardRows(of: .parcel) }
    return done.count
  }

  /// Keeps central's signed receipt, the newest of each author; call inside `write`.
  public func keepReceipt(_ line: [UInt8], head: Dot, hash: Hash, in space: String) throws {
    try prepareKept()
    try db.run(
      """
      INSERT INTO cordee_receipt(space, actor, n, hash, line) VALUES(?, ?, ?, ?, ?)
      ON CONFLICT(space, actor) DO UPDATE SET n = excluded.n, hash = excluded.hash, line = excluded.line
        WHERE excluded.n >= n
      """, .text(space), .blob(head.actor.bytes), .int(head.n), .blob(hash.bytes), .blob(line))
  }

  /// The newest signed receipt for an author's changes.
  public func receipt(of actor: ActorID, in space: String) throws
    -> (n: Int, hash: Hash, line: [UInt8])?
  {
    guard try hasKept() else { return nil }
    return try db.first(
      "SELECT n, hash, line FROM cordee_receipt WHERE space = ? AND actor = ?", .text(space),
      .blob(actor.bytes)
    ) { ($0.int(0), $0.bytes(1), $0.bytes(2)) }.flatMap { n, hash, line in
      Hash(bytes: hash).map { (n, $0, line) }
    }
  }

  /// Every receipt kept of a space, each line once.
  public func receipts(in space: String) throws -> [(actor: ActorID, line: [UInt8])] {
    guard try hasKept() else { return [] }
    return try db.all(
      "SELECT actor, line FROM cordee_receipt WHERE space = ? ORDER BY actor", .text(space)
    ) { ($0.bytes(0), $0.bytes(1)) }.compactMap { bytes, line in
      ActorID(bytes: bytes).map { ($0, line) }
    }
  }

  /// The count before this actor's first change without a verdict, when it has one.
  public func lastJudged(of actor: ActorID, in space: String) throws -> Int? {
    try db.first(
      "SELECT min(n) FROM cordee_change WHERE space = ? AND actor = ? AND state < 2",
      .int(try number(ofName: space)), .int(try number(of: actor))
    ) { $0.isNull(0) ? nil : $0.int(0) - 1 } ?? nil
  }
}

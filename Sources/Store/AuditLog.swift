import Causality
import Changes
import SQLite
import Seal
import Wire

/// One entry of the log as its columns say, nothing decoded.
struct StoredEntry {
  let seq: Int
  let dot: Dot
  let reason: String?
  let logHash: Hash
  let signatures: [UInt8]?
  let header: [UInt8]
  let body: [UInt8]?
  let bodyHash: Hash
  let hash: Hash

  var verdict: Verdict { reason.map { .quarantined(reason: $0) } ?? .applied }
}

/// The log, entry by entry: bytes, chains, signatures.
extension Audit {
  /// Entries replayed in one transaction of the scratch file.
  private static let batch = 5_000

  /// Checks every entry of a space and, when the log is whole, lets it take effect in the scratch file.
  func replay(_ space: String, gap: Gap?) throws {
    chains = [:]
    try replay(space, from: .init(seq: 0, hash: .zero), upTo: gap?.after.seq, gap == nil)
    guard let gap else { return }
    for (dot, hash) in try store.snapshotHeads(of: space) {
      chains[dot.actor] = (dot.n, hash)
    }
    try replay(space, from: gap.upTo, upTo: nil, false)
  }

  /// One unbroken stretch of the log, after `start`.
  private func replay(_ space: String, from start: Gap.Place, upTo end: Int?, _ isWhole: Bool)
    throws
  {
    var place = start
    var unsigned: [ActorID: Int] = [:]
    var isGoingOn = true
    while isGoingOn {
      isGoingOn = false
      try scratch.write {
        var count = 0
        try store.forEachStoredEntry(of: space, after: place.seq) { entry in
          guard entry.seq <= end ?? .max else { return false }
          try take(entry, space, after: place.hash, isWhole, &unsigned)
          place = .init(seq: entry.seq, hash: entry.logHash)
          count += 1
          isGoingOn = count == Self.batch
          return !isGoingOn
        }
      }
    }
    for (actor, n) in unsigned {
      damage("signature.missing", "change \(n) of \(actor) in \(space) is covered by no signature")
    }
  }

  private func take(
    _ entry: StoredEntry, _ space: String, after previous: Hash, _ isWhole: Bool,
    _ unsigned: inout [ActorID: Int]
  ) throws {
    report.changes += 1
    let hash = Store.hash(
      Preimage.log(
        previous: previous, seq: entry.seq, dot: entry.dot, verdict: entry.verdict,
        hash: entry.hash))
    if hash != entry.logHash {
      damage("log.hash", "entry \(entry.seq) of \(space) does not follow the one before it")
    }
    guard let change = checked(entry, space) else { return }
    if isWhole {
      let entry = LogEntry(
        seq: entry.seq, change: change, verdict: entry.verdict, hash: entry.logHash,
        signatures: entry.signatures)
      do {
        try isReplayAlone ? scratch.replay(entry) : scratch.integrate(entry)
      } catch let error as StoreError {
        damage("log.\(error.code.rawValue)", "entry \(entry.seq) of \(space): \(error.message)")
      }
    }
    if isReplayAlone { return }
    unsigned[change.dot.actor] = change.dot.n
    if let raw = entry.signatures {
      unsigned[change.dot.actor] = nil
      try verify(raw, change, space, entry.seq)
    }
  }

  /// The change of an entry, if its bytes, its place and its hash fit each other.
  private func checked(_ entry: StoredEntry, _ space: String) -> Change? {
    let place = "entry \(entry.seq) of \(space)"
    guard let header = try? ChangeDecoding.header(entry.header) else {
      damage("change.header", "\(place) has no readable header")
      return nil
    }
    let chain = chains[entry.dot.actor] ?? (0, .zero)
    guard header.dot == entry.dot, header.space == space, chain.n + 1 == header.dot.n else {
      damage("change.place", "\(place) holds a change of another place")
      return nil
    }
    let bodyHash = entry.body.map { Store.hash(Preimage.body($0)) } ?? entry.bodyHash
    let hash = Store.hash(
      Preimage.change(previous: chain.hash, bodyHash: bodyHash, header: entry.header))
    chains[header.dot.actor] = (header.dot.n, entry.hash)
    guard bodyHash == entry.bodyHash, hash == entry.hash else {
      damage("change.hash", "\(place) is not the change that was signed")
      return nil
    }
    return Change(
      header: header, headerBytes: entry.header, bodyBytes: entry.body, bodyHash: bodyHash,
      hash: hash)
  }

  private func verify(_ raw: [UInt8], _ change: Change, _ space: String, _ seq: Int) throws {
    let message = Preimage.segment(
      network: change.header.network, space: space, head: change.dot, hash: change.hash)
    guard let json = try? JSON.parse(raw), let signatures = try? Signature.list(json),
      let key = try key(of: change.dot.actor.replica),
      signatures.contains(where: {
        $0.key == change.dot.actor.replica && key.verifies($0.value, of: message)
      })
    else {
      return damage("signature.wrong", "entry \(seq) of \(space) is not signed by its author")
    }
    report.signatures += 1
  }

  /// A key that the log enrolled; from the file's own rows where the log is not whole.
  func key(of replica: ReplicaID) throws -> PublicKey? {
    if centralKey.fingerprint == replica.bytes { return centralKey }
    if let known = keys[replica] { return known }
    let row = RowKey(table: "replica", id: replica.description)
    for source in [scratch, store] {
      if let text = try source.state(of: row).shown("key").text,
        let key = Base64URL.decode(text).flatMap({ PublicKey(bytes: $0) }),
        key.fingerprint == replica.bytes
      {
        keys[replica] = key
        return key
      }
    }
    return nil
  }

  /// Own changes that are in no log: each follows the one before it.
  func checkWaiting(_ space: String) throws {
    try scratch.write {
      try scratch.db.execute(Self.waitingTable)
      try checkEachWaiting(space)
    }
  }

  /// Which own changes that wait write a row, so that each row is made of its own alone.
  private static let waitingTable = """
    DROP TABLE IF EXISTS waiting;
    CREATE TABLE waiting(tbl TEXT NOT NULL, id TEXT NOT NULL, actor INTEGER NOT NULL, n INTEGER NOT NULL,
      PRIMARY KEY(tbl, id, actor, n)) STRICT, WITHOUT ROWID;
    """

  private func checkEachWaiting(_ space: String) throws {
    try store.forEachWaiting(in: space) { dot, header, body, bodyHash, hash in
      report.changes += 1
      let chain = chains[dot.actor] ?? (0, .zero)
      let right = Store.hash(
        Preimage.change(previous: chain.hash, bodyHash: bodyHash, header: header))
      chains[dot.actor] = (dot.n, hash)
      guard chain.n + 1 == dot.n, right == hash, Store.hash(Preimage.body(body)) == bodyHash,
        (try? ChangeDecoding.header(header))?.dot == dot,
        let writes = try? ChangeDecoding.body(body).writes
      else {
        return damage("change.hash", "the waiting change \(dot) of \(space) is not what was sealed")
      }
      let actor = try store.number(of: dot.actor)
      for write in writes {
        try scratch.db.run(
          "INSERT INTO waiting(tbl, id, actor, n) VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING",
          .text(write.row.table), .text(write.row.id), .int(actor), .int(dot.n))
      }
    }
  }
}

extension Store {
  /// Gives the entries of a space after `seq` as they are stored, until `body` returns false.
  func forEachStoredEntry(of space: String, after seq: Int, _ body: (StoredEntry) throws -> Bool)
    throws
  {
    try db.scan(
      """
      SELECT l.seq, l.actor, l.n, l.reason, l.hash, l.signatures, c.header, c.body, c.body_hash, c.hash
      FROM cordee_log l LEFT JOIN cordee_change c ON c.space = l.space AND c.actor = l.actor AND c.n = l.n
      WHERE l.space = ? AND l.seq > ? ORDER BY l.seq
      """, [.int(try number(ofName: space)), .int(seq)]
    ) { row in
      try body(
        StoredEntry(
          seq: row.int(0), dot: Dot(actor: try actor(ofNumber: row.int(1)), n: row.int(2)),
          reason: row.isNull(3) ? nil : row.text(3), logHash: Hash(bytes: row.bytes(4)) ?? .zero,
          signatures: row.isNull(5) ? nil : row.bytes(5), header: row.bytes(6),
          body: row.isNull(7) ? nil : row.bytes(7), bodyHash: Hash(bytes: row.bytes(8)) ?? .zero,
          hash: Hash(bytes: row.bytes(9)) ?? .zero))
    }
  }

  /// Gives own changes that are in no log yet as they are stored, author by author, in order.
  func forEachWaiting(
    in space: String, _ body: (Dot, [UInt8], [UInt8], Hash, Hash) throws -> Void
  ) throws {
    try db.scan(
      """
      SELECT actor, n, header, body, body_hash, hash FROM cordee_change WHERE space = ? AND state < 2
      ORDER BY actor, n
      """, [.int(try number(ofName: space))]
    ) { row in
      try body(
        Dot(actor: try actor(ofNumber: row.int(0)), n: row.int(1)), row.bytes(2), row.bytes(3),
        Hash(bytes: row.bytes(4)) ?? .zero, Hash(bytes: row.bytes(5)) ?? .zero)
      return true
    }
  }
}

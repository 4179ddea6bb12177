import Causality
import Changes
import Files
import SQLite
public import Seal
public import Store
import Wire

/// What central's own file holds besides its log, checked with nothing written: segments that wait, the secrets that came
/// with them, and history that members gave back.
///
/// Hashes over their rows stand for invites, devices, queued writes and reports (`GuardedTable`). Nonces are not checked:
/// one that is lost lets a request of the last minutes come twice, which changes nothing.
public struct CentralAudit {
  private let store: Store
  private let key: PublicKey
  private let network: NetworkID
  private let path: String
  private var devices: [ReplicaID: PublicKey] = [:]
  /// What was found, in the order it was met.
  public private(set) var findings: [Finding] = []
  /// Signatures checked.
  public private(set) var signatures = 0

  /// Prepares an audit of a central's file opened for reading.
  ///
  /// - Parameter path: where the file stands of which the store is a copy, since its snapshots are beside it; nil when it is none.
  /// - Throws: `StoreError` when the file is none.
  public init(of store: Store, key: PublicKey, beside path: String? = nil) throws {
    guard case .blob(let bytes)? = try store.meta("network"), let network = NetworkID(bytes: bytes)
    else { throw StoreError(.foreign, "\(store.path) holds no central node") }
    self.store = store
    self.key = key
    self.path = path ?? store.path
    self.network = network
    for (name, bytes) in try store.withConnection({
      try $0.all("SELECT replica, key FROM cordee_member") { ($0.text(0), $0.bytes(1)) }
    }) {
      if let replica = ReplicaID(name), let key = PublicKey(bytes: bytes) { devices[replica] = key }
    }
  }

  /// Looks at everything.
  ///
  /// - Complexity: O(segments that wait + entries offered + bytes of snapshots); memory holds one segment.
  public mutating func run() throws {
    try checkInbox()
    try checkOffered()
    try checkSnapshots()
  }

  /// Each snapshot kept is what central signed; one that a serving node has taken away meanwhile is nobody's any more.
  private mutating func checkSnapshots() throws {
    for space in store.schema.spaces {
      guard let kept = try store.notedSnapshot(of: space, beside: path) else { continue }
      for isPacked in [false, true] {
        let isWhole = kept.isWhole(isPacked: isPacked, key: key, network: network)
        if isWhole {
          signatures += 1
        } else if Files.size(kept.path(isPacked: isPacked)) != nil {
          findings.append(
            Finding(
              .damage, "snapshot.file",
              "the \(isPacked ? "compressed " : "")snapshot kept of \(space) is not the one that was signed",
              advice:
                "Nothing is lost: a node that serves removes it and makes another when somebody asks."
            ))
        }
      }
    }
  }

  private mutating func damage(_ code: String, _ message: String) {
    findings.append(Finding(.damage, code, message))
  }

  /// Each segment is what its author signed, and each secret the one its bodies were sealed with.
  private mutating func checkInbox() throws {
    let ids = try store.withConnection {
      try $0.all("SELECT id FROM cordee_inbox ORDER BY id") { $0.int(0) }
    }
    for id in ids {
      let row = try store.withConnection { connection in
        try connection.first(
          """
          SELECT space, actor, n_from, n_to, previous, head, signatures, lines, runs FROM cordee_inbox WHERE id = ?
          """, .int(id)
        ) { row in
          (
            row.text(0), ActorID(bytes: row.bytes(1)), row.int(2), row.int(3),
            Hash(bytes: row.bytes(4)), Hash(bytes: row.bytes(5)), row.bytes(6), row.bytes(7),
            row.bytes(8)
          )
        }
      }
      guard let (space, actor, from, to, previous, head, signed, lines, runs) = row else {
        continue
      }
      guard let actor, let previous, let head, let json = try? JSON.parse(signed),
        let signatures = try? Signature.list(json),
        isSigned(
          Segment(
            actor: actor, from: from, to: to, previous: previous, head: head,
            signatures: signatures), Lines.split(lines), space)
      else {
        damage(
          "inbox.segment",
          "segment \(id) that waits in \(space) is not what was received; its author sends it again"
        )
        continue
      }
      self.signatures += 1
      check(Run.text(runs), of: Lines.split(lines), from: from, id)
    }
  }

  private func isSigned(_ segment: Segment, _ lines: [[UInt8]], _ space: String) -> Bool {
    let replica = segment.actor.replica
    guard let key = replica.bytes == key.fingerprint ? key : devices[replica] else { return false }
    return
      (try? segment.verify(
        lines, key: key, network: network, space: space, allowsWithheld: true)) != nil
  }

  private mutating func check(_ runs: [Run]?, of lines: [[UInt8]], from: Int, _ id: Int) {
    let isRight = runs?.allSatisfy { run in
      (run.from...run.to).allSatisfy { n in
        guard lines.indices.contains(n - from),
          let line = try? ChangeDecoding.line(lines[n - from])
        else { return false }
        guard let body = try? line.decodedBody() else { return line.bodyBytes == nil }
        return body.key == Run.key(secret: run.secret, n: n)
      }
    }
    if isRight != true {
      damage("inbox.run", "a secret that came with segment \(id) is not the one that was received")
    }
  }

  /// Each entry of the history that members gave back stands under its own hash.
  private mutating func checkOffered() throws {
    var wrong: [Int] = []
    try store.withConnection { connection in
      try connection.scan(
        "SELECT space, hash, previous, seq, actor, n, author_previous, change, has_body, line FROM cordee_offered"
      ) { row in
        guard case .entry(let seq, let line, let verdict, _, _)? = try? LogLine.parse(row.bytes(9)),
          let before = Hash(bytes: row.bytes(6)), let previous = Hash(bytes: row.bytes(2))
        else {
          wrong.append(row.int(3))
          return true
        }
        let change = Store.change(line, previous: before)
        let hash = Store.hash(
          Preimage.log(
            previous: previous, seq: seq, dot: line.header.dot, verdict: verdict, hash: change.hash)
        )
        let isRight =
          line.header.space.hasBytes(of: row.text(0)) && hash.bytes == row.bytes(1)
          && seq == row.int(3) && line.header.dot.actor.bytes == row.bytes(4)
          && line.header.dot.n == row.int(5) && change.hash.bytes == row.bytes(7)
          && (change.bodyBytes != nil) == (row.int(8) == 1)
        if !isRight { wrong.append(seq) }
        return true
      }
    }
    for seq in wrong {
      damage("offered.entry", "an entry \(seq) that a member gave back is not what it gave")
    }
  }
}

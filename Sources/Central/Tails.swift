import Causality
import Changes
import SQLite
import Seal
import Store
public import Wire

/// Log tails that members give back: checked as they come, kept aside until the new life is accepted. `[SP-1203]`
///
/// Kept by the log's hash at each entry, with the hash before it: tails of many members share what they share, and two
/// histories that differ stand side by side.
extension Central {
  /// Takes a piece of a log tail, or answers how far central holds the log.
  ///
  /// The newest checkpoint the member remembers proves a rewind, if there was one. Entries are taken by a restoring central
  /// alone.
  ///
  /// - Throws: `Problem`; then nothing of the piece was kept.
  /// - Complexity: O(entries of the piece).
  public func receiveTail(_ body: [UInt8], from member: Member, space: String, at: String) throws
    -> TailAnswer
  {
    try checkReads(space, by: member)
    try checkDisk(for: body.count)
    var lines = Lines.split(body)[...]
    guard let first = lines.popFirst(),
      let head = try Self.wire({ () throws(WireError) in try TailHead.parse(first) })
    else { throw Problem("tail.shape", status: 400, "the message does not begin with a tail") }
    let checkpoint = try lines.popFirst().map { try verified($0, space: space) }
    if let checkpoint { _ = try noticeRewind(checkpoint, at: at) }
    return try store.write {
      if isRestoring, let checkpoint {
        var piece = TailPiece(central: self, space: space, head: head)
        for line in lines { try piece.take(line) }
        try countOffered(piece.newBytes, by: member.replica)
        try keepTip(checkpoint, offeredBy: member, at: at)
      }
      return TailAnswer(
        instance: instance, isRestoring: isRestoring, common: try common(of: head.marks, space),
        wants: try wants(of: member, in: space))
    }
  }

  private func keepTip(_ checkpoint: Checkpoint, offeredBy member: Member, at: String) throws {
    try remember(life: checkpoint.instance)
    guard try store.logHash(of: checkpoint.space, at: checkpoint.seq) != checkpoint.hash else {
      return
    }
    try store.withConnection {
      try $0.run(
        """
        INSERT INTO cordee_tip(space, hash, seq, at, offered_by) VALUES(?, ?, ?, ?, ?)
        ON CONFLICT(space, hash) DO NOTHING
        """, .text(checkpoint.space), .blob(checkpoint.hash.bytes), .int(checkpoint.seq),
        .text(checkpoint.at), .text(member.replica.description))
    }
    store.guardRows(of: .tip)
  }

  /// The highest of a member's places that this central holds.
  private func common(of marks: [LogPlace], _ space: String) throws -> LogPlace {
    for mark in marks.sorted(by: { $0.seq > $1.seq }) where mark.seq > 0 {
      if try store.logHash(of: space, at: mark.seq) == mark.hash { return mark }
      if isRestoring, try isOfferedWhole(mark.hash, space) { return mark }
    }
    return .start
  }

  /// Whether everything from this central's log up to a place was offered: a member whose history is not whole gives what is
  /// above its gap, too.
  ///
  /// - Complexity: O(entries between).
  private func isOfferedWhole(_ hash: Hash, _ space: String) throws -> Bool {
    let foot = try store.withConnection {
      try $0.first(
        """
        WITH RECURSIVE below(previous, previous_seq) AS (
          SELECT previous, previous_seq FROM cordee_offered WHERE space = ?1 AND hash = ?2
          UNION ALL SELECT o.previous, o.previous_seq FROM below b
            JOIN cordee_offered o ON o.space = ?1 AND o.hash = b.previous)
        SELECT previous, previous_seq FROM below ORDER BY previous_seq LIMIT 1
        """, .text(space), .blob(hash.bytes)
      ) { ($0.bytes(0), $0.int(1)) }
    }
    guard let (previous, seq) = foot else { return false }
    return try store.logHash(of: space, at: seq)?.bytes == previous
  }

  /// Changes of a device that stand in the log, or were offered, without their bodies.
  private func wants(of member: Member, in space: String) throws -> [Dot] {
    guard try wasRestored else { return [] }
    let offered = try store.withConnection { connection in
      try connection.all(
        """
        SELECT actor, n FROM cordee_offered WHERE space = ? AND has_body = 0 AND substr(actor, 1, 16) = ?
        ORDER BY actor, n LIMIT ?
        """, .text(space), .blob(member.replica.bytes), .int(WireLimits.tailWantsMax)
      ) { (ActorID(bytes: $0.bytes(0)), $0.int(1)) }
    }
    let dots = offered.compactMap { actor, n in actor.map { Dot(actor: $0, n: n) } }
    let held = try store.withheld(of: member.replica, in: space, limit: WireLimits.tailWantsMax)
    return Array((dots + held).prefix(WireLimits.tailWantsMax))
  }

  /// Takes bodies that central asked for; one that is not the change's own is passed over.
  public func receiveBodies(_ lines: [[UInt8]], space: String) throws -> Int {
    try store.write {
      var count = 0
      for bytes in lines {
        let line = try Self.wire { () throws(WireError) in try ChangeDecoding.line(bytes) }
        guard let body = line.bodyBytes, line.header.space == space else { continue }
        if try store.fillBody(of: line.header.dot, in: space, header: line.headerBytes, body) {
          count += 1
        } else if try fillOffered(line, body, space) {
          count += 1
        }
      }
      return count
    }
  }

  private func fillOffered(_ line: ChangeDecoding.Line, _ body: [UInt8], _ space: String) throws
    -> Bool
  {
    let rows = try store.withConnection { connection in
      try connection.all(
        "SELECT hash, author_previous, line FROM cordee_offered WHERE space = ? AND actor = ? AND n = ? AND has_body = 0",
        .text(space), .blob(line.header.dot.actor.bytes), .int(line.header.dot.n)
      ) { ($0.bytes(0), $0.bytes(1), $0.bytes(2)) }
    }
    for (hash, previous, kept) in rows {
      guard case .entry(let seq, let old, let verdict, _, let signatures) = try LogLine.parse(kept),
        let before = Hash(bytes: previous), old.headerBytes == line.headerBytes,
        old.bodyHash == Store.hash(Preimage.body(body))
      else { continue }
      let whole = LogLine.entryLine(
        seq: seq, change: Store.change(line, previous: before), verdict: verdict,
        signatures: signatures, withholdsBody: false)
      try store.withConnection {
        try $0.run(
          "UPDATE cordee_offered SET line = ?, has_body = 1 WHERE space = ? AND hash = ?",
          .blob(whole), .text(space), .blob(hash))
      }
      return true
    }
    return false
  }
}

/// One piece of a tail on its way into `cordee_offered`: every hash computed, every signature checked.
private struct TailPiece {
  let central: Central
  let space: String
  let head: TailHead
  /// Bytes that were not here before.
  private(set) var newBytes = 0
  private var place: LogPlace
  private var heads: [ActorID: Hash]

  init(central: Central, space: String, head: TailHead) {
    self.central = central
    self.space = space
    self.head = head
    place = head.after
    heads = head.heads
  }

  mutating func take(_ bytes: [UInt8]) throws {
    let parsed = try Central.wire { () throws(WireError) in try LogLine.parse(bytes) }
    guard case .entry(let seq, let line, let verdict, let signatures, _) = parsed,
      seq > place.seq, line.header.network == central.network, line.header.space == space
    else { throw Problem("tail.order", status: 422, "the tail is out of order after \(place.seq)") }
    let dot = line.header.dot
    let previous = heads[dot.actor] ?? .zero
    guard dot.n == 1 || heads[dot.actor] != nil else {
      throw Problem(
        "tail.heads", status: 422, "the tail does not say what \(dot) follows")
    }
    let change = Store.change(line, previous: previous)
    let hash = Store.hash(
      Preimage.log(
        previous: place.hash, seq: seq, dot: dot, verdict: verdict, hash: change.hash))
    if !signatures.isEmpty { try verify(change, signatures) }
    if dot.actor.replica == central.keyID, !signatures.isEmpty, let body = change.bodyBytes {
      try central.recognise(
        try Central.wire { () throws(WireError) in try ChangeDecoding.body(body) })
    }
    try keep(bytes, change, hash, after: previous, seq: seq)
    heads[dot.actor] = change.hash
    place = LogPlace(seq: seq, hash: hash)
  }

  private func verify(_ change: Change, _ signatures: [Signature]) throws {
    let replica = change.dot.actor.replica
    let message = Preimage.segment(
      network: central.network, space: space, head: change.dot, hash: change.hash)
    let key = replica == central.keyID ? central.publicKey : try central.member(replica)?.key
    guard let key else {
      throw Problem(
        "author.unknown", status: 422, "no enrolled device \(replica)",
        hint:
          "Its enrolment stands in the log of \(central.store.schema.spaces[0]); offer that first.")
    }
    guard signatures.contains(where: { $0.key == replica && key.verifies($0.value, of: message) })
    else {
      throw Problem(
        "segment.signature", status: 422, "the change \(change.dot) is not signed by its author")
    }
  }

  private mutating func keep(
    _ bytes: [UInt8], _ change: Change, _ hash: Hash, after previous: Hash, seq: Int
  ) throws {
    let hasBody: Argument = .bool(change.bodyBytes != nil)
    try central.store.withConnection {
      try $0.run(
        """
        INSERT INTO cordee_offered(space, hash, previous, previous_seq, seq, actor, n, author_previous, change,
          has_body, line) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT(space, hash) DO UPDATE SET has_body = excluded.has_body, line = excluded.line
          WHERE excluded.has_body > cordee_offered.has_body
        """, .text(space), .blob(hash.bytes), .blob(place.hash.bytes), .int(place.seq), .int(seq),
        .blob(change.dot.actor.bytes), .int(change.dot.n), .blob(previous.bytes),
        .blob(change.hash.bytes), hasBody, .blob(bytes))
      if $0.changes > 0 { newBytes += bytes.count }
    }
  }
}

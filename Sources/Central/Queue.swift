package import Causality
import Changes
import Mutants
import SQLite
import Seal
package import Store
import Wire

/// One segment in the inbox, as it is stored.
package struct QueuedSegment: Sendable {
  package let id: Int
  let space: String
  /// The author; nil when the stored bytes are none.
  let actor: ActorID?
  let from: Int
  let to: Int
  let previous: [UInt8]
  let head: [UInt8]
  let signatures: [UInt8]
  /// The runs whose secrets came with it.
  let runs: [Run]

  package init(
    id: Int, space: String, actor: ActorID?, from: Int, to: Int, previous: [UInt8],
    head: [UInt8], signatures: [UInt8], runs: [Run]
  ) {
    (self.id, self.space, self.actor, self.from, self.to) = (id, space, actor, from, to)
    (self.previous, self.head, self.signatures, self.runs) = (previous, head, signatures, runs)
  }

  /// A segment whose turn has come.
  struct Standing {
    let actor: ActorID
    let author: Member
    /// Whether its context names dots that nobody has.
    let claimsTooMuch: Bool
    /// Its changes in their chain; a body that cannot be read is nil.
    let changes: [(change: Change, body: Body?)]
    /// The hash before the first of them.
    let previous: [UInt8]
    /// Verified, over the last of them.
    let signatures: [UInt8]
  }

  /// What becomes of a segment in this round.
  enum Fate {
    /// It comes after these, of which some are not merged yet.
    case waits(for: [Dot])
    /// The log holds it already.
    case isHeld
    /// It can never stand here.
    case aside(reason: String)
    /// Its turn has come.
    case stands(Standing)
    /// Other changes hold the places of these: both have to be kept.
    case parted(Standing)
  }
}

/// What is in the inbox, and what may be taken of it.
extension Central {
  /// `heldHead`'s count, asked once a merge: what is merged was in the inbox before.
  private func heldCount(of actor: ActorID, in space: String) throws -> Int {
    if let known = heldCounts[space]?[actor] { return known }
    let count = try heldHead(of: actor, in: space).n
    heldCounts[space, default: [:]][actor] = count
    return count
  }

  func queuedSegments() throws -> [QueuedSegment] {
    try store.withConnection { connection in
      try connection.all(
        "SELECT id, space, actor, n_from, n_to, previous, head, signatures, runs FROM cordee_inbox ORDER BY id"
      ) { row in
        QueuedSegment(
          id: row.int(0), space: row.text(1), actor: ActorID(bytes: row.bytes(2)),
          from: row.int(3), to: row.int(4), previous: row.bytes(5), head: row.bytes(6),
          signatures: row.bytes(7), runs: Run.list(row.bytes(8)))
      }
    }
  }

  /// Judges a segment's place: its author's chain, its context, and that it is what was received.
  ///
  /// - Parameter freed: what it claims to have seen, but need not wait for.
  func fate(of segment: QueuedSegment, freeOf freed: Set<Dot>) throws -> QueuedSegment.Fate {
    guard let actor = segment.actor else { return .aside(reason: Self.damaged) }
    // Central's own changes of an earlier life come back through the inbox.
    guard let author = try actor.replica == keyID ? ownMember : member(actor.replica) else {
      return .aside(reason: "member.unknown: no such device is enrolled here")
    }
    let head = try store.head(of: actor, in: segment.space)
    if segment.to <= head.n {
      let held = try store.changeHash(Dot(actor: actor, n: segment.to), in: segment.space)
      if held?.bytes == segment.head { return .isHeld }
    }
    let last = Dot(actor: actor, n: segment.to)
    if try secondActor(of: last, segment.head, in: segment.space) != nil { return .isHeld }
    let before = Dot(actor: actor, n: segment.from - 1)
    if try secondActor(of: before, segment.previous, in: segment.space) != nil {
      // What central itself wrote there is written again.
      if actor.replica == keyID { return .aside(reason: Self.strange) }
      return try fateOfFork(segment, by: author, actor, freed)
    }
    if let before = WaitingRule.before(Dot(actor: actor, n: segment.from), head: head.n) {
      return .waits(for: [before])
    }
    guard try (store.changeHash(before, in: segment.space) ?? .zero).bytes == segment.previous
    else {
      return .aside(reason: Self.strange)
    }
    guard let content = try verified[segment] ?? content(of: segment, by: author) else {
      return .aside(reason: Self.damaged)
    }
    let changes = content.changes
    // One cut of a chain may come by push and another by a bundle: they overlap, and agree on what both hold.
    let held = try changes.prefix {
      try $0.change.dot.n <= head.n
        && store.changeHash($0.change.dot, in: segment.space) == $0.change.hash
    }.count
    let news = Array(changes.dropFirst(held))
    guard let first = news.first else { return .isHeld }
    let missing = try missing(of: first.change.header, after: head.context)
      .filter { !freed.contains($0) }
    // What a restore lost may come with another member: then it is waited for.
    let claimsTooMuch =
      try missing.contains { try heldCount(of: $0.actor, in: segment.space) < $0.n }
      && !wasRestored
    let isHasty = mutant(50, "R3: central merges before what an author had seen")
    if !missing.isEmpty, !claimsTooMuch, !isHasty { return .waits(for: missing) }
    let standing = QueuedSegment.Standing(
      actor: actor, author: author, claimsTooMuch: claimsTooMuch, changes: news,
      previous: held > 0 ? changes[held - 1].change.hash.bytes : segment.previous,
      signatures: content.signatures)
    guard first.change.dot.n <= head.n else { return .stands(standing) }
    return news.contains { $0.body == nil }
      ? .aside(reason: "segment.fork: other changes hold these places") : .parted(standing)
  }

  /// A segment that goes on in a chain which parted from the one in the log before.
  private func fateOfFork(
    _ segment: QueuedSegment, by author: Member, _ actor: ActorID, _ freed: Set<Dot>
  ) throws -> QueuedSegment.Fate {
    guard let content = try verified[segment] ?? content(of: segment, by: author) else {
      return .aside(reason: Self.damaged)
    }
    let changes = content.changes
    let held = try changes.prefix {
      try secondActor(of: $0.change.dot, $0.change.hash.bytes, in: segment.space) != nil
    }.count
    let news = Array(changes.dropFirst(held))
    guard let first = news.first else { return .isHeld }
    guard news.allSatisfy({ $0.body != nil }) else { return .aside(reason: Self.damaged) }
    let missing = try missing(of: first.change.header, after: VersionVector())
      .filter { !freed.contains($0) }
    guard try missing.isEmpty || !wasRestored else { return .waits(for: missing) }
    return .parted(
      QueuedSegment.Standing(
        actor: actor, author: author, claimsTooMuch: !missing.isEmpty, changes: news,
        previous: held > 0 ? changes[held - 1].change.hash.bytes : segment.previous,
        signatures: content.signatures))
  }

  private static let strange = "segment.chain: it does not follow what central holds"
  private static let damaged = "segment.damaged: what is stored is not what was received"

  private func lines(of segment: QueuedSegment) throws -> [ChangeDecoding.Line]? {
    let bytes = try store.withConnection {
      try $0.first("SELECT lines FROM cordee_inbox WHERE id = ?", .int(segment.id)) { $0.bytes(0) }
    }
    return try? Lines.split(bytes ?? []).map { try ChangeDecoding.line($0) }
  }

  /// A segment as the inbox holds it, up to its signed head; nil when the bytes are not those that were signed.
  private func content(of segment: QueuedSegment, by author: Member) throws
    -> VerifiedSegments.Content?
  {
    guard let lines = try lines(of: segment), var hash = Hash(bytes: segment.previous) else {
      return nil
    }
    var changes: [(change: Change, body: Body?)] = []
    for line in lines {
      let change = Store.change(line, previous: hash)
      changes.append((change, try? line.decodedBody()))
      hash = change.hash
    }
    guard let actor = segment.actor, lines.count == segment.to - segment.from + 1,
      hash.bytes == segment.head,
      let signatures = try? Signature.list(JSON.parse(segment.signatures))
    else { return nil }
    let message = Preimage.segment(
      network: network, space: segment.space, head: Dot(actor: actor, n: segment.to), hash: hash)
    let isSigned = signatures.contains {
      $0.key == author.replica && author.key.verifies($0.value, of: message)
    }
    return isSigned
      ? VerifiedSegments.Content(changes: changes, signatures: segment.signatures) : nil
  }

  /// The dots of a context that are not merged here, each actor's highest; of a chain of which the rest was declared lost,
  /// the last that came all the same.
  private func missing(of header: Header, after before: VersionVector) throws -> [Dot] {
    let space = header.space
    let missing = try WaitingRule.missing(of: header.context, after: before) {
      try isMerged($0, in: space)
    }
    return try missing.compactMap { dot in
      guard try lostCount(of: dot.actor, in: space) >= dot.n else { return dot }
      let came = Dot(actor: dot.actor, n: try min(dot.n, heldCount(of: dot.actor, in: space)))
      return try isMerged(came, in: space) ? nil : came
    }
  }

  /// The first segments that wait, and for which changes of whom.
  func whatWaits() throws -> [MergeReport.Waiting] {
    try queuedSegments().prefix(MergeReport.itemsMax).compactMap { segment in
      guard let actor = segment.actor else { return nil }
      let head = try store.head(of: actor, in: segment.space)
      var needs: [Dot] = []
      if let before = WaitingRule.before(Dot(actor: actor, n: segment.from), head: head.n) {
        needs = [before]
      } else if let next = try lines(of: segment)?.dropFirst(head.n + 1 - segment.from).first {
        needs = try missing(of: next.header, after: head.context)
      }
      return MergeReport.Waiting(
        change: Dot(actor: actor, n: segment.from), by: try name(of: actor.replica),
        needs: try needs.prefix(MergeReport.itemsMax).map { ($0, try name(of: $0.actor.replica)) })
    }
  }

  /// How a device is called; the beginning of its id when nobody knows it.
  private func name(of replica: ReplicaID) throws -> String {
    if replica == keyID { return "central" }
    return try member(replica)?.name ?? String(replica.description.prefix(8))
  }

  /// Takes a segment out of the inbox.
  func drop(_ segment: QueuedSegment) throws {
    try store.withConnection {
      try $0.run("DELETE FROM cordee_inbox WHERE id = ?", .int(segment.id))
    }
  }

  /// Keeps a segment that can never stand, with the reason, out of the way of all others.
  func set(_ segment: QueuedSegment, aside reason: String, _ report: inout MergeReport) throws {
    try store.withConnection {
      try $0.run(
        """
        INSERT INTO cordee_aside(space, actor, n_from, n_to, reason, lines)
        SELECT space, actor, n_from, n_to, ?, lines FROM cordee_inbox WHERE id = ?
        """, .text(reason), .int(segment.id))
    }
    store.guardRows(of: .aside)
    report.aside.append(
      (
        segment.actor.map { Dot(actor: $0, n: segment.to) }, segment.to - segment.from + 1, reason
      ))
    if let actor = segment.actor, actor.replica == keyID, let lines = try lines(of: segment) {
      if reason == Self.strange, let previous = Hash(bytes: segment.previous) {
        try noteParted(actor, lines, after: previous, in: segment.space)
      }
      try writeAgain(lines, space: segment.space)
    }
    try drop(segment)
  }
}

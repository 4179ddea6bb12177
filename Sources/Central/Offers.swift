public import Causality
import Changes
import SQLite
import Seal
import Store
public import Wire

/// What central says of offered segments, each judged by itself.
public struct OfferAnswer: Sendable {
  /// Segments that are on central's disk, or were before.
  public var receipts: [Receipt] = []
  /// Segments that were not taken: the head's dot, and why.
  public var refused: [(dot: Dot, problem: Problem)] = []
}

/// Others' changes, brought by whoever could reach their author: a bundle from behind a wall, or what a restored central
/// lost. `[SP-712]`
extension Central {
  /// Takes segments of any enrolled authors into the inbox.
  ///
  /// Who carries them does not matter: each is verified by its author's key, and the author's rights count. One that is
  /// refused stops no other.
  ///
  /// - Returns: once all that is not refused is committed with `synchronous=FULL`.
  /// - Throws: `Problem` when the body is not a list of segments; then nothing of it was taken.
  public func receiveOffers(_ body: [UInt8], space: String, at: String) throws -> OfferAnswer {
    guard store.schema.spaces.contains(space) else {
      throw Problem("space.unknown", status: 404, "there is no space of that name")
    }
    try checkDisk(for: body.count)
    let segments = try Self.segments(of: body)
    return try store.write {
      var answer = OfferAnswer()
      for (segment, content) in segments {
        do {
          answer.receipts.append(try offer(segment, content, space: space, at: at))
        } catch let problem as Problem {
          answer.refused.append((Dot(actor: segment.actor, n: segment.to), problem))
          if segment.actor.replica == keyID, problem.code == "segment.fork" {
            try setAside(segment, content.lines, space: space, reason: problem.code)
          }
        }
      }
      return answer
    }
  }

  /// Takes one offered segment; central's own changes of an earlier life come back this way, too.
  private func offer(_ segment: Segment, _ content: SegmentContent, space: String, at: String)
    throws
    -> Receipt
  {
    // A central that forgot takes what others hold of a change: its author can bring the body.
    let wasRestored = try wasRestored
    guard segment.actor.replica == keyID else {
      let author = try author(of: segment, space: space, wasRestored: wasRestored)
      try checkQueue(of: author.replica, adding: content.bytes)
      return try keep(
        segment, content, key: author.key, space: space, at: at, allowsWithheld: wasRestored)
    }
    let receipt = try keep(segment, content, key: publicKey, space: space, at: at)
    for bytes in content.lines {
      let line = try Self.wire { () throws(WireError) in try ChangeDecoding.line(bytes) }
      if let body = line.bodyBytes {
        try forgetQueued(body)
        try recognise(try Self.wire { () throws(WireError) in try ChangeDecoding.body(body) })
      }
    }
    return receipt
  }

  /// Puts a segment that was offered within a log tail into the inbox; false when it may not stand there.
  func keepOffered(_ segment: Segment, _ lines: [[UInt8]], space: String, at: String) throws -> Bool
  {
    do {
      _ = try offer(segment, SegmentContent(lines: lines), space: space, at: at)
      return true
    } catch let problem as Problem {
      try setAside(segment, lines, space: space, reason: "\(problem.code): \(problem.detail)")
      return false
    }
  }

  /// Keeps a segment that cannot stand; what central itself wrote in it is written again.
  private func setAside(_ segment: Segment, _ lines: [[UInt8]], space: String, reason: String)
    throws
  {
    let joined = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
    let isKept = try store.withConnection {
      try $0.first(
        "SELECT 1 FROM cordee_aside WHERE space = ? AND actor = ? AND lines = ?", .text(space),
        .blob(segment.actor.bytes), .blob(joined)
      ) { _ in true }
    }
    guard isKept == nil else { return }
    try store.withConnection {
      try $0.run(
        "INSERT INTO cordee_aside(space, actor, n_from, n_to, reason, lines) VALUES(?, ?, ?, ?, ?, ?)",
        .text(space), .blob(segment.actor.bytes), .int(segment.from), .int(segment.to),
        .text(reason), .blob(joined))
    }
    store.guardRows(of: .aside)
    guard segment.actor.replica == keyID else { return }
    let parsed = try lines.map { bytes in
      try Self.wire { () throws(WireError) in try ChangeDecoding.line(bytes) }
    }
    if reason.hasPrefix("segment.fork") {
      try noteParted(segment.actor, parsed, after: segment.previous, in: space)
    }
    try writeAgain(parsed, space: space)
  }

  /// Central's own writes of an earlier life, whose dot or chain another change holds, under its present actor.
  ///
  /// A rewound central used its actor twice. What is known already is not written again.
  func writeAgain(_ lines: [ChangeDecoding.Line], space: String) throws {
    for bytes in lines.compactMap(\.bodyBytes) {
      let body = try ChangeDecoding.body(bytes)
      try recognise(body)
      let news = try body.writes.compactMap { write -> Write? in
        guard case .insert = write.verb else { return write }
        guard try !isMade(write.row) else { return nil }
        guard write.row.table == "replica" else { return write }
        // As it stands by now: it may have been shut out since.
        return try ReplicaID(write.row.id).flatMap(member).map(Self.enrolling) ?? write
      }
      if !news.isEmpty { try queue(news, space: space, at: body.at) }
    }
  }

  /// The enrolled author of a segment, who may write in the space.
  ///
  /// After a restore a revoked device's changes are taken as well: the merge quarantines them, and what others wrote having
  /// seen them goes on.
  private func author(of segment: Segment, space: String, wasRestored: Bool) throws -> Member {
    guard let author = try member(segment.actor.replica) else {
      throw Problem(
        "author.unknown", status: 422, "no enrolled device \(segment.actor.replica)",
        hint: "Its author has to join first.")
    }
    guard author.revokedAt == nil || wasRestored else {
      throw Problem(
        "member.revoked", status: 403, "the device \(author.replica) was revoked",
        hint: "Its author can join anew with --adopt.")
    }
    guard store.schema.role(author.role)?.writes.contains(space) == true else {
      throw Problem(
        "space.forbidden", status: 403, "the role \(author.role) may not write in \(space)")
    }
    return author
  }
}

extension Central {
  /// The answer to a push or an offer: a signed receipt for what is on disk, and what is not. `[SP-709]`
  func signedReceipt(
    for receipts: [Receipt], refused: [(dot: Dot, problem: Problem)] = [], space: String, at: String
  ) -> [UInt8] {
    let note = ReceiptNote(
      network: network, instance: instance, space: space, at: at,
      heads: receipts.map { .init(dot: Dot(actor: $0.actor, n: $0.n), hash: $0.hash) })
    let signature = Signature(key: keyID, value: key.sign(Preimage.receipt(note.bytes)))
    var line = note.line(signatures: [signature])
    guard !refused.isEmpty else { return line }
    let list = JSON.array(
      refused.map {
        .object([
          ("actor", .string($0.dot.actor.description)), ("n", .integer(Int64($0.dot.n))),
          ("code", .string($0.problem.code)), ("detail", .string($0.problem.detail)),
          ("hint", .string($0.problem.hint)),
        ])
      })
    line.removeLast()
    return line + Array(",\"refused\":".utf8) + list.bytes() + [UInt8(ascii: "}")]
  }
}

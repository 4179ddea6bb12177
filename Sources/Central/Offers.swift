public import Causality
import Changes
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
          let author = try author(of: segment, space: space)
          try checkQueue(of: author.replica, adding: content.bytes)
          answer.receipts.append(try keep(segment, content, key: author.key, space: space, at: at))
        } catch let problem as Problem {
          answer.refused.append((Dot(actor: segment.actor, n: segment.to), problem))
        }
      }
      return answer
    }
  }

  /// The enrolled author of a segment, who may write in the space.
  private func author(of segment: Segment, space: String) throws -> Member {
    guard let author = try member(segment.actor.replica) else {
      throw Problem(
        "author.unknown", status: 422, "no enrolled device \(segment.actor.replica)",
        hint: "Its author has to join first.")
    }
    guard author.revokedAt == nil else {
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

import Causality
import Changes
import SQLite
import Seal
import Store
import Wire

/// Bundles for and from members who cannot reach central: what its keeper asks, piece by piece. `[SP-1508]`
extension Central {
  /// Bytes after which a piece of the log for a bundle is cut.
  private static let pieceBytes = 1024 * 1024

  /// What a bundle for a device begins with: its spaces with their cursors, and receipts for what is held of it.
  ///
  /// - Throws: `Problem` `central.restoring`, as for a pull, while the new life is not accepted.
  func bundleHead(_ request: JSON, at: String) throws -> JSON {
    try checkServes()
    let reader = try reader(of: request)
    let since = Int(request["since"]?.integer ?? 0)
    let spaces = store.schema.role(reader.role)?.reads ?? []
    return .object([
      ("network", .string(network.description)), ("maker", .string(keyID.description)),
      ("for", .string(reader.replica.description)),
      ("lives", .string(String(decoding: try signedLives(), as: UTF8.self))),
      (
        "sections",
        .array(
          try spaces.map { space in
            let end = try store.logEnd(of: space)
            let from = try store.place(of: space, atOrBefore: min(since, end.seq))
            let receipts = try heldHeads(of: reader.replica, in: space)
            let line =
              receipts.isEmpty ? [] : signedReceipt(for: receipts, space: space, at: at)
            return .object([
              ("space", .string(space)), ("after", .integer(Int64(from.seq))),
              ("from", .string(Cursor(instance: instance, seq: from.seq, hash: from.hash).text)),
              ("to", .string(Cursor(instance: instance, seq: end.seq, hash: end.hash).text)),
              ("receipt", .string(String(decoding: line, as: UTF8.self))),
            ])
          })
      ),
    ])
  }

  /// The log after a place, as a pull of the device would give it.
  func bundlePiece(_ request: JSON) throws -> JSON {
    try checkServes()
    let reader = try reader(of: request)
    guard let space = request["space"]?.string, let after = request["after"]?.integer, after >= 0
    else { throw Problem("bundle.shape", status: 422, "a piece needs a space and a place") }
    let piece = try logPiece(
      of: space, after: Int(after), for: reader, bytesMax: Self.pieceBytes)
    return .object([("lines", .string(String(decoding: piece, as: UTF8.self)))])
  }

  /// Segments out of a bundle, into the inbox.
  func bundleOffer(_ request: JSON, at: String) throws -> JSON {
    guard let space = request["space"]?.string, let lines = request["lines"]?.string else {
      throw Problem("bundle.shape", status: 422, "an offer needs a space and lines")
    }
    let answer = try receiveOffers(Array(lines.utf8), space: space, at: at)
    return try JSON.parse(
      signedReceipt(for: answer.receipts, refused: answer.refused, space: space, at: at))
  }

  /// The signed list of lives, by which a member of an earlier one goes over; empty while there was only one. `[SP-1509]`
  private func signedLives() throws -> [UInt8] {
    let lives = try starts()
    guard lives.count > 1 else { return [] }
    let note = LivesNote(network: network, lives: lives)
    return note.line(
      signatures: [Signature(key: keyID, value: key.sign(Preimage.lives(note.bytes)))])
  }

  private func reader(of request: JSON) throws -> Member {
    guard let member = try member(member(named: request["for"]?.string ?? "")),
      member.revokedAt == nil
    else { throw Problem("member.revoked", status: 422, "this device was revoked") }
    return member
  }

  /// The heads held of all a device's actors, merged or in the inbox.
  private func heldHeads(of replica: ReplicaID, in space: String) throws -> [Receipt] {
    var actors = Set(try store.known(in: space).entries.map(\.actor))
    let waiting = try store.withConnection {
      try $0.all("SELECT DISTINCT actor FROM cordee_inbox WHERE space = ?", .text(space)) {
        $0.bytes(0)
      }
    }
    actors.formUnion(waiting.compactMap { ActorID(bytes: $0) })
    return try actors.filter { $0.replica == replica }.sorted().compactMap { actor in
      let head = try heldHead(of: actor, in: space)
      return head.n > 0 ? Receipt(actor: actor, n: head.n, hash: head.hash) : nil
    }
  }
}

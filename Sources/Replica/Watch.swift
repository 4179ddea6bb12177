import Causality
import Changes
import Mutants
import Seal
import Store
import Wire

/// What central says, held against what it said before. Nothing of an answer that does not fit is applied.
extension Replica {
  /// Keeps a suspicion and gives the error to throw.
  func suspect(
    _ code: String, _ space: String, at: String, _ message: String, _ statements: [[UInt8]] = []
  ) throws -> SyncError {
    try accuse(.suspicion, code, space, at: at, message, statements)
  }

  /// Keeps evidence with the checkpoint held here, and gives the error to throw.
  private func accuse(
    _ kind: Evidence.Kind, _ code: String, _ space: String, at: String, _ message: String,
    _ statements: [[UInt8]]
  ) throws -> SyncError {
    let own = try heldCheckpoint(of: space).map { [$0] } ?? []
    try store.write {
      try store.keep(
        Evidence(
          at: at, space: space, kind: kind, code: code, message: message,
          statements: own + statements))
    }
    return SyncError(
      code, message,
      hint:
        "Nothing of it was taken. Sync again; if it stays, give the secretariat what `cordee evidence` writes."
    )
  }

  /// The checkpoint at the cursor, as it came.
  func heldCheckpoint(of space: String) throws -> [UInt8]? {
    if case .blob(let line)? = try store.meta("checkpoint.\(space)"), !line.isEmpty {
      line
    } else {
      nil
    }
  }

  /// A log that did not fit while it was read: proof when the checkpoint is central's and names another hash for a place
  /// that this file holds under a checkpoint of central; else a suspicion.
  func unfit(
    _ error: SyncError, _ verification: Verification, _ last: [UInt8], _ start: Cursor,
    _ space: String, at: String
  ) throws -> SyncError {
    if let checkpoint = verification.signedCheckpoint,
      let split = try split(of: checkpoint, line: last, at: at)
    {
      return split
    }
    return try suspect(
      error.code, space, at: at, "\(error.message) (after entry \(start.seq) of \(space))", [last])
  }

  /// The log's hash at a place held here: of an entry, or where a snapshot stood.
  func heldHash(of space: String, at seq: Int) throws -> Hash? {
    if let gap = try store.gap(in: space), gap.upTo.seq == seq { return gap.upTo.hash }
    return try store.logHash(of: space, at: seq)
  }

  /// Central's word on a place that this file holds with another hash.
  ///
  /// - Returns: the error to throw, its proof kept; nil when the two agree or cannot be compared.
  func split(of checkpoint: Checkpoint, line: [UInt8], at: String) throws -> SyncError? {
    let space = checkpoint.space
    let cursor = try cursor(of: space)
    guard checkpoint.instance == cursor.instance, checkpoint.seq <= cursor.seq else { return nil }
    let kept = try store.checkpoints(of: space)
    let same = kept.last {
      $0.checkpoint.instance == cursor.instance && $0.checkpoint.seq == checkpoint.seq
    }
    let isHeld = try store.gap(in: space).map { checkpoint.seq >= $0.upTo.seq } ?? true
    let ours = try same?.checkpoint.hash ?? heldHash(of: space, at: checkpoint.seq)
    guard ours != checkpoint.hash, isHeld || same != nil else { return nil }
    // The nearest signed word at or after the place, from which the log here leads back to it.
    let witness = same?.line ?? kept.first { $0.checkpoint.seq >= checkpoint.seq }?.line
    return try accuse(
      .proof, "checkpoint.split", space, at: at,
      "central signed two histories of \(space): they differ at entry \(checkpoint.seq)",
      (witness.map { [$0] } ?? []) + [line])
  }

  /// A log with central's checkpoint that is not the one held here.
  func forkedBundle(_ checkpoint: Checkpoint, line: [UInt8], at: String) throws -> SyncError {
    if let split = try split(of: checkpoint, line: line, at: at) { return split }
    return try accuse(
      .proof, "checkpoint.split", checkpoint.space, at: at,
      "central signed two histories of \(checkpoint.space): they differ before entry \(checkpoint.seq)",
      [line])
  }

  /// A log that central signed, in which something is not its author's: proof, but for signatures.
  ///
  /// No hash covers these, so that whoever holds the line can spoil them. The next good contact tells whether central signed
  /// another log (`compareDoubted`).
  func forged(
    _ error: any Error, by last: [UInt8], _ verification: Verification, _ space: String, at: String
  ) throws -> any Error {
    // A twin of this file, not central, may have written under this file's name.
    if case .entry(_, let change, _, _, _)? = try? LogLine.parse(last),
      change.header.dot.actor.replica == identity.actor.replica
    {
      return error
    }
    let message: String
    switch error {
    // The first space's log may have grown since it was read: no proof of anything.
    case let error as SyncError where error.code == "log.key": return error
    case let error as SyncError where error.code.hasPrefix("log."): message = error.message
    case let error as StoreError where [.chain, .gap].contains(error.code): message = error.message
    default: return error
    }
    let isOfSignatures = ["log.signature", "log.incomplete"].contains((error as? SyncError)?.code)
    return try accuse(
      isOfSignatures ? .suspicion : .proof, "log.forged", space, at: at,
      "central signed a log of \(space) in which \(message)",
      [last] + (verification.checkpoint.map { [$0] } ?? []))
  }

  /// Holds central's checkpoints over logs that could not be taken against the log that was taken since: a proof where they
  /// differ.
  ///
  /// - Returns: whether all could be compared.
  func compareDoubted(in space: String, at: String) throws -> Bool {
    let cursor = try cursor(of: space)
    var isDone = true
    for doubt in try store.evidence()
    where doubt.settledAt == nil && doubt.code == "log.forged" && doubt.space.hasBytes(of: space) {
      for line in doubt.statements {
        guard case .checkpoint(_, let checkpoint, _)? = try? LogLine.parse(line),
          checkpoint.instance == cursor.instance
        else { continue }
        if checkpoint.seq > cursor.seq { isDone = false }
        _ = try split(of: checkpoint, line: line, at: at)
      }
    }
    return isDone
  }

  /// A cursor that central gave in this very life, and does not know: kept, whether or not members' logs heal it.
  func watchRewind(_ hello: Hello, _ answer: HelloAnswer, at: String) throws {
    for space in hello.spaces where answer.instance == space.cursor.instance {
      guard let central = answer.spaces.first(where: { $0.name == space.name }),
        !central.knowsCursor
      else { continue }
      _ = try suspect(
        "log.rewound", space.name, at: at,
        "central's log of \(space.name) does not hold entry \(space.cursor.seq), which it signed",
        [answer.bytes])
    }
  }

  /// Compares hello's answer with what central promised before.
  ///
  /// That the log ends too early was hello's word alone: hello's word settles it, be there anything to pull or not.
  ///
  /// - Throws: `SyncError` `log.shortened` when central knows this cursor, but says that its log ends before it.
  func watch(_ hello: Hello, _ answer: HelloAnswer, _ glance: Glance, at: String) throws {
    for space in hello.spaces {
      guard let central = answer.spaces.first(where: { $0.name == space.name }),
        answer.instance == space.cursor.instance, central.knowsCursor
      else { continue }
      guard central.seq >= space.cursor.seq else {
        throw try suspect(
          "log.shortened", space.name, at: at,
          "central says that its log of \(space.name) ends at \(central.seq), but signed entry \(space.cursor.seq)",
          [answer.bytes])
      }
      if glance.shortened.contains(space.name) {
        try store.write { try store.settle("log.shortened", in: space.name, at: at) }
      }
      if let promise = glance.promises[space.name] {
        try watch(promise, of: space.name, central, answer, at: at)
      }
    }
  }

  /// A change with a signed receipt that central does not know any more.
  ///
  /// Its author sends it again; nothing is lost.
  private func watch(
    _ promise: Glance.Promise, of space: String, _ central: HelloAnswer.Space,
    _ answer: HelloAnswer, at: String
  ) throws {
    guard let note = try? ReceiptNote.parse(line: promise.line).note,
      note.instance == answer.instance
    else { return }
    guard central.heldN < promise.n else {
      if promise.isDoubted {
        try store.write { try store.settle("receipt.broken", in: space, at: at) }
      }
      return
    }
    _ = try suspect(
      "receipt.broken", space, at: at,
      "central signed a receipt for change \(promise.n) of \(space), and does not know it any more",
      [promise.line, answer.bytes])
  }

  /// Central holds less than it said before: what is above waits to be sent again.
  func forgetReceived(above held: Int, in space: String) throws {
    guard try store.received(of: identity.actor, in: space) > held else { return }
    try store.write { try store.markReceived(identity.actor, upTo: held, in: space) }
  }

  /// Has central sign for changes that hello says it holds, where no signed word of it says so yet: the reply to a push
  /// was lost, or hello does not tell the truth.
  ///
  /// The last of them is sent once more; its receipt covers all below it.
  func askForReceipt(
    of n: Int, in space: String, at: String, _ line: Line, _ report: inout SyncReport
  ) throws {
    let actor = identity.actor
    guard let judged = try store.lastJudged(of: actor, in: space), judged < n else { return }
    guard try store.receipt(of: actor, in: space)?.n ?? 0 < n else {
      guard try store.received(of: actor, in: space) < n else { return }
      return try store.write { try store.markReceived(actor, upTo: n, in: space) }
    }
    _ = try pushIfAllowed(space, after: n - 1, at: at, line, &report)
  }

  /// Checks the answer to a push or an offer, keeps its receipt and marks what was refused.
  ///
  /// - Parameter sent: the heads that were sent, with their hashes.
  /// - Returns: the heads that central has on its disk.
  /// - Throws: `SyncError` `receipt.missing` unless every head that was sent is received or refused.
  func takeReceipt(
    _ answer: [UInt8], for sent: [Dot: Hash], in space: String, at: String, upTo reached: Int? = nil
  ) throws -> [Dot: String] {
    let missing = { (why: String) throws -> SyncError in
      try self.suspect(
        "receipt.missing", space, at: at, "central took changes of \(space), but \(why)", [answer])
    }
    guard let (note, signed, signatures) = try? ReceiptNote.parse(line: answer),
      let json = try? JSON.parse(answer)
    else { throw try missing("gave no receipt") }
    let message = Preimage.receipt(signed)
    guard note.network == identity.network, note.space.hasBytes(of: space),
      signatures.contains(where: { identity.centralKey.verifies($0.value, of: message) })
    else { throw try missing("its receipt is not signed by it") }
    var refused: [Dot: String] = [:]
    for item in json["refused"]?.array ?? [] {
      guard let actor = item["actor"]?.string.flatMap({ ActorID($0) }), let n = item["n"]?.integer,
        n > 0
      else { continue }
      refused[Dot(actor: actor, n: Int(n))] = item["code"]?.string ?? "refused"
    }
    let heads = Dictionary(note.heads.map { ($0.dot, $0.hash) }, uniquingKeysWith: { $1 })
    for (dot, hash) in sent where heads[dot] != hash && refused[dot] == nil {
      if mutant(41, "R8: nobody asks for a receipt") { continue }
      throw try missing("gave no receipt for change \(dot)")
    }
    let line = note.line(signatures: signatures)
    try store.write {
      for (dot, hash) in heads where sent[dot] == hash {
        try store.keepReceipt(line, head: dot, hash: hash, in: space)
      }
      if let reached, refused[Dot(actor: identity.actor, n: reached)] == nil {
        try store.markReceived(identity.actor, upTo: reached, in: space)
      }
    }
    return refused
  }
}

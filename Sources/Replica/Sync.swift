import Causality
import Changes
import HTTP
import Seal
import Session
import Store
import Wire

/// What one sync did.
public struct SyncReport: Sendable {
  /// Changes made of edits by other programs.
  public var sealed = 0
  /// Changes central received.
  public var pushed = 0
  /// Log entries taken.
  public var pulled = 0
  /// Own changes that were refused, with central's reason.
  public var refused: [String] = []
}

/// One conversation: hello, push, pull.
extension Replica {
  /// Syncs once.
  ///
  /// - Parameters:
  ///   - now: Unix seconds.
  ///   - at: the same as a label, RFC 3339.
  /// - Throws: `SyncError`, `HTTPFailure`; everything written before stays, and the next sync goes on from there.
  /// - Complexity: linear in the difference, whatever the registry's size.
  public func sync(now: Int64, at: String) throws -> SyncReport {
    var report = SyncReport()
    let author = Author(network: identity.network, actor: identity.actor, at: at)
    report.sealed = try store.write { try store.seal(as: author) }
    let hello = try hello()
    let answer = try HelloAnswer.parse(
      try send("POST", "/v1/hello", hello.bytes, now: now).bytes)
    let steps = try Plan.steps(hello, answer) { space, n in
      try store.changeHash(Dot(actor: identity.actor, n: n), in: space)
    }
    for step in steps {
      switch step {
      case .push(let space, let held):
        try store.write { try store.markReceived(identity.actor, upTo: held, in: space) }
        report.pushed += try push(space, after: held, now: now)
      case .received(let space, let n):
        try store.write { try store.markReceived(identity.actor, upTo: n, in: space) }
      case .pull(let space, _): try pull(space, author: author, now: now, &report)
      case .stop(let reason): throw SyncError(reason.rawValue, Self.explanation(of: reason))
      }
    }
    return report
  }

  /// The cursor of a space.
  func cursor(of space: String) throws -> Cursor {
    guard let cursor = try store.meta("cursor.\(space)")?.text.flatMap({ Cursor($0) }) else {
      throw SyncError("replica.damaged", "\(store.path) has lost its place in \(space)")
    }
    return cursor
  }

  private func hello() throws -> Hello {
    Hello(
      actor: identity.actor,
      spaces: try identity.spaces.map { space in
        let head = try store.head(of: identity.actor, in: space)
        return Hello.Space(name: space, n: head.n, hash: head.hash, cursor: try cursor(of: space))
      })
  }

  private func send(_ method: String, _ target: String, _ body: [UInt8] = [], now: Int64) throws
    -> Response
  {
    try Self.ask(
      Request(method: method, origin: identity.origin, target: target, body: body), key: key,
      now: now,
      exchange: exchange)
  }

  /// Sends the changes above `n` in whole signed segments, cut at contexts and at the limits.
  private func push(_ space: String, after n: Int, now: Int64) throws -> Int {
    let changes = try store.ownChanges(of: identity.actor, in: space, after: n)
    var previous = try store.changeHash(Dot(actor: identity.actor, n: n), in: space) ?? .zero
    var start = 0
    while start < changes.count {
      var end = start + 1
      var size = ChangeEncoding.line(of: changes[start]).count
      while end < changes.count, changes[end].header.context.isEmpty,
        end - start < ChangeLimits.segmentChangesMax
      {
        let line = ChangeEncoding.line(of: changes[end]).count + 1
        if size + line > 900_000 { break }
        size += line
        end += 1
      }
      let run = changes[start..<end]
      let head = changes[end - 1]
      let message = Preimage.segment(
        network: identity.network, space: space, head: head.dot, hash: head.hash)
      let segment = Segment(
        actor: identity.actor, from: changes[start].dot.n, to: head.dot.n, previous: previous,
        head: head.hash,
        signatures: [Signature(key: identity.actor.replica, value: key.sign(message))])
      let lines = [segment.line] + run.map(ChangeEncoding.line)
      _ = try send(
        "POST", "/v1/spaces/\(space)/changes", Array(lines.joined(separator: [UInt8(ascii: "\n")])),
        now: now)
      try store.write { try store.markReceived(identity.actor, upTo: head.dot.n, in: space) }
      previous = head.hash
      start = end
    }
    return changes.count
  }

  /// Downloads up to a checkpoint, then takes all of it in one transaction.
  private func pull(_ space: String, author: Author, now: Int64, _ report: inout SyncReport) throws
  {
    var verification = Verification(
      store: store, identity: identity, space: space, cursor: try cursor(of: space))
    var entries: [LogEntry] = []
    while !verification.isComplete {
      let piece = try send(
        "GET", "/v1/spaces/\(space)/log?after=\(verification.cursor.text)", now: now
      ).bytes
      if piece.isEmpty { return }
      for bytes in Lines.split(piece) {
        if let entry = try verification.entry(try LogLine.parse(bytes)) { entries.append(entry) }
      }
    }
    try store.write {
      try store.seal(as: author)
      for entry in entries {
        try store.integrate(entry)
        try verification.verifySignature(of: entry)
        report.pulled += 1
        if case .quarantined(let reason) = entry.verdict, entry.change.dot.actor == identity.actor {
          report.refused.append(reason)
        }
      }
      try store.setMeta("cursor.\(space)", .text(try verification.finish().text))
    }
  }

  private static func explanation(of reason: Step.Reason) -> String {
    switch reason {
    case .forked: "central holds changes that this file does not: it is an old copy"
    case .newInstance: "central was restored and lives another life"
    case .rewound: "central's log does not hold what it gave before"
    }
  }
}

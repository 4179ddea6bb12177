import Causality
import Changes
import SQLite
import Seal
import Store
import Wire

/// One dot that met with two hashes: both edits are kept.
extension Central {
  /// Gives changes whose places others hold places of their own, as central's changes that name them.
  ///
  /// What central accepts fits the chains it holds, so that this is for what met some other way. Each edit drops only what its
  /// author had seen: it stands under an actor of its own, whose context is the author's. The author's rights count. What
  /// follows in the same chain later goes on under that actor.
  func keepBoth(
    _ segment: QueuedSegment, _ parted: QueuedSegment.Standing, _ report: inout MergeReport
  ) throws {
    guard let first = parted.changes.first?.change.dot else { return }
    let common = Dot(actor: parted.actor, n: first.n - 1)
    let second: ActorID
    var context: VersionVector
    if let known = try secondActor(of: common, parted.previous, in: segment.space) {
      second = known
      context = try store.head(of: second, in: segment.space).context
    } else {
      second = ActorID(replica: keyID, epoch: Randomness.uint64())
      context = common.n > 0 ? try store.context(at: common, in: segment.space) : VersionVector()
      context.raise(common.actor, to: common.n)
    }
    for (change, body) in parted.changes {
      guard let body else { continue }
      context.merge(change.header.context)
      let head = try store.head(of: second, in: segment.space)
      let kept = Store.change(
        Header(
          network: network, space: segment.space, dot: Dot(actor: second, n: head.n + 1),
          context: context.exceeding(head.context)),
        Body(key: Randomness.bytes(16), at: body.at, was: change.dot, writes: body.writes),
        previous: head.hash)
      let reason =
        parted.claimsTooMuch
        ? "context.unknown: claims what it cannot have seen"
        : try objection(to: change, body, by: parted.author)
      try appendOwn(kept, reason.map { Verdict.quarantined(reason: $0) } ?? .applied)
      report.twins.append((change.dot, kept.dot))
      if let reason {
        report.quarantined.append((kept.dot, parted.author.name, reason))
      } else {
        report.applied += 1
      }
    }
    try store.withConnection { connection in
      for (change, _) in parted.changes {
        try connection.run(
          "INSERT INTO cordee_fork(space, actor, n, hash, second) VALUES(?, ?, ?, ?, ?)",
          .text(segment.space), .blob(parted.actor.bytes), .int(change.dot.n),
          .blob(change.hash.bytes), .blob(second.bytes))
      }
    }
    store.guardRows(of: .fork)
    try drop(segment)
  }

  /// Remembers changes of central's own that parted from its chain and are written again: what follows them is known by it.
  func noteParted(
    _ actor: ActorID, _ lines: [ChangeDecoding.Line], after previous: Hash, in space: String
  ) throws {
    var hash = previous
    for line in lines {
      hash = Store.change(line, previous: hash).hash
      try store.withConnection {
        try $0.run(
          """
          INSERT INTO cordee_fork(space, actor, n, hash, second) VALUES(?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
          """, .text(space), .blob(actor.bytes), .int(line.header.dot.n), .blob(hash.bytes),
          .blob(self.actor.bytes))
      }
    }
    store.guardRows(of: .fork)
  }

  /// The actor under which a change of a parted chain stands.
  func secondActor(of dot: Dot, _ hash: [UInt8], in space: String) throws -> ActorID? {
    try store.withConnection {
      try $0.first(
        "SELECT second FROM cordee_fork WHERE space = ? AND actor = ? AND n = ? AND hash = ?",
        .text(space), .blob(dot.actor.bytes), .int(dot.n), .blob(hash)
      ) { $0.bytes(0) }
    }.flatMap { ActorID(bytes: $0) }
  }
}

import Causality
import Changes
import HTTP
import Seal
import Session
public import Store
import Wire

/// What one sync did.
public struct SyncReport: Sendable {
  /// Changes made of edits by other programs.
  public var sealed = 0
  /// Changes central received.
  public var pushed = 0
  /// Segments of others that bundles brought here and central has now.
  public var carried = 0
  /// Log entries taken.
  public var pulled = 0
  /// Rows that came by a snapshot.
  public var snapshotRows = 0
  /// Log entries of older history taken.
  public var history = 0
  /// Edited rows that no change can carry.
  public var heldBack: [HeldBack] = []
  /// Own changes that were refused, with central's reason.
  public var refused: [String] = []
  /// Log entries given back to a restored central, and changes offered to it again.
  public var offered = 0
  /// Whether central was restored and gives no log until it is accepted.
  public var isCentralRestoring = false
  /// What happened beyond the usual, in words.
  public var notes: [String] = []
  /// The epoch that began, when the file turned out to be a copy or an old state.
  public var epoch: Epoch?
}

/// One conversation: hello, push, snapshot, pull, history.
extension Replica {
  /// Syncs once.
  ///
  /// - Parameters:
  ///   - now: Unix seconds, asked before each request.
  ///   - at: the time as a label, RFC 3339.
  ///   - fetchesHistory: whether history older than a snapshot is fetched, too.
  /// One conversation at a time speaks for a replica; another waits as long as the patience allows.
  ///
  /// - Throws: `SyncError`, `HTTPFailure`; everything written before stays, and the next sync goes on from there.
  /// - Complexity: linear in the difference, whatever the registry's size; memory stays flat.
  public func sync(
    now: @autoclosure @escaping () -> Int64, at: String, fetchesHistory: Bool = true
  ) throws -> SyncReport {
    let line = Line(
      key: key, exchange: exchange, origin: identity.origin, patience: patience, now: now,
      observe: observe)
    return try Conversation.alone(store.path, patience) {
      try rereadingIdentity { try syncAlone(line, at: at, fetchesHistory: fetchesHistory) }
    }
  }

  private func syncAlone(_ line: Line, at: String, fetchesHistory: Bool) throws -> SyncReport {
    var report = SyncReport()
    let hello = try store.write {
      try readIdentity()
      report.sealed = try store.seal(as: author(at: at))
      return try self.hello()
    }
    do {
      try converse(hello, line, at: at, &report)
    } catch  where Self.mayShowFork(error) {
      // A twin may have been faster between hello and what followed; hello tells.
      let hello = try self.hello()
      guard try isForked(hello, ask(hello, line)) else { throw error }
      try converse(hello, line, at: at, &report)
    }
    report.heldBack = store.heldBack
    if fetchesHistory, !report.isCentralRestoring {
      let behind = try store.read { try identity.spaces.filter { try store.gap(in: $0) != nil } }
      for space in behind { report.history += try fetchHistory(of: space, at: at, line) }
    }
    return report
  }

  private func converse(
    _ first: Hello, _ line: Line, at: String, _ report: inout SyncReport
  ) throws {
    var hello = first
    var answer = try greet(hello, line)
    try watchRewind(hello, answer, at: at)
    if Plan.meetsAnotherLife(hello, answer) {
      report.isCentralRestoring = try heal(hello, answer, at: at, line, &report)
      hello = try self.hello()
      answer = try ask(hello, line, takesLogs: true)
    }
    var glance = try glance(hello, answer)
    if report.isCentralRestoring || !glance.isUsual {
      for space in identity.spaces {
        report.offered += try offerAgain(space, at: at, line, &report)
      }
      if report.isCentralRestoring { return try pushAlone(answer, at: at, line, &report) }
      if let epoch = try beginEpochIfDue(hello, answer, at: at, line) {
        report.epoch = epoch
        hello = try self.hello()
        answer = try ask(hello, line, takesLogs: true)
      }
      glance = try self.glance(hello, answer)
    }
    try watch(hello, answer, glance, at: at)
    if glance.hasParcels { report.carried = try offerParcels(line, at: at) }
    try take(glance.steps, after: answer, at: at, line, &report)
    let unsigned = try store.read { try identity.spaces.filter(awaitsCheckpoint) }
    for space in unsigned { try pull(space, author: author(at: at), line, &report) }
  }

  /// Sends what waits to a central that was restored and gives nothing yet.
  private func pushAlone(
    _ answer: HelloAnswer, at: String, _ line: Line, _ report: inout SyncReport
  ) throws {
    // What names changes that will have to be sealed again is sealed again with them.
    guard try forkedFormers(line).isEmpty else { return }
    for space in answer.spaces {
      report.pushed += try pushIfAllowed(space.name, after: space.heldN, at: at, line, &report)
    }
  }

  private func take(
    _ steps: [Step], after answer: HelloAnswer, at: String, _ line: Line,
    _ report: inout SyncReport
  ) throws {
    let author = author(at: at)
    for step in steps {
      switch step {
      case .push(let space, let held):
        try forgetReceived(above: held, in: space)
        report.pushed += try pushIfAllowed(space, after: held, at: at, line, &report)
      case .received(let space, let n):
        try askForReceipt(of: n, in: space, at: at, line, &report)
      case .snapshot(let space):
        // The log, which comes in its place, shows what the snapshot would only claim.
        if try hasUnprovenFormer(in: space) { continue }
        var undone = 0
        do {
          report.snapshotRows += try takeSnapshot(
            of: space, author: author, line, undone: &undone)
        } catch let error as SyncError where Self.leavesTheLog.contains(error.code) {
          report.notes.append(
            "No snapshot of \(space) could be taken, so that the log is read instead: \(error.message)."
          )
        }
      case .pull(let space, _):
        let announced = answer.spaces.first { $0.name == space }?.seq ?? 0
        do {
          try pull(space, announced: announced, author: author, line, &report)
        } catch let error as SyncError where error.code == "log.key" && space != identity.spaces[0]
        {
          // Keys stand in the first space's log, which may have grown since it was read.
          try pull(identity.spaces[0], announced: 0, author: author, line, &report)
          try pull(space, announced: announced, author: author, line, &report)
        }
      case .stop(let reason): throw SyncError(reason.rawValue, Self.explanation(of: reason))
      }
    }
  }

  /// What came of asking for a snapshot after which the log, which every change of it is signed in, still leads on.
  private static let leavesTheLog: Set<String> = [
    "snapshot.damaged", "snapshot.signature", "snapshot.none", "snapshot.lost",
  ]

  /// Whether a former actor has something waiting of which only hello, which is not signed, says that central holds it.
  ///
  /// A snapshot has the author's count, not its chain: a twin's changes of the same names would settle these unseen.
  private func hasUnprovenFormer(in space: String) throws -> Bool {
    try store.waitingFormerActors().contains { actor in
      guard let last = try store.ownChanges(of: actor, in: space).last?.dot.n else { return false }
      guard let receipt = try store.receipt(of: actor, in: space), receipt.n >= last else {
        return true
      }
      return try store.changeHash(Dot(actor: actor, n: receipt.n), in: space) != receipt.hash
    }
  }

  /// Whether a sync was cut between a snapshot and the checkpoint that follows it.
  private func awaitsCheckpoint(of space: String) throws -> Bool {
    guard case .blob? = try store.meta("checkpoint.\(space)") else {
      return try cursor(of: space).seq > 0
    }
    return false
  }

  /// Says hello; a central that was restored and forgot this device is shown that it enrolled it.
  private func greet(_ hello: Hello, _ line: Line) throws -> HelloAnswer {
    do {
      return try ask(hello, line, takesLogs: true)
    } catch let error as SyncError where error.code == "signature.refused" {
      let isKnownAgain = (try? showEnrolment(line)) == true
      guard isKnownAgain else { throw error }
      return try ask(hello, line, takesLogs: true)
    }
  }

  private static func mayShowFork(_ error: any Error) -> Bool {
    switch error {
    case let error as StoreError: error.code == .chain || error.code == .gap
    case let error as SyncError: error.code == "segment.fork"
    default: false
    }
  }

  /// The cursor of a space.
  func cursor(of space: String) throws -> Cursor {
    guard let cursor = try store.meta("cursor.\(space)")?.text.flatMap({ Cursor($0) }) else {
      throw SyncError("replica.damaged", "\(store.path) has lost its place in \(space)")
    }
    return cursor
  }

  func hello(as actor: ActorID? = nil) throws -> Hello {
    let actor = actor ?? identity.actor
    return try store.read {
      Hello(
        actor: actor,
        spaces: try identity.spaces.map { space in
          let head = try store.head(of: actor, in: space)
          return Hello.Space(name: space, n: head.n, hash: head.hash, cursor: try cursor(of: space))
        })
    }
  }

  static func explanation(of reason: Step.Reason) -> String {
    switch reason {
    case .forked: "central holds changes that this file does not: it is an old copy"
    case .newInstance: "central was restored and lives another life"
    case .rewound: "central's log does not hold what it gave before"
    }
  }
}

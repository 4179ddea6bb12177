import Causality
import Changes

/// An acknowledged change is never missing: it stands in central's log in the end, itself or sealed again.
///
/// A central that was put back forgets; then whoever held the change whole at that time, and was not put back or shut out
/// since, has to give it back.
struct ReceiptChecker: Checker {
  private struct Promise {
    let node: String
    let space: String
    let dot: Dot
    let hash: Hash
    /// Who can give it back; nil while central did not go back.
    var keepers: Set<String>?
  }

  private var promises: [Promise] = []
  /// What each change that was sealed again was at first.
  private var first: [Hash: Hash] = [:]
  private var nodes: [ReplicaID: Set<String>] = [:]
  private var found: [Violation] = []

  mutating func see(_ event: Event) {
    switch event {
    case .accepted(let change):
      nodes[change.dot.actor.replica, default: []].insert(change.node)
      if let again = change.again { first[change.hash] = first[again] ?? again }
    case .acknowledged(let node, let space, let dot, let hash):
      promises.append(Promise(node: node, space: space, dot: dot, hash: hash))
    case .wentBack: for index in promises.indices { promises[index].keepers = [] }
    case .holds(let node, let changes):
      for index in promises.indices where changes.contains(promises[index].hash) {
        promises[index].keepers?.insert(node)
      }
    case .restored(let node): forget(node)
    case .revoked(let replica): for node in nodes[replica] ?? [] { forget(node) }
    case .finalLog("central", let entries): compare(entries)
    default: break
    }
  }

  func verdict() -> [Violation] { found }

  private mutating func forget(_ node: String) {
    for index in promises.indices { promises[index].keepers?.remove(node) }
  }

  private mutating func compare(_ entries: [LoggedEntry]) {
    let held = Set(entries.map { first[$0.hash] ?? $0.hash })
    for promise in promises where promise.keepers?.isEmpty != true {
      guard !held.contains(first[promise.hash] ?? promise.hash) else { continue }
      let words =
        "central acknowledged change \(promise.dot.n) of \(promise.node) in \(promise.space)"
      found.append(Violation("acknowledged", words + ", and lacks it"))
    }
  }
}

/// An accepted change is never missing: whatever was sealed in a member's file stands in central's log in the end, itself or
/// sealed again, unless its file was thrown away with it.
struct AcceptanceChecker: Checker {
  private var waiting: [Hash: Accepted] = [:]
  private var first: [Hash: Hash] = [:]
  /// Under whom each file sealed a change last, by what the change was at first.
  private var holders: [Hash: [String: ActorID]] = [:]
  private var log: Set<Hash> = []
  private var lost: Set<ActorID> = []
  private var revoked: Set<ReplicaID> = []
  private var found: [Violation] = []

  mutating func see(_ event: Event) {
    switch event {
    case .accepted(let change) where !["central", "rogue"].contains(change.node):
      if let again = change.again { first[change.hash] = first[again] ?? again }
      if change.again == nil { waiting[change.hash] = change }
      holders[first[change.hash] ?? change.hash, default: [:]][change.node] = change.dot.actor
    case .abandoned(let changes):
      for hash in changes { waiting[first[hash] ?? hash] = nil }
    case .declaredLost(let actor): lost.insert(actor)
    case .revoked(let replica): revoked.insert(replica)
    case .finalLog("central", let entries): compare(entries)
    default: break
    }
  }

  func verdict() -> [Violation] { found }

  private mutating func compare(_ entries: [LoggedEntry]) {
    let held = Set(entries.map { first[$0.hash] ?? $0.hash })
    for (hash, change) in waiting where !held.contains(hash) {
      // What an observer writes stays in its own file; what a revoked device had not sent goes nowhere, be it that it wrote
      // it under another name before it was adopted.
      let isShutOut = holders[hash, default: [:]].values.allSatisfy { revoked.contains($0.replica) }
      guard Town.schema(2).role(change.role)?.writes.contains(change.space) == true,
        !isShutOut, !lost.contains(change.dot.actor)
      else { continue }
      let words = "change \(change.dot.n) of \(change.node) in \(change.space) stands nowhere"
      found.append(Violation("accepted", words))
    }
  }
}

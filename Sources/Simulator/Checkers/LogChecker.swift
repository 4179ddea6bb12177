import Causality
import Changes

/// A log only grows, but by a declared restore: no entry, hash or verdict changes, and every replica holds the same one.
struct LogChecker: Checker {
  /// The log as it is now.
  private var log: [Int: LoggedEntry] = [:]
  /// Every entry there ever was, by the log's hash at it.
  private var known: Set<Hash> = []
  private var found: [Violation] = []

  mutating func see(_ event: Event) {
    switch event {
    case .merged(let entry, _):
      if let before = log[entry.seq], before != entry {
        found.append(Violation("log", "entry \(entry.seq) was another one before"))
      }
      log[entry.seq] = entry
      known.insert(entry.logHash)
    case .wentBack(let entries, _):
      log = Dictionary(entries.map { ($0.seq, $0) }, uniquingKeysWith: { $1 })
      if let strange = entries.first(where: { !known.contains($0.logHash) }) {
        found.append(Violation("log", "entry \(strange.seq) of a backup was never central's"))
      }
    case .lifeAccepted(_, let given, _):
      // What members gave back under central's own signature stands again, places and verdicts as they were.
      let held = Set(log.values.map(\.logHash))
      for end in given where !held.contains(end.hash) {
        found.append(
          Violation("verdict changed", "the log of \(end.space) that \(end.node) gave is not kept"))
      }
    case .finalLog(let node, let entries): compare(entries, node)
    default: break
    }
  }

  func verdict() -> [Violation] { found }

  private mutating func compare(_ entries: [LoggedEntry], _ node: String) {
    for entry in entries where log[entry.seq] != entry {
      let rule = log[entry.seq]?.reason == entry.reason ? "log" : "verdict changed"
      found.append(Violation(rule, "\(node) holds another entry \(entry.seq) than central gave"))
      return
    }
    if node == "central", entries.count != log.count {
      let words = "central holds \(entries.count) of \(log.count) entries it made"
      found.append(Violation("log", words))
    }
  }
}

/// Vectors and cursors never go back, but by a declared restore, of the file or of central.
struct MonotonyChecker: Checker {
  private struct Key: Hashable {
    let node: String
    let space: String
  }

  private var last: [Key: (life: String, seq: Int, vector: [ActorID: Int])] = [:]
  private var found: [Violation] = []

  mutating func see(_ event: Event) {
    switch event {
    case .restored(let node): last = last.filter { $0.key.node != node }
    // Whoever was told too early of a life, by an altered answer, stands at a place it may not hold.
    case .lifeAccepted(let life, _, _): last = last.filter { $0.value.life != life }
    case .renewed(let node, let space, let actor):
      last[Key(node: node, space: space)]?.vector[actor] = nil
    case .standing(let node, let space, let life, let seq, let vector):
      let key = Key(node: node, space: space)
      if let before = last[key], before.life == life {
        if seq < before.seq {
          found.append(Violation("went back", "the cursor of \(node) in \(space) fell to \(seq)"))
        }
        for (actor, n) in before.vector where (vector[actor] ?? 0) < n {
          let words = "\(node) knew \(n) changes of an actor in \(space), and forgot"
          found.append(Violation("went back", words))
        }
      }
      last[key] = (life, seq, vector)
    default: break
    }
  }

  func verdict() -> [Violation] { found }
}

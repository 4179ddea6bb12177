import Causality
import Changes

/// A log only grows: no entry, hash or verdict changes, and every replica holds the same one.
struct LogChecker: Checker {
  private var history: [Int: LoggedEntry] = [:]
  private var found: [Violation] = []

  init() {}

  mutating func see(_ event: Event) {
    switch event {
    case .merged(let entry, _, _):
      if let before = history[entry.seq], Self.differs(before, entry) {
        found.append(Violation("log", "entry \(entry.seq) was another one before"))
      }
      history[entry.seq] = entry
    case .finalLog(let node, let entries):
      for entry in entries {
        guard let right = history[entry.seq], !Self.differs(right, entry) else {
          let rule = history[entry.seq]?.reason == entry.reason ? "log" : "verdict changed"
          found.append(
            Violation(rule, "\(node) holds another entry \(entry.seq) than central gave"))
          return
        }
      }
      if node == "central", entries.count != history.count {
        let words = "central holds \(entries.count) of \(history.count) entries it made"
        found.append(Violation("log", words))
      }
    default: break
    }
  }

  func verdict() -> [Violation] { found }

  private static func differs(_ left: LoggedEntry, _ right: LoggedEntry) -> Bool {
    left.dot != right.dot || left.hash != right.hash || left.logHash != right.logHash
      || left.reason != right.reason || left.space != right.space
  }
}

/// An acknowledged change is never missing: it stands in central's log in the end.
struct ReceiptChecker: Checker {
  private var promised: [(node: String, space: String, dot: Dot, hash: Hash)] = []
  private var found: [Violation] = []

  init() {}

  mutating func see(_ event: Event) {
    switch event {
    case .acknowledged(let node, let space, let dot, let hash):
      promised.append((node, space, dot, hash))
    case .finalLog("central", let entries):
      let held = Set(entries.map { "\($0.space) \($0.dot) \($0.hash)" })
      for (node, space, dot, hash) in promised where !held.contains("\(space) \(dot) \(hash)") {
        let words = "central acknowledged change \(dot.n) of \(node) in \(space), and lacks it"
        found.append(Violation("acknowledged", words))
      }
    default: break
    }
  }

  func verdict() -> [Violation] { found }
}

/// Vectors and cursors never go back, but by a declared restore.
struct MonotonyChecker: Checker {
  private var last: [String: (seq: Int, vector: [ActorID: Int])] = [:]
  private var found: [Violation] = []

  init() {}

  mutating func see(_ event: Event) {
    switch event {
    case .restored(let node):
      for key in last.keys where key.hasPrefix(node + " ") { last[key] = nil }
    case .renewed(let node, let space, let actor):
      last["\(node) \(space)"]?.vector[actor] = nil
    case .standing(let node, let space, let seq, let vector):
      let key = "\(node) \(space)"
      if let before = last[key] {
        if seq < before.seq {
          found.append(Violation("went back", "the cursor of \(key) fell to \(seq)"))
        }
        for (actor, n) in before.vector where (vector[actor] ?? 0) < n {
          found.append(Violation("went back", "\(key) knew \(n) changes of an actor, and forgot"))
        }
      }
      last[key] = (seq, vector)
    default: break
    }
  }

  func verdict() -> [Violation] { found }
}

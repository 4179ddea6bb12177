import Changes
import Store

/// In the end everybody holds the same, byte for byte, and nothing waits.
struct ConvergenceChecker: Checker {
  private var dumps: [String: [(node: String, lines: [String])]] = [:]
  private var found: [Violation] = []

  init() {}

  mutating func see(_ event: Event) {
    switch event {
    case .finalDump(let node, let space, let lines):
      if let (first, right) = dumps[space]?.first, right != lines {
        let parts = Set(right).symmetricDifference(lines).sorted().prefix(2)
        found.append(
          Violation(
            "converge", "\(first) and \(node) differ in \(space): \(parts.joined(separator: " | "))"
          ))
      }
      dumps[space, default: []].append((node, lines))
    case .waiting(let node, let count) where count > 0:
      found.append(Violation("quiet", "\(count) changes of \(node) wait for ever"))
    case .inbox(let count) where count > 0:
      found.append(Violation("quiet", "\(count) segments stay in the inbox for ever"))
    default: break
    }
  }

  func verdict() -> [Violation] { found }
}

/// Values that were refused are nowhere but with their author.
struct SecrecyChecker: Checker {
  private var found: [Violation] = []

  init() {}

  mutating func see(_ event: Event) {
    if case .foreignRefusedBodies(let node, let count) = event, count > 0 {
      found.append(Violation("quarantine", "\(node) holds \(count) refused bodies of others"))
    }
  }

  func verdict() -> [Violation] { found }
}

/// Every file is sound by its own audit.
struct AuditChecker: Checker {
  private var found: [Violation] = []

  init() {}

  mutating func see(_ event: Event) {
    if case .audited(let node, let damage) = event, let first = damage.first {
      found.append(Violation("audit", "\(node): \(first)"))
    }
  }

  func verdict() -> [Violation] { found }
}

/// Lies are noticed, and nobody cries wolf: no failure, no epoch and no evidence without a cause.
struct AlarmChecker: Checker {
  private var found: [Violation] = []
  /// Files that were copied or put back.
  private var doubtful: Set<String> = []
  /// Members that central has lied to: what they hold against it since is true.
  private var deceived: Set<String> = []
  /// Whether central ever went back, and how many lives it may still begin: one for each time it did, and one for each life
  /// that was accepted too early to hear of all that had been signed before.
  private var wentBack = false
  private var mayBegin = 0
  /// How often central came into another life, and how many epochs each file began for that since it was put back itself; a
  /// file that joined later begins none for what was before.
  private var turns = 0
  private var met: [String: Int] = [:]

  init() {}

  mutating func see(_ event: Event) {
    switch event {
    case .failed(let node, let code, let cause, let words):
      let isNetwork = code.hasPrefix("http.")
      switch cause {
      case .none: break
      case .lossy where isNetwork: return
      case .damaged, .hostile: return
      case .lossy: break
      }
      found.append(Violation("false alarm", "\(node) failed without cause: \(code): \(words)"))
    case .copied(let node, let original):
      doubtful.insert(node)
      // What its original holds against central it holds, too; and it met what that had met.
      if let original {
        if deceived.contains(original) { deceived.insert(node) }
        met[node] = met[original]
      }
    case .restored(let node):
      doubtful.insert(node)
      met[node] = 0
    case .joined(let node): met[node] = turns
    case .wentBack: (wentBack, mayBegin) = (true, mayBegin + 1)
    case .lifeAccepted(_, _, let mayBeEarly): mayBegin += mayBeEarly ? 1 : 0
    case .lifeReturned: turns += 1
    case .lifeBegan:
      (turns, mayBegin) = (turns + 1, mayBegin - 1)
      if mayBegin < 0 { found.append(Violation("false alarm", "central began a life")) }
    case .epoch(let node, let reason, mayBeMisled: true):
      // Hello's answer is not signed: altered, it may tell of a fork that is none, or of a life, from which there is a way back.
      if reason == .central, turns > 0 { met[node, default: 0] -= 1 }
    case .epoch(let node, let reason, mayBeMisled: false):
      let isOwed = reason == .central ? met[node, default: 0] < turns : doubtful.contains(node)
      if reason == .central { met[node, default: 0] += 1 }
      guard !isOwed else { return }
      found.append(Violation("false alarm", "\(node) began an epoch: \(reason.rawValue)"))
    case .accused(let node, let kind, let code, let isSettled):
      // A central that went back may sign two histories; what is nobody's it does not sign.
      let isOwed = wentBack && code != "log.forged"
      guard !isOwed, !deceived.contains(node), kind == .proof || !isSettled else { return }
      found.append(Violation("false alarm", "\(node) holds against central: \(code)"))
    case .lied(let node, let kind, let wasNoticed, let isKept):
      deceived.insert(node)
      if !wasNoticed {
        found.append(Violation("tampering", "\(node) did not notice: \(kind.rawValue)"))
      } else if !isKept {
        found.append(Violation("evidence", "\(node) kept nothing of: \(kind.rawValue)"))
      }
    case .hostileAnswered(let kind, let status) where (200..<300).contains(status):
      found.append(Violation("tampering", "central took it: \(kind.rawValue)"))
    default: break
    }
  }

  func verdict() -> [Violation] { found }
}

extension Checker {
  /// What a whole history breaks.
  static func check(_ events: [Event], with checker: Self) -> [Violation] {
    var checker = checker
    for event in events { checker.see(event) }
    return checker.verdict()
  }
}

/// All checkers at once.
enum Checkers {
  static func verdict(on events: [Event]) -> [Violation] {
    var all: [any Checker] = [
      ContentChecker(), VerdictChecker(), LogChecker(), ReceiptChecker(), AcceptanceChecker(),
      MonotonyChecker(), ConvergenceChecker(), SecrecyChecker(), AuditChecker(), AlarmChecker(),
    ]
    for index in all.indices {
      for event in events { all[index].see(event) }
    }
    var told: Set<Violation> = []
    return all.flatMap { $0.verdict() }.filter { told.insert($0).inserted }
  }
}

import Causality
public import Changes
import Mutants
public import Wire

/// What a replica does next in a sync conversation.
public enum Step: Sendable, Hashable {
  /// Central holds all up to `receivedUpTo`; send the changes above it.
  case push(space: String, receivedUpTo: Int)
  /// Central holds all there is to send.
  case received(space: String, upTo: Int)
  /// Take the snapshot of a space; the log is read from there.
  case snapshot(space: String)
  /// Read the log after this place.
  case pull(space: String, after: Int)
  /// Stop: this needs a person or a new epoch.
  case stop(Reason)

  /// Why a conversation cannot go on.
  public enum Reason: String, Sendable {
    /// Central holds changes of this actor that the file does not: the file is an old copy.
    case forked = "sync.forked"
    /// Central was restored: it lives another life.
    case newInstance = "sync.new_instance"
    /// Central's log does not hold what it gave before.
    case rewound = "sync.rewound"
  }
}

/// Turns central's answer into steps: a pure function, so that the real link and a simulated one behave alike. `[SP-703]`
public enum Plan {
  /// The steps after hello, in order: pushes before pulls, so that one conversation can bring own changes back.
  ///
  /// - Parameters:
  ///   - hello: what was said.
  ///   - answer: what central answered.
  ///   - ownHash: the hash of the actor's `n`-th change in a space, as held here.
  public static func steps(
    _ hello: Hello, _ answer: HelloAnswer, ownHash: (String, Int) throws -> Hash?
  ) rethrows -> [Step] {
    var pushes: [Step] = []
    var pulls: [Step] = []
    for space in hello.spaces {
      guard let central = answer.spaces.first(where: { $0.name == space.name }) else { continue }
      guard answer.instance == space.cursor.instance else { return [.stop(.newInstance)] }
      guard central.knowsCursor else { return [.stop(.rewound)] }
      if central.heldN > 0 {
        guard central.heldN <= space.n, try ownHash(space.name, central.heldN) == central.heldHash
        else {
          return [.stop(.forked)]
        }
      }
      if central.heldN < space.n {
        let skipped = mutant(14, "R16: the first change that is due is not sent") ? 1 : 0
        pushes.append(.push(space: space.name, receivedUpTo: central.heldN + skipped))
      } else if central.heldN > 0 {
        pushes.append(.received(space: space.name, upTo: central.heldN))
      }
      if central.seq > space.cursor.seq || !pushes.isEmpty {
        pulls.append(.pull(space: space.name, after: space.cursor.seq))
      }
    }
    let isIdle = !pushes.contains { if case .push = $0 { true } else { false } }
    let needed = pulls.filter { step in
      guard isIdle, case .pull(let space, let after) = step else { return true }
      return answer.spaces.contains { $0.name == space && $0.seq > after }
    }
    return pushes
      + needed.flatMap { step -> [Step] in
        guard case .pull(let space, _) = step,
          answer.spaces.contains(where: { $0.name == space && $0.offersSnapshot })
        else { return [step] }
        return [.snapshot(space: space), step]
      }
  }
}

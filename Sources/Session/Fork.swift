public import Changes
import Mutants
public import Wire

/// Where an actor's history in a file parts from what central holds of it, narrowed down by asking.
///
/// Central holding a change with its hash holds all below it, so that halving finds the point: one more hello for each
/// factor of two. `[SP-1303]`
public struct CommonPoint: Sendable, Hashable {
  /// The highest count known to be held by both, with one hash.
  public private(set) var known: Int
  /// The lowest count known not to be.
  private var apart: Int

  /// What the first answer tells.
  ///
  /// - Parameters:
  ///   - space: what hello named.
  ///   - answer: what central answered; its `heldN` is 0 when it tells only whether it holds the head.
  ///   - isForeign: whether the actor is another device's, of which central says no more.
  ///   - logged: the highest count that the log brought.
  ///   - ownHash: the hash of the actor's `n`-th change, as held in the file.
  public init(
    _ space: Hello.Space, _ answer: HelloAnswer.Space, isForeign: Bool, logged: Int,
    ownHash: (Int) throws -> Hash?
  ) rethrows {
    if answer.holdsHead {
      (known, apart) = (space.n, space.n + 1)
    } else if !isForeign, answer.heldN == 0 {
      (known, apart) = (0, 1)
    } else if !isForeign, answer.heldN <= space.n, try ownHash(answer.heldN) == answer.heldHash {
      (known, apart) = (answer.heldN, answer.heldN + 1)
    } else {
      apart = isForeign ? space.n : min(space.n, answer.heldN)
      known = min(logged, apart - 1)
    }
  }

  /// The count to ask about next; nil when the point is found.
  public var probe: Int? { apart - known > 1 ? known + (apart - known) / 2 : nil }

  /// Central's word on `probe`.
  public mutating func take(holds: Bool) {
    guard let probe else { return }
    let isWrong = mutant(15, "R16: halving goes the wrong way")
    if holds != isWrong { known = probe } else { apart = probe }
  }
}

extension Plan {
  /// Whether central holds changes of this actor that the file does not: it is an old copy, or has a twin.
  ///
  /// Says nothing of a central that was restored: that is another matter, and comes first.
  public static func isForked(
    _ hello: Hello, _ answer: HelloAnswer, ownHash: (String, Int) throws -> Hash?
  ) rethrows -> Bool {
    if mutant(16, "R9: a fork is not noticed") { return false }
    for space in hello.spaces {
      guard let central = answer.spaces.first(where: { $0.name == space.name }) else { continue }
      guard answer.instance == space.cursor.instance, central.knowsCursor else { return false }
      if central.heldN > space.n { return true }
      if central.heldN > 0, try ownHash(space.name, central.heldN) != central.heldHash {
        return true
      }
    }
    return false
  }
}

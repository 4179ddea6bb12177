import Causality
import Changes
import HTTP
import Session
public import Store
import Wire

/// What a sync would do now.
public struct SyncPreview: Sendable {
  /// Sealed changes that would be sent, by space.
  public var sealed: [String: Int] = [:]
  /// Rows edited since the last seal, each of which would become one change, by space.
  public var edited: [String: Int] = [:]
  /// Edited rows that would stay here, since no change can carry them.
  public var heldBack: [HeldBack] = []
  /// Whether the sync would go on under a new epoch first: the file is a copy, or an old state.
  public var beginsEpoch = false
  /// Whether the sync would first bring back what a restored or rewound central lost.
  public var healsCentral = false
  /// For each space with news, how far its log has grown: an upper bound, since places are shared by all spaces.
  public var entries: [(space: String, most: Int)] = []

  /// Sealed changes of all spaces.
  public var changes: Int { sealed.values.reduce(0, +) }
  /// Edited rows of all spaces.
  public var editedRows: Int { edited.values.reduce(0, +) }
}

/// Asking without taking.
extension Replica {
  /// Says hello and tells what a sync would send and fetch; the file stays as it is.
  ///
  /// - Parameter now: Unix seconds.
  /// - Throws: what `sync` throws.
  public func preview(now: Int64) throws -> SyncPreview {
    var preview = SyncPreview()
    let line = Line(
      key: key, exchange: exchange, origin: identity.origin, patience: .none, now: { now })
    let sealing = try store.sealPreview()
    (preview.edited, preview.heldBack) = (sealing.spaces, sealing.heldBack)
    let hello = try hello()
    let answer = try ask(hello, line)
    if Plan.meetsAnotherLife(hello, answer) {
      preview.healsCentral = true
      for space in hello.spaces {
        let held = answer.spaces.first { $0.name == space.name }?.heldN ?? 0
        preview.sealed[space.name, default: 0] += max(0, space.n - held)
      }
      return preview
    }
    if try store.epochDue() != nil || isForked(hello, answer) {
      preview.beginsEpoch = true
      let standing = try standing(of: hello.actor, hello, answer, line)
      for space in hello.spaces {
        preview.sealed[space.name, default: 0] += space.n - (standing[space.name] ?? 0)
        let end = answer.spaces.first { $0.name == space.name }?.seq ?? 0
        if end > space.cursor.seq { preview.entries.append((space.name, end - space.cursor.seq)) }
      }
      return preview
    }
    let steps = try Plan.steps(hello, answer) { space, n in
      try store.changeHash(Dot(actor: identity.actor, n: n), in: space)
    }
    for step in steps {
      switch step {
      case .push(let space, let held):
        preview.sealed[space, default: 0] +=
          (hello.spaces.first { $0.name == space }?.n ?? held) - held
      case .pull(let space, let after):
        let end = answer.spaces.first { $0.name == space }?.seq ?? after
        if end > after { preview.entries.append((space, end - after)) }
      case .stop(let reason): throw SyncError(reason.rawValue, Self.explanation(of: reason))
      case .received, .snapshot: break
      }
    }
    return preview
  }
}

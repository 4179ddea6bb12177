import Causality
import Changes
import Files
import Registry
import Replica
import Store

/// What `verify` says of the witness: whether this is the file that wrote last on this machine.
///
/// A file that wrote nothing has nothing to be witnessed.
enum WitnessFindings {
  /// - Parameter path: where the replica lies; `store` may be a copy made to look at it.
  static func finding(on store: Store, at path: String, _ paths: Paths) throws -> Finding? {
    guard try hasWritten(store) else { return nil }
    let due = try store.epochDue()
    let file = try WitnessFile(of: store, at: path, paths)
    switch try file?.finding(on: store) ?? .unwitnessed {
    case .sound: return due.map(doubt)
    case .unwitnessed:
      return Finding(
        .incomplete, "witness.missing",
        "no witness of this file is here: nothing tells whether another copy of it has written since",
        advice:
          "Where this is the replica in use, `cordee status` begins one and the next sync asks central. "
          + "A backup or another machine's file has none: work goes on with `cordee restore FILE`, "
          + "there with `cordee join INVITE --adopt`.")
    case .unconfirmed:
      return due.map(doubt)
        ?? Finding(
          .incomplete, "witness.unconfirmed", EpochNotices.unconfirmed,
          advice: EpochNotices.unconfirmedAdvice)
    case .doubt(let reason):
      if due == nil, let file, let original = try file.original(of: store) {
        return Finding(
          .notice, "witness.copy",
          "this is a copy, as it once was, of \(original), which wrote last",
          asksPerson: false)
      }
      return doubt(reason)
    }
  }

  private static func doubt(_ reason: EpochReason) -> Finding {
    Finding(
      .incomplete, reason == .copied ? "witness.copied" : "witness.ahead",
      EpochNotices.words(reason.rawValue),
      advice: "Editing goes on; the next `cordee sync` begins a new epoch, and drops nothing. "
        + "Where the newer file still is, `cordee sync --replica FILE` sends what it has.")
  }

  private static func hasWritten(_ store: Store) throws -> Bool {
    let identity = try Identity(store)
    let actors = try store.epochs().map(\.from) + [identity.actor]
    return try identity.spaces.contains { space in
      try actors.contains { try store.head(of: $0, in: space).n > 0 }
    }
  }
}

extension WitnessFile {
  /// The path of the file that wrote last, if it still stands where it did and holds all that `store` wrote: then that one
  /// is no more than a backup of it.
  func original(of store: Store) throws -> String? {
    let copy = try Witness.Entry(of: store, at: place)
    guard let last = read().entries.last(where: { $0.actor == copy.actor })?.place,
      last.machine == place.machine, last.path != place.path,
      let number = Files.number(of: last.path), number.inode == last.inode,
      number.inode != place.inode || number.device != place.device,
      let original = try? Store(path: last.path, schema: .registry, use: .reader)
    else { return nil }
    for (space, head) in copy.heads {
      let dot = Dot(actor: copy.actor, n: head.n)
      guard (try? original.changeHash(dot, in: space)) == head.hash else { return nil }
    }
    return last.path
  }
}

public import Causality
import Changes
import Files
import Seal
import Store
import Wire

/// What a bundle was filled with.
public struct BundleContents: Sendable {
  /// Segments of changes.
  public var segments = 0
  /// Log entries.
  public var entries = 0
  /// Its spaces.
  public var spaces: [String] = []

  /// Nothing yet.
  public init() {}
}

/// Bundles out of this replica.
extension Replica {
  /// Writes what central has given no verdict on: own changes, others' that are carried here, and what a restored central
  /// lacks of the log that was here. `[SP-1503]`
  ///
  /// What other programs edited is sealed first.
  ///
  /// - Complexity: O(changes written); memory stays within one batch.
  public func exportChanges(to path: String, plain: Bool, at: String) throws -> BundleContents {
    try Conversation.alone(store.path, patience) {
      try exportAlone(to: path, plain: plain, at: at)
    }
  }

  private func exportAlone(to path: String, plain: Bool, at: String) throws -> BundleContents {
    try readIdentity()
    _ = try beginDueEpochUnasked(at: at)
    _ = try store.write { try store.seal(as: author(at: at)) }
    var contents = BundleContents()
    let judged = try identity.spaces.map { try store.lastJudged(of: identity.actor, in: $0) }
    let sections = try zip(identity.spaces, judged).map { space, n in
      let head = try store.head(of: identity.actor, in: space).n
      return Bundle.Section(space: space, from: "\(n ?? head)", to: "\(head)")
    }
    var writer = try BundleWriter(
      path,
      Bundle(
        kind: .changes, network: identity.network, maker: identity.actor.replica, reader: nil,
        at: at, sections: sections), plain: plain)
    for (space, n) in zip(identity.spaces, judged) {
      try writer.write(BundleLine.section(space))
      try writeAdrift(of: space, &writer, &contents)
      if let n {
        try forEachSegment(of: space, after: n) { segment in
          try writer.write(whole: segment.full)
          contents.segments += 1
        }
      }
      var after = 0
      while true {
        let parcels = try store.parcels(in: space, after: after, bytesMax: 1 << 20, all: true)
        guard let last = parcels.last else { break }
        for parcel in parcels {
          try writer.write(whole: parcel.lines)
          contents.segments += 1
        }
        after = last.id
      }
    }
    contents.spaces = identity.spaces
    try writer.finish()
    return contents
  }

  /// What waits since central began another life: others' changes that its log lacks, and own ones under former names.
  private func writeAdrift(
    of space: String, _ writer: inout BundleWriter, _ contents: inout BundleContents
  ) throws {
    var whole: [[UInt8]] = []
    let others = try store.adrift(in: space).filter {
      $0.change.dot.actor.replica != identity.actor.replica
    }
    try forEachSegment(of: others) { bytes, _ in whole.append(bytes) }
    for actor in try store.waitingFormerActors() where actor.replica == identity.actor.replica {
      guard let n = try store.lastJudged(of: actor, in: space) else { continue }
      try forEachSegment(of: space, as: actor, after: n) { whole.append($0.full) }
    }
    for bytes in whole { try writer.write(whole: bytes) }
    contents.segments += whole.count
  }

  /// Writes what this replica holds of central's log, with central's checkpoint and its receipts. `[SP-1504]`
  ///
  /// - Parameters:
  ///   - reader: whom it is for; only spaces that device may read are written. Without one, only those that every role reads.
  ///   - since: the place after which entries are written.
  /// - Throws: `SyncError` when the history after `since` is not held here.
  /// - Complexity: O(entries written); memory stays flat.
  public func exportLog(
    to path: String, for reader: ReplicaID?, since: Int, plain: Bool, at: String
  ) throws -> BundleContents {
    try Conversation.alone(store.path, patience) {
      try exportLogAlone(to: path, for: reader, since: since, plain: plain, at: at)
    }
  }

  private func exportLogAlone(
    to path: String, for reader: ReplicaID?, since: Int, plain: Bool, at: String
  ) throws -> BundleContents {
    let spaces = try readable(by: reader)
    var contents = BundleContents()
    let sections = try spaces.compactMap { try section(of: $0, since: since) }
    var writer = try BundleWriter(
      path,
      Bundle(
        kind: .log, network: identity.network, maker: identity.actor.replica, reader: reader,
        at: at, sections: sections), plain: plain)
    for section in sections {
      try writer.write(BundleLine.section(section.space))
      for receipt in try store.receipts(in: section.space)
      where reader == nil || receipt.actor.replica == reader {
        try writer.write(receipt.line)
      }
      guard let checkpoint = try heldCheckpoint(of: section.space) else { continue }
      let from = Cursor(section.from)?.seq ?? 0
      try store.forEachEntry(of: section.space, after: from) { entry in
        try writer.write(
          LogLine.entryLine(
            seq: entry.seq, change: entry.change, verdict: entry.verdict,
            signatures: entry.signatures,
            withholdsBody: !entry.verdict.isApplied && entry.change.dot.actor.replica != reader))
        contents.entries += 1
        return true
      }
      try writer.write(checkpoint)
    }
    contents.spaces = spaces
    try writer.finish()
    return contents
  }

  /// The section's ends: the last place of the space at or before `since`, and the cursor.
  private func section(of space: String, since: Int) throws -> Bundle.Section? {
    let end = try cursor(of: space)
    guard try heldCheckpoint(of: space) != nil else { return nil }
    var from = try store.place(of: space, atOrBefore: min(since, end.seq))
    if let gap = try store.gap(in: space), from.seq < gap.upTo.seq {
      // The place where the snapshot stood is known, though its entry is not here.
      if since >= gap.upTo.seq { from = (gap.upTo.seq, gap.upTo.hash) }
    }
    if let gap = try store.gap(in: space), from.seq < gap.upTo.seq {
      throw SyncError(
        "bundle.history", "history of \(space) up to entry \(gap.upTo.seq) is not all here",
        hint: "Sync first, or give --since \(gap.upTo.seq) or more.")
    }
    return Bundle.Section(
      space: space, from: Cursor(instance: end.instance, seq: from.seq, hash: from.hash).text,
      to: end.text)
  }

  private func readable(by reader: ReplicaID?) throws -> [String] {
    guard let reader else {
      return identity.spaces.filter { space in
        store.schema.roles.allSatisfy { $0.reads.contains(space) }
      }
    }
    let state = try store.state(of: RowKey(table: "replica", id: reader.description))
    guard state.isShown, let role = state.shown("role").text.flatMap({ store.schema.role($0) })
    else {
      throw SyncError(
        "bundle.reader", "no enrolled device \(reader) is known here", hint: "Sync, then try again."
      )
    }
    guard state.shown("revoked_at").text == nil else {
      throw SyncError("bundle.reader", "the device \(reader) was revoked")
    }
    return identity.spaces.filter { role.reads.contains($0) }
  }
}

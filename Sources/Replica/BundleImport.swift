import Causality
import Changes
import Files
import Seal
public import Store
import Wire

/// What an imported bundle brought.
public struct BundleReport: Sendable {
  /// Others' segments that are carried to central from now on.
  public var carried = 0
  /// Log entries that took effect.
  public var applied = 0
  /// Own changes that central's receipts in the bundle cover.
  public var received = 0
  /// Own changes that were refused, with central's reason.
  public var refused: [String] = []
  /// What of the bundle was not used, and why: one line each.
  public var notes: [String] = []
  /// What it showed of a restored central, one line each.
  public var restored: [String] = []
  /// The epoch that began, since the bundle is of a later life of central.
  public var epoch: Epoch?
}

/// Bundles into this replica: a member's is carried to central, central's log takes effect. `[SP-1505]`
extension Replica {
  /// Takes a bundle, as far as it is right; the same bundle again is harmless.
  ///
  /// - Parameter at: the time as a label, RFC 3339.
  /// - Throws: `SyncError` when nothing of the file can be used.
  /// - Complexity: O(lines); memory stays flat.
  public func importBundle(_ path: String, at: String) throws -> BundleReport {
    try Conversation.alone(store.path, patience) { try importAlone(path, at: at) }
  }

  private func importAlone(_ path: String, at: String) throws -> BundleReport {
    try readIdentity()
    var reader = try BundleReader(path)
    guard reader.bundle.network == identity.network else {
      throw SyncError("bundle.network", "\(path) belongs to another network")
    }
    if let reader = reader.bundle.reader, reader != identity.actor.replica {
      throw SyncError(
        "bundle.reader", "\(path) was made for the device \(reader)", hint: "Give it to that one.")
    }
    let isLog = reader.bundle.kind == .log
    var report = BundleReport()
    let apart = isLog ? try goOver(by: path, at: at, &report) : nil
    if let apart {
      report.notes.append("the log of another life of central: \(apart)")
    }
    var space: String?
    while let (kind, bytes) = try reader.next() {
      switch kind {
      case .space(let name):
        space = identity.spaces.contains(name) ? name : nil
        if space == nil {
          report.notes.append("this replica may not hold \(name): its part was left out")
        }
      case .receipt:
        if let space { try takeReceipt(bytes, in: space, at: at, &report) }
      case .wire:
        guard let space else { continue }
        reader.giveBack(bytes)
        if isLog {
          try importLog(of: space, &reader, isApart: apart != nil, at: at, &report)
        } else {
          try importSegment(of: space, &reader, &report)
        }
      case .lives, .end: break
      }
    }
    if !reader.isWhole {
      report.notes.append("the bundle is cut: what was whole of it was used; have it made again")
    }
    return report
  }

  /// A receipt on its way back: kept when it is about this replica's changes, carried on when it is about others'.
  private func takeReceipt(
    _ line: [UInt8], in space: String, at: String, _ report: inout BundleReport
  ) throws {
    let (word, objection) = try word(of: line, in: space)
    if let objection { report.notes.append(objection) }
    // One of another life is central's word, too; it says nothing of what central holds in this one.
    guard let note = word, note.instance == (try cursor(of: space).instance) else { return }
    try store.write {
      for head in note.heads {
        if head.dot.actor == identity.actor {
          guard try store.changeHash(head.dot, in: space) == head.hash else { continue }
          let before = try store.received(of: identity.actor, in: space)
          if head.dot.n > before {
            try store.markReceived(identity.actor, upTo: head.dot.n, in: space)
            report.received += head.dot.n - before
          }
        }
        try store.keepReceipt(line, head: head.dot, hash: head.hash, in: space)
      }
      try store.dropDelivered(in: space)
    }
  }

  /// What central says in a receipt, or why it is not what central says of a space.
  func word(of line: [UInt8], in space: String) throws -> (ReceiptNote?, objection: String?) {
    let (note, signed, signatures) = try ReceiptNote.parse(line: line)
    guard note.network == identity.network else {
      return (nil, "a receipt of another network was left out")
    }
    let message = Preimage.receipt(signed)
    guard signatures.contains(where: { identity.centralKey.verifies($0.value, of: message) }) else {
      return (nil, "a receipt that central did not sign was left out; have the bundle made again")
    }
    guard note.space.hasBytes(of: space) else {
      return (nil, "a receipt for \(note.space) stood in the part of \(space) and was left out")
    }
    return (note, nil)
  }

  /// One segment of a member: verified as central will, then carried.
  private func importSegment(
    of space: String, _ reader: inout BundleReader, _ report: inout BundleReport
  ) throws {
    guard let first = try reader.next(), let segment = try? Segment.parse(first.bytes) else {
      // The rest of a segment that was refused.
      return
    }
    var lines: [[UInt8]] = []
    var size = first.bytes.count
    while lines.count < segment.to - segment.from + 1, let next = try reader.next() {
      guard next.kind == .wire, size < ReplicaLimits.segmentBytesMax else {
        reader.giveBack(next.bytes)
        break
      }
      lines.append(next.bytes)
      size += next.bytes.count
    }
    guard segment.actor.replica != identity.actor.replica else { return }
    do {
      let key = try verification(of: space, from: cursor(of: space)).key(of: segment.actor.replica)
      try segment.verify(lines, key: key, network: identity.network, space: space)
    } catch let problem as Problem {
      report.notes.append("a segment of \(segment.actor.replica) was left out: \(problem.detail)")
      return
    }
    var bytes = first.bytes + [UInt8(ascii: "\n")]
    for line in lines { bytes += line + [UInt8(ascii: "\n")] }
    let isNew = try store.write {
      try store.keepParcel(
        space: space, head: Dot(actor: segment.actor, n: segment.to), hash: segment.head,
        lines: bytes)
    }
    if isNew { report.carried += 1 }
  }

  /// A space's part of central's log: what is here already is compared, the rest is verified and applied as a pull.
  ///
  /// - Parameter isApart: whether the report says already that the bundle leads into no other life of central.
  private func importLog(
    of space: String, _ reader: inout BundleReader, isApart: Bool, at: String,
    _ report: inout BundleReport
  ) throws {
    let start = try cursor(of: space)
    let section = reader.bundle.sections.first { $0.space == space }
    guard let from = section.flatMap({ Cursor($0.from) }), from.instance == start.instance else {
      try reader.skipSection()
      if !isApart {
        report.notes.append(
          "\(space): the log of another life of central: \(Self.isUnled)")
      }
      return
    }
    guard from.seq <= start.seq else {
      try reader.skipSection()
      report.notes.append(
        "\(space): the bundle begins after entry \(from.seq), and this replica is at \(start.seq); "
          + "ask for one with --since \(start.seq)")
      return
    }
    do {
      guard try compare(space, &reader, from: from, upTo: start, at: at) else { return }
      var spool = Spool(path: "\(store.path).cordee-bundle-\(space)", start: start)
      spool.remove()
      defer { spool.remove() }
      var taken = SyncReport()
      let isTaken = try takeLog(of: space, from: start, &spool, author: author(at: at), &taken) {
        _ in
        try piece(&reader)
      }
      report.applied += taken.pulled
      report.refused += taken.refused
      if !isTaken {
        report.notes.append("\(space): its log ends before a checkpoint of central: nothing taken")
      }
    } catch let error as SyncError where !error.code.hasPrefix("bundle.") {
      try reader.skipSection()
      report.notes.append("\(space): \(error.message)")
    }
  }

  /// Passes over entries that this file holds, comparing place by place.
  ///
  /// - Returns: whether entries above the cursor follow.
  /// - Throws: `checkpoint.split` when central signed another history than the one here.
  private func compare(
    _ space: String, _ reader: inout BundleReader, from: Cursor, upTo end: Cursor, at: String
  ) throws -> Bool {
    let isHeld = try store.gap(in: space).map { from.seq >= $0.upTo.seq } ?? true
    var verification = verification(of: space, from: from)
    var differs =
      try isHeld && from.seq > 0 && heldHash(of: space, at: from.seq) != from.hash
    while let (kind, bytes) = try reader.next() {
      guard kind == .wire else {
        reader.giveBack(bytes)
        return false
      }
      let line = try LogLine.parse(bytes)
      switch line {
      case .entry(let seq, _, _, _, _):
        if seq > end.seq, !differs, !isHeld || verification.cursor.seq == end.seq {
          reader.giveBack(bytes)
          return true
        }
        guard isHeld else { continue }
        _ = try verification.entry(line)
        if try store.logHash(of: space, at: seq) != verification.cursor.hash { differs = true }
      case .checkpoint(_, let checkpoint, _):
        guard isHeld else { return false }
        // Central's own signature over a chain that is not ours, or damage, which is thrown as such.
        _ = try verification.entry(line)
        if differs {
          throw try forkedBundle(checkpoint, line: bytes, at: at)
        }
        return false
      }
    }
    return false
  }

  /// Lines up to half a megabyte or a checkpoint.
  private func piece(_ reader: inout BundleReader) throws -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var bytes = 0
    while bytes < 1 << 19, let next = try reader.next() {
      guard next.kind == .wire else {
        reader.giveBack(next.bytes)
        break
      }
      lines.append(next.bytes)
      bytes += next.bytes.count
      if next.bytes.starts(with: Array(#"{"checkpoint":"#.utf8)) { break }
    }
    return lines
  }

}

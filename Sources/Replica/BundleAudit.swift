import Causality
import Changes
public import Seal
public import Store
import Wire

/// A bundle held against a file: what two members were told, side by side.
///
/// Nothing is taken and nothing kept.
public struct BundleAudit {
  private let store: Store
  private let centralKey: PublicKey
  private var findings: [Finding] = []

  /// Prepares a comparison with a file opened for reading: a replica, or central's own.
  public init(of store: Store, centralKey: PublicKey) {
    self.store = store
    self.centralKey = centralKey
  }

  /// Compares.
  ///
  /// - Returns: damage where the bundle is not what was signed, or central signed two histories; notices where one is behind
  ///   or one name stands for two edits; nothing when all that both hold is equal.
  /// - Throws: `SyncError` when the file is no bundle.
  /// - Complexity: O(lines); memory holds a segment.
  public mutating func compare(_ path: String) throws -> [Finding] {
    var reader = try BundleReader(path)
    guard try store.meta("network") == .blob(reader.bundle.network.bytes) else {
      return [Finding(.damage, "against.network", "\(path) belongs to another network")]
    }
    findings = []
    let isLog = reader.bundle.kind == .log
    var space: String?
    while let (kind, bytes) = try reader.next() {
      switch kind {
      case .space(let name): space = store.schema.spaces.contains(name) ? name : nil
      case .receipt: if let space { compareReceipt(bytes, in: space) }
      case .lives: compareLives(bytes)
      case .wire:
        guard let space else { continue }
        reader.giveBack(bytes)
        if isLog {
          try compareLog(of: space, &reader)
        } else {
          try compareSegment(of: space, &reader)
        }
      case .end: break
      }
    }
    if !reader.isWhole { add(.incomplete, "bundle.cut", "the bundle is cut") }
    return findings.map { $0.of(path) }
  }

  private mutating func add(_ kind: Finding.Kind, _ code: String, _ message: String) {
    findings.append(Finding(kind, code, message))
  }

  private func isCentrals(_ signatures: [Signature], _ message: [UInt8]) -> Bool {
    signatures.contains { centralKey.verifies($0.value, of: message) }
  }

  private func key(of replica: ReplicaID) throws -> PublicKey? {
    try Verification.key(of: replica, in: store, centralKey: centralKey)
  }

  private mutating func compareReceipt(_ line: [UInt8], in space: String) {
    guard let (note, signed, signatures) = try? ReceiptNote.parse(line: line),
      isCentrals(signatures, Preimage.receipt(signed))
    else { return add(.damage, "bundle.receipt", "a receipt in it is not signed by central") }
    for head in note.heads {
      if let held = try? store.changeHash(head.dot, in: space), held != head.hash {
        findings.append(.twin(head.dot, in: space))
      }
    }
  }

  private mutating func compareLives(_ line: [UInt8]) {
    guard let (_, signed, signatures) = try? LivesNote.parse(line: line),
      isCentrals(signatures, Preimage.lives(signed))
    else { return add(.damage, "bundle.lives", "its list of lives is not signed by central") }
  }

  private mutating func compareSegment(of space: String, _ reader: inout BundleReader) throws {
    guard let first = try reader.next(), let segment = try? Segment.parse(first.bytes) else {
      return
    }
    var lines: [[UInt8]] = []
    while lines.count < segment.to - segment.from + 1, let next = try reader.next() {
      guard next.kind == .wire else {
        reader.giveBack(next.bytes)
        break
      }
      lines.append(next.bytes)
    }
    guard case .blob(let bytes)? = try store.meta("network"), let network = NetworkID(bytes: bytes)
    else { return }
    do {
      let changes = try segment.verify(
        lines, key: key(of: segment.actor.replica), network: network, space: space)
      for (n, (change, _)) in zip(segment.from..., changes) {
        let dot = Dot(actor: segment.actor, n: n)
        if let held = try store.changeHash(dot, in: space), held != change.hash {
          findings.append(.twin(dot, in: space))
        }
      }
    } catch let problem as Problem {
      add(.damage, "bundle.segment", "a segment of \(segment.actor.replica): \(problem.detail)")
    }
  }

  /// Where a space's part of a log stands, and where it parts from the file's.
  private struct Reading {
    var place: Cursor
    var heads: [ActorID: Head] = [:]
    /// The first place that both hold with another hash.
    var fork: Int?

    struct Head {
      let n: Int
      let hash: Hash
    }
  }

  private mutating func compareLog(of space: String, _ reader: inout BundleReader) throws {
    guard let from = reader.bundle.sections.first(where: { $0.space == space })?.from,
      let start = Cursor(from)
    else { return add(.damage, "bundle.shape", "the log of \(space) does not say where it begins") }
    var reading = Reading(place: start)
    try meet(&reading, space)
    while let (kind, bytes) = try reader.next() {
      guard kind == .wire else {
        reader.giveBack(bytes)
        break
      }
      switch try? LogLine.parse(bytes) {
      case .entry(let seq, let line, let verdict, _, let signatures)?:
        guard try take(seq, line, verdict, signatures, &reading, space) else {
          try reader.skipSection()
          return
        }
      case .checkpoint(let signed, let checkpoint, let signatures)?:
        return try conclude(signed, checkpoint, signatures, reading, space)
      case nil: return add(.damage, "bundle.line", "a line of the log of \(space) cannot be read")
      }
    }
    add(.incomplete, "bundle.log", "the log of \(space) ends before a checkpoint of central")
  }

  /// One entry in its chains; false when the change before it is not known here, so that no hash can be told.
  private mutating func take(
    _ seq: Int, _ line: ChangeDecoding.Line, _ verdict: Verdict, _ raw: [UInt8]?,
    _ reading: inout Reading, _ space: String
  ) throws -> Bool {
    let dot = line.header.dot
    let known = reading.heads[dot.actor]
    let before =
      try known?.n == dot.n - 1
      ? known?.hash
      : dot.n == 1
        ? Hash.zero : store.changeHash(Dot(actor: dot.actor, n: dot.n - 1), in: space)
    guard let before else {
      add(
        .incomplete, "against.ahead",
        "the log of \(space) goes on from what is not here: sync, then compare again")
      return false
    }
    let change = Store.change(line, previous: before)
    let hash = Store.hash(
      Preimage.log(
        previous: reading.place.hash, seq: seq, dot: dot, verdict: verdict, hash: change.hash))
    reading.place = Cursor(instance: reading.place.instance, seq: seq, hash: hash)
    reading.heads[dot.actor] = .init(n: dot.n, hash: change.hash)
    if let raw, let key = try key(of: dot.actor.replica) {
      let message = Preimage.segment(
        network: line.header.network, space: space, head: dot, hash: change.hash)
      let signatures = (try? Signature.list(JSON.parse(raw))) ?? []
      if !signatures.contains(where: { key.verifies($0.value, of: message) }) {
        add(.damage, "bundle.signature", "entry \(seq) of \(space) is not signed by its author")
      }
    }
    try meet(&reading, space)
    return true
  }

  /// Compares the place reached with the same place here.
  private func meet(_ reading: inout Reading, _ space: String) throws {
    let place = reading.place
    guard reading.fork == nil, place.seq > 0, place.seq <= (try store.logEnd(of: space).seq) else {
      return
    }
    let gap = try store.gap(in: space)
    if let gap, gap.after.seq < place.seq, place.seq < gap.upTo.seq { return }
    let held =
      try gap?.upTo.seq == place.seq ? gap?.upTo.hash : store.logHash(of: space, at: place.seq)
    if held != place.hash { reading.fork = place.seq }
  }

  private mutating func conclude(
    _ signed: [UInt8], _ checkpoint: Checkpoint, _ signatures: [Signature], _ reading: Reading,
    _ space: String
  ) throws {
    guard isCentrals(signatures, Preimage.checkpoint(signed)) else {
      return add(
        .damage, "bundle.checkpoint", "the checkpoint of \(space) is not signed by central")
    }
    guard checkpoint.space.hasBytes(of: space), checkpoint.seq == reading.place.seq,
      checkpoint.hash == reading.place.hash
    else {
      return add(
        .damage, "bundle.log", "the log of \(space) is not the one that central signed")
    }
    let end = try store.logEnd(of: space).seq
    if let fork = reading.fork {
      try findings.append(
        store.parting(of: space, at: fork, isSameLife: store.life(of: space) == checkpoint.instance)
      )
    } else if end != checkpoint.seq {
      add(
        .notice, "against.behind",
        "in \(space) it reaches entry \(checkpoint.seq), and this file \(end)")
    }
  }
}

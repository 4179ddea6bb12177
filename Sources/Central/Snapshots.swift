import Causality
import Changes
import Files
import HTTP
import Mutants
import Seal
import Store
import Wire

/// Snapshots: made when somebody asks, kept beside central's file, served in ranges. `[SP-1102]`
extension Central {
  /// Whether a snapshot costs a replica less than the log after `seq`.
  ///
  /// An entry of the log is taken to cost three halves of a row in an image. To whoever holds nothing a snapshot costs less:
  /// the log writes each row at least once, be it by many small changes or by few large ones. The asker's own changes stand in
  /// its file already, and what a snapshot leaves out of them is fetched as history all the same: only others' count.
  func offersSnapshot(of space: String, after seq: Int, end: Int, to actor: ActorID) throws -> Bool
  {
    if heldSnapshots.withheld.contains(space) { return false }
    if seq == 0, end > 0, try store.rowCount(of: space) >= snapshotEntriesMin { return true }
    guard end - seq >= snapshotEntriesMin else { return false }
    let entries = try store.entryCount(of: space, after: seq, besides: actor)
    guard entries >= snapshotEntriesMin else { return false }
    return try entries * 3 > store.rowCount(of: space) * 2
  }

  /// The snapshot kept of a space, or a new one when there is none or the log has grown much since.
  ///
  /// What is kept is held against central's own signature before it is given for the first time, again whenever the file is
  /// another than it was then, and once for each device that begins the same one anew: damage under a file that stands still
  /// shows in no date. What does not hold is removed, told to central's keeper, and made anew. A new one is held against the
  /// log before it is signed.
  ///
  /// - Parameters:
  ///   - isPacked: which of its two forms is asked for.
  ///   - beginner: the device that asks for it from its beginning.
  /// - Returns: nil when nothing was merged, or when the rows here are not what the log says.
  /// - Complexity: O(log + rows of the space) when it is made anew, O(bytes) when it is checked, else O(1).
  func snapshot(
    of space: String, isPacked: Bool, beginner: ReplicaID? = nil, at: String
  ) throws -> KeptSnapshot? {
    let end = try store.logEnd(of: space)
    guard end.seq > 0, try checkpoint(of: space) != nil, !heldSnapshots.withheld.contains(space)
    else { return nil }
    if let kept = try keptSnapshot(of: space), try !isOutgrown(kept) {
      if let beginner { heldSnapshots.note(beginner, of: kept) }
      if holds(kept, isPacked: isPacked) { return kept }
      try store.write {
        try forgetSnapshot(of: space)
        try keepReport(
          at: at, [("snapshot", .object([("space", .string(space)), ("found", .string("file"))]))])
      }
    }
    return try makeSnapshot(of: space, at: at)
  }

  private func isOutgrown(_ kept: KeptSnapshot) throws -> Bool {
    let grown = try store.entryCount(of: kept.space, after: kept.seq)
    return try grown >= snapshotEntriesMin && grown * 10 >= store.rowCount(of: kept.space)
  }

  /// Whether a kept file is what was signed; read from end to end unless it is the very file that was found to be.
  private func holds(_ kept: KeptSnapshot, isPacked: Bool) -> Bool {
    guard let state = Files.state(of: kept.path(isPacked: isPacked)) else { return false }
    if heldSnapshots.isHeld(kept, isPacked: isPacked, as: state) { return true }
    guard kept.isWhole(isPacked: isPacked, key: publicKey, network: network) else { return false }
    heldSnapshots.hold(kept, isPacked: isPacked, as: state)
    return true
  }

  /// What is on disk of this life, whole or not.
  private func keptSnapshot(of space: String) throws -> KeptSnapshot? {
    guard let kept = try store.notedSnapshot(of: space, beside: store.path),
      kept.instance == instance.description, kept.isProven, kept.isThere
    else { return nil }
    return kept
  }

  /// Removes the kept snapshot of a space; call inside `write`.
  func forgetSnapshot(of space: String) throws {
    try store.notedSnapshot(of: space, beside: store.path)?.remove()
    heldSnapshots.forget(space)
    try store.setMeta("snapshot.\(space)", .null)
  }

  /// Makes a snapshot; nil when its rows are not what the log says.
  private func makeSnapshot(of space: String, at: String) throws -> KeptSnapshot? {
    let imagePath = "\(store.path).snapshot.\(space).image"
    Files.remove(imagePath)
    defer { Files.remove(imagePath) }
    let end = try store.logEnd(of: space)
    let contents = try store.writeImage(of: space, to: imagePath)
    let found = try disagreement(ofImageAt: imagePath, of: space)
    guard found.isNone || mutant(65, "R11: central signs rows that its log does not say") else {
      try withhold(space, found, at: at)
      return nil
    }
    let hash = try Self.hash(ofImage: imagePath)
    let snapshot = Snapshot(
      network: network, instance: instance, space: space, seq: end.seq, logHash: end.hash, at: at,
      rows: contents.rows, bytes: Files.size(imagePath) ?? 0, hash: hash, tables: contents.tables)
    let signature = Signature(key: keyID, value: key.sign(Preimage.snapshot(snapshot.encoded)))
    let isSigned = try signedEnd(of: space) == end.seq
    let line =
      snapshot.line(
        signatures: [signature], checkpoint: isSigned ? try checkpoint(of: space) : nil)
      + [UInt8(ascii: "\n")]
    let kept = KeptSnapshot(
      space: space, instance: instance.description, seq: end.seq, tag: hash.description,
      isProven: true, beside: store.path)
    let part = "\(store.path).snapshot.\(space).part"
    defer { for end in ["", ".zst"] { Files.remove(part + end) } }
    try Self.pack(imagePath, after: line, into: part)
    // Whatever this is cut by, what stands on disk is noted, or written over by the next.
    try store.notedSnapshot(of: space, beside: store.path)?.remove()
    try store.write {
      try store.setMeta("snapshot.\(space)", .text(kept.note))
      if try withheld(space) != nil { try store.setMeta(Self.withheldKey(space), .null) }
    }
    for (end, isPacked) in [("", false), (".zst", true)] {
      try Files.rename(part + end, to: kept.path(isPacked: isPacked))
    }
    heldSnapshots.forget(space)
    guard holds(kept, isPacked: true), holds(kept, isPacked: false) else {
      throw Problem("snapshot.lost", status: 500, "the snapshot could not be kept")
    }
    return kept
  }

  private static func hash(ofImage path: String) throws -> Hash {
    var hash = Blake2b()
    hash.update(Preimage.image)
    var reader = try FileReader(path)
    while true {
      let piece = try reader.read(1 << 18)
      if piece.isEmpty { return Hash(bytes: hash.finalize()) ?? .zero }
      hash.update(piece)
    }
  }

  private static func pack(
    _ imagePath: String, after line: [UInt8], into part: String
  ) throws {
    var reader = try FileReader(imagePath)
    var plainWriter = try FileWriter(part)
    var packedWriter = try FileWriter(part + ".zst")
    var encoder = ZstdEncoder()
    try plainWriter.write(line)
    try packedWriter.write(encoder.encode(line))
    while true {
      let piece = try reader.read(1 << 18)
      if piece.isEmpty { break }
      try plainWriter.write(piece)
      try packedWriter.write(encoder.encode(piece))
    }
    try packedWriter.write(encoder.finish())
    try plainWriter.sync()
    try packedWriter.sync()
  }
}

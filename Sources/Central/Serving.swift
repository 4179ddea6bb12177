public import Causality
public import Changes
import Mutants
import SQLite
import Store
import Wire

/// What central answers to a replica that comes by.
extension Central {
  /// Central's side of one space, for hello.
  public struct Standing: Sendable {
    /// The newest contiguous change of the asking actor that central holds.
    public let heldN: Int
    /// Its hash.
    public let heldHash: Hash
    /// Whether central holds the very change the actor calls its newest, and all below it.
    public let holdsHead: Bool
    /// The last place of the signed log.
    public let seq: Int
    /// Whether the replica's cursor stands in central's log.
    public let knowsCursor: Bool
  }

  /// How central stands to an actor in one space.
  ///
  /// - Parameters:
  ///   - head: what the actor calls its newest change.
  ///   - cursor: how far its replica has read the log.
  /// - Complexity: O(segments of the actor in the inbox).
  public func standing(
    of actor: ActorID, in space: String, head: (n: Int, hash: Hash), cursor: (seq: Int, hash: Hash)
  ) throws -> Standing {
    let held = try heldHead(of: actor, in: space)
    let holdsHead =
      try head.n <= held.n
      && (head.n == 0 || self.held(Dot(actor: actor, n: head.n), in: space) == head.hash)
    let seq = try signedEnd(of: space)
    return Standing(
      heldN: held.n, heldHash: held.hash, holdsHead: holdsHead, seq: seq,
      knowsCursor: try store.logHash(of: space, at: cursor.seq) == cursor.hash)
  }

  /// The log of a space after `seq`, as NDJSON lines: entries, and the checkpoint where the end is reached.
  ///
  /// Bodies of quarantined changes go to their author alone.
  ///
  /// - Parameters:
  ///   - reader: whose request this is.
  ///   - bytesMax: the piece ends with the first line that reaches it, counted in full form.
  ///   - isShort: whether lines may have the short form.
  /// - Throws: `Problem` when the reader's role may not read the space.
  public func logPiece(
    of space: String, after seq: Int, for reader: Member, bytesMax: Int, isShort: Bool = false
  ) throws -> [UInt8] {
    try checkReads(space, by: reader)
    return try readLog(
      of: space, after: seq, for: reader.replica, bytesMax: bytesMax, isShort: isShort
    ).bytes
  }

  /// A piece of the log.
  struct LogPiece {
    var bytes: [UInt8] = []
    /// What the entries have in full form.
    var fullBytes = 0
    /// Whether the end is reached.
    var isWhole = true
    /// Whether every reader is given the same: no body is withheld.
    var isForAll = true
  }

  /// The same for a reader who may read the space; nil for somebody who wrote nothing.
  func readLog(
    of space: String, after seq: Int, for reader: ReplicaID?, bytesMax: Int, isShort: Bool
  ) throws -> LogPiece {
    try store.read {
      var piece = LogPiece()
      guard let checkpoint = try checkpoint(of: space) else { return piece }
      let end = try signedEnd(of: space)
      var writer = ShortWriter()
      var runs = RunFinder(store, space: space)
      try store.forEachEntry(of: space, after: seq) { entry in
        guard entry.seq <= end else { return false }
        if piece.fullBytes >= bytesMax {
          piece.isWhole = false
          return false
        }
        if !entry.verdict.isApplied || entry.change.bodyBytes == nil { piece.isForAll = false }
        if isShort, entry.verdict.isApplied, entry.change.bodyBytes != nil {
          writer.append(
            entry.change, seq: entry.seq, signatures: entry.signatures,
            run: try runs.run(of: entry.change.dot))
        } else {
          writer.append(
            line: LogLine.entryLine(
              seq: entry.seq, change: entry.change, verdict: entry.verdict,
              signatures: entry.signatures,
              withholdsBody: !entry.verdict.isApplied
                && !mutant(57, "R7: refused bodies go to everybody")
                && entry.change.dot.actor.replica != reader))
        }
        piece.fullBytes += entry.fullBytes
        return true
      }
      if piece.isWhole { writer.append(line: checkpoint) }
      piece.bytes = writer.bytes
      return piece
    }
  }

  /// Refuses a reader whose role may not read the space.
  func checkReads(_ space: String, by reader: Member) throws(Problem) {
    guard store.schema.spaces.contains(space) else {
      throw Problem("space.unknown", status: 404, "there is no space of that name")
    }
    guard store.schema.role(reader.role)?.reads.contains(space) == true else {
      throw Problem("space.forbidden", status: 403, "the role \(reader.role) may not read \(space)")
    }
  }
}

extension LogEntry {
  /// About the bytes of its line in full form.
  fileprivate var fullBytes: Int {
    change.headerBytes.count + (change.bodyBytes?.count ?? 64) + (signatures?.count ?? 0) + 64
  }
}

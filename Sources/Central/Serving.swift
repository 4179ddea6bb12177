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
    let seq = try Int(store.meta("checkpoint.\(space).seq")?.integer ?? 0)
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
    try readLog(of: space, after: seq, for: reader, bytesMax: bytesMax, isShort: isShort).bytes
  }

  /// The same, with its bytes in full form, and whether the end is reached.
  private func readLog(
    of space: String, after seq: Int, for reader: Member, bytesMax: Int, isShort: Bool
  ) throws -> (bytes: [UInt8], fullBytes: Int, isWhole: Bool) {
    try checkReads(space, by: reader)
    return try store.read {
      guard let checkpoint = try checkpoint(of: space) else { return ([], 0, true) }
      let end = try Int(store.meta("checkpoint.\(space).seq")?.integer ?? 0)
      var writer = ShortWriter()
      var runs = RunFinder(store, space: space)
      var size = 0
      var isCut = false
      try store.forEachEntry(of: space, after: seq) { entry in
        guard entry.seq <= end else { return false }
        if size >= bytesMax {
          isCut = true
          return false
        }
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
                && entry.change.dot.actor.replica != reader.replica))
        }
        size += entry.fullBytes
        return true
      }
      if !isCut { writer.append(line: checkpoint) }
      return (writer.bytes, size, !isCut)
    }
  }

  /// The logs that a device which says hello need not ask for: those short enough to go with the answer, as a whole. `[SP-713]`
  ///
  /// They end at the first that is not, since the keys of authors stand in the log of the first space.
  ///
  /// - Parameter bytesMax: how many bytes all of them may have, counted in full form.
  func shortLogs(
    for hello: Hello, _ answer: HelloAnswer, to reader: Member, bytesMax: Int
  ) throws -> [HelloReply.Log] {
    var logs: [HelloReply.Log] = []
    var bytesLeft = bytesMax
    for space in answer.spaces {
      guard let cursor = hello.spaces.first(where: { $0.name == space.name })?.cursor,
        cursor.instance == instance, space.knowsCursor, !answer.isRestoring, !space.offersSnapshot
      else { break }
      if cursor.seq >= space.seq { continue }
      let (bytes, fullBytes, isWhole) = try readLog(
        of: space.name, after: cursor.seq, for: reader, bytesMax: bytesLeft, isShort: true)
      guard isWhole, fullBytes <= bytesLeft, !bytes.isEmpty else { break }
      bytesLeft -= fullBytes
      logs.append(HelloReply.Log(space: space.name, lines: Lines.split(bytes)))
    }
    return logs
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

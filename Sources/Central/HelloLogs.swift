import Changes
import Store
import Wire

/// A whole log after some place, in short form, up to its checkpoint: what goes with an answer to hello.
struct ShortLog {
  /// Its lines, each with its line feed.
  let bytes: [UInt8]
  /// How many there are.
  let lineCount: Int
  /// What they have in full form, which limits count.
  let fullBytes: Int

  init(_ piece: Central.LogPiece) {
    bytes = piece.bytes
    lineCount = bytes.count { $0 == UInt8(ascii: "\n") }
    fullBytes = piece.fullBytes
  }
}

/// Short logs that everybody is given alike, made ready before they are asked for.
///
/// A log in which a body is given to its author alone is not kept. What is kept stands until the next checkpoint of its space:
/// it is found by that line, so that what a merge that was taken back or another life of central signed gives nothing.
struct ReadyLogs {
  /// Bytes of a space's logs that are kept.
  static let bytesMax = 4 * CentralLimits.helloLogBytesMax
  /// Entries up to which a merge makes its log ready; bytes end it before, but only once they were read.
  static let entriesMax = 500

  private struct Space {
    let checkpoint: [UInt8]
    var logs: [Int: ShortLog] = [:]
    var bytes = 0
  }

  private var spaces: [String: Space] = [:]

  /// The log of a space after `seq`, up to its present checkpoint.
  func log(of space: String, after seq: Int, upTo checkpoint: [UInt8]) -> ShortLog? {
    guard let held = spaces[space], held.checkpoint == checkpoint else { return nil }
    return held.logs[seq]
  }

  /// Keeps a log, if there is room, instead of those that end at another checkpoint.
  mutating func keep(
    _ log: ShortLog, of space: String, after seq: Int, upTo checkpoint: [UInt8]
  ) {
    if spaces[space]?.checkpoint != checkpoint { spaces[space] = Space(checkpoint: checkpoint) }
    guard let held = spaces[space], held.logs[seq] == nil,
      held.bytes + log.bytes.count <= Self.bytesMax
    else { return }
    spaces[space]?.logs[seq] = log
    spaces[space]?.bytes += log.bytes.count
  }

  /// Forgets the logs of a space.
  mutating func drop(_ space: String) { spaces[space] = nil }
}

extension Central {
  /// The logs that a device which says hello need not ask for: those short enough to go with the answer, as a whole. `[SP-713]`
  ///
  /// They end at the first that is not, since the keys of authors stand in the log of the first space.
  ///
  /// - Parameter bytesMax: how many bytes all of them may have, counted in full form.
  func shortLogs(
    for hello: Hello, _ answer: HelloAnswer, to reader: Member, bytesMax: Int
  ) throws -> [(space: String, log: ShortLog)] {
    var logs: [(space: String, log: ShortLog)] = []
    var bytesLeft = bytesMax
    for space in answer.spaces {
      guard let cursor = hello.spaces.first(where: { $0.name == space.name })?.cursor,
        cursor.instance == instance, space.knowsCursor, !answer.isRestoring, !space.offersSnapshot
      else { break }
      if cursor.seq >= space.seq { continue }
      guard
        let log = try shortLog(
          of: space.name, after: cursor.seq, for: reader, bytesMax: bytesLeft),
        log.fullBytes <= bytesLeft
      else { break }
      bytesLeft -= log.fullBytes
      logs.append((space.name, log))
    }
    return logs
  }

  /// The log after `seq` as a whole, made ready before or made now; nil when it is longer than `bytesMax` in full form.
  private func shortLog(
    of space: String, after seq: Int, for reader: Member, bytesMax: Int
  ) throws -> ShortLog? {
    try checkReads(space, by: reader)
    guard let checkpoint = try checkpoint(of: space) else { return nil }
    if let log = readyLogs.log(of: space, after: seq, upTo: checkpoint) { return log }
    let piece = try readLog(
      of: space, after: seq, for: reader.replica, bytesMax: bytesMax, isShort: true)
    guard piece.isWhole else { return nil }
    let log = ShortLog(piece)
    if piece.isForAll { readyLogs.keep(log, of: space, after: seq, upTo: checkpoint) }
    return log
  }

  /// Makes ready what a merge brought, for those who have read up to where it began; call when it stands.
  ///
  /// - Parameter ends: where the signed logs ended before, by space.
  /// - Complexity: O(entries since), at most `ReadyLogs.entriesMax` a space.
  func makeLogsReady(since ends: [String: Int]) throws {
    for (space, end) in ends {
      let count = try signedEnd(of: space) - end
      guard count > 0, let checkpoint = try checkpoint(of: space) else { continue }
      readyLogs.drop(space)
      guard count <= ReadyLogs.entriesMax else { continue }
      let piece = try readLog(
        of: space, after: end, for: nil, bytesMax: CentralLimits.helloLogBytesMax, isShort: true)
      guard piece.isWhole, piece.isForAll else { continue }
      readyLogs.keep(ShortLog(piece), of: space, after: end, upTo: checkpoint)
    }
  }
}

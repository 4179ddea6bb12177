import Causality
import Store
import Wire

/// Lines of the log as they came, in short or full form; a piece stands for itself.
struct LogPiece {
  let lines: [[UInt8]]
  /// How many of them were read.
  private(set) var reached = 0

  init(_ lines: [[UInt8]]) { self.lines = lines }

  /// The lines in full form, as they would have come without being shortened.
  static func full(_ lines: [[UInt8]]) throws(WireError) -> [[UInt8]] {
    var (reader, full) = (reader, [[UInt8]]())
    for line in lines {
      if let line = try reader.full(line) { full.append(line) }
    }
    return full
  }

  private static var reader: ShortReader {
    ShortReader(isLog: true, bytesMax: 2 * ReplicaLimits.answerBytesMax)
  }

  /// Reads each line.
  mutating func forEachLine(_ body: (LogLine) throws -> Void) throws {
    var reader = Self.reader
    for line in lines {
      reached += 1
      if let line = try reader.logLine(line) { try body(line) }
    }
  }

  /// The line read last, in full form: what is shown where it is not what it should be.
  func last() throws(WireError) -> [UInt8] {
    try Self.full(Array(lines.prefix(reached))).last ?? []
  }
}

/// A pull on its way: what was read of the log and is not taken yet.
struct LogReading {
  var verification: Verification
  /// The entries of the only piece; those of several wait in the spool.
  var entries: [LogEntry] = []
  var piece = LogPiece([])
  /// The spool's line in hand.
  var spooled: [UInt8]?
  /// The entry in hand, when it comes of no spool.
  var taken: LogEntry?

  init(_ verification: Verification) { self.verification = verification }

  /// The line in hand, in full form.
  func line() throws -> [UInt8] {
    if let taken {
      return LogLine.entryLine(
        seq: taken.seq, change: taken.change, verdict: taken.verdict,
        signatures: taken.signatures, withholdsBody: false)
    }
    return try spooled ?? piece.last()
  }
}

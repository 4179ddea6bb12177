import Changes
import Files
import Seal
import Store
import Wire

/// Lines of the log on their way into the replica, kept in a file beside it.
///
/// The first line is the cursor they follow. Whether it is used, and what it must hold, is remembered in memory: the file
/// alone decides nothing.
struct Spool {
  /// The code of an error that says: what an earlier transfer left cannot be used, fetch it again.
  static let unfit = "spool.unfit"
  /// Bytes read at once.
  private static let readBytes = 1 << 18

  let path: String
  private let first: [UInt8]
  /// What was written or read here, in order.
  private var pieces: [(count: Int, hash: Hash)] = []
  /// Whether an earlier conversation brought some of the lines.
  private(set) var isTakenUp = false

  /// A spool is of use only to the cursor it began at.
  init(path: String, start: Cursor) {
    self.path = path
    first = Array("\(start.text)\n".utf8)
  }

  /// Whether lines are in it.
  var isUsed: Bool { !pieces.isEmpty }

  /// Begins anew.
  mutating func remove() {
    Files.remove(path)
    pieces = []
  }

  /// The error that says so.
  var unfit: SyncError {
    SyncError(
      Self.unfit, "\(path) is not what central sent", hint: "Sync again; it is fetched anew.")
  }

  /// Gives the whole lines that an earlier conversation left; what a cut left of a last one goes.
  ///
  /// - Throws: `unfit` when the file follows another cursor; what `body` throws.
  mutating func takeUp(_ body: ([UInt8]) throws -> Void) throws {
    guard Files.size(path) != nil else { return }
    var reader = try FileReader(path)
    guard try reader.read(first.count) == first else { throw unfit }
    var whole = first.count
    var rest: [UInt8] = []
    while true {
      let more = try reader.read(Self.readBytes)
      if more.isEmpty { break }
      rest += more
      guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else {
        guard rest.count < ReplicaLimits.spoolLineBytesMax else { throw unfit }
        continue
      }
      let piece = Array(rest[...end])
      rest.removeFirst(piece.count)
      for line in piece.dropLast().split(separator: UInt8(ascii: "\n")) { try body(Array(line)) }
      note(piece)
      whole += piece.count
      isTakenUp = true
    }
    if !rest.isEmpty { try Files.shorten(path, to: whole) }
  }

  /// Adds whole lines.
  mutating func append(_ lines: [UInt8]) throws {
    var writer = try FileWriter(path, appends: isUsed)
    if !isUsed { try writer.write(first) }
    try writer.write(lines)
    note(lines)
  }

  /// Gives every line, each byte as it was written or taken up; memory holds one piece.
  ///
  /// - Throws: `unfit` before a line is given that is not.
  func forEachLine(_ body: ([UInt8]) throws -> Void) throws {
    guard Files.size(path) != nil else { throw unfit }
    var reader = try FileReader(path)
    guard try reader.read(first.count) == first else { throw unfit }
    for piece in pieces {
      let bytes = try reader.read(piece.count)
      guard bytes.count == piece.count, Store.hash([bytes]) == piece.hash else { throw unfit }
      for line in bytes.dropLast().split(separator: UInt8(ascii: "\n")) { try body(Array(line)) }
    }
  }

  private mutating func note(_ piece: [UInt8]) {
    pieces.append((piece.count, Store.hash([piece])))
  }
}

import Files
import Wire

/// Lines of the log on their way into the replica, kept in a file beside it.
///
/// The first line is the cursor they follow.
struct Spool {
  private let path: String
  private let start: Cursor

  /// A spool is of use only to the cursor it began at.
  init(path: String, start: Cursor) {
    self.path = path
    self.start = start
  }

  /// Whether there is more than the first line.
  var holdsLines: Bool { (Files.size(path) ?? 0) > start.text.utf8.count + 1 }

  func remove() { Files.remove(path) }

  /// Adds whole lines.
  func append(_ lines: [UInt8]) throws {
    let isNew = Files.size(path) == nil
    var writer = try FileWriter(path, appends: true)
    if isNew { try writer.write(Array("\(start.text)\n".utf8)) }
    try writer.write(lines)
  }

  /// Gives every line after the first; memory holds one line and one piece.
  ///
  /// - Throws: `SyncError` when the file follows another cursor or ends within a line.
  func forEachLine(_ body: ([UInt8]) throws -> Void) throws {
    guard Files.size(path) != nil else { return }
    var reader = try FileReader(path)
    var rest: [UInt8] = []
    var isFirst = true
    while true {
      let piece = try reader.read(1 << 18)
      if piece.isEmpty { break }
      rest += piece
      var begin = 0
      while let end = rest[begin...].firstIndex(of: UInt8(ascii: "\n")) {
        if isFirst {
          guard rest[begin..<end].elementsEqual(start.text.utf8) else {
            throw SyncError("spool.stale", "\(path) follows another place of the log")
          }
          isFirst = false
        } else {
          try body(Array(rest[begin..<end]))
        }
        begin = end + 1
      }
      rest.removeFirst(begin)
    }
    guard rest.isEmpty, !isFirst else {
      throw SyncError("spool.cut", "\(path) ends within a line")
    }
  }
}

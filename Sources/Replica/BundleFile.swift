import Files
import Seal
public import Wire

/// Writes a bundle: beside its name first, under it once it is whole and on the disk.
public struct BundleWriter: ~Copyable {
  private let path: String
  private var writer: FileWriter
  private var encoder: ZstdEncoder?
  private var buffer: [UInt8] = []
  private var lines = 0

  /// Begins a bundle.
  ///
  /// - Parameter plain: without compression; else zstd.
  public init(_ path: String, _ bundle: Bundle, plain: Bool) throws {
    self.path = path
    writer = try FileWriter(path + ".part")
    encoder = plain ? nil : ZstdEncoder()
    buffer = bundle.line + [UInt8(ascii: "\n")]
  }

  /// Adds one line, without its line feed.
  public mutating func write(_ line: [UInt8]) throws {
    lines += 1
    buffer += line
    buffer.append(UInt8(ascii: "\n"))
    if buffer.count >= 1 << 18 { try flush() }
  }

  /// Adds whole lines with their line feeds.
  public mutating func write(whole bytes: [UInt8]) throws {
    for line in Lines.split(bytes) { try write(line) }
  }

  private mutating func flush() throws {
    try writer.write(encoder?.encode(buffer) ?? buffer)
    buffer = []
  }

  /// Ends the bundle and gives it its name.
  public consuming func finish() throws {
    buffer += BundleLine.end(after: lines) + [UInt8(ascii: "\n")]
    if let encoder = encoder.take() {
      try writer.write(encoder.finish(buffer))
    } else {
      try writer.write(buffer)
    }
    try writer.sync()
    try Files.rename(path + ".part", to: path)
    try Files.syncFolder(of: path)
  }
}

/// Reads a bundle line by line, compressed or not; memory holds a line and a piece.
public struct BundleReader: ~Copyable {
  /// The first line.
  public let bundle: Bundle
  private var reader: FileReader
  private var decoder: ZstdDecoder?
  private var rest: [UInt8]
  private var place: Int
  private var isAtEnd: Bool
  /// A line that was given back.
  private var returned: [UInt8]?
  /// Lines after the first.
  private var count = 0
  /// Whether the last line was met, and fits what came before it.
  public private(set) var isWhole = false

  /// Whether a file begins as a bundle does, compressed or not.
  public static func isBundle(_ path: String) throws -> Bool {
    var reader = try FileReader(path)
    let head = try reader.read(10)
    return head.starts(with: Zstd.magic) || head == start
  }

  /// How a bundle begins that is not compressed.
  private static let start = Array(#"{"bundle":"#.utf8)

  /// Opens a bundle and reads its first line.
  ///
  /// - Throws: `SyncError` `bundle.shape` when the file is no bundle.
  public init(_ path: String) throws {
    var reader = try FileReader(path)
    let first = try reader.read(1 << 17)
    let isPacked = first.starts(with: Zstd.magic)
    var decoder: ZstdDecoder? = isPacked ? ZstdDecoder(limit: ReplicaLimits.bundleBytesMax) : nil
    if isPacked { decoder?.feed(first) }
    var rest = isPacked ? [] : first
    var (place, isAtEnd) = (0, false)
    let hint = "Give a file that `cordee bundle export` has made."
    guard isPacked || first.starts(with: Self.start) else {
      throw SyncError("bundle.shape", "\(path) is no bundle", hint: hint)
    }
    guard let line = try Self.line(&reader, &decoder, &rest, &place, &isAtEnd) else {
      throw SyncError(
        "bundle.shape", "\(path) is no bundle, or was cut within its first line", hint: hint)
    }
    do {
      bundle = try Bundle.parse(line)
    } catch {
      throw SyncError("bundle.shape", "\(path) is no bundle: \(error)", hint: hint)
    }
    self.reader = reader
    self.decoder = decoder
    self.rest = rest
    self.place = place
    self.isAtEnd = isAtEnd
  }

  /// The next line and what it is; nil at the end, whether the bundle is whole or cut.
  public mutating func next() throws -> (kind: BundleLine, bytes: [UInt8])? {
    if let line = returned {
      returned = nil
      return (try BundleLine.parse(line), line)
    }
    guard !isWhole, let line = try Self.line(&reader, &decoder, &rest, &place, &isAtEnd) else {
      return nil
    }
    let kind = try BundleLine.parse(line)
    if case .end(let lines) = kind {
      isWhole = lines == count
      isAtEnd = true
      return nil
    }
    count += 1
    return (kind, line)
  }

  /// Goes on to the next section.
  mutating func skipSection() throws {
    while let next = try next() {
      guard next.kind == .wire else { return giveBack(next.bytes) }
    }
  }

  /// Gives a line back, to be read again.
  mutating func giveBack(_ line: [UInt8]) { returned = line }

  private static func line(
    _ reader: inout FileReader, _ decoder: inout ZstdDecoder?, _ rest: inout [UInt8],
    _ place: inout Int, _ isAtEnd: inout Bool
  ) throws -> [UInt8]? {
    while true {
      if let end = rest[place...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { place = end + 1 }
        return Array(rest[place..<end])
      }
      guard !isAtEnd, rest.count - place <= ReplicaLimits.bundleLineBytesMax else {
        guard rest.count - place <= ReplicaLimits.bundleLineBytesMax else {
          throw SyncError("bundle.shape", "the bundle holds a line that is too long")
        }
        // What follows the last line feed is no whole line.
        return nil
      }
      rest.removeFirst(place)
      place = 0
      do {
        guard let piece = try piece(&reader, &decoder) else {
          isAtEnd = true
          continue
        }
        rest += piece
      } catch let error as SealError {
        throw SyncError(
          "bundle.damaged", "the bundle is damaged: \(error)", hint: "Have it made again.")
      }
    }
  }

  private static func piece(_ reader: inout FileReader, _ decoder: inout ZstdDecoder?) throws
    -> [UInt8]?
  {
    guard decoder != nil else {
      let piece = try reader.read(1 << 17)
      return piece.isEmpty ? nil : piece
    }
    while true {
      if let piece = try decoder?.next() { return piece }
      let chunk = try reader.read(1 << 17)
      if chunk.isEmpty { return nil }
      decoder?.feed(chunk)
    }
  }
}

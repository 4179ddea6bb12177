import Wire

extension ZoneRules {
  /// Reads compiled zone data: the 64-bit block of TZif version 2 or later and its POSIX footer (RFC 8536).
  ///
  /// Zones that count leap seconds (`right/…`) are refused: Unix time has none.
  /// - Throws: `malformed`, with the place.
  public init(tzif bytes: [UInt8]) throws(ZoneError) {
    guard bytes.count <= ScheduleLimits.tzifBytesMax else {
      throw .malformed("\(bytes.count) bytes, at most \(ScheduleLimits.tzifBytesMax) are read")
    }
    var reader = TZifReader(bytes: bytes)
    let old = try reader.header()
    try reader.skip(old.bodyBytes(instantBytes: 4))
    let header = try reader.header()
    guard header.leaps == 0 else {
      throw .malformed("counts leap seconds; expected a zone in Unix time")
    }
    guard header.types > 0 else { throw .malformed("has no local time type") }
    // Read in the order of the file; each count is checked against the bytes there are.
    try reader.require(header.bodyBytes(instantBytes: 8))
    var instants: [Int64] = []
    for _ in 0..<header.instants {
      let instant = Int64(bitPattern: try reader.word(8))
      guard instant >= instants.last.map({ $0 + 1 }) ?? -1 << 59, instant <= 1 << 59 else {
        throw .malformed("transitions are out of order at byte \(reader.position - 8)")
      }
      instants.append(instant)
    }
    var indices: [Int] = []
    for _ in 0..<header.instants { indices.append(Int(try reader.word(1))) }
    var offsets: [Int] = []
    for _ in 0..<header.types {
      let offset = Int(Int32(truncatingIfNeeded: try reader.word(4)))
      guard ZoneRules.offsets.contains(offset) else {
        throw .malformed("offset of \(offset) seconds at byte \(reader.position - 4)")
      }
      offsets.append(offset)
      try reader.skip(2)
    }
    try reader.skip(header.characters + header.standardFlags + header.universalFlags)
    var changes: [(instant: Int64, offset: Int)] = []
    for (instant, index) in zip(instants, indices) {
      guard index < offsets.count else { throw .malformed("local time type \(index) is missing") }
      changes.append((instant, offsets[index]))
    }
    let footer = try reader.footer()
    self.init(
      initial: offsets[0], changes: changes,
      tail: footer.isEmpty ? nil : try ZoneTail(posix: footer))
  }
}

extension ZoneError {
  /// Bytes that are no zone.
  static func malformed(_ what: String) -> ZoneError {
    ZoneError(.malformed, "no TZif data as RFC 8536 has it: \(what)")
  }
}

/// The six counts that a TZif header gives (RFC 8536 §3.1).
private struct TZifHeader {
  let universalFlags: Int
  let standardFlags: Int
  let leaps: Int
  let instants: Int
  let types: Int
  let characters: Int

  func bodyBytes(instantBytes: Int) -> Int {
    instants * (instantBytes + 1) + types * 6 + characters + leaps * (instantBytes + 4)
      + standardFlags + universalFlags
  }
}

private struct TZifReader {
  let bytes: [UInt8]
  private(set) var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  func require(_ count: Int) throws(ZoneError) {
    guard count <= bytes.count - position else {
      throw .malformed("ends at byte \(bytes.count), \(count) more expected after \(position)")
    }
  }

  mutating func skip(_ count: Int) throws(ZoneError) {
    try require(count)
    position += count
  }

  /// A big-endian number of at most eight bytes.
  mutating func word(_ count: Int) throws(ZoneError) -> UInt64 {
    try skip(count)
    return bytes[position - count..<position].reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func header() throws(ZoneError) -> TZifHeader {
    let start = position
    guard try word(4) == 0x545A_6966 else {
      throw .malformed("no \"TZif\" at byte \(start)")
    }
    guard try word(1) >= UInt64(UInt8(ascii: "2")) else {
      throw .malformed("version 1; expected 2 or later")
    }
    try skip(15)
    return TZifHeader(
      universalFlags: Int(try word(4)), standardFlags: Int(try word(4)), leaps: Int(try word(4)),
      instants: Int(try word(4)), types: Int(try word(4)), characters: Int(try word(4)))
  }

  mutating func footer() throws(ZoneError) -> [UInt8] {
    let newline = UInt8(ascii: "\n")
    guard try word(1) == UInt64(newline), let end = bytes[position...].firstIndex(of: newline)
    else { throw .malformed("no footer between line ends at byte \(position)") }
    return Array(bytes[position..<end])
  }
}

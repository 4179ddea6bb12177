import Causality
import Changes

/// Headers, bodies and change lines in the exact form that `ChangeEncoding` gives the common ones.
///
/// A change is read several times on its way; without a tree that costs a tenth. Whatever has another form (escapes, reals, a
/// context, a mistake) gives nil, which says nothing about its worth: the strict reader decides.
struct PlainReader {
  private let bytes: [UInt8]
  private var place = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  private var isAtEnd: Bool { place == bytes.count }

  /// One whole header without a context.
  static func header(_ bytes: [UInt8]) -> Header? {
    var reader = PlainReader(bytes)
    guard let header = reader.header(), reader.isAtEnd else { return nil }
    return header
  }

  /// One whole body.
  static func body(_ bytes: [UInt8]) -> Body? {
    var reader = PlainReader(bytes)
    guard let body = reader.body(), reader.isAtEnd else { return nil }
    return body
  }

  /// One whole change line with its body.
  static func line(_ bytes: [UInt8]) -> ChangeDecoding.Line? {
    var reader = PlainReader(bytes)
    guard let line = reader.line(), reader.isAtEnd else { return nil }
    return line
  }

  /// One whole entry of the log that took effect and ends no segment.
  static func entry(_ bytes: [UInt8]) -> (seq: Int, change: ChangeDecoding.Line)? {
    var reader = PlainReader(bytes)
    guard reader.take(Parts.seq), let seq = reader.count(), reader.take(Parts.change),
      let line = reader.line(), reader.take(Parts.close), reader.isAtEnd
    else { return nil }
    return (seq, line)
  }

  private mutating func line() -> ChangeDecoding.Line? {
    guard take(Parts.header) else { return nil }
    let headerStart = place
    guard let header = header() else { return nil }
    let headerEnd = place
    guard take(Parts.body) else { return nil }
    let bodyStart = place
    guard let body = body() else { return nil }
    let bodyEnd = place
    guard take(Parts.close), bodyEnd - bodyStart <= ChangeLimits.bodyBytesMax else { return nil }
    return ChangeDecoding.Line(
      header: header, headerBytes: Array(bytes[headerStart..<headerEnd]),
      bodyBytes: Array(bytes[bodyStart..<bodyEnd]), bodyHash: nil, body: body)
  }

  private mutating func header() -> Header? {
    guard take(Parts.network), let networkHigh = word(), let networkLow = word(),
      take(Parts.space), let space = name(), take(Parts.actor), let replicaHigh = word(),
      let replicaLow = word(), let epoch = word(), take(Parts.n), let n = count(),
      take(Parts.close)
    else { return nil }
    let actor = ActorID(replica: ReplicaID(high: replicaHigh, low: replicaLow), epoch: epoch)
    return Header(
      network: NetworkID(high: networkHigh, low: networkLow), space: space,
      dot: Dot(actor: actor, n: n), context: VersionVector())
  }

  private mutating func body() -> Body? {
    guard take(Parts.key), let key = text().flatMap(Base64URL.decode), key.count == 16,
      take(Parts.at), let at = text(), at.utf8.count <= WireLimits.timeBytesMax,
      take(Parts.writes)
    else { return nil }
    var writes: [Write] = []
    repeat {
      guard let write = write(), writes.count < ChangeLimits.writesMax else { return nil }
      writes.append(write)
    } while take(Parts.comma)
    guard take(Parts.endOfWrites) else { return nil }
    guard writes.count == 1 || Set(writes.map(\.row)).count == writes.count else { return nil }
    return Body(key: key, at: at, writes: writes)
  }

  private mutating func write() -> Write? {
    guard take(Parts.table), let table = name(), isTableName(table), take(Parts.id),
      let id = text(), !id.isEmpty,
      id.utf8.count <= ChangeLimits.rowIDBytesMax
    else { return nil }
    let row = RowKey(table: table, id: id)
    if take(Parts.set) { return fields().map { Write(row, .set($0)) } }
    if take(Parts.insert) { return fields().map { Write(row, .insert($0)) } }
    if take(Parts.delete) { return Write(row, .delete) }
    if take(Parts.undelete) { return Write(row, .undelete) }
    return nil
  }

  /// Members, the object's closing bracket and the write's.
  private mutating func fields() -> [FieldValue]? {
    var fields: [FieldValue] = []
    repeat {
      guard take(Parts.quote), let name = name(), take(Parts.colon), let value = value(),
        fields.count < 64, !fields.contains(where: { $0.name.hasBytes(of: name) })
      else { return nil }
      fields.append(FieldValue(name, value))
    } while take(Parts.comma)
    return take(Parts.endOfFields) ? fields : nil
  }

  private mutating func value() -> Value? {
    guard place < bytes.count else { return nil }
    switch bytes[place] {
    case UInt8(ascii: "\""):
      place += 1
      return text().map { .text($0) }
    case UInt8(ascii: "n"): return take(Parts.null) ? .null : nil
    default: return integer().map { .integer($0) }
    }
  }

  /// A number of at most 18 digits; what follows it must end a member.
  private mutating func integer() -> Int64? {
    let isNegative = take(Parts.minus)
    let start = place
    guard let number = digits(18), start + 1 == place || bytes[start] != UInt8(ascii: "0"),
      place < bytes.count,
      bytes[place] == UInt8(ascii: ",") || bytes[place] == UInt8(ascii: "}")
    else { return nil }
    return isNegative ? -number : number
  }

  /// 1 to 2^53−1, without a leading zero.
  private mutating func count() -> Int? {
    let start = place
    guard let number = digits(16), bytes[start] != UInt8(ascii: "0"),
      number <= ChangeLimits.countMax
    else { return nil }
    return Int(number)
  }

  private mutating func digits(_ countMax: Int) -> Int64? {
    let start = place
    var number: Int64 = 0
    while place < bytes.count, place - start < countMax {
      let digit = bytes[place] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      number = number * 10 + Int64(digit)
      place += 1
    }
    return place > start ? number : nil
  }

  /// Sixteen lower-case hexadecimal digits.
  private mutating func word() -> UInt64? {
    guard bytes.count - place >= 16 else { return nil }
    var word: UInt64 = 0
    for index in place..<place + 16 {
      var digit = bytes[index] &- UInt8(ascii: "0")
      if digit > 9 {
        digit = bytes[index] &- UInt8(ascii: "a")
        guard digit < 6 else { return nil }
        digit += 10
      }
      word = word << 4 | UInt64(digit)
    }
    place += 16
    return word
  }

  /// A name and the quote behind it.
  private mutating func name() -> String? {
    guard let name = text(), isIdentifier(name) else { return nil }
    return name
  }

  /// A text up to the quote behind it, without escapes.
  private mutating func text() -> String? {
    var index = place
    var isPlain = true
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") {
        let content = bytes[place..<index]
        place = index + 1
        return isPlain
          ? String(decoding: content, as: UTF8.self) : String(validating: content, as: UTF8.self)
      }
      if byte < 0x20 || byte == UInt8(ascii: "\\") { return nil }
      if byte >= 0x80 { isPlain = false }
      index += 1
    }
    return nil
  }

  private mutating func take(_ part: [UInt8]) -> Bool {
    guard bytes.count - place >= part.count else { return false }
    for index in 0..<part.count where bytes[place + index] != part[index] { return false }
    place += part.count
    return true
  }

  /// What stands between the values.
  private enum Parts {
    static let seq = Array(#"{"seq":"#.utf8)
    static let change = Array(#","change":"#.utf8)
    static let header = Array(#"{"header":"#.utf8)
    static let body = Array(#","body":"#.utf8)
    static let close = Array("}".utf8)
    static let network = Array(#"{"network":""#.utf8)
    static let space = Array(#"","space":""#.utf8)
    static let actor = Array(#","actor":""#.utf8)
    static let n = Array(#"","n":"#.utf8)
    static let key = Array(#"{"key":""#.utf8)
    static let at = Array(#","at":""#.utf8)
    static let writes = Array(#","writes":["#.utf8)
    static let endOfWrites = Array("]}".utf8)
    static let table = Array(#"{"table":""#.utf8)
    static let id = Array(#","id":""#.utf8)
    static let set = Array(#","set":{"#.utf8)
    static let insert = Array(#","insert":{"#.utf8)
    static let delete = Array(#","delete":true}"#.utf8)
    static let undelete = Array(#","undelete":true}"#.utf8)
    static let endOfFields = Array("}}".utf8)
    static let comma = Array(",".utf8)
    static let quote = Array("\"".utf8)
    static let colon = Array(":".utf8)
    static let minus = Array("-".utf8)
    static let null = Array("null".utf8)
  }
}

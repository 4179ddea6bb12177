/// A JSON value (RFC 8259), read strictly: one meaning for every reader or a refusal. `[SP-201]`
///
/// Refused: duplicate keys (compared by bytes), a byte order mark, lone surrogates, bytes that are not UTF-8, numbers no
/// double holds, more than 32 levels, too many values. Members keep their order.
public enum JSON: Sendable {
  /// null
  case null
  /// true or false
  case bool(Bool)
  /// A number written without fraction or exponent that fits 64 bits.
  case integer(Int64)
  /// Any other number; finite.
  case real(Double)
  /// Text.
  case string(String)
  /// A list.
  case array([JSON])
  /// Members in the order they stand.
  case object([(String, JSON)])

  /// Reads exactly one value.
  ///
  /// - Throws: `WireError`, with the byte where the reader stopped.
  /// - Complexity: O(bytes).
  public static func parse(
    _ bytes: [UInt8], nodesMax: Int = WireLimits.nodesMax
  ) throws(WireError) -> JSON {
    var reader = JSONReader(bytes, nodesMax: nodesMax)
    reader.skipSpace()
    let value = try reader.value(depth: 0)
    try reader.end()
    return value
  }

  /// Where the value of each member of one object stands, everything being checked as `parse` does.
  public static func members(
    of bytes: [UInt8], nodesMax: Int = WireLimits.nodesMax
  ) throws(WireError) -> [(key: String, range: Range<Int>)] {
    var reader = JSONReader(bytes, nodesMax: nodesMax)
    reader.skipSpace()
    let members = try reader.memberRanges()
    try reader.end()
    return members
  }

  /// The member called `key`, compared by bytes, for objects.
  public subscript(key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.0 == key && $0.0.utf8.elementsEqual(key.utf8) }?.1
  }

  /// The text, if this is a string.
  public var string: String? { if case .string(let text) = self { text } else { nil } }

  /// The number, if this is an integer.
  public var integer: Int64? { if case .integer(let number) = self { number } else { nil } }

  /// The items, if this is a list.
  public var array: [JSON]? { if case .array(let items) = self { items } else { nil } }

  /// Whether this is `true`.
  public var isTrue: Bool { if case .bool(true) = self { true } else { false } }
}

extension JSON {
  /// The value as UTF-8 JSON: compact, or indented by two spaces with a line feed at the end.
  ///
  /// Reals have the fewest digits that read back the same. An infinite or undefined real, which JSON cannot say and
  /// `parse` never gives, is written as null.
  public func bytes(pretty: Bool = false) -> [UInt8] {
    var out: [UInt8] = []
    write(to: &out, indent: pretty ? 0 : nil)
    if pretty { out.append(UInt8(ascii: "\n")) }
    return out
  }

  /// The value as text.
  public func text(pretty: Bool = false) -> String {
    String(decoding: bytes(pretty: pretty), as: UTF8.self)
  }

  /// Appends the value; `indent` is the present depth in spaces, nil for the compact form.
  func write(to out: inout [UInt8], indent: Int? = nil) {
    switch self {
    case .null: out += "null".utf8
    case .bool(let value): out += (value ? "true" : "false").utf8
    case .integer(let value): out += String(value).utf8
    case .real(let value) where !value.isFinite: out += "null".utf8
    case .real(let value):
      let text = value.description
      out += text.utf8
      if !text.utf8.contains(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "e") }) {
        out += ".0".utf8
      }
    case .string(let text): Self.write(text, to: &out)
    case .array(let items):
      Self.writeList(items.count, "[", "]", to: &out, indent: indent) { index, out, inner in
        items[index].write(to: &out, indent: inner)
      }
    case .object(let members):
      Self.writeList(members.count, "{", "}", to: &out, indent: indent) { index, out, inner in
        Self.write(members[index].0, to: &out)
        out += (inner == nil ? ":" : ": ").utf8
        members[index].1.write(to: &out, indent: inner)
      }
    }
  }

  private static func writeList(
    _ count: Int, _ open: Unicode.Scalar, _ close: Unicode.Scalar, to out: inout [UInt8],
    indent: Int?,
    item: (Int, inout [UInt8], Int?) -> Void
  ) {
    out.append(UInt8(ascii: open))
    let inner = indent.map { $0 + 2 }
    for index in 0..<count {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      if let inner { out += ("\n" + String(repeating: " ", count: inner)).utf8 }
      item(index, &out, inner)
    }
    if let indent, count > 0 { out += ("\n" + String(repeating: " ", count: indent)).utf8 }
    out.append(UInt8(ascii: close))
  }

  /// Appends a text between quotes, escaped where it must be.
  static func write(_ text: String, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C && $0 != 0x7F }) {
      out.append(contentsOf: text.utf8)
    } else {
      for byte in text.utf8 { write(byte, to: &out) }
    }
    out.append(UInt8(ascii: "\""))
  }

  private static func write(_ byte: UInt8, to out: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "\""): out += #"\""#.utf8
    case UInt8(ascii: "\\"): out += #"\\"#.utf8
    case 0x0A: out += #"\n"#.utf8
    case 0x0D: out += #"\r"#.utf8
    case 0x09: out += #"\t"#.utf8
    case 0x00..<0x20, 0x7F:
      let digits = String(byte, radix: 16)
      out += (#"\u00"# + (digits.utf8.count == 1 ? "0" : "") + digits).utf8
    default: out.append(byte)
    }
  }
}

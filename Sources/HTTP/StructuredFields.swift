/// The part of Structured Fields (RFC 8941) that signatures and digests are written in.
///
/// Stricter than the RFC: a repeated key is refused instead of replacing the first, since two readers
/// could otherwise take two different signatures from one request. Decimals are not read.
struct StructuredDictionary {
  enum Bare: Equatable {
    case integer(Int)
    case string(String)
    case token(String)
    case bytes([UInt8])
    case boolean(Bool)
  }

  struct Parameter: Equatable {
    let name: String
    let value: Bare
  }

  struct Item: Equatable {
    let value: Bare
    let parameters: [Parameter]
  }

  enum Value: Equatable {
    case item(Item)
    case list([Item], [Parameter])
  }

  struct Malformed: Error {}

  private(set) var members: [(key: String, value: Value)] = []

  subscript(key: String) -> Value? {
    members.first { $0.key == key }?.value
  }

  /// Reads every line of one field as the single dictionary that they make together.
  init(lines: [String]) throws(Malformed) {
    var reader = StructuredReader(lines.joined(separator: ", "))
    reader.skipBlanks()
    while !reader.isAtEnd {
      let key = try reader.key()
      guard self[key] == nil else { throw Malformed() }
      members.append((key, try reader.memberValue()))
      reader.skipBlanks()
      if reader.isAtEnd { break }
      try reader.expect(",")
      reader.skipBlanks()
      if reader.isAtEnd { throw Malformed() }
    }
  }
}

extension StructuredDictionary.Bare {
  var text: String {
    switch self {
    case .integer(let number): String(number)
    case .token(let token): token
    case .bytes(let bytes): ":\(Base64.encode(bytes)):"
    case .boolean(let flag): flag ? "?1" : "?0"
    case .string(let string): quoted(string)
    }
  }
}

func quoted(_ text: String) -> String {
  var out = "\""
  for scalar in text.unicodeScalars {
    if scalar == "\"" || scalar == "\\" { out += "\\" }
    out.unicodeScalars.append(scalar)
  }
  return out + "\""
}

private struct StructuredReader {
  typealias Malformed = StructuredDictionary.Malformed
  typealias Bare = StructuredDictionary.Bare
  typealias Parameter = StructuredDictionary.Parameter
  typealias Item = StructuredDictionary.Item

  private let bytes: [UInt8]
  private var position = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  var isAtEnd: Bool { position == bytes.count }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func skipBlanks() {
    while next == 0x20 || next == 0x09 { position += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  mutating func expect(_ character: Unicode.Scalar) throws(Malformed) {
    guard take(character) else { throw Malformed() }
  }

  private mutating func run(while wanted: (UInt8) -> Bool) -> String {
    let start = position
    while let byte = next, wanted(byte) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  mutating func key() throws(Malformed) -> String {
    func isLower(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }
    guard let first = next, isLower(first) || first == UInt8(ascii: "*") else { throw Malformed() }
    return run {
      isLower($0) || isDigit($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
        || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "*")
    }
  }

  mutating func memberValue() throws(Malformed) -> StructuredDictionary.Value {
    guard take("=") else {
      return .item(Item(value: .boolean(true), parameters: try parameters()))
    }
    guard next == UInt8(ascii: "(") else { return .item(try item()) }
    return try list()
  }

  private mutating func list() throws(Malformed) -> StructuredDictionary.Value {
    try expect("(")
    var items: [Item] = []
    while true {
      while take(" ") {}
      if take(")") { return .list(items, try parameters()) }
      items.append(try item())
      guard next == 0x20 || next == UInt8(ascii: ")") else { throw Malformed() }
    }
  }

  private mutating func item() throws(Malformed) -> Item {
    Item(value: try bare(), parameters: try parameters())
  }

  private mutating func parameters() throws(Malformed) -> [Parameter] {
    var found: [Parameter] = []
    while take(";") {
      while take(" ") {}
      let name = try key()
      guard !found.contains(where: { $0.name == name }) else { throw Malformed() }
      let value = take("=") ? try bare() : .boolean(true)
      found.append(Parameter(name: name, value: value))
    }
    return found
  }

  private mutating func bare() throws(Malformed) -> Bare {
    switch next {
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: ":"):
      try expect(":")
      let text = run { $0 != UInt8(ascii: ":") }
      try expect(":")
      guard let decoded = Base64.decode(text) else { throw Malformed() }
      return .bytes(decoded)
    case UInt8(ascii: "?"):
      try expect("?")
      if take("1") { return .boolean(true) }
      try expect("0")
      return .boolean(false)
    case .some(let byte) where isDigit(byte) || byte == UInt8(ascii: "-"):
      let sign = take("-") ? -1 : 1
      let digits = run(while: isDigit)
      guard digits.utf8.count <= 15, let number = Int(digits) else { throw Malformed() }
      return .integer(sign * number)
    case .some(let byte) where isLetter(byte) || byte == UInt8(ascii: "*"):
      return .token(
        run { isTokenByte($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "/") })
    default: throw Malformed()
    }
  }

  private mutating func string() throws(Malformed) -> String {
    try expect("\"")
    var out: [UInt8] = []
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: out, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let escaped = next, escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\")
        else { throw Malformed() }
        position += 1
        out.append(escaped)
      case 0x20...0x7e: out.append(byte)
      default: throw Malformed()
      }
    }
    throw Malformed()
  }

  private func isLetter(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(lowerASCII(byte))
  }
}

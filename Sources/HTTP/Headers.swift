/// Header fields in the order they were given, with names that ignore case.
///
/// A name is an RFC 9110 token; a value holds no control character but the tab. What breaks that never
/// gets in, so no value can end a line and start a header of its own.
public struct Headers: Sendable, Equatable {
  /// One header line.
  public struct Field: Sendable, Equatable {
    /// The name as it was written.
    public let name: String
    /// The value without surrounding blanks.
    public let value: String
  }

  /// Every field, first to last.
  public private(set) var fields: [Field] = []

  /// Makes an empty list.
  public init() {}

  /// The first value under `name`, nil when there is none.
  public subscript(name: String) -> String? {
    fields.first { sameASCII($0.name, name) }?.value
  }

  /// Every value under `name`, in order.
  public func values(_ name: String) -> [String] {
    fields.filter { sameASCII($0.name, name) }.map(\.value)
  }

  /// Appends a field; false, and no change, when the name or the value is not allowed in a header.
  @discardableResult
  public mutating func add(_ name: String, _ value: String) -> Bool {
    let trimmed = trimBlanks(value)
    guard isToken(name), trimmed.utf8.allSatisfy(isFieldByte) else { return false }
    fields.append(Field(name: name, value: trimmed))
    return true
  }

  /// Replaces all fields under `name` by one; false, and no change, when it is not allowed.
  @discardableResult
  public mutating func set(_ name: String, _ value: String) -> Bool {
    let before = fields
    remove(name)
    guard add(name, value) else {
      fields = before
      return false
    }
    return true
  }

  /// Takes out every field under `name`.
  public mutating func remove(_ name: String) {
    fields.removeAll { sameASCII($0.name, name) }
  }
}

extension Headers: ExpressibleByDictionaryLiteral {
  /// Makes a list from a literal; a pair that `add` refuses is left out.
  public init(dictionaryLiteral elements: (String, String)...) {
    for (name, value) in elements { add(name, value) }
  }
}

func isToken(_ text: String) -> Bool {
  !text.isEmpty && text.utf8.allSatisfy(isTokenByte)
}

/// RFC 9110 §5.6.2.
func isTokenByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "^")...UInt8(ascii: "z"), UInt8(ascii: "!"), UInt8(ascii: "|"),
    UInt8(ascii: "~"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"),
    UInt8(ascii: "."), UInt8(ascii: "#")...UInt8(ascii: "'"):
    true
  default: false
  }
}

/// RFC 9110 §5.5.
func isFieldByte(_ byte: UInt8) -> Bool {
  byte == UInt8(ascii: "\t") || (byte >= 0x20 && byte != 0x7f)
}

func trimBlanks(_ text: String) -> String {
  func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
  let bytes = text.utf8
  guard let first = bytes.firstIndex(where: { !isBlank($0) }),
    let last = bytes.lastIndex(where: { !isBlank($0) })
  else { return "" }
  return String(text[first...last])
}

/// Compares bytes, A–Z taken for a–z; nothing else folds.
func sameASCII(_ left: String, _ right: String) -> Bool {
  left.utf8.count == right.utf8.count
    && zip(left.utf8, right.utf8).allSatisfy { lowerASCII($0) == lowerASCII($1) }
}

func lowerASCII(_ byte: UInt8) -> UInt8 {
  (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
}

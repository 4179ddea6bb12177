/// One SQLite value, compared and hashed by its bytes.
///
/// Swift compares text by canonical equivalence, SQLite by bytes; replicas must agree, so text is compared by UTF-8 bytes
/// here. Reals are compared by bit pattern; SQLite holds no NaN and no negative zero. `[SP-205]`
public enum Value: Sendable {
  /// NULL.
  case null
  /// A 64-bit signed integer.
  case integer(Int64)
  /// A double; infinite, never NaN.
  case real(Double)
  /// Text that is well-formed UTF-8.
  case text(String)
  /// A TEXT value written by another program that is not UTF-8: carried byte for byte, judged by central.
  case malformedText([UInt8])
  /// Bytes.
  case blob([UInt8])
}

extension Value: Hashable {
  /// Compares bytes.
  public static func == (left: Value, right: Value) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.integer(let a), .integer(let b)): a == b
    case (.real(let a), .real(let b)): a.bitPattern == b.bitPattern
    case (.text(let a), .text(let b)): a.hasBytes(of: b)
    case (.malformedText(let a), .malformedText(let b)): a == b
    case (.blob(let a), .blob(let b)): a == b
    default: false
    }
  }

  /// Feeds the bytes that `==` compares.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0)
    case .integer(let value): hasher.combine(value)
    case .real(let value): hasher.combine(value.bitPattern)
    case .text(let value): for byte in value.utf8 { hasher.combine(byte) }
    case .malformedText(let value), .blob(let value): hasher.combine(value)
    }
  }
}

extension Value {
  /// The text, if this is well-formed text.
  public var text: String? { if case .text(let value) = self { value } else { nil } }

  /// The integer, if this is one.
  public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }

  /// The bytes of a text or a blob; 0 for a number and for NULL.
  public var byteCount: Int {
    switch self {
    case .text(let text): text.utf8.count
    case .malformedText(let bytes), .blob(let bytes): bytes.count
    case .null, .integer, .real: 0
    }
  }

  /// Whether this is NULL.
  public var isNull: Bool { if case .null = self { true } else { false } }
}

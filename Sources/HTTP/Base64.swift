/// Base64 with the standard alphabet and padding (RFC 4648 §4), as Structured Fields carry bytes.
public enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// Writes bytes; the result is padded to a multiple of four characters.
  public static func encode(_ bytes: [UInt8]) -> String {
    var out: [UInt8] = []
    out.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let part = bytes[start..<min(start + 3, bytes.count)]
      var word: UInt32 = 0
      for offset in 0..<3 {
        word = word << 8 | (offset < part.count ? UInt32(part[start + offset]) : 0)
      }
      for digit in 0..<4 {
        out.append(
          digit > part.count
            ? UInt8(ascii: "=") : alphabet[Int(word >> UInt32(18 - 6 * digit) & 63)])
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// Reads what `encode` writes and nothing else; nil for missing padding, blanks or stray bits.
  public static func decode(_ text: some StringProtocol) -> [UInt8]? {
    let digits = Array(text.utf8)
    let padding = digits.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
    guard digits.count % 4 == 0 else { return nil }
    var out: [UInt8] = []
    var word: UInt32 = 0
    var bits = 0
    for digit in digits.dropLast(padding) {
      guard let value = value(of: digit) else { return nil }
      word = word << 6 | value
      bits += 6
      if bits >= 8 {
        bits -= 8
        out.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
        word &= (1 << UInt32(bits)) - 1
      }
    }
    return word == 0 ? out : nil
  }

  private static func value(of digit: UInt8) -> UInt32? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit) - 65
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit) - 97 + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit) - 48 + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}

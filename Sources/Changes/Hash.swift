/// A BLAKE2b-256 digest: a change's place in its author's chain, an entry's place in the log.
///
/// Written in base64url without padding, 43 characters (RFC 4648 §5). `[SP-105]`
public struct Hash: Hashable, Sendable {
  private let a, b, c, d: UInt64

  /// Thirty-two zero bytes: what stands before the first change of a chain.
  public static let zero = Hash(0, 0, 0, 0)

  private init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) {
    (self.a, self.b, self.c, self.d) = (a, b, c, d)
  }

  /// Makes a hash from exactly 32 bytes; nil for any other count.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    func word(_ from: Int) -> UInt64 {
      var result: UInt64 = 0
      for index in from..<from + 8 { result = result << 8 | UInt64(bytes[index]) }
      return result
    }
    self.init(word(0), word(8), word(16), word(24))
  }

  /// Reads 43 characters of base64url; nil for anything else.
  public init?(_ text: String) {
    guard let bytes = Base64URL.decode(text) else { return nil }
    self.init(bytes: bytes)
  }

  /// Makes a hash of four words, the most significant byte of each first.
  public init(words: (UInt64, UInt64, UInt64, UInt64)) {
    self.init(words.0, words.1, words.2, words.3)
  }

  /// The thirty-two bytes.
  public var bytes: [UInt8] { Array(capacity: 32) { write(to: &$0) } }

  /// Appends the thirty-two bytes.
  public func append(to bytes: inout [UInt8]) {
    bytes.append(addingCapacity: 32) { write(to: &$0) }
  }

  private func write(to span: inout OutputSpan<UInt8>) {
    func write(_ word: UInt64) {
      for index in 0..<8 { span.append(UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * index))) }
    }
    write(a)
    write(b)
    write(c)
    write(d)
  }
}

extension Hash: CustomStringConvertible {
  /// The 43 base64url characters.
  public var description: String { Base64URL.encode(bytes) }
}

/// Base64url without padding (RFC 4648 §5), strict both ways: one text for each byte string.
public enum Base64URL {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  private static let values: [UInt8] = {
    var table = [UInt8](repeating: 255, count: 256)
    for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
    return table
  }()

  /// The text for `bytes`, as ASCII bytes.
  public static func encodedBytes(_ bytes: [UInt8]) -> [UInt8] {
    let alphabet = alphabet
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count * 4 + 2) / 3)
    var index = 0
    while index < bytes.count {
      let left = bytes.count - index
      let one = UInt32(bytes[index]) << 16
      let two = left > 1 ? UInt32(bytes[index + 1]) << 8 : 0
      let three = left > 2 ? UInt32(bytes[index + 2]) : 0
      let group = one | two | three
      result.append(alphabet[Int(group >> 18 & 63)])
      result.append(alphabet[Int(group >> 12 & 63)])
      if left > 1 { result.append(alphabet[Int(group >> 6 & 63)]) }
      if left > 2 { result.append(alphabet[Int(group & 63)]) }
      index += 3
    }
    return result
  }

  /// The text for `bytes`.
  public static func encode(_ bytes: [UInt8]) -> String {
    String(decoding: encodedBytes(bytes), as: UTF8.self)
  }

  /// The bytes for `text`; nil when it is not the one strict text of some bytes.
  public static func decode(_ text: String) -> [UInt8]? {
    // A global is looked up at each use.
    let values = values
    let length = text.utf8.count
    guard length % 4 != 1 else { return nil }
    var bits: UInt32 = 0
    var isStrict = true
    let result = [UInt8](capacity: length * 3 / 4) { span in
      var count: UInt32 = 0
      for character in text.utf8 {
        let value = values[Int(character)]
        guard value != 255 else { return isStrict = false }
        bits = bits << 6 | UInt32(value)
        count += 6
        if count >= 8 {
          count -= 8
          span.append(UInt8(truncatingIfNeeded: bits >> count))
          bits &= (1 << count) - 1
        }
      }
    }
    return isStrict && bits == 0 ? result : nil
  }
}

/// Pairs of a query string or of an `application/x-www-form-urlencoded` body, decoded, in order.
///
/// `+` is a blank. A pair with a broken escape, or that is not UTF-8 once decoded, is left out.
public struct Query: Sendable, Equatable {
  /// One name with its value; the value is empty when there was no `=`.
  public struct Pair: Sendable, Equatable {
    /// The decoded name.
    public let name: String
    /// The decoded value.
    public let value: String
  }

  /// Every pair, first to last.
  public let pairs: [Pair]

  /// Makes an empty list.
  public init() { pairs = [] }

  /// Reads what stands after the `?`.
  public init(_ text: some StringProtocol) {
    pairs = text.utf8.split(separator: UInt8(ascii: "&")).compactMap { part in
      let sides = part.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = decode(sides[0], plusIsBlank: true) else { return nil }
      guard sides.count == 2 else { return Pair(name: name, value: "") }
      return decode(sides[1], plusIsBlank: true).map { Pair(name: name, value: $0) }
    }
  }

  /// The first value under `name`, nil when there is none.
  public subscript(name: String) -> String? {
    pairs.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
  }

  /// Every value under `name`, in order.
  public func values(_ name: String) -> [String] {
    pairs.filter { $0.name.utf8.elementsEqual(name.utf8) }.map(\.value)
  }
}

/// Percent-escapes of RFC 3986.
public enum Percent {
  /// Escapes every byte but letters, digits, `-`, `.`, `_` and `~`: safe in a path segment and a query.
  public static func encode(_ text: String) -> String {
    var out: [UInt8] = []
    for byte in text.utf8 {
      if isUnreserved(byte) {
        out.append(byte)
      } else {
        out += [UInt8(ascii: "%"), upperHex(byte >> 4), upperHex(byte & 15)]
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// Undoes the escapes; nil when one is broken or the result is not UTF-8.
  public static func decode(_ text: String) -> String? {
    HTTP.decode(text.utf8, plusIsBlank: false)
  }
}

private func decode(_ bytes: some Sequence<UInt8>, plusIsBlank: Bool) -> String? {
  var out: [UInt8] = []
  var rest = bytes.makeIterator()
  while let byte = rest.next() {
    if byte == UInt8(ascii: "%") {
      guard let high = rest.next().flatMap(hexDigit), let low = rest.next().flatMap(hexDigit)
      else { return nil }
      out.append(high << 4 | low)
    } else {
      out.append(plusIsBlank && byte == UInt8(ascii: "+") ? 0x20 : byte)
    }
  }
  return String(validating: out, as: UTF8.self)
}

private func isUnreserved(_ byte: UInt8) -> Bool {
  isDigit(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    || byte == UInt8(ascii: "~")
}

private func upperHex(_ nibble: UInt8) -> UInt8 {
  nibble < 10 ? 0x30 + nibble : 0x41 + nibble - 10
}

func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case 0x30...0x39: byte - 0x30
  case 0x41...0x46: byte - 0x41 + 10
  case 0x61...0x66: byte - 0x61 + 10
  default: nil
  }
}

public import Changes

extension ValueFormat {
  /// A well-formed BCP 47 language tag; whether its parts are registered is not asked.
  ///
  /// A first part of four letters and more is refused, though the grammar reserves it: none is registered, and
  /// `french` is a word, not a tag.
  public static let language = ValueFormat(
    "BCP 47", expected: "a language tag, as `fr` or `zh-Hant`"
  ) { LanguageTag.isWellFormed($0) }
}

/// The grammar of language tags.
///
/// Source: RFC 5646 sections 2.1 and 2.2.9.
enum LanguageTag {
  /// Says whether `text` follows the grammar and has no singleton and no variant twice.
  ///
  /// - Complexity: O(length), at most 255 bytes.
  static func isWellFormed(_ text: String) -> Bool {
    guard text.utf8.count <= 255 else { return false }
    let lower = text.utf8.map { (65...90).contains($0) ? $0 | 0x20 : $0 }
    if irregular.contains(lower) { return true }
    let parts = lower.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
      .map(Array.init)
    return follows(parts[...])
      && parts.allSatisfy { part in
        (1...8).contains(part.count) && part.allSatisfy { isLetter($0) || isDigit($0) }
      }
  }

  private static func follows(_ parts: ArraySlice<[UInt8]>) -> Bool {
    var rest = parts
    func take(_ fits: ([UInt8]) -> Bool) -> [UInt8]? {
      guard let part = rest.first, fits(part) else { return nil }
      return rest.removeFirst()
    }
    if rest.first != x {
      guard take({ (2...3).contains($0.count) && $0.allSatisfy(isLetter) }) != nil else {
        return false
      }
      for _ in 0..<3 where take({ $0.count == 3 && $0.allSatisfy(isLetter) }) == nil { break }
      _ = take { $0.count == 4 && $0.allSatisfy(isLetter) }
      _ = take {
        $0.count == 2 && $0.allSatisfy(isLetter) || $0.count == 3 && $0.allSatisfy(isDigit)
      }
      var seen: Set<[UInt8]> = []
      while let variant = take({ $0.count >= 5 || $0.count == 4 && isDigit($0[0]) }) {
        guard seen.insert(variant).inserted else { return false }
      }
      while let singleton = take({ $0.count == 1 && $0 != x }) {
        guard seen.insert(singleton).inserted, take({ $0.count >= 2 }) != nil else { return false }
        while take({ $0.count >= 2 }) != nil {}
      }
    }
    return take { $0 == x } != nil ? !rest.isEmpty : rest.isEmpty
  }

  private static let x = [UInt8(ascii: "x")]
  private static func isLetter(_ byte: UInt8) -> Bool { ValueFormat.isLower(byte) }
  private static func isDigit(_ byte: UInt8) -> Bool { ValueFormat.isDigit(byte) }

  // Grandfathered tags that the grammar would refuse.
  private static let irregular = Set(
    """
    en-gb-oed i-ami i-bnn i-default i-enochian i-hak i-klingon i-lux i-mingo i-navajo i-pwn
    i-tao i-tay i-tsu sgn-be-fr sgn-be-nl sgn-ch-de
    """.utf8.split { $0 <= 0x20 }.map(Array.init))
}

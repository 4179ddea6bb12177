/// What a device may be called: the name stands beside its edits on everybody's screen, and in the log for ever. `[SP-609]`
///
/// A name says nothing of who wrote: that is the key's organisation, which is shown beside it.
public enum DeviceName {
  /// The name of central's own changes, which no device may have.
  public static let central = "central"

  /// Why a device may not be called so, as `is empty`; nil when it may.
  ///
  /// - Complexity: O(code points), at most `WireLimits.deviceNameLengthMax` of them.
  public static func fault(in name: String) -> String? {
    let most = WireLimits.deviceNameLengthMax
    let scalars = Array(name.unicodeScalars.prefix(most + 1))
    guard scalars.count <= most else { return "is over \(most) characters" }
    guard !scalars.contains(where: isRefused) else {
      return "holds a character that cannot be seen or that turns the text around it"
    }
    let spaces = scalars.map(\.properties.isWhitespace)
    guard spaces.first != true, spaces.last != true,
      !zip(spaces, spaces.dropFirst()).contains(where: { $0 && $1 })
    else { return "has white space at an end, or twice in a row" }
    let letters = String(String.UnicodeScalarView(scalars.filter { !isJoiner($0) }))
    guard !letters.isEmpty else { return "is empty" }
    return letters.lowercased() == central ? "is that of central itself" : nil
  }

  private static func isRefused(_ scalar: Unicode.Scalar) -> Bool {
    refused.contains { $0.contains(scalar.value) }
  }

  /// What some scripts and emoji are spelt with, and shows nothing by itself.
  private static func isJoiner(_ scalar: Unicode.Scalar) -> Bool {
    (0x200C...0x200D).contains(scalar.value) || (0xFE00...0xFE0F).contains(scalar.value)
      || (0xE0100...0xE01EF).contains(scalar.value)
  }

  // Fixed ranges, so that two programs never disagree over a version of Unicode: controls, line ends, what orders text
  // from right to left (UAX 9), and what shows nothing. Schemas/enrolment-request.json has the same.
  private static let refused: [ClosedRange<UInt32>] = [
    0x00...0x1F, 0x7F...0x9F, 0xAD...0xAD, 0x61C...0x61C, 0x115F...0x1160, 0x180E...0x180E,
    0x200B...0x200B, 0x200E...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0x2800...0x2800,
    0x3164...0x3164, 0xFEFF...0xFEFF, 0xFFA0...0xFFA0, 0xFFF9...0xFFFB, 0xE0000...0xE007F,
  ]
}

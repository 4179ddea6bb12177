public import Changes

/// The forms that texts of the registry must have, each with what would be right.
///
/// All checks are by bytes: a look-alike letter or digit of another script is refused.
extension ValueFormat {
  /// A lower-case ASCII name for addresses and commands.
  public static let slug = ValueFormat(
    "slug", expected: "lower-case letters and digits with single hyphens between, as `un-women`"
  ) { text in
    text.utf8.count <= 100
      && text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        .allSatisfy { part in !part.isEmpty && part.allSatisfy { isLower($0) || isDigit($0) } }
  }

  /// A date as far as it is known: a year, a month or a day.
  public static let date = ValueFormat(
    "EDTF date", expected: "a date as `2013`, `2013-11` or `2013-11-09`"
  ) { PartialDate($0) != nil }

  /// A date as far as it is known, or a closed interval of two (EDTF level 0).
  public static let edtf = ValueFormat(
    "EDTF", expected: "a date as `2013`, `2013-11` or `2013-11-09`, or two with a slash between"
  ) { DateInterval($0) != nil }

  /// A calendar day (ISO 8601).
  public static let day = ValueFormat("ISO 8601 day", expected: "a day as `2014-09-17`") {
    PartialDate($0)?.isDay ?? false
  }

  /// An ISO 3166-1 alpha-2 code.
  public static let country = ValueFormat(
    "ISO 3166-1", expected: "a country code of ISO 3166-1, as `EC`"
  ) { countries.contains(Array($0.utf8)) }

  /// An ISO 3166-2 code: an assigned country, then one to three capitals or digits.
  public static let subdivision = ValueFormat(
    "ISO 3166-2", expected: "a subdivision code, as `CA-QC`"
  ) { text in
    let bytes = Array(text.utf8)
    return (4...6).contains(bytes.count) && countries.contains(Array(bytes[..<2]))
      && bytes[2] == UInt8(ascii: "-") && bytes[3...].allSatisfy { isUpper($0) || isDigit($0) }
  }

  /// A UN M49 area.
  public static let m49 = ValueFormat("UN M49", expected: "three digits, as `005`") {
    $0.utf8.count == 3 && $0.utf8.allSatisfy(isDigit)
  }

  /// A UN/LOCODE: an assigned country, then three capitals or digits from 2, a space allowed between.
  ///
  /// Source: UN/CEFACT Recommendation 16.
  public static let locode = ValueFormat("UN/LOCODE", expected: "a place code, as `FRPAR`") {
    var bytes = Array($0.utf8)
    if bytes.count == 6, bytes[2] == UInt8(ascii: " ") { bytes.remove(at: 2) }
    return bytes.count == 5 && countries.contains(Array(bytes[..<2]))
      && bytes[2...].allSatisfy {
        isUpper($0) || (UInt8(ascii: "2")...UInt8(ascii: "9")).contains($0)
      }
  }

  /// A time zone by its place in the IANA database, or UTC; an offset or an abbreviation says too little.
  ///
  /// The form alone, since zones are added now and then. Source: tz database, "Theory and pragmatics".
  public static let zone = ValueFormat(
    "IANA zone", expected: "a time zone by its place, as `Africa/Casablanca`, or `UTC`"
  ) {
    if $0.utf8.elementsEqual("UTC".utf8) { return true }
    let parts = $0.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return (2...3).contains(parts.count) && zoneAreas.contains(Array(parts[0]))
      && parts.dropFirst().allSatisfy { part in
        (1...20).contains(part.count) && part.first.map(isUpper) ?? false
          && part.allSatisfy { isLower($0 | 0x20) || isDigit($0) || "_-+".utf8.contains($0) }
      }
  }

  /// An http or https address: a host in ASCII letters and perhaps a port, no user name, which would hide the host.
  ///
  /// After the host other scripts may stand as they are (RFC 3987); a host outside ASCII is written in its `xn--` form,
  /// so that no look-alike passes. At most 2,000 bytes, which browsers and proxies let through.
  public static let url = ValueFormat(
    "URL", expected: "an address as `https://example.org/page`, without spaces"
  ) { text in
    guard let scheme = ["https://", "http://"].first(where: { text.utf8.starts(with: $0.utf8) })
    else { return false }
    let authority = text.utf8.dropFirst(scheme.utf8.count).prefix { !"/?#".utf8.contains($0) }
    let sides = authority.split(
      separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    let isPort =
      sides.count == 1
      || sides[1].allSatisfy(isDigit)
        && UInt16(String(decoding: sides[1], as: UTF8.self)).map { $0 > 0 } ?? false
    return text.utf8.count <= 2_000 && isHost(sides[0]) && isPort
      && text.unicodeScalars.allSatisfy(isVisible)
      && !text.utf8.contains { #"<>"\^`{|}"#.utf8.contains($0) }
  }

  /// An address for mail: something visible, one @, and a host with a dot in it.
  public static let email = ValueFormat("e-mail", expected: "an address as `desk@example.org`") {
    let sides = $0.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
    return sides.count == 2 && $0.utf8.count <= 254 && isHost(sides[1])
      && sides[1].contains(UInt8(ascii: "."))
      && sides[0].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        .allSatisfy { !$0.isEmpty }
      && $0.unicodeScalars.allSatisfy(isVisible)
      && !$0.utf8.contains { #"<>()[]:;,"\"#.utf8.contains($0) }
  }

  /// One of a list of coded values.
  public static func oneOf(_ words: String...) -> ValueFormat { oneOf(words) }

  /// One of a list of coded values.
  public static func oneOf(_ words: [String]) -> ValueFormat {
    let bytes = Set(words.map { Array($0.utf8) })
    return ValueFormat("code", expected: "one of " + words.joined(separator: ", ")) {
      bytes.contains(Array($0.utf8))
    }
  }

  /// Labels of ASCII letters, digits and inner hyphens, parted by dots (RFC 1123 section 2.1).
  private static func isHost(_ bytes: some Collection<UInt8>) -> Bool {
    let hyphen = UInt8(ascii: "-")
    return bytes.count <= 253
      && bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        .allSatisfy { label in
          (1...63).contains(label.count) && label.first != hyphen
            && Array(label).last != hyphen
            && label.allSatisfy { isLower($0 | 0x20) || isDigit($0) || $0 == hyphen }
        }
  }

  private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .spaceSeparator, .lineSeparator, .paragraphSeparator, .unassigned,
      .privateUse:
      false
    default: true
    }
  }

  static func isLower(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
  }

  static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private static func isUpper(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
  }

  private static let zoneAreas = Set(
    "Africa America Antarctica Arctic Asia Atlantic Australia Europe Indian Pacific".utf8
      .split { $0 <= 0x20 }.map(Array.init))

  // ISO 3166-1 alpha-2, the 249 officially assigned codes.
  private static let countries = Set(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ
    BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM
    DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS
    GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
    KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ
    MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
    VN VU WF WS YE YT ZA ZM ZW
    """.utf8.split { $0 <= 0x20 }.map(Array.init))
}

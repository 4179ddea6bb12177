public import Changes

/// The forms that texts of the registry must have, each with what would be right.
extension ValueFormat {
  /// A lower-case ASCII name for addresses and commands.
  public static let slug = ValueFormat(
    "slug", expected: "lower-case letters, digits and hyphens, as in `un-women`"
  ) {
    text in
    !text.isEmpty && text.utf8.count <= 100
      && text.utf8.allSatisfy { isLower($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
  }

  /// A day or part of one, or an interval of two (EDTF level 0).
  public static let edtf = ValueFormat(
    "EDTF", expected: "a date as `2013`, `2013-11` or `2013-11-09`, or two with a slash between"
  ) { text in
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2 else { return false }
    let dates = parts.compactMap { PartialDate(String($0)) }
    return dates.count == parts.count && (dates.count == 1 || dates[0].earliest <= dates[1].latest)
  }

  /// A calendar day (ISO 8601).
  public static let day = ValueFormat("ISO 8601 day", expected: "a day as `2014-09-17`") { text in
    text.utf8.count == 10 && PartialDate(text) != nil
  }

  /// An ISO 3166-1 alpha-2 code.
  public static let country = ValueFormat(
    "ISO 3166-1", expected: "a country code of two capitals, as `EC`"
  ) { text in
    countries.contains(text)
  }

  /// An ISO 3166-2 code.
  public static let subdivision = ValueFormat(
    "ISO 3166-2", expected: "a subdivision code, as `CA-QC`"
  ) { text in
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    return parts.count == 2 && countries.contains(String(parts[0]))
      && (1...3).contains(parts[1].utf8.count)
      && parts[1].utf8.allSatisfy { isUpper($0) || isDigit($0) }
  }

  /// A UN M49 region.
  public static let m49 = ValueFormat("UN M49", expected: "three digits, as `005`") { text in
    text.utf8.count == 3 && text.utf8.allSatisfy(isDigit)
  }

  /// A BCP 47 language tag, well-formed.
  public static let language = ValueFormat(
    "BCP 47", expected: "a language tag, as `fr` or `zh-Hant`"
  ) { text in
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    return (2...3).contains(parts[0].utf8.count) && parts[0].utf8.allSatisfy(isLower)
      && parts.allSatisfy {
        (1...8).contains($0.utf8.count) && $0.utf8.allSatisfy { isLower($0 | 0x20) || isDigit($0) }
      }
  }

  /// An http or https address.
  public static let url = ValueFormat(
    "URL", expected: "an address that begins with https:// or http://"
  ) { text in
    (text.hasPrefix("https://") || text.hasPrefix("http://")) && !text.utf8.contains { $0 <= 0x20 }
  }

  /// One of a list of coded values.
  public static func oneOf(_ words: String...) -> ValueFormat {
    ValueFormat("code", expected: "one of " + words.joined(separator: ", ")) { words.contains($0) }
  }

  private static func isLower(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
  }
  private static func isUpper(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
  }
  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  // ISO 3166-1 alpha-2, the officially assigned codes.
  private static let countries = Set(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
    KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT
    MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ
    UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """.split(whereSeparator: \.isWhitespace).map(String.init))
}

/// A date known to the year, the month or the day, with the first and last day it may mean.
public struct PartialDate: Sendable, Hashable {
  /// The first day it may mean, as `YYYY-MM-DD`.
  public let earliest: String
  /// The last day it may mean.
  public let latest: String

  /// Reads `2013`, `2013-11` or `2013-11-09`; nil for anything else, 31 February too.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    let widths = [4, 2, 2]
    guard (1...3).contains(parts.count),
      zip(parts, widths).allSatisfy({ part, width in
        part.utf8.count == width && part.utf8.allSatisfy { (48...57).contains($0) }
      }), let year = Int(parts[0])
    else { return nil }
    guard parts.count > 1 else {
      (earliest, latest) = ("\(text)-01-01", "\(text)-12-31")
      return
    }
    guard let month = Int(parts[1]), (1...12).contains(month) else { return nil }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    guard parts.count > 2 else {
      (earliest, latest) = ("\(text)-01", "\(text)-\(days)")
      return
    }
    guard let day = Int(parts[2]), (1...days).contains(day) else { return nil }
    (earliest, latest) = (text, text)
  }
}

/// A date known to the year, the month or the day, with the first and last day it may mean.
///
/// Days are Gregorian calendar days; ISO 8601 text orders as they do.
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
    let days = Self.days(inMonth: month, of: year)
    guard parts.count > 2 else {
      (earliest, latest) = ("\(text)-01", "\(text)-\(days)")
      return
    }
    guard let day = Int(parts[2]), (1...days).contains(day) else { return nil }
    (earliest, latest) = (text, text)
  }

  /// Whether it is known to the day.
  public var isDay: Bool { earliest.utf8.elementsEqual(latest.utf8) }

  private static func days(inMonth month: Int, of year: Int) -> Int {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
  }
}

/// One partial date or a closed interval of two, as EDTF level 0 writes them.
///
/// Source: Extended Date/Time Format, level 0 (ISO 8601-2:2019, annex A), without times of day.
public struct DateInterval: Sendable, Hashable {
  /// Where it begins.
  public let start: PartialDate
  /// Where it ends, that day, month or year included; equal to `start` for a single date.
  public let end: PartialDate

  /// Reads a partial date, or two with a slash between that do not run backwards.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(parts.count), let start = PartialDate(parts[0]),
      let end = PartialDate(parts[parts.count - 1]), start.earliest <= end.latest
    else { return nil }
    self.start = start
    self.end = end
  }
}

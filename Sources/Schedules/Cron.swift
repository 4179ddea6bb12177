import Wire

/// The minutes that a schedule names on a wall clock, as the five fields of cron have them.
struct CronPattern: Sendable, Hashable {
  /// 0 to 59.
  private let minutes: SmallSet
  /// 0 to 23.
  private let hours: SmallSet
  /// Days of the month, 1 to 31.
  private let days: SmallSet
  /// 1 to 12.
  private let months: SmallSet
  /// 0 is Sunday, 6 Saturday.
  private let weekdays: SmallSet
  /// Both kinds of day are restricted, so that either will do; else both must match.
  private let eitherDay: Bool

  /// One minute of every day.
  init(hour: Int, minute: Int) {
    minutes = SmallSet(minute...minute)
    hours = SmallSet(hour...hour)
    (days, months) = (SmallSet(1...31), SmallSet(1...12))
    weekdays = SmallSet(0...6)
    eitherDay = false
  }

  /// Reads the five fields, already split and in lower case.
  ///
  /// - Throws: `field` for a field that is none, `never` when no day of any year matches.
  init(fields: [String]) throws(ScheduleError) {
    minutes = try CronField.minute.read(fields[0])
    hours = try CronField.hour.read(fields[1])
    days = try CronField.day.read(fields[2])
    months = try CronField.month.read(fields[3])
    weekdays = try CronField.weekday.read(fields[4])
    eitherDay = !fields[2].hasPrefix("*") && !fields[4].hasPrefix("*")
    if next(from: 0) == nil {
      throw ScheduleError(
        .never,
        "never: no year has a day \(fields[2]) in month \(fields[3]) that matches weekday "
          + "\(fields[4]); expected a day that exists")
    }
  }

  /// The first named minute at or after a local time; nil when there is none in 400 years, after which the
  /// calendar repeats itself, weekdays included.
  ///
  /// - Parameter local: the local date and time, as if it were Unix seconds in UTC.
  func next(from local: Int64) -> Int64? {
    let minute = Int(-(-local).dividedFloor(by: 60))
    let start = Int(Int64(minute).dividedFloor(by: 1440))
    var day = start
    while day <= start + 146_097 {
      let date = CivilDate(daysSinceEpoch: day)
      if !months.contains(date.month) {
        day += CivilDate.days(inMonth: date.month, of: date.year) - date.day + 1
        continue
      }
      if matches(date), let found = nextMinute(from: day == start ? minute - start * 1440 : 0) {
        return Int64(day * 1440 + found) * 60
      }
      day += 1
    }
    return nil
  }

  private func matches(_ date: CivilDate) -> Bool {
    let day = days.contains(date.day)
    let weekday = weekdays.contains(date.weekday)
    return eitherDay ? day || weekday : day && weekday
  }

  /// The first named minute of a day at or after one of its 1,440.
  private func nextMinute(from minute: Int) -> Int? {
    guard let hour = hours.first(from: minute / 60) else { return nil }
    if hour > minute / 60 { return minutes.first(from: 0).map { hour * 60 + $0 } }
    if let found = minutes.first(from: minute % 60) { return hour * 60 + found }
    guard let later = hours.first(from: hour + 1) else { return nil }
    return minutes.first(from: 0).map { later * 60 + $0 }
  }
}

/// Numbers from 0 to 63.
private struct SmallSet: Sendable, Hashable {
  private var bits: UInt64 = 0

  init() {}

  init(_ range: ClosedRange<Int>) {
    for number in range { insert(number) }
  }

  mutating func insert(_ number: Int) { bits |= 1 << UInt64(number) }

  func contains(_ number: Int) -> Bool { bits >> UInt64(number) & 1 == 1 }

  func first(from number: Int) -> Int? {
    let rest = bits >> UInt64(number)
    return rest == 0 ? nil : number + rest.trailingZeroBitCount
  }
}

/// One of the five fields: its name, its numbers and the names they have.
private struct CronField {
  let name: String
  let range: ClosedRange<Int>
  let names: [String]
  /// The number of the first name.
  let namesStart: Int

  static let minute = CronField(name: "minute", range: 0...59, names: [], namesStart: 0)
  static let hour = CronField(name: "hour", range: 0...23, names: [], namesStart: 0)
  static let day = CronField(name: "day of month", range: 1...31, names: [], namesStart: 0)
  static let month = CronField(
    name: "month", range: 1...12,
    names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    namesStart: 1)
  static let weekday = CronField(
    name: "weekday", range: 0...7, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    namesStart: 0)

  /// Reads `*`, numbers, names, ranges, steps over either, and lists of those.
  func read(_ text: String) throws(ScheduleError) -> SmallSet {
    var set = SmallSet()
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
      guard pieces.count <= 2, let base = pieces.first else { throw error(text) }
      guard let span = span(base) else { throw error(text) }
      var step = 1
      if pieces.count == 2 {
        guard base == "*" || base.contains("-") else {
          throw error(text, "a step needs a range: \(base)-\(range.upperBound)/\(pieces[1])")
        }
        guard let number = decimal(pieces[1], digits: 1...2), number >= 1,
          number <= range.upperBound
        else {
          throw error(text, "expected a step of 1 to \(range.upperBound)")
        }
        step = number
      }
      for number in stride(from: span.lowerBound, through: span.upperBound, by: step) {
        set.insert(isWeekday && number == 7 ? 0 : number)
      }
    }
    return set
  }

  private var isWeekday: Bool { range == 0...7 }

  private func span(_ text: Substring) -> ClosedRange<Int>? {
    if text == "*" { return isWeekday ? 0...6 : range }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count <= 2, let lower = value(ends[0]) else { return nil }
    guard ends.count == 2 else { return lower...lower }
    // A week that is written to its Sunday ends on day 7.
    guard let upper = ends[1] == "sun" && isWeekday ? 7 : value(ends[1]), lower <= upper else {
      return nil
    }
    return lower...upper
  }

  private func value(_ text: Substring) -> Int? {
    if let position = names.firstIndex(of: String(text)) { return namesStart + position }
    return decimal(text, digits: 1...2).flatMap { range.contains($0) ? $0 : nil }
  }

  private func error(_ text: String, _ expected: String? = nil) -> ScheduleError {
    var allowed = "\(range.lowerBound) to \(range.upperBound)"
    if let first = names.first, let last = names.last { allowed += " or \(first) to \(last)" }
    return ScheduleError(
      .field,
      "\(name) \(text.debugDescription): "
        + (expected ?? "expected \(allowed), as *, a list 1,2, a range 1-5 or a step */2 or 1-5/2"))
  }
}

/// Reads ASCII digits, and nothing else, of which there may be so many.
func decimal(_ text: Substring, digits: ClosedRange<Int>) -> Int? {
  let allowed = UInt8(ascii: "0")...UInt8(ascii: "9")
  guard digits.contains(text.utf8.count), text.utf8.allSatisfy({ allowed.contains($0) }) else {
    return nil
  }
  return Int(text)
}

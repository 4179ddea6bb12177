import Wire

/// What holds after a zone's table: one offset for good, or two that alternate every year.
///
/// The POSIX `TZ` string of a TZif footer, with the hours from −167 to 167 of RFC 8536 §3.3.1.
enum ZoneTail: Sendable, Hashable {
  /// One offset.
  case fixed(Int)
  /// Two offsets, and the days on which each begins.
  case yearly(standard: Int, summer: Int, starts: Edge, ends: Edge)

  /// The day and the wall clock's second at which an offset begins.
  struct Edge: Sendable, Hashable {
    let day: Day
    /// Seconds after midnight on the clock that is about to be moved; may lie on another day.
    let second: Int
  }

  /// A day of every year.
  enum Day: Sendable, Hashable {
    /// `Jn`: 1 to 365, 29 February never counted.
    case withoutLeapDay(Int)
    /// `n`: 0 to 365, 29 February counted.
    case counted(Int)
    /// `Mm.w.d`: the w-th weekday d (0 is Sunday) of month m; week 5 is the last.
    case weekday(Int, week: Int, month: Int)
  }

  func offset(at instant: Int64) -> Int {
    switch self {
    case .fixed(let offset): return offset
    case .yearly:
      let year = Self.year(of: instant)
      let changes = changes(from: year - 2, through: year + 1)
      return changes.last { $0.instant <= instant }?.offset ?? 0
    }
  }

  func transitions(after start: Int64, through end: Int64) -> [ZoneRules.Transition] {
    guard case .yearly = self, start < end else { return [] }
    let changes = changes(from: Self.year(of: start) - 2, through: Self.year(of: end) + 1)
    return zip(changes, changes.dropFirst()).compactMap { before, after in
      guard before.offset != after.offset, after.instant > start, after.instant <= end else {
        return nil
      }
      return ZoneRules.Transition(
        instant: after.instant, before: before.offset, after: after.offset)
    }
  }

  /// The beginnings of both offsets in the years given, in order.
  private func changes(from first: Int, through last: Int) -> [(instant: Int64, offset: Int)] {
    guard case .yearly(let standard, let summer, let starts, let ends) = self else { return [] }
    var changes: [(instant: Int64, offset: Int)] = []
    for year in first...last {
      let on = (instant: starts.instant(in: year, offset: standard), offset: summer)
      let off = (instant: ends.instant(in: year, offset: summer), offset: standard)
      for change in on.instant < off.instant ? [on, off] : [off, on] {
        // Summer time all year ends at the instant at which it begins anew.
        if let last = changes.last, last.instant >= change.instant {
          changes[changes.count - 1].offset = summer
        } else {
          changes.append(change)
        }
      }
    }
    return changes
  }

  private static func year(of instant: Int64) -> Int {
    CivilDate(daysSinceEpoch: Int(instant.dividedFloor(by: 86_400))).year
  }
}

extension ZoneTail.Edge {
  fileprivate func instant(in year: Int, offset: Int) -> Int64 {
    Int64(day.daysSinceEpoch(in: year) * 86_400 + second - offset)
  }
}

extension ZoneTail.Day {
  fileprivate func daysSinceEpoch(in year: Int) -> Int {
    switch self {
    case .counted(let day): return Self.first(of: 1, year) + day
    case .withoutLeapDay(let day):
      let leaps = day >= 60 && CivilDate.days(inMonth: 2, of: year) == 29
      return Self.first(of: 1, year) + day - (leaps ? 0 : 1)
    case .weekday(let weekday, let week, let month):
      let first = Self.first(of: month, year)
      let ahead = weekday - CivilDate(daysSinceEpoch: first).weekday
      let day = (ahead < 0 ? ahead + 7 : ahead) + (week - 1) * 7
      return first + (day < CivilDate.days(inMonth: month, of: year) ? day : day - 7)
    }
  }

  private static func first(of month: Int, _ year: Int) -> Int {
    CivilDate(year: year, month: month, day: 1)?.daysSinceEpoch ?? 0
  }
}

extension ZoneTail {
  /// Reads `std offset [dst [offset] , start [/time] , end [/time]]`.
  init(posix text: [UInt8]) throws(ZoneError) {
    var reader = PosixReader(text)
    try reader.name()
    // POSIX counts west of Greenwich.
    let standard = -(try reader.seconds(hoursMax: 24))
    guard !reader.isAtEnd else {
      self = .fixed(standard)
      return
    }
    try reader.name()
    let summer = reader.isAt(",") ? standard + 3600 : -(try reader.seconds(hoursMax: 24))
    let starts = try reader.edge()
    let ends = try reader.edge()
    guard reader.isAtEnd else { throw reader.error("the end") }
    self = .yearly(standard: standard, summer: summer, starts: starts, ends: ends)
  }
}

private struct PosixReader {
  private let text: [UInt8]
  private var position = 0

  init(_ text: [UInt8]) { self.text = text }

  var isAtEnd: Bool { position == text.count }

  func isAt(_ mark: Unicode.Scalar) -> Bool {
    position < text.count && text[position] == UInt8(ascii: mark)
  }

  func error(_ expected: String) -> ZoneError {
    let shown = String(decoding: text.prefix(80), as: UTF8.self).debugDescription
    return .malformed("footer \(shown), character \(position + 1): expected \(expected)")
  }

  mutating func take(_ mark: Unicode.Scalar) -> Bool {
    guard isAt(mark) else { return false }
    position += 1
    return true
  }

  mutating func name() throws(ZoneError) {
    let quoted = take("<")
    let start = position
    while position < text.count, Self.isLetter(text[position]) || quoted && !isAt(">") {
      position += 1
    }
    guard position - start >= 3, !quoted || take(">") else { throw error("an abbreviation") }
  }

  mutating func number(_ range: ClosedRange<Int>) throws(ZoneError) -> Int {
    let start = position
    var value = 0
    while position < text.count, (0x30...0x39).contains(text[position]), value < 1000 {
      value = value * 10 + Int(text[position] - 0x30)
      position += 1
    }
    guard position > start, range.contains(value) else {
      throw error("\(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// `[+-]hh[:mm[:ss]]` as seconds.
  mutating func seconds(hoursMax: Int) throws(ZoneError) -> Int {
    let negative = take("-")
    if !negative { _ = take("+") }
    var seconds = try number(0...hoursMax) * 3600
    if take(":") {
      seconds += try number(0...59) * 60
      if take(":") { seconds += try number(0...59) }
    }
    return negative ? -seconds : seconds
  }

  /// `,date[/time]`; the time is 02:00 unless given.
  mutating func edge() throws(ZoneError) -> ZoneTail.Edge {
    guard take(",") else { throw error("a comma and a rule") }
    let day: ZoneTail.Day
    if take("J") {
      day = .withoutLeapDay(try number(1...365))
    } else if take("M") {
      let month = try number(1...12)
      guard take(".") else { throw error("a dot") }
      let week = try number(1...5)
      guard take(".") else { throw error("a dot") }
      day = .weekday(try number(0...6), week: week, month: month)
    } else {
      day = .counted(try number(0...365))
    }
    return ZoneTail.Edge(day: day, second: take("/") ? try seconds(hoursMax: 167) : 7200)
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
}

extension Int64 {
  /// The quotient, rounded towards the past.
  func dividedFloor(by divisor: Int64) -> Int64 {
    self / divisor - (self % divisor < 0 ? 1 : 0)
  }
}

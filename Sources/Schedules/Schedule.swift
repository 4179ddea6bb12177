import Wire

/// Why a text is no schedule, in one line.
public struct ScheduleError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A stable reason.
  public enum Code: String, Sendable {
    /// None of the forms.
    case form = "schedule.form"
    /// A period that is none, or out of bounds.
    case period = "schedule.period"
    /// A time of day that is none.
    case time = "schedule.time"
    /// A cron field that is none.
    case field = "schedule.field"
    /// No time zone that is known and whole.
    case zone = "schedule.zone"
    /// A day that never comes.
    case never = "schedule.never"
  }

  /// The reason.
  public let code: Code
  /// What is wrong, where, and what is expected.
  public let description: String

  /// Makes an error.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

/// When central merges.
///
/// Forms: `every 15m` (s, m, h, d), `hourly`, `daily 02:00 [ZONE]`, five cron fields `0 */6 * * 1-5 [ZONE]`, `on-push`,
/// `manual`. Words and names may be in any case; without a zone, UTC. The rules are `[SP-901]` to `[SP-910]`.
public struct Schedule: Sendable, Hashable, CustomStringConvertible {
  /// The schedule, normalised: lower case, single spaces, the largest unit, the zone always named. `[SP-910]`
  public let text: String

  private let rule: Rule

  private enum Rule: Sendable, Hashable {
    case every(seconds: Int64)
    case wallClock(CronPattern, ZoneRules)
    case onPush
    case manual
  }

  /// The same as `text`.
  public var description: String { text }

  /// Whether every push is followed by a merge.
  public var runsOnPush: Bool { rule == .onPush }

  /// Reads one of the forms.
  ///
  /// - Parameters:
  ///   - text: the schedule, at most `ScheduleLimits.textBytesMax` bytes.
  ///   - zone: gives a zone's rules by its IANA name; asked at most once, never for UTC.
  /// - Throws: `ScheduleError`: the first thing that is wrong, in one line that says what is expected.
  public init(
    parsing text: String, zone: (String) throws(ZoneError) -> ZoneRules
  ) throws(ScheduleError) {
    guard text.utf8.count <= ScheduleLimits.textBytesMax else {
      throw ScheduleError(
        .form,
        "schedule of \(text.utf8.count) bytes: expected at most \(ScheduleLimits.textBytesMax)")
    }
    guard text.utf8.allSatisfy({ $0 == 0x09 || (0x20..<0x7F).contains($0) }) else {
      throw Self.formError(text)
    }
    let words = text.split { $0 == " " || $0 == "\t" }.map(String.init)
    do {
      (self.text, rule) = try Self.read(words, from: text, zone)
    } catch {
      throw error.code == .form
        ? error : ScheduleError(error.code, "schedule \(text.debugDescription): \(error)")
    }
  }

  /// The first run after an instant; nil when none is to come, as for `on-push` and `manual`.
  ///
  /// - Parameter instant: Unix seconds.
  /// - Returns: Unix seconds, greater than `instant`, in `Timestamp.range`.
  /// - Complexity: O(days to the next run), at most 400 years of them.
  public func next(after instant: Int64) -> Int64? {
    guard instant < Timestamp.range.upperBound else { return nil }
    let instant = max(instant, Timestamp.range.lowerBound - 1)
    let found: Int64?
    switch rule {
    case .onPush, .manual: found = nil
    case .every(let period): found = (instant.dividedFloor(by: period) + 1) * period
    case .wallClock(let pattern, let zone):
      // What the clock has shown or jumped over has had its run: doubled minutes run once, skipped ones at the jump.
      found = pattern.next(from: zone.latestLocal(until: instant) + 1).map(zone.instant(reaching:))
    }
    return found.flatMap { $0 <= Timestamp.range.upperBound ? $0 : nil }
  }
}

extension Schedule {
  private static func read(
    _ words: [String], from text: String, _ load: (String) throws(ZoneError) -> ZoneRules
  ) throws(ScheduleError) -> (String, Rule) {
    let lower = words.map { $0.lowercased() }
    switch (lower.first, words.count) {
    case ("on-push", 1): return ("on-push", .onPush)
    case ("manual", 1): return ("manual", .manual)
    case ("hourly", 1): return ("hourly", .every(seconds: 3600))
    case ("every", 2): return try every(lower[1])
    case ("daily", 2...3):
      let (hour, minute) = try time(lower[1])
      let (name, rules) = try zone(words.dropFirst(2).first, load)
      return (
        "daily \(lower[1]) \(name)", .wallClock(CronPattern(hour: hour, minute: minute), rules)
      )
    case (let first?, 5...6) where first.utf8.allSatisfy(isCronMark):
      let pattern = try CronPattern(fields: Array(lower[0..<5]))
      let (name, rules) = try zone(words.dropFirst(5).first, load)
      return ("\(lower[0..<5].joined(separator: " ")) \(name)", .wallClock(pattern, rules))
    default: throw formError(text)
    }
  }

  /// What a minute field is made of: by it a cron line is told from a misspelt word.
  private static func isCronMark(_ byte: UInt8) -> Bool {
    "0123456789*,-/".utf8.contains(byte)
  }

  private static func formError(_ text: String) -> ScheduleError {
    ScheduleError(
      .form,
      "schedule \(text.debugDescription): expected every 15m, hourly, daily 02:00 [ZONE], "
        + "five cron fields [ZONE], on-push or manual")
  }

  private static func every(_ text: String) throws(ScheduleError) -> (String, Rule) {
    let units: [(name: Character, seconds: Int64)] = [
      ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1),
    ]
    guard
      let unit = units.first(where: { $0.name == text.last }),
      let count = decimal(text.dropLast(), digits: 1...8).map({ Int64($0) }), count > 0,
      count * unit.seconds <= ScheduleLimits.periodSecondsMax
    else {
      throw ScheduleError(
        .period, "period \(text.debugDescription): expected 1s to 366d, in s, m, h or d: 15m")
    }
    let period = count * unit.seconds
    let largest = units.first { period % $0.seconds == 0 } ?? unit
    return ("every \(period / largest.seconds)\(largest.name)", .every(seconds: period))
  }

  private static func time(_ text: String) throws(ScheduleError) -> (hour: Int, minute: Int) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard
      parts.count == 2, let hour = decimal(parts[0], digits: 2...2), hour < 24,
      let minute = decimal(parts[1], digits: 2...2), minute < 60
    else {
      throw ScheduleError(
        .time, "time \(text.debugDescription): expected hours and minutes, 00:00 to 23:59")
    }
    return (hour, minute)
  }

  private static func zone(
    _ name: String?, _ load: (String) throws(ZoneError) -> ZoneRules
  ) throws(ScheduleError) -> (String, ZoneRules) {
    guard let name, name.lowercased() != "utc" else { return ("UTC", .utc) }
    guard ZoneRules.isName(name) else {
      throw ScheduleError(
        .zone, "time zone \(name.debugDescription): expected an IANA name, such as Europe/Paris")
    }
    do {
      return (name, try load(name))
    } catch {
      throw ScheduleError(.zone, error.description)
    }
  }
}

import Schedules
import Testing
import Wire

@Suite(.timeLimit(.minutes(15))) struct ScheduleTests {
  @Test(
    arguments: [
      ("EVERY 120m", "every 2h"), ("every 48h", "every 2d"), ("Hourly", "hourly"),
      ("daily 02:00", "daily 02:00 UTC"), ("daily 02:00 utc", "daily 02:00 UTC"),
      ("daily\t02:00  Europe/Paris", "daily 02:00 Europe/Paris"),
      ("0 2 * * MON", "0 2 * * mon UTC"), ("On-Push", "on-push"), ("manual", "manual"),
    ])
  func `a schedule is shown in one form`(_ given: String, _ shown: String) throws {
    #expect(try Zones.schedule(given).text == shown)
  }

  @Test func `a zone is loaded when the schedule is read, and never for UTC`() throws {
    var asked: [String] = []
    _ = try Schedule(parsing: "daily 02:00 Europe/Paris") { (name) throws(ZoneError) in
      asked.append(name)
      return try Zones.load(name)
    }
    _ = try Schedule(parsing: "daily 02:00 utc") { (name) throws(ZoneError) in
      asked.append(name)
      return .utc
    }
    #expect(asked == ["Europe/Paris"])
  }

  @Test func `an error says what, where and what is expected`() {
    let error = #expect(throws: ScheduleError.self) { try Zones.schedule("0 25 * * *") }
    #expect(error?.description.contains("hour \"25\"") == true)
    #expect(error?.description.contains("0 to 23") == true)
    let zone = #expect(throws: ScheduleError.self) { try Zones.schedule("daily 02:00 Mars/Base") }
    #expect(zone?.description.contains("Mars/Base") == true)
  }

  @Test(arguments: ["every 15m", "daily 02:00 Europe/Paris", "*/5 * * * *"])
  func `the ends of time are no trap`(_ text: String) throws {
    let schedule = try Zones.schedule(text)
    #expect(schedule.next(after: .max) == nil)
    #expect(schedule.next(after: Timestamp.range.upperBound) == nil)
    let first = try #require(schedule.next(after: .min))
    #expect(Timestamp.range.contains(first))
  }

  @Test func `texts too long or not ASCII are refused`() {
    for text in [String(repeating: "1,", count: 300) + "1 * * * *", "every 15\u{0661}m", "é"] {
      #expect(throws: ScheduleError.self) { try Zones.schedule(text) }
    }
  }

  @Test func `twenty years of a zone's days, each once`() throws {
    let schedule = try Zones.schedule("daily 02:30 America/New_York")
    var instant = try #require(Timestamp.unixSeconds("2000-01-01T00:00:00Z"))
    var days = 0
    while true {
      let next = try #require(schedule.next(after: instant))
      #expect((82_800...90_000).contains(next - instant) || days == 0)
      guard next < 1_577_836_800 else { break }
      (instant, days) = (next, days + 1)
    }
    #expect(days == 7305)
  }
}

@Suite(.timeLimit(.minutes(15))) struct TimetableTests {
  private static let noon: Int64 = 1_800_014_400

  private func table(_ text: String = "every 15m", since: Int64 = noon + 1) throws -> Timetable {
    Timetable(try Zones.schedule(text), since: since)
  }

  private func runs(_ table: inout Timetable, at instants: [Int64]) -> [Bool] {
    instants.map { table.takeRun(at: $0) }
  }

  @Test func `a run is taken once, when its time has come`() throws {
    var table = try table()
    #expect(table.next == Self.noon + 900)
    let taken = runs(&table, at: [899, 900, 900, 901].map { Self.noon + $0 })
    #expect(taken == [false, true, false, false])
    #expect(table.next == Self.noon + 1800)
  }

  @Test func `after a sleep of days one run makes up for all`() throws {
    var table = try table()
    let awake = Self.noon + 5 * 86_400 + 7
    let taken = runs(&table, at: [awake, awake + 1])
    #expect(taken == [true, false])
    #expect(table.next == Self.noon + 5 * 86_400 + 900)
  }

  @Test func `what waited from before a missed run is due at the start`() throws {
    var table = try table("daily 02:00", since: Self.noon - 2 * 86_400)
    let taken = runs(&table, at: [Self.noon, Self.noon + 1])
    #expect(taken == [true, false])
  }

  @Test func `a clock set back by years does not stop the merges`() throws {
    var table = try table()
    let back = Self.noon - 3 * 365 * 86_400
    let taken = runs(&table, at: [back, back + 899, back + 900])
    #expect(taken == [false, false, true])
  }

  @Test func `a clock years ahead and put right again runs on`() throws {
    var table = try table()
    let taken = runs(&table, at: [10 * 365 * 86_400, 60, 899, 900].map { Self.noon + $0 })
    #expect(taken == [true, false, false, true])
  }

  @Test func `on-push and manual are never due`() throws {
    for text in ["on-push", "manual"] {
      var table = try table(text)
      #expect(table.next == nil)
      let taken = runs(&table, at: [.max])
      #expect(taken == [false])
    }
  }
}

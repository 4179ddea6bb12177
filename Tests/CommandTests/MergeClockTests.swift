import Central
import Foundation
import Schedules
import Testing

@testable import cordee

@Suite(.timeLimit(.minutes(15))) struct MergeClockTests {
  private static let noon: Int64 = 1_800_014_400

  private func clock(_ text: String, since: Int64 = noon) throws -> MergeClock {
    MergeClock(try MergeSchedule.parse(text, zones: "/usr/share/zoneinfo"), since: since)
  }

  @Test func `a long wait is cut, so that a clock that was set or a machine that slept is noticed`()
    throws
  {
    let daily = try clock("daily 02:00 Europe/Paris")
    #expect(daily.wait(atMilliseconds: Self.noon * 1000) == 5_000)
    let soon = try clock("every 2s")
    #expect(soon.wait(atMilliseconds: Self.noon * 1000 + 1_250) == 750)
    // What is overdue is looked at at once.
    #expect(soon.wait(atMilliseconds: (Self.noon + 9) * 1000) == 1)
    for text in ["on-push", "manual"] {
      #expect(try clock(text).wait(atMilliseconds: Self.noon * 1000) == nil)
    }
  }

  @Test func `a night slept through is one merge, at waking`() throws {
    var clock = try clock("daily 02:00 Europe/Paris")
    let due = try #require(clock.plan.next)
    var merges = 0
    // A turn before the lid was closed, then turns from noon three days later on.
    for turn in [Self.noon, due + 3 * 86_400, due + 3 * 86_400 + 5, due + 3 * 86_400 + 10] {
      if clock.takeRun(at: turn) { merges += 1 }
    }
    #expect(merges == 1)
    #expect(clock.plan.next == due + 4 * 86_400)
    #expect(clock.plan.schedule == "daily 02:00 Europe/Paris")
  }

  @Test(arguments: [
    ("6h", "schedule.form"), ("every", "schedule.form"), ("every 0s", "schedule.period"),
    ("daily 24:00", "schedule.time"), ("61 * * * *", "schedule.field"),
    ("0 0 31 2 *", "schedule.never"), ("daily 02:00 Mars/Base", "schedule.zone"),
    ("daily 02:00 ../../etc/passwd", "schedule.zone"), ("daily 02:00 Europe", "schedule.zone"),
  ])
  func `what is no schedule is a usage error in one line that says what is`(
    _ text: String, _ code: String
  ) throws {
    let failure = try #require(throws: Failure.self) {
      try MergeSchedule.parse(text, zones: "/usr/share/zoneinfo")
    }
    #expect(failure.code == code)
    #expect(failure.exit == .usage)
    #expect(!failure.line.contains("\n"))
  }

  @Test func `without tzdata only a schedule with a zone is refused, and told how to get it`()
    throws
  {
    let nowhere = "/nowhere/zoneinfo"
    #expect(throws: Never.self) { try MergeSchedule.parse("daily 02:00", zones: nowhere) }
    let failure = try #require(throws: Failure.self) {
      try MergeSchedule.parse("daily 02:00 Europe/Paris", zones: nowhere)
    }
    #expect(failure.line.contains("apt install tzdata"))
  }
}

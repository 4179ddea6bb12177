import Central
import FoundationEssentials
import Schedules
import Wire

/// When a serving node merges: its schedule, asked again and again by a clock that nobody sets.
struct MergeClock {
  /// Milliseconds after which the wall clock is read again, so that a machine that slept or was set notices.
  static let turnMax = 5_000

  private var table: Timetable

  /// - Parameter since: Unix seconds from which on runs count; the time of the oldest work that waits.
  init(_ schedule: Schedule, since: Int64) { table = Timetable(schedule, since: since) }

  /// What members and the keeper are told.
  var plan: MergePlan { MergePlan(schedule: table.schedule.text, next: table.next) }

  /// Whether a run is due; then it counts as run.
  mutating func takeRun(at now: Int64) -> Bool { table.takeRun(at: now) }

  /// How long to wait before the next look; nil when no run comes by itself.
  func wait(atMilliseconds now: Int64) -> Int? {
    table.next.map { Int(min(Int64(Self.turnMax), max(1, $0 * 1000 - now))) }
  }
}

/// Schedules as the command line gives them; zones come from Debian's `tzdata`.
enum MergeSchedule {
  /// Reads a schedule.
  ///
  /// - Parameter zones: the folder of compiled zones.
  static func parse(_ text: String, zones: String) throws(Failure) -> Schedule {
    do {
      return try Schedule(parsing: text) { (name) throws(ZoneError) in
        try zone(name, in: zones)
      }
    } catch {
      throw .usage(error.code.rawValue, error.description, hint: hint(for: error.code))
    }
  }

  /// A zone's rules.
  ///
  /// - Parameter name: checked to lead nowhere else.
  private static func zone(_ name: String, in folder: String) throws(ZoneError) -> ZoneRules {
    guard FileManager.default.fileExists(atPath: folder) else {
      throw ZoneError(
        .unknown, "time zone \(name): there is no \(folder); install tzdata (apt install tzdata)")
    }
    guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)") else {
      throw ZoneError(.unknown, "time zone \(name): there is none of that name in \(folder)")
    }
    do {
      return try ZoneRules(tzif: Array(data))
    } catch {
      throw ZoneError(error.code, "time zone \(name): \(error)")
    }
  }

  private static func hint(for code: ScheduleError.Code) -> String {
    code == .zone ? "Without a zone a schedule is in UTC" : "See `cordee help schedules`"
  }
}

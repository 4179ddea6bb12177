/// The runs of a schedule as the wall clock comes by them, whatever is done to that clock.
///
/// Whoever waits asks every few seconds, measured by a clock that nobody sets. So a machine that slept, or whose wall
/// clock was set forward, runs once for all it missed; one whose clock was set back waits for the next run as the
/// clock now has it, and may run once more at an hour it has already had. `[SP-909]`
public struct Timetable: Sendable {
  /// Whose runs these are.
  public let schedule: Schedule
  /// The next run in Unix seconds; nil when none is to come.
  public private(set) var next: Int64?
  private var seen: Int64

  /// Begins at an instant: the first run is the first after it.
  ///
  /// - Parameter instant: Unix seconds. Give the time of the oldest work that waits, so that a run missed while
  ///   nothing served is due at once.
  public init(_ schedule: Schedule, since instant: Int64) {
    self.schedule = schedule
    seen = instant
    next = schedule.next(after: instant)
  }

  /// Whether a run is due now; then it counts as run.
  ///
  /// - Parameter now: Unix seconds by the wall clock.
  public mutating func takeRun(at now: Int64) -> Bool {
    let isSetBack = now < seen
    seen = now
    guard !isSetBack, let next, next <= now else {
      if isSetBack { next = schedule.next(after: now) }
      return false
    }
    self.next = schedule.next(after: now)
    return true
  }
}

import Causality
import Changes
import SQLite
import Store
public import Wire

/// When a serving node merges, as it tells members and its keeper.
public struct MergePlan: Sendable, Hashable {
  /// The schedule in its one form. `[SP-910]`
  public let schedule: String
  /// The next run in Unix seconds; nil when none is to come by itself.
  public let next: Int64?

  /// Makes a plan.
  public init(schedule: String, next: Int64?) {
    (self.schedule, self.next) = (schedule, next)
  }

  /// The plan as `GET /v1` has it.
  public var json: JSON {
    .object([
      ("schedule", .string(schedule)),
      ("next", next.map { .string(Timestamp.text(unixSeconds: $0)) } ?? .null),
    ])
  }
}

extension Central {
  /// Keeps when this node merges: in mind, and the schedule in its file for when nothing serves.
  public func keep(_ plan: MergePlan) throws {
    self.plan = plan
    guard try store.meta("schedule")?.text != plan.schedule else { return }
    try store.write { try store.setMeta("schedule", .text(plan.schedule)) }
  }

  /// The schedule of the last node that served this file; nil before the first.
  func lastSchedule() throws -> String? { try store.meta("schedule")?.text }

  /// When the oldest work that waits for a merge came, in Unix seconds; nil when nothing waits. `[SP-909]`
  ///
  /// - Complexity: O(what waits).
  public func oldestWaiting() throws -> Int64? {
    let labels = try store.withConnection { connection in
      try connection.all("SELECT min(received_at) FROM cordee_inbox") { $0.textOrNil(0) }
        + connection.all("SELECT body FROM cordee_outbox ORDER BY id LIMIT 1") { row in
          try? ChangeDecoding.body(row.bytes(0)).at
        }
    }
    return labels.compactMap { $0.flatMap { Timestamp.unixSeconds($0) } }.min()
  }
}

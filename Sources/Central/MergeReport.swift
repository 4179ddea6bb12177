public import Causality
import Changes
import Store
public import Wire

/// What one merge did: kept, and readable by people.
public struct MergeReport: Sendable {
  /// One device that was heard, and what became of its changes.
  public struct Heard: Sendable {
    /// How it is called.
    public var name: String
    /// For whom it speaks.
    public var organisation: String
    /// Its changes that took effect.
    public var applied = 0
    /// Its changes kept without effect.
    public var quarantined = 0
  }

  /// One segment that waits, and for what.
  public struct Waiting: Sendable {
    /// Its first change.
    public let change: Dot
    /// Who wrote it.
    public let by: String
    /// The changes that must come first, each with its author.
    public let needs: [(dot: Dot, by: String)]
  }

  /// Items of one list that are kept; the counts beside are always whole.
  public static let itemsMax = 200

  /// Which merge.
  public var number = 0
  /// When it ran.
  public var at = ""
  /// The first of the runs this report speaks of; merges that find nothing to do share one report.
  public var since = ""
  /// How many runs this report speaks of.
  public var runs = 1
  /// How long it took, in milliseconds, up to its commit.
  public var milliseconds: Int64 = 0
  /// Whether it only tells what a merge would do.
  public var isTrial = false
  /// Changes that stood in the inbox.
  public var received = 0
  /// The actors whose changes were taken.
  public var heard: Set<ActorID> = []
  /// The devices behind them.
  public var members: [ReplicaID: Heard] = [:]
  /// Changes that took effect, central's own included.
  public var applied = 0
  /// Changes of central's own: enrolments, revocations.
  public var own = 0
  /// Changes kept without effect, each with its reason, in which a record stands by its slug.
  public var quarantined: [(dot: Dot, by: String, reason: String)] = []
  /// Changes whose places others hold, and the names under which they stand.
  public var twins: [(was: Dot, as: Dot)] = []
  /// Segments set aside because they are damaged or do not chain, each by its last change.
  public var aside: [(dot: Dot?, changes: Int, reason: String)] = []
  /// Segments that wait for changes not here yet.
  public var waiting = 0
  /// The first of them, and what for.
  public var waitingFor: [Waiting] = []
  /// Conflicts that this merge opened, each as its record is named, with the field.
  public var opened: [(record: String, field: String?)] = []
  /// Conflicts that this merge closed.
  public var closed: [(record: String, field: String?)] = []

  /// Makes a report of nothing.
  public init() {}

  /// How many conflicts it opened.
  public var conflictsOpened: Int { opened.count }
  /// How many conflicts it closed.
  public var conflictsClosed: Int { closed.count }
  /// Whether it changed nothing.
  public var isIdle: Bool {
    applied == 0 && quarantined.isEmpty && aside.isEmpty && twins.isEmpty
  }
  /// Whether a person should look at it.
  public var needsPerson: Bool { !quarantined.isEmpty || !aside.isEmpty || !opened.isEmpty }

  /// The report as JSON.
  public var json: JSON {
    .object(
      [
        ("number", .integer(Int64(number))), ("at", .string(at)), ("since", .string(since)),
        ("runs", .integer(Int64(runs))), ("idle", .bool(isIdle)),
        ("took_ms", .integer(milliseconds)), ("received", .integer(Int64(received))),
        ("heard", .array(heard.sorted().map { .string($0.description) })),
        ("members", .array(members.sorted { $0.key < $1.key }.map(Self.json))),
        ("applied", .integer(Int64(applied))), ("own", .integer(Int64(own))),
      ] + parts)
  }

  private var parts: [(String, JSON)] {
    func conflicts(_ names: [(record: String, field: String?)]) -> JSON {
      .array(
        names.prefix(Self.itemsMax).map {
          .object([
            ("record", .string($0.record)), ("field", $0.field.map { .string($0) } ?? .null),
          ])
        })
    }
    return [
      (
        "quarantined",
        .array(
          quarantined.prefix(Self.itemsMax).map {
            .object([
              ("change", .string($0.dot.description)), ("by", .string($0.by)),
              ("reason", .string($0.reason)),
            ])
          })
      ), ("quarantined_count", .integer(Int64(quarantined.count))),
      (
        "twins",
        .array(
          twins.prefix(Self.itemsMax).map {
            .object([
              ("was", .string($0.was.description)), ("as", .string($0.as.description)),
            ])
          })
      ),
      (
        "aside",
        .array(
          aside.prefix(Self.itemsMax).map {
            .object([
              ("change", $0.dot.map { .string($0.description) } ?? .null),
              ("changes", .integer(Int64($0.changes))), ("reason", .string($0.reason)),
            ])
          })
      ), ("waiting", .integer(Int64(waiting))), ("waiting_for", .array(waitingFor.map(Self.json))),
      ("conflicts_opened", .integer(Int64(opened.count))),
      ("conflicts_closed", .integer(Int64(closed.count))),
      ("opened", conflicts(opened)), ("closed", conflicts(closed)),
    ] + (isTrial ? [("dry_run", .bool(true))] : [])
  }

  private static func json(_ replica: ReplicaID, _ heard: Heard) -> JSON {
    .object([
      ("replica", .string(replica.description)), ("name", .string(heard.name)),
      ("organisation", .string(heard.organisation)), ("applied", .integer(Int64(heard.applied))),
      ("quarantined", .integer(Int64(heard.quarantined))),
    ])
  }

  private static func json(_ waiting: Waiting) -> JSON {
    .object([
      ("change", .string(waiting.change.description)), ("by", .string(waiting.by)),
      (
        "needs",
        .array(
          waiting.needs.map {
            .object([("change", .string($0.dot.description)), ("by", .string($0.by))])
          })
      ),
    ])
  }
}

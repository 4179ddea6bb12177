import Changes
import SQLite
import Store
import Wire

/// What merges refused, and whether whoever keeps central was told.
///
/// A refusal is its author's to settle, on the author's own replica; central never learns of that. So what asks for central's
/// keeper is not that something stands in quarantine, but that a report tells of it which nobody has looked at.
extension Central {
  /// Merges that refused something and whose reports nobody was shown.
  struct Untold {
    /// How many they are.
    var merges = 0
    /// The changes they quarantined.
    var quarantined = 0
    /// The segments they set aside.
    var aside = 0
    /// The snapshots that were not what the log says, or not what was signed.
    var snapshots = 0
    /// The number of the first.
    var first: Int?
    /// How many of the newest reports reach back to it.
    var reach = 0
  }

  private static let toldKey = "reports.told"
  /// The most reports that are shown at once; who asks for so many has looked.
  private static let reportsMax = 1000

  /// Changes that stand in quarantine, of all authors.
  ///
  /// - Complexity: O(refused changes), by an index of their own.
  func quarantinedCount() throws -> Int {
    try store.withConnection {
      try $0.first("SELECT count(*) FROM cordee_log WHERE reason IS NOT NULL") { $0.int(0) }
    } ?? 0
  }

  /// What nobody was shown yet.
  ///
  /// - Complexity: O(reports since the last look).
  func untold() throws -> Untold {
    let told = try store.meta(Self.toldKey)?.integer ?? 0
    return try store.withConnection {
      try $0.first(
        """
        WITH refusing(number, q, a, s) AS (SELECT * FROM (
          SELECT number, json_extract(report, '$.quarantined_count') q, json_array_length(report, '$.aside') a,
            json_type(report, '$.snapshot') IS NOT NULL s
          FROM cordee_report WHERE number > ? AND json_valid(report)) WHERE q > 0 OR a > 0 OR s > 0)
        SELECT count(*), ifnull(sum(q), 0), ifnull(sum(a), 0), ifnull(sum(s), 0), min(number), (
          SELECT count(*) FROM cordee_report WHERE number >= (SELECT min(number) FROM refusing))
        FROM refusing
        """, .integer(told)
      ) { row in
        Untold(
          merges: row.int(0), quarantined: row.int(1), aside: row.int(2), snapshots: row.int(3),
          first: row.isNull(4) ? nil : row.int(4), reach: row.int(5))
      }
    } ?? Untold()
  }

  /// The newest reports, which are told with this.
  func tellReports(limit: Int) throws -> [JSON] {
    let shown = try reports(limit: limit)
    let oldest = shown.last?["number"]?.integer ?? 0
    noteTold(from: limit >= Self.reportsMax ? 0 : Int(oldest))
    return shown
  }

  /// Notes that the keeper was shown the reports from a number on; while an older one is untold, nothing changes.
  public func noteTold(from number: Int) {
    guard let first = try? untold().first, first >= number else { return }
    // A disk that takes no note spoils no look: the next one is asked for again.
    try? store.write {
      let newest = try store.withConnection {
        try $0.first("SELECT max(number) FROM cordee_report") { $0.int(0) }
      }
      try store.setMeta(Self.toldKey, .integer(Int64(newest ?? 0)))
    }
  }
}

extension Central.Untold {
  /// For the keeper's commands.
  var json: JSON {
    .object([
      ("merges", .integer(Int64(merges))), ("quarantined", .integer(Int64(quarantined))),
      ("aside", .integer(Int64(aside))), ("snapshots", .integer(Int64(snapshots))),
      ("first", first.map { .integer(Int64($0)) } ?? .null),
      ("last", .integer(Int64(reach))),
    ])
  }
}

import Changes
import Store
import Wire

/// How far back a replica's history goes, for a replica that began from a snapshot.
enum HistoryReach {
  /// One line a space that lacks history.
  static func lines(_ store: Store, spaces: [String]) throws -> [String] {
    try spaces.compactMap { space in
      try store.gap(in: space).map { gap in
        "History of \(space): entries \(gap.after.seq + 1) to \(gap.upTo.seq) are not here yet; "
          + "`cordee sync` fetches them."
      }
    }
  }

  /// By space: `complete`, and the stretch that is missing.
  static func json(_ store: Store, spaces: [String]) throws -> JSON {
    .object(
      try spaces.map { space in
        guard let gap = try store.gap(in: space) else {
          return (space, .object([("complete", .bool(true))]))
        }
        return (
          space,
          .object([
            ("complete", .bool(false)), ("missing_from", .integer(Int64(gap.after.seq + 1))),
            ("missing_to", .integer(Int64(gap.upTo.seq))),
          ])
        )
      })
  }
}

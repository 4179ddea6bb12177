import Changes
import Store
import Wire

/// Edited rows that no change can carry, as commands tell of them.
enum HeldBackLines {
  /// Rows that are shown; `--json` has all.
  private static let shownMax = 20

  static func print(_ rows: [HeldBack], _ console: Console) {
    for held in rows.prefix(shownMax) {
      console.printValues("Cannot be sent: \(held.row.table)/\(held.row.id): \(held.reason).")
    }
    if rows.count > shownMax { console.print("and \(rows.count - shownMax) more: see --json") }
    if !rows.isEmpty { console.print("Mend these rows in their tables; all others go on.") }
  }

  static func json(_ rows: [HeldBack]) -> JSON {
    .array(
      rows.map {
        .object([
          ("record", .string("\($0.row.table)/\($0.row.id)")), ("reason", .string($0.reason)),
        ])
      })
  }
}

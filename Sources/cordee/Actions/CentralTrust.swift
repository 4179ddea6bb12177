import Changes
import Replica
import Store
import Wire

/// What a replica knows of central's faithfulness, for `status`, `sync` and `doctor`.
struct CentralTrust {
  /// Evidence that no good contact has settled.
  let open: [Evidence]
  /// When central signed the newest checkpoint held here; a label.
  let lastCheckpoint: String?
  /// Segments carried for others, and how many of them central refused.
  let parcels: (waiting: Int, refused: Int)

  init(_ store: Store, spaces: [String]) throws {
    open = try store.evidence().filter { $0.settledAt == nil }
    parcels = try store.parcelCounts()
    var newest: String?
    for space in spaces {
      guard case .blob(let line)? = try store.meta("checkpoint.\(space)"), !line.isEmpty else {
        continue
      }
      guard case .checkpoint(_, let checkpoint, _) = try LogLine.parse(line) else { continue }
      newest = max(newest ?? "", checkpoint.at)
    }
    lastCheckpoint = newest
  }

  /// Lines for people, for what is not as usual.
  var lines: [String] {
    var lines = [
      "  merged up to \(lastCheckpoint ?? "nothing yet")  (central's last signed word held here)"
    ]
    if parcels.waiting > 0 {
      lines.append(
        "  carried      \(parcels.waiting)  (others' segments for central"
          + (parcels.refused > 0 ? "; \(parcels.refused) it refused" : "") + ")")
    }
    for evidence in open {
      lines.append("  \(evidence.kind.rawValue)    \(evidence.message) [\(evidence.code)]")
    }
    return lines
  }

  /// The same for programs.
  var members: [(String, JSON)] {
    [
      ("checkpoint_at", lastCheckpoint.map { .string($0) } ?? .null),
      ("carried", .integer(Int64(parcels.waiting))),
      ("carried_refused", .integer(Int64(parcels.refused))),
      (
        "evidence",
        .array(
          open.map {
            .object([
              ("kind", .string($0.kind.rawValue)), ("code", .string($0.code)),
              ("message", .string($0.message)), ("at", .string($0.at)),
            ])
          })
      ),
    ]
  }
}

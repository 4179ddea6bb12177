import Changes
import Replica
import Store
import Wire

/// What a replica knows of central's faithfulness, for `status`, `sync` and `doctor`.
struct CentralTrust {
  /// Evidence that neither a good contact nor a person has settled.
  let open: [Evidence]
  /// How many pieces a person settled.
  let settled: Int
  /// When central signed the newest checkpoint held here; a label.
  let lastCheckpoint: String?
  /// Days from then to the last contact, by clocks that may differ; nil when one of them is not known.
  let silentDays: Int?
  /// Segments carried for others, and how many of them central refused.
  let parcels: (waiting: Int, refused: Int)

  init(_ store: Store, spaces: [String]) throws {
    let kept = try store.evidence()
    open = kept.filter { $0.settledAt == nil }
    settled = kept.count { $0.settlement != nil }
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
    let contact = try store.meta("last_sync")?.text.flatMap(DoctorActions.seconds)
    let signed = newest.flatMap(DoctorActions.seconds)
    silentDays = contact.flatMap { contact in signed.map { max(0, Int(contact - $0) / 86_400) } }
  }

  /// What to do about a central that answers and has signed nothing new for long.
  static let silenceAdvice =
    "Nothing was merged since, or an old state is shown here: compare with another member by a bundle, "
    + "`cordee verify --against FILE`."

  /// A word that central signed before its newest one and that says a later time; nil when times only grew.
  static func laterWord(than newest: String, _ store: Store, _ spaces: [String]) throws -> String? {
    let labels = try spaces.flatMap { try store.checkpoints(of: $0).map(\.checkpoint.at) }
    return labels.max().flatMap { $0 > newest ? $0 : nil }
  }

  /// Lines for people, for what is not as usual.
  var lines: [String] {
    var lines = [
      "  merged up to \(lastCheckpoint ?? "nothing yet")  (central's last signed word held here)"
    ]
    if let silentDays, silentDays > DoctorActions.daysMax {
      lines.append(
        "  no news      for \(silentDays) days, though central answers. \(Self.silenceAdvice)")
    }
    if parcels.waiting > 0 {
      lines.append(
        "  carried      \(parcels.waiting)  (others' segments for central"
          + (parcels.refused > 0 ? "; \(parcels.refused) it refused" : "") + ")")
    }
    for evidence in open {
      lines.append("  \(evidence.kind.rawValue)    \(evidence.message) [\(evidence.code)]")
    }
    if !open.isEmpty {
      lines.append("               (cordee evidence lists it, and settles what was looked into)")
    }
    if settled > 0 {
      lines.append(
        "  settled      \(settled)  (evidence that a person looked into: cordee evidence)")
    }
    return lines
  }

  /// The same for programs.
  var members: [(String, JSON)] {
    [
      ("checkpoint_at", lastCheckpoint.map { .string($0) } ?? .null),
      ("silent_days", silentDays.map { .integer(Int64($0)) } ?? .null),
      ("carried", .integer(Int64(parcels.waiting))),
      ("carried_refused", .integer(Int64(parcels.refused))),
      ("evidence_settled", .integer(Int64(settled))),
      (
        "evidence",
        .array(
          open.map {
            .object([
              ("kind", .string($0.kind.rawValue)), ("code", .string($0.code)),
              ("message", .string($0.message)), ("at", .string($0.at)),
              ("id", .integer(Int64($0.id))),
            ])
          })
      ),
    ]
  }
}

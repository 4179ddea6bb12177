import Causality
import Changes

/// Every verdict is the one the rules give at that place of the log, and no other.
struct VerdictChecker: Checker {
  private var accepted: [Hash: Accepted] = [:]
  /// Devices that are shut out, and those that were in some life of central's: of the latter either verdict may come.
  private var revoked: Set<ReplicaID> = []
  private var onceRevoked: Set<ReplicaID> = []
  private var known: Set<RowKey> = []
  /// The last change of each author that stands in the log of the common space.
  private var logged: [ActorID: Int] = [:]
  /// Entries that stood before: they come back with the verdicts they had.
  private var judged: Set<Hash> = []
  private var hasGoneBack = false
  private var found: [Violation] = []

  mutating func see(_ event: Event) {
    switch event {
    case .accepted(let change):
      accepted[change.hash] = change
    case .revoked(let replica):
      revoked.insert(replica)
      onceRevoked.insert(replica)
    case .wentBack(let log, let shutOut):
      hasGoneBack = true
      revoked = shutOut
      known = []
      for entry in log { note(entry) }
    case .merged(let entry, let number):
      defer { note(entry) }
      guard judged.insert(entry.logHash).inserted, let change = accepted[entry.hash],
        !mayBeEither(change, entry)
      else { return }
      let objection = objection(to: change, entry, Town.schema(number))
      guard (objection == nil) != (entry.reason == nil) else { return }
      found.append(
        Violation(
          "verdict",
          "entry \(entry.seq) by \(change.node) is \(entry.reason ?? "applied"), but "
            + (objection ?? "nothing speaks against it")))
    default: break
    }
  }

  func verdict() -> [Violation] { found }

  private mutating func note(_ entry: LoggedEntry) {
    if entry.space == "commons" { logged[entry.dot.actor] = entry.dot.n }
    guard let change = accepted[entry.hash], entry.reason == nil else { return }
    known.formUnion(change.writes.map(\.row))
    guard change.node == "central" else { return }
    // A restored central learns from its own log again whom it shut out.
    for write in change.writes where write.row.table == "replica" {
      let isRevocation = write.verb.fields.contains { $0.name == "revoked_at" && $0.value != .null }
      if isRevocation, let replica = ReplicaID(write.row.id) { revoked.insert(replica) }
    }
  }

  /// Whether either verdict is right, as far as the onlooker knows.
  ///
  /// A central that was put back cannot tell what nobody can have seen from what it forgot, and hears of revocations and bodies
  /// again as members bring them.
  private func mayBeEither(_ change: Accepted, _ entry: LoggedEntry) -> Bool {
    hasGoneBack
      && (!change.claims.isEmpty || entry.reason?.hasPrefix("body.withheld") == true
        || onceRevoked.contains(change.author))
  }

  private func objection(to change: Accepted, _ entry: LoggedEntry, _ schema: Schema) -> String? {
    if change.node == "central" { return nil }
    // What was claimed before it was written may have come by then.
    if !change.claims.allSatisfy({ logged[$0.key] ?? 0 >= $0.value }) {
      return "its author cannot have seen that"
    }
    if revoked.contains(change.author) { return "its author was revoked" }
    guard schema.role(change.role)?.writes.contains(change.space) == true else {
      return "a \(change.role) may not write in \(change.space)"
    }
    for write in change.writes {
      if let reason = objection(to: write, change, schema) { return reason }
    }
    return nil
  }

  private func objection(to write: Write, _ change: Accepted, _ schema: Schema) -> String? {
    if let table = schema.table(write.row.table) {
      if table.space != change.space { return "\(table.name) belongs to \(table.space)" }
      if table.writers == .central { return "only central writes \(table.name)" }
      for field in write.verb.fields {
        guard let declared = table.field(field.name) else { continue }
        if !Self.fits(field.value, declared) { return "\(field.name) may not hold this" }
      }
    }
    if case .insert = write.verb { return nil }
    return known.contains(write.row) ? nil : "\(write.row.id) was never created"
  }

  private static func fits(_ value: Value, _ field: Field) -> Bool {
    switch (value, field.type) {
    case (.null, _): !field.isRequired
    case (.text(let text), .text): field.format == nil || text != Town.wrongCode
    case (.integer, .integer), (.real, .real), (.blob, .blob): true
    default: false
    }
  }
}

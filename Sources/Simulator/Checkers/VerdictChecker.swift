import Causality
import Changes

/// Every verdict is the one the rules give at that place of the log, and no other.
struct VerdictChecker: Checker {
  private var accepted: [[UInt8]: Accepted] = [:]
  private var revoked: Set<ReplicaID> = []
  private var known: Set<RowKey> = []
  private var life = 0
  private var found: [Violation] = []

  init() {}

  mutating func see(_ event: Event) {
    switch event {
    case .accepted(let change): accepted[change.name] = change
    case .revoked(let replica): revoked.insert(replica)
    case .merged(let entry, let life, let number):
      guard let change = entry.name.flatMap({ accepted[$0] }) else { return }
      self.life = life
      let objection = objection(to: change, entry, Town.schema(number))
      if (objection == nil) != (entry.reason == nil) {
        found.append(
          Violation(
            "verdict",
            "entry \(entry.seq) by \(change.node) is \(entry.reason ?? "applied"), but "
              + (objection ?? "nothing speaks against it")))
      }
      if entry.reason == nil { known.formUnion(change.writes.map(\.row)) }
    default: break
    }
  }

  func verdict() -> [Violation] { found }

  private func objection(to change: Accepted, _ entry: LoggedEntry, _ schema: Schema) -> String? {
    if change.node == "central" { return nil }
    if change.claimsTooMuch { return "its author cannot have seen that" }
    if revoked.contains(entry.dot.actor.replica) { return "its author was revoked" }
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

import Causality
import Changes
import Mutants
import Store
import Wire

/// Why a change may not stand, judged at its place in the log; never by a clock.
extension Central {
  /// - Returns: `code: text`, or nil when the change takes effect.
  func objection(to change: Change, _ body: Body?, by author: Member) throws -> String? {
    if author.replica == keyID { return nil }
    if author.revokedAt != nil, !mutant(54, "R12: a merge takes what a revoked device had sent") {
      return "member.revoked: the device was revoked before this was merged"
    }
    guard store.schema.role(author.role)?.writes.contains(change.header.space) == true else {
      return "space.forbidden: the role \(author.role) may not write in \(change.header.space)"
    }
    if change.bodyBytes == nil {
      return "body.withheld: only its header came back; its author's device may have the body"
    }
    // No short line could stand for a body that begins otherwise.
    guard let body, change.bodyBytes?.starts(with: ChangeDecoding.bodyStart) == true else {
      return "body.unreadable: the body is not what the protocol says"
    }
    if let reason = try objectionToNames(of: body) { return reason }
    for write in body.writes {
      if let reason = try objection(to: write, in: change.header.space) { return reason }
    }
    return nil
  }

  /// Names stay for ever, so that there is an end to new ones. `[SP-514]`
  private func objectionToNames(of body: Body) throws -> String? {
    var tables: Set<String> = []
    var names: Set<String> = []
    for write in body.writes {
      let table = store.schema.table(write.row.table)
      if table == nil { tables.insert(write.row.table) }
      for field in write.verb.fields where table?.field(field.name) == nil {
        names.insert(field.name)
      }
    }
    guard !tables.isEmpty || !names.isEmpty else { return nil }
    let (newTables, newNames) = try (store.newNames(of: tables), store.newNames(of: names))
    guard !newTables.isEmpty || !newNames.isEmpty else { return nil }
    let held = try store.nameCounts()
    if held.carried + newTables.count > ChangeLimits.carriedTablesMax {
      return "table.too_many: over \(ChangeLimits.carriedTablesMax) tables unknown to this schema"
    }
    if held.names + newTables.count + newNames.count > ChangeLimits.namesMax {
      return "name.too_many: over \(ChangeLimits.namesMax) names of tables and fields"
    }
    return nil
  }

  private func objection(to write: Write, in space: String) throws -> String? {
    // What a newer schema sends is carried untouched: it cannot be judged here.
    let table = store.schema.table(write.row.table)
    var place: String { "\(write.row.table)/\(write.row.id)" }
    if let home = try store.space(ofTable: write.row.table), home != space,
      !mutant(55, "R7: a row may be written in another space than its table's")
    {
      return "table.space: \(write.row.table) belongs to \(home)"
    }
    for field in write.verb.fields where field.value.byteCount > ChangeLimits.valueBytesMax {
      return "value.too_large: \(place) \(field.name) is over \(ChangeLimits.valueBytesMax) bytes"
    }
    if let table {
      guard table.writers == .members || mutant(56, "R7: anybody may write central's tables") else {
        return "table.forbidden: only central writes \(write.row.table)"
      }
      for field in write.verb.fields {
        if let expected = table.field(field.name)?.violation(of: field.value) {
          return "value.form: \(place) \(field.name) needs \(expected)"
        }
      }
    }
    if case .insert = write.verb { return nil }
    return try store.isKnown(write.row) ? nil : "row.unknown: \(place) was never created here"
  }
}

import Causality
import Changes
import Store
import Wire

/// One record: as it stands, and how it came to be so.
extension ReadActions {
  static func get(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let row = try EditActions.row(invocation, in: store)
      let table = try EditActions.table(row.table)
      let state = try store.state(of: row)
      guard state.isShown else { throw try deleted(row, state, store) }
      if invocation.wantsJSON {
        invocation.console.print(json(row, state, table))
        return .done
      }
      let mark = state.isContested ? "  (\(bothWays): see cordee conflicts)" : ""
      invocation.console.printValues("\(row.table)/\(row.id)\(mark)")
      for field in table.fields where !state.shown(field.name).isNull {
        let mark =
          state.contestedFields.contains(field.name) ? "  (contested: see cordee conflicts)" : ""
        let value = ChangeEncoding.json(state.shown(field.name))
        show(field.name, try told(value, field, store), mark, isWhole: true, invocation.console)
      }
      return .done
    }
  }

  /// Says that a row is deleted: when, by whom, and how to bring it back; or that nothing made it that stands.
  static func deleted(_ row: RowKey, _ state: RowState, _ store: Store) throws -> Failure {
    let name = recordName(row, state, in: store)
    guard !state.liveness.isEmpty else {
      return Failure(
        code: "record.refused", message: "there is no \(name): its creation was refused",
        hint: "`cordee refusals` says why, and how to write it again. What it was to hold: "
          + "cordee history \(row.table)/\(row.id).")
    }
    let marks = state.liveness.filter { $0.value == .integer(0) }
    let names = try Names(store)
    let told = try marks.map { mark in
      let at = try store.body(of: mark.dot, table: row.table)?.at ?? "an unknown time"
      return "at \(at) by \(try names.sentence(mark.dot.actor))"
    }
    let how = told.isEmpty ? "" : " " + told.joined(separator: " and ")
    return Failure(
      code: "record.deleted", message: "\(name) was deleted\(how)",
      hint: "To bring it back: cordee undelete \(row.table)/\(row.id). What it held: "
        + "cordee history \(row.table)/\(row.id).")
  }

  static func history(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let row = try EditActions.row(invocation, in: store)
      let table = try EditActions.table(row.table)
      let only = try invocation.argument("FIELD").map {
        try EditActions.field($0, of: table).name
      }
      let names = try Names(store)
      var items: [JSON] = []
      for change in try store.changes(touching: row) {
        let body = try ChangeDecoding.body(change.change.bodyBytes ?? [])
        for write in body.writes where write.row == row {
          let fields = write.verb.fields.filter { only == nil || $0.name == only }
          if only != nil && fields.isEmpty { continue }
          items.append(
            .object([
              ("at", .string(body.at)),
              ("by", .string(try names.by(change.change.dot.actor))),
              ("organisation", .string(try names.organisation(change.change.dot.actor))),
              ("actor", .string(change.change.dot.actor.description)),
              ("n", .integer(Int64(change.change.dot.n))),
              ("state", .string(change.state)), ("did", .string(verbName(write.verb))),
              ("fields", .object(fields.map { ($0.name, ChangeEncoding.json($0.value)) })),
            ]))
        }
      }
      if invocation.wantsJSON {
        invocation.console.print(.array(items))
      } else {
        for item in items {
          try show(item, of: table, isWhole: only != nil, store, invocation.console)
        }
      }
      if let space = try store.space(ofTable: row.table) {
        for line in try HistoryReach.lines(store, spaces: [space]) { invocation.console.say(line) }
      }
      return .done
    }
  }

  /// One event of a history: who and when on a line, then what was written.
  ///
  /// - Parameter isWhole: whether an emptied field is told at a creation, too.
  private static func show(
    _ item: JSON, of table: Changes.Table, isWhole: Bool, _ store: Store, _ console: Console
  ) throws {
    let words = ["at", "did", "by", "organisation"].map { item[$0]?.string ?? "" }
    let author = Names.sentence(words[2], of: words[3])
    let parts = (item["state"]?.string ?? "").split(separator: ": ", maxSplits: 1).map(String.init)
    let state = try parts.prefix(1) + parts.dropFirst().map { try store.readable($0) }
    console.printValues(
      "\(words[0])  \(words[1]) by \(author)  [\(state.joined(separator: ": "))]")
    guard case .object(let fields)? = item["fields"] else { return }
    for (name, value) in fields {
      if case .null = value {
        // A new record's empty fields say nothing; an edit that empties one does.
        if words[1] != "created" || isWhole { show(name, "", "(empty)", console) }
      } else {
        show(name, try told(value, table.field(name), store), "", console)
      }
    }
  }

  /// A value for a person; a reference by the record it leads to.
  static func told(_ value: JSON, _ field: Field?, _ store: Store) throws -> String {
    try ReferenceText.name(value, of: field, in: store) ?? value.string ?? value.text()
  }

  /// Characters of a value that are shown beside others; `--json` has all.
  private static let valueMax = 1_000

  /// A field with its value; further lines stand deeper, so that no value looks like another field.
  ///
  /// - Parameter isWhole: whether a value of any length is shown to its end.
  static func show(
    _ name: String, _ value: String, _ mark: String, margin: String = "  ", isWhole: Bool = false,
    _ console: Console
  ) {
    var value = value
    let kept = isWhole ? value[...] : value.prefix(valueMax)
    if kept.endIndex < value.endIndex { value = "\(kept)… (\(value.count) characters: see --json)" }
    let lines = value.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let start = margin + (index == 0 ? "\(name): " : "  ")
      console.printValues(start + line + (index == lines.count - 1 ? mark : ""))
    }
  }

  /// A record as programs read it: its id and every field by name.
  static func json(_ row: RowKey, _ state: RowState, _ table: Changes.Table) -> JSON {
    .object(
      [("id", .string(row.id))]
        + table.fields.map { ($0.name, ChangeEncoding.json(state.shown($0.name))) })
  }

  static func text(_ value: Value) -> String {
    value.text ?? ChangeEncoding.json(value).text()
  }

  static func verbName(_ verb: Verb) -> String {
    switch verb {
    case .insert: "created"
    case .set: "changed"
    case .delete: "deleted"
    case .undelete: "undeleted"
    }
  }
}

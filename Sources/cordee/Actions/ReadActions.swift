import Causality
import Changes
import FoundationEssentials
import Registry
import Replica
import SQLite
import Seal
import Store
import Wire

/// What the commands that only read do.
enum ReadActions {
  static func list(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      guard let name = invocation.argument("TABLE") else { return try tables(invocation, store) }
      let table = try EditActions.table(name)
      var sql = "SELECT id FROM \"\(table.name)\""
      var arguments: [Argument] = []
      for (index, word) in invocation.options("where").enumerated() {
        let argument = try FieldArguments.parse(word)
        guard let field = table.field(argument.field) ?? table.field(argument.field + "_id") else {
          throw EditActions.unknown(argument.field, in: table)
        }
        let value = try EditActions.typed(argument.value ?? "", for: field, in: store)
        sql += index == 0 ? " WHERE " : " AND "
        sql += "\"\(field.name)\" IS ?"
        arguments.append(value.integer.map { .integer($0) } ?? .text(orNull: value.text))
      }
      let sort = invocation.option("sort") ?? (table.field("slug") == nil ? "id" : "slug")
      guard sort == "id" || table.field(sort) != nil else {
        throw EditActions.unknown(sort, in: table)
      }
      var records: [(RowKey, RowState)] = []
      try store.withConnection { connection in
        try connection.scan(sql + " ORDER BY \"\(sort)\", id", arguments) { row in
          let key = RowKey(table: table.name, id: row.text(0))
          records.append((key, try store.state(of: key)))
          return true
        }
      }
      if invocation.wantsJSON {
        invocation.console.print(.array(records.map { Self.json($0.0, $0.1, table) }))
      } else {
        for (key, state) in records {
          let label =
            ["name_en", "title_en", "name", "title", "label", "value"].lazy
            .compactMap { state.shown($0).text }.first ?? ""
          invocation.console.printValues(
            "\(table.name)/\(state.shown("slug").text ?? key.id)  \(label)")
        }
      }
      return .done
    }
  }

  private static func tables(_ invocation: Invocation, _ store: Store) throws -> ExitCode {
    let counts = try store.withConnection { connection in
      try Schema.registry.tables.map { table in
        (table, try connection.first("SELECT count(*) FROM \"\(table.name)\"") { $0.int(0) } ?? 0)
      }
    }
    if invocation.wantsJSON {
      invocation.console.print(
        .array(
          counts.map { .object([("table", .string($0.0.name)), ("rows", .integer(Int64($0.1)))]) }))
    } else {
      for (table, count) in counts {
        invocation.console.print("\(table.name)  \(count)  \(table.label.en)")
      }
    }
    return .done
  }

  static func get(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let row = try store.resolve(invocation.argument("REF") ?? "")
      let table = try EditActions.table(row.table)
      let state = try store.state(of: row)
      if invocation.wantsJSON {
        invocation.console.print(json(row, state, table))
      } else {
        invocation.console.printValues(
          "\(row.table)/\(row.id)\(state.isShown ? "" : "  (deleted)")")
        for field in table.fields where !state.shown(field.name).isNull {
          let mark = state.contestedFields.contains(field.name) ? "  (contested)" : ""
          // Deeper than a field's line, so that no value looks like another field.
          let lines = text(state.shown(field.name)).split(
            separator: "\n", omittingEmptySubsequences: false)
          for (index, line) in lines.enumerated() {
            let start = index == 0 ? "  \(field.name): " : "    "
            invocation.console.printValues(start + line + (index == lines.count - 1 ? mark : ""))
          }
        }
      }
      return .done
    }
  }

  static func history(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let row = try store.resolve(invocation.argument("REF") ?? "")
      let only = invocation.argument("FIELD")
      var lines: [JSON] = []
      for change in try store.changes(touching: row) {
        let body = try ChangeDecoding.body(change.change.bodyBytes ?? [])
        for write in body.writes where write.row == row {
          let fields = write.verb.fields.filter { only == nil || $0.name == only }
          if only != nil && fields.isEmpty { continue }
          lines.append(
            .object([
              ("at", .string(body.at)),
              ("by", .string(try Names.by(change.change.dot.actor, store))),
              ("actor", .string(change.change.dot.actor.description)),
              ("n", .integer(Int64(change.change.dot.n))),
              ("state", .string(change.state)), ("did", .string(verbName(write.verb))),
              ("fields", .object(fields.map { ($0.name, ChangeEncoding.json($0.value)) })),
            ]))
        }
      }
      if invocation.wantsJSON {
        invocation.console.print(.array(lines))
      } else {
        for line in lines {
          invocation.console.printValues(
            "\(line["at"]?.string ?? "")  \(line["by"]?.string ?? "")  \(line["did"]?.string ?? "")  \(line["fields"]?.text() ?? "")  [\(line["state"]?.string ?? "")]"
          )
        }
      }
      if let space = try store.space(ofTable: row.table) {
        for line in try HistoryReach.lines(store, spaces: [space]) { invocation.console.say(line) }
      }
      return .done
    }
  }

  static func conflicts(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let conflicts = try store.conflicts()
      let items = try conflicts.map { try Self.json($0, store) }
      if invocation.wantsJSON {
        invocation.console.print(.array(items))
      } else if items.isEmpty {
        invocation.console.print("No conflicts.")
      } else {
        for item in items { Self.print(item, invocation.console) }
      }
      return conflicts.isEmpty ? .done : .needsPerson
    }
  }

  static func print(_ item: JSON, _ console: Console) {
    let record = item["record"]?.string ?? ""
    if item["kind"]?.string == "deleted" {
      console.printValues(
        "\(record): edited while deleted. Settle: cordee remove \(record), or cordee undelete \(record)"
      )
    } else {
      let field = item["field"]?.string ?? ""
      console.printValues(
        "\(record) \(field): two values stand. Settle: cordee resolve \(record) \(field) --keep N")
    }
    for value in item["values"]?.array ?? [] {
      console.printValues(
        "  \(value["keep"]?.integer ?? 0)  \(value["value"]?.text() ?? "")  by \(value["by"]?.string ?? "") at \(value["at"]?.string ?? "")"
      )
    }
  }

  static func officialList(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let day = invocation.option("on") ?? String(Now().label.prefix(10))
      guard ValueFormat.day.accepts(day) else {
        throw Failure.usage("value.form", "--on needs \(ValueFormat.day.expected)")
      }
      let list = try OfficialList(store, on: day)
      switch invocation.wantsJSON ? "json" : invocation.option("format") ?? "table" {
      case "json": invocation.console.print(list.json)
      case "csv": invocation.console.print(String(list.csv.dropLast()))
      case "table": invocation.console.print(String(list.text.dropLast()))
      case let other:
        throw Failure.usage(
          "format.unknown", "there is no format \(other)", hint: "Give table, csv or json.")
      }
      return .done
    }
  }

  static func log(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let since = try Self.label(of: Now().seconds, before: invocation.duration("since"))
      let store = try invocation.store()
      var lines: [JSON] = []
      for space in try Identity(store).spaces {
        try store.forEachEntry(of: space, after: 0) { entry in
          let body = try entry.change.bodyBytes.map { (bytes) throws(WireError) in
            try ChangeDecoding.body(bytes)
          }
          guard (body?.at ?? "") >= since else { return true }
          lines.append(
            .object([
              ("seq", .integer(Int64(entry.seq))), ("space", .string(space)),
              ("at", .string(body?.at ?? "")),
              ("by", .string(try Names.by(entry.change.dot.actor, store))),
              ("verdict", .string(entry.verdict.word)),
              (
                "records",
                .array((body?.writes ?? []).map { .string("\($0.row.table)/\($0.row.id)") })
              ),
            ]))
          return true
        }
      }
      if invocation.wantsJSON {
        invocation.console.print(.array(lines))
      } else {
        for line in lines {
          invocation.console.printValues(
            "\(line["seq"]?.integer ?? 0)  \(line["at"]?.string ?? "")  \(line["by"]?.string ?? "")  \(line["verdict"]?.string ?? "")  \(line["records"]?.array?.count ?? 0) records"
          )
        }
      }
      return .done
    }
  }

  /// The time label `span` before a moment; empty, which is before every label, without one.
  static func label(of seconds: Int64, before span: Duration?) -> String {
    span.map { Timestamp.text(unixSeconds: seconds - $0.components.seconds) } ?? ""
  }

  static func dump(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      try store.dump(invocation.option("space") ?? "commons") {
        invocation.console.print(String(decoding: $0, as: UTF8.self))
      }
      return .done
    }
  }

  static func digest(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      invocation.console.print("\(try store.digest(invocation.option("space") ?? "commons"))")
      return .done
    }
  }

  /// A conflict as commands print it.
  static func json(_ conflict: Conflict, _ store: Store) throws -> JSON {
    let slug = try store.state(of: conflict.row).shown("slug").text
    let values = try conflict.siblings.enumerated().map { index, sibling -> JSON in
      let at = try store.body(of: sibling.dot, table: conflict.row.table)?.at ?? ""
      return .object([
        ("keep", .integer(Int64(index + 1))), ("value", ChangeEncoding.json(sibling.value)),
        ("by", .string(try Names.by(sibling.dot.actor, store))),
        ("organisation", .string(try Names.organisation(sibling.dot.actor, store))),
        ("at", .string(at)),
        ("actor", .string(sibling.dot.actor.description)), ("n", .integer(Int64(sibling.dot.n))),
      ])
    }
    return .object([
      ("kind", .string(conflict.field == nil ? "deleted" : "field")),
      ("record", .string("\(conflict.row.table)/\(slug ?? conflict.row.id)")),
      ("id", .string(conflict.row.id)),
      ("field", conflict.field.map { .string($0) } ?? .null),
      ("shown", conflict.siblings.first.map { ChangeEncoding.json($0.value) } ?? .null),
      ("values", .array(values)),
    ])
  }

  private static func json(_ row: RowKey, _ state: RowState, _ table: Changes.Table) -> JSON {
    .object(
      [("id", .string(row.id))]
        + table.fields.map { ($0.name, ChangeEncoding.json(state.shown($0.name))) })
  }

  private static func text(_ value: Value) -> String {
    value.text ?? ChangeEncoding.json(value).text()
  }

  private static func verbName(_ verb: Verb) -> String {
    switch verb {
    case .insert: "created"
    case .set: "changed"
    case .delete: "deleted"
    case .undelete: "undeleted"
    }
  }
}

/// Who is behind an actor, as the log tells it.
enum Names {
  static func by(_ actor: ActorID, _ store: Store) throws -> String {
    if try Identity(store).centralKey.fingerprint == actor.replica.bytes { return "central" }
    let state = try store.state(of: RowKey(table: "replica", id: actor.replica.description))
    return state.shown("name").text ?? String(actor.replica.description.prefix(8))
  }

  static func organisation(_ actor: ActorID, _ store: Store) throws -> String {
    let state = try store.state(of: RowKey(table: "replica", id: actor.replica.description))
    guard let id = state.shown("organisation_id").text else { return "" }
    let organisation = try store.state(of: RowKey(table: "organisation", id: id))
    return organisation.shown("slug").text.map { "organisation/\($0)" } ?? id
  }
}

import Changes
import Registry
import Replica
import SQLite
import Store
import Wire

/// Listing tables and the rows of one.
extension ReadActions {
  static func list(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      guard let name = invocation.argument("TABLE") else { return try tables(invocation, store) }
      let table = try EditActions.table(name)
      let held = try Identity(store).spaces
      let rows = try rows(invocation, of: table, in: store)
      // What somebody wrote there all the same can be seen, and taken back.
      guard !rows.isEmpty || held.contains(table.space) else {
        throw Failure.notHeld(table.space, held: held)
      }
      let records = try rows.map { ($0, try store.state(of: $0)) }
      if invocation.wantsJSON {
        invocation.console.print(JSON.array(records.map { json($0.0, $0.1, table) }))
      } else {
        invocation.console.print(try overview(records, of: table, in: store))
      }
      return .done
    }
  }

  private static func rows(
    _ invocation: Invocation, of table: Changes.Table, in store: Store
  ) throws -> [RowKey] {
    var sql = "SELECT id FROM \"\(table.name)\""
    var arguments: [Argument] = []
    for (index, word) in invocation.options("where").enumerated() {
      let argument = try FieldArguments.parse(word)
      let field = try EditActions.field(argument.field, of: table)
      let value = try EditActions.typed(
        argument.value ?? "", for: field, in: store,
        hint: "Correct --where; `cordee list \(table.name)` shows the rows.")
      sql += index == 0 ? " WHERE " : " AND "
      sql += "\"\(field.name)\" IS ?"
      switch value {
      case .integer(let number): arguments.append(.integer(number))
      case .real(let number): arguments.append(.real(number))
      default: arguments.append(.text(orNull: value.text))
      }
    }
    let sort = invocation.option("sort") ?? (table.field("slug") == nil ? "id" : "slug")
    let column = sort == "id" ? sort : try EditActions.field(sort, of: table).name
    return try store.withConnection { connection in
      try connection.all(sql + " ORDER BY \"\(column)\", id", arguments) {
        RowKey(table: table.name, id: $0.text(0))
      }
    }
  }

  /// How many rows stand in each table.
  static func counts(_ store: Store) throws -> [(table: Changes.Table, rows: Int)] {
    try store.withConnection { connection in
      try Schema.registry.tables.map { table in
        (table, try connection.first("SELECT count(*) FROM \"\(table.name)\"") { $0.int(0) } ?? 0)
      }
    }
  }

  private static func tables(_ invocation: Invocation, _ store: Store) throws -> ExitCode {
    let held = try Identity(store).spaces
    let counts = try counts(store)
    if invocation.wantsJSON {
      let items = counts.map {
        JSON.object([
          ("table", .string($0.0.name)), ("rows", .integer(Int64($0.1))),
          ("received", .bool(held.contains($0.0.space))),
        ])
      }
      invocation.console.print(.array(items))
    } else {
      var lines = Table([
        .init(title: "table"), .init(title: "rows", isRight: true), .init(title: "what"),
      ])
      for (table, count) in counts {
        let isHeld = held.contains(table.space)
        lines.add([
          table.name, isHeld || count > 0 ? "\(count)" : "-",
          table.label.en + (isHeld ? "" : " (of \(table.space), which is not received here)"),
        ])
      }
      invocation.console.print(lines)
    }
    return .done
  }

  /// Fields that name a record to a person, the best first.
  private static let naming = [
    "name_en", "title_en", "name", "title", "name_as_printed", "label", "code",
  ]
  /// Columns of a table whose records have no name of their own.
  private static let columnsMax = 4

  /// Records with their name; records without one with their first fields that say anything.
  private static func overview(
    _ records: [(row: RowKey, state: RowState)], of table: Changes.Table, in store: Store
  ) throws -> Table {
    let called = RecordNames(store)
    let names = naming.filter { table.field($0) != nil }
    guard names.isEmpty else {
      var lines = Table(["record", "name"])
      for (row, state) in records {
        let name = names.lazy.compactMap { state.shown($0).text }.first ?? ""
        lines.add([try called.name(of: row, state), name])
      }
      return lines
    }
    let fields = table.fields
      .filter { field in
        field.name != "slug" && records.contains { !$0.state.shown(field.name).isNull }
      }.prefix(columnsMax)
    var lines = Table(["record"] + fields.map { $0.references == nil ? $0.name : trimmed($0.name) })
    for (row, state) in records {
      let cells = try fields.map { try cell(state.shown($0.name), of: $0, in: store, called) }
      lines.add([try called.name(of: row, state)] + cells)
    }
    return lines
  }

  /// A value for a person; a reference by the name of its row without the table, and marked when it names none.
  private static func cell(
    _ value: Value, of field: Field, in store: Store, _ called: RecordNames
  ) throws -> String {
    if let target = field.references, let id = value.text {
      let row = RowKey(table: target, id: id)
      guard try store.stands(row) else { return try ReferenceText.loose(row, in: store) }
      return String(try called.name(of: row, store.state(of: row)).dropFirst(target.count + 1))
    }
    return value.isNull ? "" : text(value)
  }

  /// What REF takes, and names this row alone: by its slug, or by its id where another row has the slug, too.
  ///
  /// - Complexity: O(rows of the table).
  static func recordName(_ row: RowKey, _ state: RowState, in store: Store) -> String {
    store.name(of: row, state)
  }

  private static func trimmed(_ name: String) -> String {
    name.hasSuffix("_id") ? String(name.dropLast(3)) : name
  }
}

import Causality
import Changes
import Replica
import Seal
import Store
import Wire

/// What has to be settled by a person, with every value and its author.
extension ReadActions {
  static func conflicts(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let conflicts = try store.conflicts()
      let names = try Names(store)
      if invocation.wantsJSON {
        invocation.console.print(.array(try conflicts.map { try json($0, store, names) }))
      } else if conflicts.isEmpty {
        invocation.console.print("No conflicts.")
      } else {
        for conflict in conflicts { try print(conflict, store, names, invocation.console) }
      }
      return conflicts.isEmpty ? .done : .needsPerson
    }
  }

  /// One side of a conflict, as `--keep` counts them.
  struct Side {
    let dot: Dot
    /// The field's value; for a row edited here and deleted there, integer 1 or 0: whether it stays.
    let value: Value
    /// What this side wrote that the other had not seen, in the order of the table's fields.
    let fields: [FieldValue]
  }

  /// The sides of a conflict, the shown one first; the same order on every replica.
  static func sides(of conflict: Conflict, _ store: Store) throws -> [Side] {
    if let field = conflict.field {
      return conflict.siblings.map {
        Side(dot: $0.dot, value: $0.value, fields: [FieldValue(field, $0.value)])
      }
    }
    let state = try store.state(of: conflict.row)
    let edits =
      state.liveness.filter { $0.value == .integer(1) }
      + state.cells.values.joined().filter { !$0.isSeenByDelete }
    var sides: [Side] = []
    for edit in edits.sorted(by: { ($0.weight, $0.dot) > ($1.weight, $1.dot) })
    where !sides.contains(where: { $0.dot == edit.dot }) {
      sides.append(
        Side(
          dot: edit.dot, value: .integer(1),
          fields: unseen(by: edit.dot, of: state, store.schema.table(conflict.row.table))))
    }
    for mark in conflict.siblings where mark.value == .integer(0) {
      sides.append(Side(dot: mark.dot, value: .integer(0), fields: []))
    }
    return sides
  }

  /// What one change wrote to a row and no delete has seen.
  private static func unseen(by dot: Dot, of state: RowState, _ table: Changes.Table?)
    -> [FieldValue]
  {
    let known = table?.fields.map(\.name) ?? []
    let names = known + state.cells.keys.filter { !known.contains($0) }.sorted()
    return names.compactMap { name in
      state.cells[name]?.first { $0.dot == dot && !$0.isSeenByDelete }
        .map { FieldValue(name, $0.value) }
    }
  }

  /// What befell a row that was edited while another device deleted it.
  static let bothWays = "edited on one side, deleted on the other"

  /// A conflict as commands print it.
  static func json(_ conflict: Conflict, _ store: Store, _ names: Names) throws -> JSON {
    let isField = conflict.field != nil
    let sides = try sides(of: conflict, store)
    func shape(_ value: Value) -> JSON {
      isField ? ChangeEncoding.json(value) : .bool(value == .integer(1))
    }
    let central = try Identity(store).centralKey.fingerprint
    // The names the edits had first: two alike were written by a file and a copy or an older state of it.
    var firsts: [Dot: Body?] = [:]
    var (isMadeTwice, isSameEdit) = (false, true)
    let values = try sides.enumerated().map { index, side -> JSON in
      let body = try store.body(of: side.dot, table: conflict.row.table)
      if let other = firsts.updateValue(body, forKey: body?.was ?? side.dot) {
        isMadeTwice = true
        isSameEdit = isSameEdit && other?.at == body?.at && other?.writes == body?.writes
      }
      // What central keeps for somebody is shown as that author's.
      let isKept = side.dot.actor.replica.bytes == central
      let author = isKept ? body?.was?.actor ?? side.dot.actor : side.dot.actor
      return .object([
        ("keep", .integer(Int64(index + 1))), ("value", shape(side.value)),
        ("fields", .object(side.fields.map { ($0.name, ChangeEncoding.json($0.value)) })),
        ("did", verb(of: conflict.row, in: body).map { .string(verbName($0)) } ?? .null),
        ("by", .string(try names.by(author))),
        ("organisation", .string(try names.organisation(author))),
        ("at", body.map { .string($0.at) } ?? .null),
        ("actor", .string(side.dot.actor.description)), ("n", .integer(Int64(side.dot.n))),
        ("was", body?.was.map { .string($0.description) } ?? .null),
      ])
    }
    return .object([
      ("kind", .string(isField ? "field" : "deleted")),
      ("record", .string(recordName(conflict.row, try store.state(of: conflict.row), in: store))),
      ("id", .string(conflict.row.id)),
      ("field", conflict.field.map { .string($0) } ?? .null),
      ("shown", sides.first.map { shape($0.value) } ?? .null),
      ("made_twice", .bool(isMadeTwice)), ("same_edit", .bool(isMadeTwice && isSameEdit)),
      ("values", .array(values)),
    ])
  }

  private static func verb(of row: RowKey, in body: Body?) -> Verb? {
    body?.writes.first { $0.row == row }?.verb
  }

  static func print(
    _ conflict: Conflict, _ store: Store, _ names: Names, _ console: Console
  ) throws {
    let item = try json(conflict, store, names)
    let record = item["record"]?.string ?? ""
    let field = item["field"]?.string
    let values = item["values"]?.array ?? []
    if let field {
      console.printValues("\(record) \(field): \(values.count) values stand")
    } else {
      console.printValues(
        "\(record): \(bothWays); the row stays until it is settled")
    }
    if item["made_twice"]?.isTrue == true {
      console.print(
        item["same_edit"]?.isTrue == true
          ? "  Two of them are one edit, which a copy of its author's file sent, too."
          : "  Two of them are different edits that had one name: a copy of their author's file, or an older state of it, wrote on."
      )
    }
    var table = Table([
      .init(title: "", isRight: true), .init(title: field == nil ? "side" : "value"),
      .init(title: "organisation"), .init(title: "by"), .init(title: "at"),
    ])
    for (value, name) in zip(values, namesApart(values)) {
      let text = try field.map { name in
        let value = value["value"] ?? .null
        let declared = store.schema.table(conflict.row.table)?.field(name)
        if case .null = value { return "(empty)" }
        return try ReferenceText.name(value, of: declared, in: store) ?? value.text()
      }
      table.add([
        "  \(value["keep"]?.integer ?? 0)", text ?? side(value),
        value["organisation"]?.string ?? "", name, value["at"]?.string ?? "not here yet",
      ])
    }
    for (line, value) in zip(table.lines(width: console.outputWidth).dropFirst(), values) {
      console.print(line)
      if field == nil { try showFields(of: value, conflict.row, store, console) }
    }
    console.printValues(
      field.map { "  Settle: cordee resolve \(record) \($0) --keep N, or --value V" }
        ?? "  Settle: cordee undelete \(record), or cordee remove \(record)")
  }

  /// Who wrote each side; of devices that are called alike the beginning of the id goes with the name.
  private static func namesApart(_ sides: [JSON]) -> [String] {
    func called(_ side: JSON) -> [String?] { [side["organisation"]?.string, side["by"]?.string] }
    func device(_ side: JSON) -> Substring? { side["actor"]?.string?.prefix(8) }
    return sides.map { side in
      let isAlone = sides.allSatisfy { called($0) != called(side) || device($0) == device(side) }
      let name = Names.shown(side["by"]?.string ?? "")
      return isAlone ? name : "\(name) (\(device(side) ?? ""))"
    }
  }

  /// What one side of a row did, in a word.
  private static func side(_ value: JSON) -> String {
    guard value["value"]?.isTrue == true else { return "deleted" }
    return value["did"]?.string == "undeleted" ? "undeleted" : "edited"
  }

  /// What one side of a row wrote that the other had not seen.
  private static func showFields(
    of value: JSON, _ row: RowKey, _ store: Store, _ console: Console
  ) throws {
    guard case .object(let fields)? = value["fields"] else { return }
    for (name, written) in fields {
      let isEmpty = if case .null = written { true } else { false }
      // A new record's empty fields say nothing.
      if isEmpty, value["did"]?.string == "created" { continue }
      let text = try isEmpty ? "" : told(written, store.schema.table(row.table)?.field(name), store)
      show(name, text, isEmpty ? "(empty)" : "", margin: "       ", console)
    }
  }
}

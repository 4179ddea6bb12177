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
        for conflict in conflicts { print(try json(conflict, store, names), invocation.console) }
      }
      return conflicts.isEmpty ? .done : .needsPerson
    }
  }

  /// One side of a conflict, as `--keep` counts them.
  struct Side {
    let dot: Dot
    /// The field's value; for a row edited here and deleted there, integer 1 or 0: whether it stays.
    let value: Value
  }

  /// The sides of a conflict, the shown one first; the same order on every replica.
  static func sides(of conflict: Conflict, _ store: Store) throws -> [Side] {
    guard conflict.field == nil else {
      return conflict.siblings.map { Side(dot: $0.dot, value: $0.value) }
    }
    let state = try store.state(of: conflict.row)
    let edits =
      state.liveness.filter { $0.value == .integer(1) }
      + state.cells.values.joined().filter { !$0.isSeenByDelete }
    var sides: [Side] = []
    for edit in edits.sorted(by: { ($0.weight, $0.dot) > ($1.weight, $1.dot) })
    where !sides.contains(where: { $0.dot == edit.dot }) {
      sides.append(Side(dot: edit.dot, value: .integer(1)))
    }
    for mark in conflict.siblings where mark.value == .integer(0) {
      sides.append(Side(dot: mark.dot, value: .integer(0)))
    }
    return sides
  }

  /// A conflict as commands print it.
  static func json(_ conflict: Conflict, _ store: Store, _ names: Names) throws -> JSON {
    let isField = conflict.field != nil
    let sides = try sides(of: conflict, store)
    func shape(_ value: Value) -> JSON {
      isField ? ChangeEncoding.json(value) : .bool(value == .integer(1))
    }
    let central = try Identity(store).centralKey.fingerprint
    // The names the edits had first: two alike are one edit that was made twice, by a file and a copy of it.
    var firsts: Set<Dot> = []
    var isMadeTwice = false
    let values = try sides.enumerated().map { index, side -> JSON in
      let body = try store.body(of: side.dot, table: conflict.row.table)
      if !firsts.insert(body?.was ?? side.dot).inserted { isMadeTwice = true }
      // What central keeps for somebody is shown as that author's.
      let isKept = side.dot.actor.replica.bytes == central
      let author = isKept ? body?.was?.actor ?? side.dot.actor : side.dot.actor
      return .object([
        ("keep", .integer(Int64(index + 1))), ("value", shape(side.value)),
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
      ("made_twice", .bool(isMadeTwice)),
      ("values", .array(values)),
    ])
  }

  static func print(_ item: JSON, _ console: Console) {
    let record = item["record"]?.string ?? ""
    let field = item["field"]?.string
    let values = item["values"]?.array ?? []
    if let field {
      console.printValues("\(record) \(field): \(values.count) values stand")
    } else {
      console.printValues(
        "\(record): edited here, deleted there; the row stays until it is settled")
    }
    if item["made_twice"]?.isTrue == true {
      console.print("  One edit made twice: a copy of its author's file made it otherwise.")
    }
    var table = Table([
      .init(title: "", isRight: true), .init(title: field == nil ? "side" : "value"),
      .init(title: "organisation"), .init(title: "by"), .init(title: "at"),
    ])
    for value in values {
      let side = value["value"]?.isTrue == true ? "edited" : "deleted"
      table.add([
        "  \(value["keep"]?.integer ?? 0)", field == nil ? side : value["value"]?.text() ?? "",
        value["organisation"]?.string ?? "", Names.shown(value["by"]?.string ?? ""),
        value["at"]?.string ?? "not here yet",
      ])
    }
    for line in table.lines(width: console.outputWidth).dropFirst() { console.print(line) }
    console.printValues(
      field.map { "  Settle: cordee resolve \(record) \($0) --keep N, or --value V" }
        ?? "  Settle: cordee undelete \(record), or cordee remove \(record)")
  }
}

import Causality
import Changes
import Store

/// Settling a conflict, once for everybody.
extension EditActions {
  static func resolve(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let row = try row(invocation, in: store)
      let table = try writable(row.table)
      try mayWrite(table, store)
      let field = try invocation.argument("FIELD").map { try self.field($0, of: table) }
      guard field != nil || invocation.option("value") == nil else {
        throw Failure.usage(
          "argument.missing", "cordee resolve --value needs FIELD",
          hint: "Type cordee resolve --help.")
      }
      try invocation.edit(store) { author in
        let verb = try settlement(of: row, field, invocation, author, store)
        try store.seal([Write(row, verb)], space: table.space, author: author)
      }
      try report(row, true, invocation, store)
      return .done
    }
  }

  /// The write that settles a conflict as the command asks.
  private static func settlement(
    of row: RowKey, _ field: Field?, _ invocation: Invocation, _ author: Author, _ store: Store
  ) throws -> Verb {
    let conflicts = try store.conflicts().filter { $0.row == row }
    guard let conflict = conflicts.first(where: { $0.field == field?.name }) else {
      let name = ReadActions.recordName(row, try store.state(of: row), in: store)
      let others = conflicts.compactMap(\.field).joined(separator: ", ")
      throw Failure(
        code: "conflict.none",
        message: field.map { "\($0.name) of \(name) is not contested" }
          ?? "\(name) was not edited while deleted",
        hint: others.isEmpty ? "See `cordee conflicts`." : "Contested here: \(others).")
    }
    if let field, let text = invocation.option("value") {
      return .set([FieldValue(field.name, try typed(text, for: field, in: store))])
    }
    let sides = try ReadActions.sides(of: conflict, store)
    let chosen = try side(invocation.option("keep") ?? "", among: sides, for: author)
    guard let field else { return chosen.value == .integer(1) ? .undelete : .delete }
    return .set([FieldValue(field.name, chosen.value)])
  }

  /// The side that `--keep` names: by number, this device's, or the only one of others.
  private static func side(
    _ keep: String, among sides: [ReadActions.Side], for author: Author
  ) throws -> ReadActions.Side {
    let own = sides.filter { $0.dot.actor.replica == author.actor.replica }
    let others = sides.filter { $0.dot.actor.replica != author.actor.replica }
    let fitting: [ReadActions.Side]
    switch keep {
    case "mine": fitting = own
    case "theirs": fitting = others
    default:
      fitting = Int(keep).flatMap { sides.indices.contains($0 - 1) ? [sides[$0 - 1]] : nil } ?? []
    }
    guard let side = fitting.first else {
      throw Failure.usage(
        "keep.unknown", "--keep \(keep) names none of the \(sides.count) values",
        hint: "See `cordee conflicts`.")
    }
    guard Set(fitting.map(\.value)).count == 1 else {
      throw Failure(
        code: "keep.ambiguous", message: "--keep \(keep) names \(fitting.count) values",
        hint: "Give the number in `cordee conflicts`.")
    }
    return side
  }
}

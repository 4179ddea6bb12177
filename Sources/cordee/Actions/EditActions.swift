import Causality
import Changes
import Registry
import Seal
import Store

/// What the commands that write a record do.
enum EditActions {
  static func add(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let table = try table(invocation.argument("TABLE") ?? "")
      let given = try values(invocation, of: table, in: store)
      let row = RowKey(
        table: table.name,
        id: UUIDv7.make(milliseconds: Now().seconds * 1000, random: Randomness.bytes(10)))
      for field in table.fields
      where field.isRequired && !given.contains(where: { $0.name == field.name }) {
        throw Failure.usage(
          "field.required", "\(table.name) needs \(field.name)", hint: "Add \(field.name)=VALUE.")
      }
      try invocation.edit(store) { author in
        let all = table.fields.map { field in
          given.first { $0.name == field.name } ?? FieldValue(field.name, .null)
        }
        try store.seal([Write(row, .insert(all))], space: table.space, author: author)
      }
      invocation.console.print("\(row.table)/\(row.id)")
      return .done
    }
  }

  static func set(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let row = try store.resolve(invocation.argument("REF") ?? "")
      let table = try table(row.table)
      let given = try values(invocation, of: table, in: store)
      try invocation.edit(store) { author in
        let state = try store.state(of: row)
        guard state.isShown else {
          throw Failure(
            code: "record.deleted", message: "\(row.table)/\(row.id) is deleted",
            hint: "Run `cordee undelete` first.")
        }
        // A value that already stands, alone, is no edit; one of two that stand settles them.
        let changed = given.filter {
          state.shown($0.name) != $0.value || state.contestedFields.contains($0.name)
        }
        if !changed.isEmpty {
          try store.seal([Write(row, .set(changed))], space: table.space, author: author)
        }
      }
      return .done
    }
  }

  static func remove(_ invocation: Invocation) throws -> ExitCode { try mark(invocation, .delete) }

  static func undelete(_ invocation: Invocation) throws -> ExitCode {
    try mark(invocation, .undelete)
  }

  static func resolve(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let row = try store.resolve(invocation.argument("REF") ?? "")
      let name = invocation.argument("FIELD") ?? ""
      let table = try table(row.table)
      guard let field = table.field(name) ?? table.field(name + "_id") else {
        throw unknown(name, in: table)
      }
      let author = try invocation.author(store)
      guard
        let conflict = try store.conflicts().first(where: {
          $0.row == row && $0.field == field.name
        })
      else {
        throw Failure(
          code: "conflict.none",
          message: "\(field.name) of \(row.table)/\(row.id) is not contested",
          hint: "See `cordee conflicts`.")
      }
      let value: Value
      if let text = invocation.option("value") {
        value = try typed(text, for: field, in: store)
      } else {
        let keep = invocation.option("keep") ?? ""
        let mine = conflict.siblings.first { $0.dot.actor.replica == author.actor.replica }
        let theirs = conflict.siblings.first { $0.dot.actor.replica != author.actor.replica }
        let chosen =
          keep == "mine"
          ? mine
          : keep == "theirs"
            ? theirs
            : Int(keep).flatMap {
              (1...conflict.siblings.count).contains($0) ? conflict.siblings[$0 - 1] : nil
            }
        guard let chosen else {
          throw Failure.usage(
            "keep.unknown", "--keep \(keep) names none of the \(conflict.siblings.count) values",
            hint: "See `cordee conflicts`.")
        }
        value = chosen.value
      }
      try invocation.edit(store) { author in
        try store.seal(
          [Write(row, .set([FieldValue(field.name, value)]))], space: table.space, author: author)
      }
      return .done
    }
  }

  private static func mark(_ invocation: Invocation, _ verb: Verb) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let row = try store.resolve(invocation.argument("REF") ?? "")
      let table = try table(row.table)
      try invocation.edit(store) { author in
        let state = try store.state(of: row)
        let isIdle = verb == .delete ? !state.isShown : state.isShown && !state.isContested
        if !isIdle { try store.seal([Write(row, verb)], space: table.space, author: author) }
      }
      return .done
    }
  }

  static func table(_ name: String) throws -> Changes.Table {
    guard let table = Schema.registry.table(name) else {
      throw Failure.usage(
        "table.unknown", "there is no table \(name)",
        hint: "Tables: \(Schema.registry.tables.map(\.name).joined(separator: ", ")).")
    }
    return table
  }

  static func unknown(_ name: String, in table: Changes.Table) -> Failure {
    Failure.usage(
      "field.unknown", "\(table.name) has no field \(name)",
      hint: "Fields: \(table.fields.map(\.name).joined(separator: ", ")).")
  }

  private static func values(_ invocation: Invocation, of table: Changes.Table, in store: Store)
    throws -> [FieldValue]
  {
    guard table.writers == .members else {
      throw Failure(code: "table.forbidden", message: "only central writes \(table.name)")
    }
    return try invocation.fields().map { argument in
      guard let field = table.field(argument.field) ?? table.field(argument.field + "_id") else {
        throw unknown(argument.field, in: table)
      }
      return FieldValue(field.name, try typed(argument.value ?? "", for: field, in: store))
    }
  }

  /// A typed word as a value; an empty word is NULL, a reference is looked up.
  static func typed(_ text: String, for field: Field, in store: Store) throws -> Value {
    var value: Value
    switch field.type {
    case _ where text.isEmpty: value = .null
    case .integer: value = Int64(text).map { .integer($0) } ?? .text(text)
    case .real: value = Double(text).map { .real($0) } ?? .text(text)
    case .text, .blob: value = .text(text)
    }
    if let target = field.references, !text.isEmpty {
      value = .text(try store.resolve(text, in: target).id)
    }
    if let expected = field.violation(of: value) {
      throw Failure.usage("value.form", "\(field.name) needs \(expected)")
    }
    return value
  }
}

/// Time-ordered identifiers (RFC 9562 §5.7), so that new rows go to the end of the tree.
enum UUIDv7 {
  static func make(milliseconds: Int64, random: [UInt8]) -> String {
    var bytes =
      (0..<6).map { UInt8(truncatingIfNeeded: milliseconds >> Int64(40 - 8 * $0)) }
      + random.prefix(10)
    bytes[6] = bytes[6] & 0x0F | 0x70
    bytes[8] = bytes[8] & 0x3F | 0x80
    let digits = bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
    return [digits[0..<4], digits[4..<6], digits[6..<8], digits[8..<10], digits[10..<16]]
      .map { $0.joined() }.joined(separator: "-")
  }
}

import Causality
import Changes
import Registry
import Replica
import SQLite
import Seal
import Store
import Wire

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
      try mayWrite(table, store)
      try invocation.edit(store) { author in
        let all = table.fields.map { field in
          given.first { $0.name == field.name } ?? FieldValue(field.name, .null)
        }
        try store.seal([Write(row, .insert(all))], space: table.space, author: author)
      }
      try warnOfTwins(row, given, invocation, store)
      if invocation.wantsJSON {
        try report(row, true, invocation, store)
      } else {
        invocation.console.print("\(row.table)/\(row.id)")
      }
      return .done
    }
  }

  static func set(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let row = try row(invocation, in: store)
      let table = try table(row.table)
      let given = try values(invocation, of: table, in: store)
      try mayWrite(table, store)
      var isChanged = false
      var settled: [ConflictName] = []
      try invocation.edit(store) { author in
        let state = try store.state(of: row)
        guard state.isShown else { throw try ReadActions.deleted(row, state, store) }
        // A value that already stands, alone, is no edit; one of two that stand settles them.
        let changed = given.filter {
          state.shown($0.name) != $0.value || state.contestedFields.contains($0.name)
        }
        isChanged = !changed.isEmpty
        if isChanged {
          try store.seal([Write(row, .set(changed))], space: table.space, author: author)
          settled = try Self.settled(row, from: state, store)
        }
      }
      if isChanged { try warnOfTwins(row, given, invocation, store) }
      try report(row, isChanged, invocation, store, settled: settled)
      return .done
    }
  }

  /// Says that other rows have the slug just written, which may be so: another replica could do the same unseen.
  private static func warnOfTwins(
    _ row: RowKey, _ given: [FieldValue], _ invocation: Invocation, _ store: Store
  ) throws {
    guard let slug = given.first(where: { $0.name == "slug" })?.value.text else { return }
    let twins = try store.withConnection {
      try $0.all(
        "SELECT id FROM \"\(row.table)\" WHERE slug = ? AND id <> ? ORDER BY id LIMIT 10",
        .text(slug), .text(row.id)
      ) { "\(row.table)/\($0.text(0))" }
    }
    guard !twins.isEmpty else { return }
    invocation.console.say(
      terminalSafe(
        "Note: \(row.table)/\(row.id) now has the slug of \(twins.joined(separator: ", ")). "
          + "Until one gets another slug, each is named by its id alone."))
  }

  static func remove(_ invocation: Invocation) throws -> ExitCode { try mark(invocation, .delete) }

  static func undelete(_ invocation: Invocation) throws -> ExitCode {
    try mark(invocation, .undelete)
  }

  private static func mark(_ invocation: Invocation, _ verb: Verb) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let row = try row(invocation, in: store)
      let table = try writable(row.table)
      try mayWrite(table, store)
      var isChanged = false
      var settled: [ConflictName] = []
      try invocation.edit(store) { author in
        let state = try store.state(of: row)
        guard !state.liveness.isEmpty else { throw try ReadActions.deleted(row, state, store) }
        isChanged = verb == .delete ? state.isShown : !state.isShown || state.isContested
        if isChanged {
          try store.seal([Write(row, verb)], space: table.space, author: author)
          settled = try Self.settled(row, from: state, store)
        }
      }
      try report(row, isChanged, invocation, store, settled: settled)
      return .done
    }
  }

  /// The conflicts of a row that an edit of this device has just settled.
  private static func settled(
    _ row: RowKey, from before: RowState, _ store: Store
  ) throws -> [ConflictName] {
    let left = Store.conflicts(of: row, try store.state(of: row))
    return Store.conflicts(of: row, before).filter { !left.contains($0) }
  }

  /// What an edit did, for programs; for people what it settled on its way.
  static func report(
    _ row: RowKey, _ isChanged: Bool, _ invocation: Invocation, _ store: Store,
    settled: [ConflictName] = []
  ) throws {
    guard invocation.wantsJSON || !settled.isEmpty else { return }
    let name = ReadActions.recordName(row, try store.state(of: row), in: store)
    guard invocation.wantsJSON else {
      let what = settled.map { $0.field ?? "that it was \(ReadActions.bothWays)" }
      return invocation.console.say(
        terminalSafe(
          "Note: this settles a conflict of \(name): \(what.joined(separator: ", ")). "
            + "What stood is in cordee history \(name)."))
    }
    invocation.console.print(
      JSON.object([
        ("record", .string(name)), ("id", .string(row.id)), ("changed", .bool(isChanged)),
        (
          "settled",
          .array(settled.map { .object([("field", $0.field.map { .string($0) } ?? .null)]) })
        ),
      ]))
  }

  /// The one row that REF names.
  static func row(_ invocation: Invocation, in store: Store) throws -> RowKey {
    let text = invocation.argument("REF") ?? ""
    if let slash = text.firstIndex(of: "/") { _ = try table(String(text[..<slash])) }
    return try store.resolve(text)
  }

  static func table(_ name: String) throws -> Changes.Table {
    let names = Schema.registry.tables.map(\.name)
    guard let table = Schema.registry.table(name) else {
      throw Failure.usage(
        "table.unknown", "there is no table \(name)",
        hint: nearest(to: name, among: names).map { "Did you mean \($0)?" }
          ?? "Tables: \(names.joined(separator: ", ")).")
    }
    return table
  }

  /// A table that members may write.
  static func writable(_ name: String) throws -> Changes.Table {
    let table = try table(name)
    guard table.writers == .members else {
      throw Failure(
        code: "table.forbidden", message: "only central writes \(table.name)",
        hint: "Ask the secretariat.")
    }
    return table
  }

  /// A field by its name; a reference may be named without `_id`.
  static func field(_ name: String, of table: Changes.Table) throws -> Field {
    if let field = table.field(name) ?? table.field(name + "_id") { return field }
    let names = table.fields.map(\.name)
    throw Failure.usage(
      "field.unknown", "\(table.name) has no field \(name)",
      hint: nearest(to: name, among: names).map { "Did you mean \($0)?" }
        ?? "Fields: \(names.joined(separator: ", ")).")
  }

  /// Refuses an edit that central would refuse for the role's sake; unknown roles are left to central.
  static func mayWrite(_ table: Changes.Table, _ store: Store) throws {
    guard let role = try OwnRole.role(store), !role.writes.contains(table.space) else { return }
    throw Failure(
      code: "space.forbidden", message: OwnRole.refusal(of: role, in: table.space),
      hint: "Nothing was changed. Ask the secretariat for an invite with another role.")
  }

  private static func values(_ invocation: Invocation, of table: Changes.Table, in store: Store)
    throws -> [FieldValue]
  {
    _ = try writable(table.name)
    var given: [FieldValue] = []
    for argument in try invocation.fields() {
      let field = try field(argument.field, of: table)
      guard !given.contains(where: { $0.name == field.name }) else {
        throw Failure.usage(
          "field.twice", "Field \(field.name) is given twice", hint: "Give each field one value.")
      }
      given.append(FieldValue(field.name, try typed(argument.value ?? "", for: field, in: store)))
    }
    return given
  }

  /// A typed word as a value; an empty word is NULL, a reference is looked up.
  ///
  /// - Parameter hint: what to say of a word that cannot be one.
  static func typed(
    _ text: String, for field: Field, in store: Store, hint: String = "Nothing was changed."
  ) throws -> Value {
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
      throw Failure.usage(
        "value.form", "\(field.name) needs \(expected)", hint: hint)
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

import Changes
import Store
import Wire

/// What one change of one's own wrote, for whoever looks at what central did not take.
struct WrittenEdit {
  /// When it was sealed; nil without its body.
  let at: String?
  /// What it wrote; nothing where its body is not held.
  let writes: [Write]

  init(_ change: Change) throws {
    let body = try change.bodyBytes.map { (bytes) throws(WireError) in
      try ChangeDecoding.body(bytes)
    }
    (at, writes) = (body?.at, body?.writes ?? [])
  }

  /// Each write for programs.
  func json(_ store: Store) throws -> [JSON] {
    try writes.map { write in
      .object([
        ("record", .string(try Self.name(of: write.row, store))), ("id", .string(write.row.id)),
        ("did", .string(ReadActions.verbName(write.verb))),
        (
          "fields",
          .object(write.verb.fields.map { ($0.name, ChangeEncoding.json($0.value)) })
        ),
      ])
    }
  }

  /// Each write for a person, with the fields that say anything.
  func print(_ store: Store, _ console: Console) throws {
    for write in writes {
      console.printValues(
        "   \(ReadActions.verbName(write.verb)) \(try Self.name(of: write.row, store))")
      let table = store.schema.table(write.row.table)
      for field in write.verb.fields {
        if field.value.isNull, case .insert = write.verb { continue }
        let value = ChangeEncoding.json(field.value)
        let declared = table?.field(field.name)
        let told = try field.value.isNull ? "" : ReadActions.told(value, declared, store)
        ReadActions.show(
          field.name, told, field.value.isNull ? "(empty)" : "", margin: "     ", console)
      }
    }
  }

  private static func name(of row: RowKey, _ store: Store) throws -> String {
    guard store.schema.table(row.table) != nil else { return "\(row.table)/\(row.id)" }
    return ReadActions.recordName(row, try store.state(of: row), in: store)
  }
}

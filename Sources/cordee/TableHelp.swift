import Changes
import Registry

extension Help {
  /// One table of the registry: its fields, their forms, what they refer to, who may write it.
  func table(_ table: Changes.Table, in schema: Schema, to console: Console) {
    console.print("\(table.name): \(table.label.en) (\(table.label.fr))")
    console.print()
    for line in wrapped(Self.place(of: table, in: schema), width: console.width) {
      console.print(line)
    }
    console.print()
    console.print("Usage: cordee add \(table.name) FIELD=VALUE...")
    console.print("       cordee list \(table.name) [--where FIELD=VALUE]")
    console.print()
    console.print(console.bold("Fields"))
    list(
      [("id", "key of the row, given to it when it is made")] + table.fields.map(Self.entry),
      to: console)
    console.print()
    for line in wrapped(
      "Every field may be empty but those that are required. How values are written: cordee help fields; "
        + "how a row is named (REF): cordee help references.", width: console.width)
    {
      console.print(line)
    }
  }

  private static func place(of table: Changes.Table, in schema: Schema) -> String {
    func roles(_ can: (Schema.Role) -> Bool) -> String {
      schema.roles.filter(can).map(\.name).joined(separator: ", ")
    }
    let writers =
      table.writers == .central
      ? "central alone" : roles { $0.writes.contains(table.space) }
    return
      "Space \(table.space): read by \(roles { $0.reads.contains(table.space) }); written by \(writers)."
  }

  private static func entry(_ field: Field) -> (String, String) {
    var form = field.type.rawValue.lowercased()
    if let target = field.references {
      let typed = field.name.hasSuffix("_id") ? String(field.name.dropLast(3)) : field.name
      form = "a row of \(target), written \(typed)=REF"
    } else if let format = field.format {
      form = format.expected
    }
    return (field.name, "\(field.label.en): \(form)\(field.isRequired ? " (required)" : "")")
  }
}

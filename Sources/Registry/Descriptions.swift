public import Changes

extension Schema {
  /// A Markdown page of the schema: roles, tables with their fields, and the forms of text.
  public var markdown: String {
    var lines = ["# The shared tables, schema \(number)", ""]
    lines += [
      "Every table has a key `id` beside the fields below. A reference ends in `_id` and holds the id of a row of the table it",
      "refers to. Central checks the form of a value, not that such a row exists: a reference may lead nowhere, to a row that was",
      "deleted, or to one of another table. `cordee status` lists those that do.", "",
      "## Roles", "", "| role | reads | writes |", "|---|---|---|",
    ]
    lines += roles.map { role in
      Self.row([
        "`\(role.name)`", role.reads.joined(separator: ", "), role.writes.joined(separator: ", "),
      ])
    }
    for table in tables { lines += Self.section(table) }
    lines += ["", "## Forms of text", "", "| form | expected |", "|---|---|"]
    lines += formats.map { Self.row([$0.name, $0.expected]) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The forms its fields use, each once, in the order of first use; lists of codes are left out.
  var formats: [ValueFormat] {
    var seen: Set<String> = ["code"]
    return tables.flatMap(\.fields).compactMap(\.format).filter { seen.insert($0.name).inserted }
  }

  private static func section(_ table: Table) -> [String] {
    let writers = table.writers == .central ? "; written by central alone" : ""
    return [
      "", "## \(table.name)", "",
      "\(table.label.en). *\(table.label.fr).* Space `\(table.space)`\(writers).",
      "", "| field | type | form | meaning | sens |", "|---|---|---|---|---|",
    ]
      + table.fields.map { field in
        let form =
          if let target = field.references {
            "id of `\(target)`"
          } else if let format = field.format {
            format.name == "code" ? format.expected : format.name
          } else {
            ""
          }
        return row([
          "`\(field.name)`",
          field.type.rawValue.lowercased() + (field.isRequired ? ", required" : ""),
          form, field.label.en, field.label.fr,
        ])
      }
  }

  private static func row(_ cells: [String]) -> String {
    let safe = cells.map { cell in
      String(
        cell.unicodeScalars.map { scalar in
          switch scalar {
          case "|": "\\|"
          case "\n", "\r": " "
          default: String(scalar)
          }
        }.joined())
    }
    return "| " + safe.joined(separator: " | ") + " |"
  }
}

import Changes
import Store

extension Schema {
  /// A network of one table of 14 fields; the engine knows nothing of it.
  static let bench = Schema(
    number: 1, spaces: ["commons"],
    roles: [.init("member", reads: ["commons"], writes: ["commons"])],
    tables: [
      Table(
        Plain.table, space: "commons", label: Label("Organisation", fr: "Organisation"),
        fields: Generator.fields.map { name in
          Field(
            name, name == "employees" ? .integer : .text, isRequired: name == "name",
            label: Label(name, fr: name))
        }),
      .replica(space: "commons"),
    ])
}

/// The same table without an engine, for the reference loops.
enum Plain {
  static let table = "record"

  static let create =
    "CREATE TABLE record(id TEXT PRIMARY KEY NOT NULL, "
    + Generator.fields.map { "\"\($0)\" \($0 == "employees" ? "INTEGER" : "TEXT")" }
    .joined(separator: ", ") + ") STRICT"

  static let insert =
    "INSERT INTO record VALUES(" + [String](repeating: "?", count: 15).joined(separator: ", ") + ")"

  static func update(_ field: String) -> String {
    "UPDATE record SET \"\(field)\" = ? WHERE id = ?"
  }
}

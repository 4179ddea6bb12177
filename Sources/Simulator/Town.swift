import Changes

/// The simulated network's tables: few, of every type, in two spaces, in an older and a newer schema.
enum Town {
  static let spaces = ["commons", "bureau"]

  static let roles: [Schema.Role] = [
    .init("member", reads: ["commons"], writes: ["commons"]),
    .init("chair", reads: ["commons", "bureau"], writes: ["commons", "bureau"]),
    .init("observer", reads: ["commons"], writes: []),
  ]

  /// The schema `number`: 1, or 2 with a field and a table more.
  static func schema(_ number: Int) -> Schema { number == 1 ? older : newer }

  private static let older = schema(1, person: [], more: [])
  private static let newer = schema(
    2, person: [field("email")],
    more: [
      Table(
        "gathering", space: "commons", label: label("Gathering"),
        fields: [field("title", isRequired: true), field("day")])
    ])

  private static func schema(_ number: Int, person: [Field], more: [Table]) -> Schema {
    Schema(
      number: number, spaces: spaces, roles: roles,
      tables: [
        Table(
          "person", space: "commons", label: label("Person"),
          fields: [
            field("name", isRequired: true), field("code", format: code), field("born", .integer),
            field("height", .real), field("photo", .blob),
          ] + person),
        Table(
          "place", space: "commons", label: label("Place"), fields: [field("label"), field("note")]),
        Table(
          "draft", space: "bureau", label: label("Draft"),
          fields: [field("text", isRequired: true), field("page", .integer)]),
        Table.replica(space: "commons"),
      ] + more)
  }

  /// What central refuses in `person.code`.
  static let wrongCode = "NOT A CODE"

  private static let code = ValueFormat("code", expected: "small letters and digits, as v12") {
    $0.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) }
  }

  private static func field(
    _ name: String, _ type: FieldType = .text, format: ValueFormat? = nil, isRequired: Bool = false
  ) -> Field {
    Field(name, type, format: format, isRequired: isRequired, label: label(name))
  }

  private static func label(_ text: String) -> Label { Label(text, fr: text) }
}

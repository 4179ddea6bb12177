public import Changes

/// The registry of the International Leading Group on SSE, first form.
///
/// The group itself is an organisation of kind `leading_group`, so that a membership's body is always an organisation: the
/// group or, one level down, a body that is a member and has members of its own.
extension Schema {
  /// The tables, spaces and roles of the group.
  public static let registry = Schema(
    number: 1, spaces: ["commons", "bureau"],
    roles: [
      Role("observer", reads: ["commons"], writes: []),
      Role("member", reads: ["commons"], writes: ["commons"]),
      Role("chair", reads: ["commons", "bureau"], writes: ["commons", "bureau"]),
      Role("secretariat", reads: ["commons", "bureau"], writes: ["commons", "bureau"]),
      Role("auditor", reads: ["commons"], writes: []),
    ],
    tables: Table.organisations + Table.lists + Table.people + Table.happenings + Table.arrangements
      + Table.work + [Table.replica(space: "commons")])
}

extension Field {
  static func slug() -> Field {
    Field(
      "slug", format: .slug,
      label: Label("Short name for addresses", fr: "Nom court pour les adresses"))
  }

  static func note() -> Field { Field("note", label: Label("Remark", fr: "Remarque")) }

  static func quote() -> Field {
    Field("quote", label: Label("Words of the source", fr: "Mots de la source"))
  }

  static func visibility() -> Field {
    Field(
      "visibility", format: .oneOf("public", "members"),
      label: Label("Whether public pages show it", fr: "Visible sur les pages publiques"))
  }

  static func date(_ name: String, _ en: String, _ fr: String) -> Field {
    Field(name, format: .date, label: Label(en, fr: fr))
  }

  static func interval(_ name: String, _ en: String, _ fr: String) -> Field {
    Field(name, format: .edtf, label: Label(en, fr: fr))
  }

  static func reference(_ name: String, to table: String, _ en: String, _ fr: String) -> Field {
    Field("\(name)_id", references: table, label: Label(en, fr: fr))
  }

  static func plain(_ name: String, _ en: String, _ fr: String) -> Field {
    Field(name, label: Label(en, fr: fr))
  }

  static func number(_ name: String, _ en: String, _ fr: String) -> Field {
    Field(name, .integer, label: Label(en, fr: fr))
  }

  /// The languages whose names have a column of their own.
  static let nameLanguages = ["en", "fr", "es", "ar"]

  static func languages(_ name: String, _ en: String, _ fr: String) -> [Field] {
    [
      ("en", "English", "anglais"), ("fr", "French", "français"), ("es", "Spanish", "espagnol"),
      ("ar", "Arabic", "arabe"),
    ].map {
      Field("\(name)_\($0.0)", label: Label("\(en), \($0.1)", fr: "\(fr), \($0.2)"))
    }
  }
}

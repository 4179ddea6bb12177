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

  static func languages(_ name: String, _ en: String, _ fr: String) -> [Field] {
    [
      ("en", "English", "anglais"), ("fr", "French", "français"), ("es", "Spanish", "espagnol"),
      ("ar", "Arabic", "arabe"),
    ].map {
      Field("\(name)_\($0.0)", label: Label("\(en), \($0.1)", fr: "\(fr), \($0.2)"))
    }
  }
}

extension Table {
  static func commons(_ name: String, _ en: String, _ fr: String, _ fields: [Field]) -> Table {
    Table(name, space: "commons", label: Label(en, fr: fr), fields: fields)
  }

  static let organisations: [Table] = [
    commons(
      "organisation", "State, body or association", "État, organisme ou association",
      [
        .slug(),
        Field("kind", isRequired: true, label: Label("Kind", fr: "Type")),
        .plain("subtype", "Finer kind", "Sous-type"), .plain("college", "College", "Collège"),
        .plain("college_basis", "Why this college", "Fondement du collège"),
        .plain("name_as_printed", "Name as the source prints it", "Nom tel qu'imprimé"),
      ] + Field.languages("name", "Name", "Nom")
        + [
          .plain("acronym", "Acronym", "Sigle"),
          .plain("acronym_fr", "French acronym", "Sigle français"),
          .plain("acronym_basis", "Where the acronym stands", "Source du sigle"),
          Field("country", format: .country, label: Label("Country, ISO 3166-1", fr: "Pays")),
          Field(
            "subdivision", format: .subdivision,
            label: Label("Subdivision, ISO 3166-2", fr: "Subdivision")),
          Field(
            "m49_subregion", format: .m49, label: Label("UN M49 subregion", fr: "Sous-région M49")),
          .plain("continent", "Continent", "Continent"),
          Field("website", format: .url, label: Label("Website", fr: "Site")),
          .plain("contact", "How to reach it", "Contact"),
          .plain("objective", "What it is for", "Objectif"),
          .plain("nature", "What it is", "Nature"), .note(), .visibility(),
        ]),
    commons(
      "organisation_name", "Another name of an organisation", "Autre nom d'une organisation",
      [
        .reference("organisation", to: "organisation", "Whose name", "Organisation"),
        .plain("value", "The name", "Le nom"),
        Field("lang", format: .language, label: Label("Language, BCP 47", fr: "Langue")),
        Field(
          "use", format: .oneOf("official", "short", "acronym", "former", "as_printed"),
          label: Label("Use", fr: "Usage")),
        .plain("provenance", "Where it comes from", "Provenance"),
      ]),
    commons(
      "identifier", "Identifier in another register", "Identifiant dans un autre registre",
      [
        .reference("organisation", to: "organisation", "Whose identifier", "Organisation"),
        .plain("scheme", "Register", "Registre"), .plain("value", "Identifier", "Identifiant"),
        .plain("basis", "How it is known", "Fondement"), .note(),
      ]),
    commons(
      "membership", "Membership in a body", "Appartenance à un organisme",
      [
        .reference("body", to: "organisation", "The body", "L'organisme"),
        .reference("member", to: "organisation", "The member", "Le membre"),
        Field(
          "class",
          format: .oneOf("official_stakeholder", "observer", "invited", "task_force_member"),
          label: Label("Class", fr: "Catégorie")),
        .date("start", "First day", "Premier jour"),
        .plain("start_basis", "How the start is known", "Fondement du début"),
        .date("end", "Last day", "Dernier jour"),
        .number("list_position", "Place on the list", "Place sur la liste"),
      ]),
    commons(
      "attestation", "A day on which a source says so", "Jour attesté par une source",
      [
        .reference("membership", to: "membership", "Of which membership", "Appartenance"),
        .reference("mandate", to: "mandate", "Of which mandate", "Mandat"),
        .reference(
          "secretariat_term", to: "secretariat_term", "Of which arrangement", "Secrétariat"),
        .date("day", "The day", "Le jour"), .plain("said_as", "As what", "En tant que"), .quote(),
      ]),
  ]

  static let lists: [Table] = [
    commons(
      "official_list", "Published list as at a day", "Liste publiée à une date",
      [
        .slug(), Field("as_at", format: .day, label: Label("As at", fr: "À la date")),
        .plain("title", "Title", "Titre"),
      ]),
    commons(
      "official_list_entry", "Entry of a published list", "Entrée d'une liste publiée",
      [
        .reference("official_list", to: "official_list", "Of which list", "Liste"),
        .reference("parent", to: "official_list_entry", "Under which entry", "Sous l'entrée"),
        .reference("member", to: "organisation", "Who", "Qui"),
        .number("position", "Place", "Place"),
        .plain("label", "As printed", "Tel qu'imprimé"),
      ]),
    commons(
      "college", "College of the group", "Collège du groupe",
      [.plain("code", "Code", "Code"), .quote()]),
    commons(
      "kind", "Kind named without a member", "Type nommé sans membre",
      [.plain("code", "Code", "Code"), .quote()]),
    commons("rule", "Rule of the group", "Règle du groupe", [.slug(), .quote()]),
  ]

  static let people: [Table] = [
    commons(
      "person", "Person", "Personne",
      [.slug(), .plain("name", "Name as written", "Nom tel qu'écrit")]),
    commons(
      "mandate", "What a person does for an organisation", "Mandat d'une personne",
      [
        .reference("person", to: "person", "Who", "Qui"),
        .reference("organisation", to: "organisation", "For whom", "Pour qui"),
        .plain("role", "Role", "Rôle"), .date("start", "First day", "Premier jour"),
        .date("end", "Last day", "Dernier jour"), .quote(),
      ]),
    commons(
      "place", "Place", "Lieu",
      [
        .slug(), .plain("name_as_printed", "Name as printed", "Nom tel qu'imprimé"),
        .plain("city", "City", "Ville"),
        Field("country", format: .country, label: Label("Country, ISO 3166-1", fr: "Pays")),
        Field(
          "subdivision", format: .subdivision,
          label: Label("Subdivision, ISO 3166-2", fr: "Subdivision")),
        .plain("time_zone", "IANA time zone", "Fuseau horaire IANA"),
        .plain("un_locode", "UN/LOCODE", "UN/LOCODE"),
        .plain("codes_basis", "How the codes are known", "Fondement des codes"),
      ]),
  ]
}

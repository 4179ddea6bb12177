import Changes

extension Table {
  static func commons(
    _ name: String, _ en: String, _ fr: String, _ fields: [Field], namedBy: [String] = []
  ) -> Table {
    Table(name, space: "commons", label: Label(en, fr: fr), fields: fields, namedBy: namedBy)
  }

  /// What an organisation may be.
  ///
  /// The founding text promises three kinds and names no member of them; they can be used from the first day.
  static let organisationKinds = [
    "leading_group", "state", "subnational_government", "civil_society", "foundation_network",
    "trade_union_confederation", "local_government_network", "fund", "interagency_body",
    "un_entity", "intergovernmental_organisation", "interregional_development_bank",
    "context_body",
  ]

  static let organisations: [Table] = [
    commons(
      "organisation", "State, body or association", "État, organisme ou association",
      [
        .slug(),
        Field(
          "kind", format: .oneOf(organisationKinds), isRequired: true,
          label: Label("Kind", fr: "Type")),
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
          .date("founded", "Founded", "Fondée"), .date("dissolved", "Dissolved", "Dissoute"),
          .plain("contact", "How to reach it", "Contact"),
          Field("contact_email", format: .email, label: Label("E-mail", fr: "Courriel")),
          .plain("seat_city", "City of its seat", "Ville du siège"),
          Field(
            "seat_country", format: .country,
            label: Label("Country of its seat, ISO 3166-1", fr: "Pays du siège")),
          .plain(
            "added_from", "Where what the source does not say comes from",
            "Source de ce que le texte ne dit pas"),
          .plain("objective", "What it is for", "Objectif"),
          .plain("nature", "What it is", "Nature"), .note(), .visibility(),
        ], namedBy: ["acronym", "name_en", "slug"]),
    commons(
      "organisation_name", "Another name of an organisation", "Autre nom d'une organisation",
      [
        .reference("organisation", to: "organisation", "Whose name", "Organisation"),
        .plain("value", "The name", "Le nom"),
        Field("lang", format: .language, label: Label("Language, BCP 47", fr: "Langue")),
        Field(
          "use", format: .oneOf("official", "short", "acronym", "former", "later", "as_printed"),
          label: Label("Use", fr: "Usage")),
        .date("start", "First day", "Premier jour"), .date("end", "Last day", "Dernier jour"),
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
        Field(
          "joined_by", format: .oneOf("note_verbale", "letter", "decision", "unknown"),
          label: Label("How it joined", fr: "Mode d'adhésion")), .note(),
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
        Field(
          "time_zone", format: .zone, label: Label("IANA time zone", fr: "Fuseau horaire IANA")),
        Field("un_locode", format: .locode, label: Label("UN/LOCODE", fr: "UN/LOCODE")),
        .plain("codes_basis", "How the codes are known", "Fondement des codes"),
      ]),
  ]
}

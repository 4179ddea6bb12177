import Changes

extension Table {
  static let happenings: [Table] = [
    commons(
      "occasion", "Summit, session or congress", "Sommet, session ou congrès",
      [
        .slug(), .plain("name", "Name", "Nom"), .plain("also", "Other name", "Autre nom"),
        .plain("kind", "Kind", "Type"),
        .number("number", "Which in its series", "Numéro"), .number("year", "Year", "Année"),
        .date("start", "First day", "Premier jour"), .date("end", "Last day", "Dernier jour"),
        .reference("organiser", to: "organisation", "Organiser", "Organisateur"),
        .reference("body", to: "organisation", "Body in session", "Organe en session"),
      ]),
    commons(
      "event", "Event", "Événement",
      [
        .slug(), .plain("kind", "Kind", "Type"),
        .plain("title_en", "Title, English", "Titre, anglais"),
        .plain("title_fr", "Title, French", "Titre, français"),
        .interval("edtf", "When, EDTF", "Quand"),
        .plain("date_note", "Remark on the date", "Remarque sur la date"),
        .reference("place", to: "place", "Where", "Où"),
        .plain("place_note", "Remark on the place", "Remarque sur le lieu"),
        .reference("occasion", to: "occasion", "On which occasion", "À quelle occasion"),
        .plain("organiser_basis", "How the organiser is known", "Fondement de l'organisateur"),
        .plain("promise", "Promise made, as the source tells it", "Promesse, selon la source"),
        .quote(), .note(), .visibility(),
      ]),
    commons(
      "event_party", "Who took part in an event", "Qui a pris part à un événement",
      [
        .reference("event", to: "event", "Which event", "Événement"),
        .reference("organisation", to: "organisation", "Organisation", "Organisation"),
        .reference("person", to: "person", "Person", "Personne"),
        Field(
          "part", format: .oneOf("organiser", "partner", "participant", "person"),
          label: Label("Part", fr: "Qualité")),
      ]),
    commons(
      "commitment", "Promise made", "Engagement pris",
      [
        .reference("person", to: "person", "By whom", "Par qui"),
        .reference("event", to: "event", "When and where", "Où et quand"),
        .plain("text", "What", "Quoi"), .date("due", "Due", "Échéance"),
        .plain("state", "State", "État"),
      ]),
  ]

  static let arrangements: [Table] = [
    commons(
      "secretariat_term", "Who keeps the secretariat", "Qui tient le secrétariat",
      [
        Field(
          "mode", format: .oneOf("administering", "permanent"), label: Label("Mode", fr: "Mode")),
        .date("start", "First day", "Premier jour"), .date("end", "Last day", "Dernier jour"),
      ]),
    commons(
      "secretariat_term_organisation", "An organisation of a secretariat",
      "Organisation d'un secrétariat",
      [
        .reference("secretariat_term", to: "secretariat_term", "Which arrangement", "Secrétariat"),
        .reference("organisation", to: "organisation", "Who", "Qui"),
      ]),
    commons(
      "consultative_status", "Consultative status with a body", "Statut consultatif",
      [
        .reference("holder", to: "organisation", "Who holds it", "Titulaire"),
        .reference("grantor", to: "organisation", "Who grants it", "Qui l'accorde"),
        .reference("committee", to: "organisation", "Who recommends it", "Qui le recommande"),
        .reference("occasion", to: "occasion", "At which session", "À quelle session"),
        Field(
          "class", format: .oneOf("general", "special", "roster"),
          label: Label("Class", fr: "Catégorie")),
        .interval("recommended", "Recommended", "Recommandé"),
        .date("granted", "Granted", "Accordé"),
        .note(),
      ]),
    commons(
      "document", "Document", "Document",
      [
        .reference("organisation", to: "organisation", "About whom", "Au sujet de"),
        .plain("title", "Title", "Titre"),
        .date("updated", "Last updated", "Mis à jour"), .quote(),
      ]),
    commons(
      "public_page", "The public page", "La page publique",
      [
        .reference("host", to: "organisation", "Whose site", "Site de"),
        Field("url", format: .url, label: Label("Address", fr: "Adresse")), .note(),
      ]),
    commons(
      "seed_note", "What the founding text leaves open", "Ce que le texte fondateur laisse ouvert",
      [.slug(), .note()]),
  ]

  static let work: [Table] = [
    commons(
      "chair_term", "Term of the chair", "Mandat de la présidence",
      [
        .reference("state", to: "organisation", "The State", "L'État"),
        .date("start", "First day", "Premier jour"),
        .date("end", "Last day", "Dernier jour"),
        .number("nominal_months", "Months by rule: 6 or 12", "Mois prévus"),
        .number("holdover", "1: stays until the next begins", "1 : jusqu'au suivant"), .note(),
      ]),
    commons(
      "meeting", "Meeting", "Réunion",
      [
        .slug(), .number("number", "Which in its series", "Numéro"),
        Field(
          "type", format: .oneOf("stakeholders", "bureau", "technical"),
          label: Label("Type", fr: "Type")),
        .plain("title_en", "Title, English", "Titre, anglais"),
        .plain("title_fr", "Title, French", "Titre, français"),
        .date("start", "First day", "Premier jour"), .date("end", "Last day", "Dernier jour"),
        .reference("place", to: "place", "Where", "Où"),
        .reference("chair", to: "organisation", "Chaired by", "Présidée par"),
        Field(
          "status", format: .oneOf("planned", "called", "held", "closed", "postponed", "cancelled"),
          label: Label("Status", fr: "État")), .visibility(),
      ]),
    commons(
      "proposal", "Proposal", "Proposition",
      [
        .slug(), .plain("ref", "Number", "Référence"), .plain("type", "Type", "Type"),
        Field(
          "level", format: .oneOf("national", "international"), label: Label("Level", fr: "Niveau")),
        .plain("title_en", "Title, English", "Titre, anglais"),
        .plain("title_fr", "Title, French", "Titre, français"),
        .plain("text", "Text", "Texte"), .plain("state", "State", "État"), .visibility(),
      ]),
    Table(
      "minutes_draft", space: "bureau", label: Label("Draft minutes", fr: "Projet de compte rendu"),
      fields: [
        .reference("meeting", to: "meeting", "Of which meeting", "Réunion"),
        Field("lang", format: .language, label: Label("Language", fr: "Langue")),
        .plain("body", "Text, Markdown", "Texte, Markdown"),
      ]),
  ]
}

import Changes

/// What happened, where, with whom, and how the group is run.
extension Seed {
  mutating func people() throws(SeedError) {
    for item in try root.parts("persons", known: ["id", "slug", "name", "roles"]) {
      let id = try item.text("id")
      try name("person", item)
      add("person", id, [("slug", try item.value("slug")), ("name", try item.value("name"))])
      let known = ["org", "role", "attested_on", "quote", "start_date", "end_date"]
      for role in try item.parts("roles", known: known) {
        let mandate = made("mandate", id, try role.text("org"), try role.text("role"))
        add(
          "mandate", mandate,
          [
            ("person_id", .text(id)),
            ("organisation_id", try reference("organisation", role, "org")),
            ("role", try role.value("role")), ("start", try role.value("start_date")),
            ("end", try role.value("end_date")), ("quote", try role.value("quote")),
          ])
        try attest(role, "mandate", mandate)
      }
    }
  }

  mutating func places() throws(SeedError) {
    let known = [
      "id", "slug", "name_in_seed", "city", "iso3166_1_alpha2", "iso3166_2", "time_zone",
      "un_locode", "codes_basis",
    ]
    for item in try root.parts("places", known: known) {
      try name("place", item)
      add(
        "place", try item.text("id"),
        [
          ("slug", try item.value("slug")), ("name_as_printed", try item.value("name_in_seed")),
          ("city", try item.value("city")), ("country", try item.value("iso3166_1_alpha2")),
          ("subdivision", try item.value("iso3166_2")), ("time_zone", try item.value("time_zone")),
          ("un_locode", try item.value("un_locode")),
          ("codes_basis", try item.value("codes_basis")),
        ])
    }
  }

  mutating func happenings() throws(SeedError) {
    let known = [
      "id", "slug", "name_in_seed", "also", "kind", "year", "start_date", "end_date", "body",
      "edition", "organiser", "session",
    ]
    for item in try root.parts("occasions", known: known) {
      try name("occasion", item)
      add(
        "occasion", try item.text("id"),
        [
          ("slug", try item.value("slug")), ("name", try item.value("name_in_seed")),
          ("also", try item.value("also")), ("kind", try item.value("kind")),
          ("number", try item.value("edition", or: "session")),
          ("year", try item.value("year")), ("start", try item.value("start_date")),
          ("end", try item.value("end_date")),
          ("organiser_id", try reference("organisation", item, "organiser")),
          ("body_id", try reference("organisation", item, "body")),
        ])
    }
    let parts = [
      "id", "slug", "kind", "start_date", "end_date", "edtf", "date_precision", "weekday_check",
      "title", "place", "place_id", "occasion", "occasion_id", "organisers", "partners",
      "participants", "visibility", "seed_quote", "date_note", "persons", "stated_weekday",
      "commitment", "place_note", "organiser_basis",
    ]
    for item in try root.parts("events", known: parts) { try event(item) }
    for item in try root.parts(
      "commitments", known: ["id", "by", "made_at_event", "text", "status"])
    {
      add(
        "commitment", try item.text("id"),
        [
          ("person_id", try reference("person", item, "by")),
          ("event_id", try reference("event", item, "made_at_event")),
          ("text", try item.value("text")), ("state", try item.value("status")),
        ])
    }
  }

  private mutating func event(_ item: SeedPart) throws(SeedError) {
    let id = try item.text("id")
    try name("event", item)
    add(
      "event", id,
      [
        ("slug", try item.value("slug")), ("kind", try item.value("kind")),
        ("title_en", try item.value("title")), ("edtf", try item.value("edtf")),
        ("date_note", try item.value("date_note")),
        ("place_id", try reference("place", item, "place", id: "place_id")),
        ("place_note", try item.value("place_note")),
        ("occasion_id", try reference("occasion", item, "occasion", id: "occasion_id")),
        ("organiser_basis", try item.value("organiser_basis")),
        ("promise", try item.value("commitment")), ("quote", try item.value("seed_quote")),
        ("visibility", try item.value("visibility")),
      ])
    for (part, key) in [
      ("organiser", "organisers"), ("partner", "partners"), ("participant", "participants"),
      ("person", "persons"),
    ] {
      let table = part == "person" ? "person" : "organisation"
      for slug in try item.texts(key) {
        add(
          "event_party", made("event_party", id, part, slug),
          [
            ("event_id", .text(id)), ("\(table)_id", try reference(table, slug, item)),
            ("part", .text(part)),
          ])
      }
    }
  }

  mutating func arrangements() throws(SeedError) {
    let known = ["id", "mode", "organisations", "start_date", "attested_on", "end_date"]
    for item in try root.parts("secretariat_terms", known: known) {
      let id = try item.text("id")
      add(
        "secretariat_term", id,
        [
          ("mode", try item.value("mode")), ("start", try item.value("start_date")),
          ("end", try item.value("end_date")),
        ])
      for slug in try item.texts("organisations") {
        add(
          "secretariat_term_organisation", made("secretariat", id, slug),
          [
            ("secretariat_term_id", .text(id)),
            ("organisation_id", try reference("organisation", slug, item)),
          ])
      }
      try attest(item, "secretariat_term", id)
    }
    let parts = [
      "id", "holder", "grantor", "class", "decided_by_in_seed", "committee_session",
      "committee_decision_window", "council_decision_date", "note",
    ]
    for item in try root.parts("consultative_statuses", known: parts) {
      let window = try item.texts("committee_decision_window")
      add(
        "consultative_status", try item.text("id"),
        [
          ("holder_id", try reference("organisation", item, "holder")),
          ("grantor_id", try reference("organisation", item, "grantor")),
          ("committee_id", try reference("organisation", item, "decided_by_in_seed")),
          ("occasion_id", try reference("occasion", item, "committee_session")),
          ("class", try item.value("class")),
          ("recommended", window.isEmpty ? nil : .text(window.joined(separator: "/"))),
          ("granted", try item.value("council_decision_date")), ("note", try item.value("note")),
        ])
    }
  }

  mutating func openQuestions() throws(SeedError) {
    if let page = try root.part("public_page", known: ["hosted_by", "url", "note"]) {
      add(
        "public_page", made("public_page", "group"),
        [
          ("host_id", try reference("organisation", page, "hosted_by")),
          ("url", try page.value("url")), ("note", try page.value("note")),
        ])
    }
    for part in ["chair_terms", "proposals", "meetings"] {
      // The founding text holds none; a file that does needs its own translation, not a loss.
      guard try root.parts(part, known: []).isEmpty else {
        throw SeedError(message: "seed/\(part): no records are expected here")
      }
      guard let note = try root.value("\(part)_note") else { continue }
      let slug = String(part.map { $0 == "_" ? "-" : $0 })
      add("seed_note", made("seed_note", part), [("slug", .text(slug)), ("note", note)])
    }
  }
}

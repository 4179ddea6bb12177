import Changes

/// Who there is, who belongs to what, and the lists that were printed.
extension Seed {
  mutating func organisations() throws(SeedError) {
    guard
      let group = try root.part(
        "group",
        known: [
          "id", "slug", "name_in_seed", "acronym", "acronym_basis", "names", "objective", "nature",
          "document",
        ])
    else { throw SeedError(message: "seed/group: an object is expected") }
    let items = try root.parts(
      "organisations",
      known: [
        "id", "slug", "kind", "subtype", "name_in_seed", "acronym", "names", "aliases_in_seed",
        "identifiers", "geo", "college", "college_basis", "note", "enrichment",
      ])
    for item in [group] + items { try name("organisation", item) }
    try self.group(group)
    for item in items { try organisation(item) }
    for (table, key) in [
      ("college", "composition_colleges"), ("kind", "kinds_named_without_a_member"),
    ] {
      for item in try root.parts(key, known: ["slug", "quote"]) {
        add(
          table, made(table, try item.text("slug")),
          [("code", try item.value("slug")), ("quote", try item.value("quote"))])
      }
    }
    for item in try root.parts("rules", known: ["id", "slug", "quote"]) {
      add(
        "rule", try item.text("id"),
        [("slug", try item.value("slug")), ("quote", try item.value("quote"))])
    }
  }

  private mutating func group(_ group: SeedPart) throws(SeedError) {
    let id = try group.text("id")
    let (columns, rows) = try names(group, of: id)
    add(
      "organisation", id,
      [
        ("slug", try group.value("slug")), ("kind", .text("leading_group")),
        ("name_as_printed", try group.value("name_in_seed")),
      ] + columns + [
        ("acronym", try group.value("acronym")),
        ("acronym_basis", try group.value("acronym_basis")),
        ("objective", try group.value("objective")), ("nature", try group.value("nature")),
        ("visibility", .text("public")),
      ])
    add(names: rows)
    guard let document = try group.part("document", known: ["title", "last_updated", "quote"])
    else { return }
    add(
      "document", made("document", id),
      [
        ("organisation_id", .text(id)), ("title", try document.value("title")),
        ("updated", try document.value("last_updated")), ("quote", try document.value("quote")),
      ])
  }

  private mutating func organisation(_ item: SeedPart) throws(SeedError) {
    let id = try item.text("id")
    let geo = try item.part(
      "geo",
      known: [
        "iso3166_1_alpha2", "iso3166_1_alpha3", "iso3166_1_numeric", "iso3166_2", "iso3166_2_type",
        "parent_iso3166_1_alpha2", "m49_subregion", "m49_subregion_name", "continent",
      ])
    let more = try item.part(
      "enrichment",
      known: ["acronym_fr", "hq", "iso", "legal_seat_country", "later_name", "source"])
    let (columns, rows) = try names(item, of: id)
    add(
      "organisation", id,
      [
        ("slug", try item.value("slug")), ("kind", try item.value("kind")),
        ("subtype", try item.value("subtype")), ("college", try item.value("college")),
        ("college_basis", try item.value("college_basis")),
        ("name_as_printed", try item.value("name_in_seed")),
      ] + columns + [
        ("acronym", try item.value("acronym")), ("acronym_fr", try more?.value("acronym_fr")),
        ("country", try geo?.value("iso3166_1_alpha2")),
        ("subdivision", try geo?.value("iso3166_2")),
        ("m49_subregion", try geo?.value("m49_subregion")),
        ("continent", try geo?.value("continent")), ("seat_city", try more?.value("hq")),
        ("seat_country", try more?.value("iso", or: "legal_seat_country")),
        ("added_from", try more?.value("source")), ("note", try item.value("note")),
        ("visibility", .text("public")),
      ])
    add(names: rows)
    if let later = try more?.value("later_name")?.text {
      add(
        "organisation_name", made("organisation_name", id, "later", later),
        [
          ("organisation_id", .text(id)), ("value", .text(later)), ("use", .text("later")),
          ("provenance", try more?.value("source")),
        ])
    }
    for part in try item.parts("identifiers", known: ["scheme", "value", "basis", "note"]) {
      add(
        "identifier", made("identifier", id, try part.text("scheme"), try part.text("value")),
        [
          ("organisation_id", .text(id)), ("scheme", try part.value("scheme")),
          ("value", try part.value("value")), ("basis", try part.value("basis")),
          ("note", try part.value("note")),
        ])
    }
  }

  /// The names that have a column of their own, and the rows for every name and alias.
  private func names(_ item: SeedPart, of id: String) throws(SeedError) -> (
    columns: [(String, Value?)], rows: [[(String, Value?)]]
  ) {
    var columns: [(String, Value?)] = []
    var rows: [[(String, Value?)]] = []
    for name in try item.parts("names", known: ["lang", "value", "provenance"]) {
      let language = try name.text("lang")
      let column = "name_\(language)"
      if Field.nameLanguages.contains(language), !columns.contains(where: { $0.0 == column }) {
        columns.append((column, try name.value("value")))
      }
      rows.append([
        ("organisation_id", .text(id)), ("value", .text(try name.text("value"))),
        ("lang", .text(language)), ("use", .text("official")),
        ("provenance", try name.value("provenance")),
      ])
    }
    for alias in try item.texts("aliases_in_seed") {
      rows.append([
        ("organisation_id", .text(id)), ("value", .text(alias)), ("use", .text("as_printed")),
        ("provenance", .text("seed")),
      ])
    }
    return (columns, rows)
  }

  private mutating func add(names rows: [[(String, Value?)]]) {
    for row in rows {
      let part = { (key: String) in row.first { $0.0 == key }?.1?.text ?? "" }
      let language = row.contains { $0.0 == "lang" } ? part("lang") : "alias"
      add(
        "organisation_name",
        made("organisation_name", part("organisation_id"), language, part("value")), row)
    }
  }

  mutating func memberships() throws(SeedError) {
    let known = [
      "id", "body", "body_id", "member", "member_id", "role", "list_position", "start_date",
      "start_basis", "end_date", "attested_on", "earlier_attestation",
    ]
    for item in try root.parts("memberships", known: known) {
      let id = try item.text("id")
      add(
        "membership", id,
        [
          ("body_id", try reference("organisation", item, "body", id: "body_id")),
          ("member_id", try reference("organisation", item, "member", id: "member_id")),
          ("class", try item.value("role")), ("start", try item.value("start_date")),
          ("start_basis", try item.value("start_basis")), ("end", try item.value("end_date")),
          ("list_position", try item.value("list_position")),
        ])
      try attest(item, "membership", id)
      if let earlier = try item.part("earlier_attestation", known: ["date", "as", "quote"]) {
        add(
          "attestation", made("attestation", id, try earlier.text("date")),
          [
            ("membership_id", .text(id)), ("day", try earlier.value("date")),
            ("said_as", try earlier.value("as")), ("quote", try earlier.value("quote")),
          ])
      }
    }
  }

  /// Adds a row for each day of `attested_on`.
  mutating func attest(_ item: SeedPart, _ table: String, _ id: String) throws(SeedError) {
    for day in try item.texts("attested_on") {
      add(
        "attestation", made("attestation", id, day),
        [("\(table)_id", .text(id)), ("day", .text(day))])
    }
  }

  mutating func officialLists() throws(SeedError) {
    for item in try root.parts(
      "official_lists", known: ["id", "slug", "as_at", "title", "entries"])
    {
      let id = try item.text("id")
      add(
        "official_list", id,
        [
          ("slug", try item.value("slug")), ("as_at", try item.value("as_at")),
          ("title", try item.value("title")),
        ])
      for entry in try item.parts("entries", known: Self.entry) {
        try listEntry(entry, list: id, parent: nil)
      }
    }
  }

  private static let entry = ["position", "member", "member_id", "label_as_printed", "sub_entries"]

  private mutating func listEntry(_ entry: SeedPart, list id: String, parent: String?)
    throws(SeedError)
  {
    let own = made("official_list_entry", id, parent ?? "", try entry.text("member"))
    add(
      "official_list_entry", own,
      [
        ("official_list_id", .text(id)), ("parent_id", parent.map { .text($0) }),
        ("member_id", try reference("organisation", entry, "member", id: "member_id")),
        ("position", try entry.value("position")), ("label", try entry.value("label_as_printed")),
      ])
    for inner in try entry.parts("sub_entries", known: Self.entry) {
      try listEntry(inner, list: id, parent: own)
    }
  }
}

public import Changes
public import Wire

/// One row that the founding records ask for.
public struct SeedRecord: Sendable {
  /// Which row.
  public let row: RowKey
  /// Its fields that the records give; all others are NULL.
  public let fields: [FieldValue]
}

/// Why records could not be read: what and where.
public struct SeedError: Error, Sendable, CustomStringConvertible {
  /// What is wrong, where, and what is expected.
  public let description: String
}

/// The founding records as rows: a pure translation, the same rows with the same ids wherever it runs.
public struct Seed {
  /// The rows, in the order they refer to each other.
  public private(set) var records: [SeedRecord] = []
  private let json: JSON
  private let hash: ([UInt8]) -> [UInt8]
  private var ids: [String: String] = [:]

  /// Translates the `seed` part of the founding records.
  ///
  /// - Parameters:
  ///   - json: the `seed` object, or a document that holds one.
  ///   - hash: at least 16 bytes of a cryptographic hash. Parts without an id in the file get a UUIDv8 (RFC 9562) from it.
  /// - Throws: `SeedError` naming the part.
  public init(_ json: JSON, hash: @escaping ([UInt8]) -> [UInt8]) throws {
    self.json = json["seed"] ?? json
    self.hash = hash
    try organisations()
    try memberships()
    try people()
    try happenings()
    try arrangements()
  }

  private mutating func organisations() throws {
    guard let group = json["group"] else {
      throw SeedError(description: "the records lack a group")
    }
    ids["organisation/" + text(group, "slug")] = text(group, "id")
    for item in list(json, "organisations") {
      ids["organisation/" + text(item, "slug")] = text(item, "id")
    }
    let id = text(group, "id")
    add(
      "organisation", id,
      [
        "slug": group["slug"], "kind": .string("leading_group"),
        "name_as_printed": group["name_in_seed"],
        "acronym": group["acronym"], "acronym_basis": group["acronym_basis"],
        "objective": group["objective"],
        "nature": group["nature"], "visibility": .string("public"),
      ].merging(names(of: group)) { $1 })
    names(group, of: id)
    if let document = group["document"] {
      add(
        "document", made("document", id),
        [
          "organisation_id": .string(id), "title": document["title"],
          "updated": document["last_updated"],
          "quote": document["quote"],
        ])
    }
    for item in list(json, "organisations") { organisation(item) }
    for (table, part) in [
      ("college", "composition_colleges"), ("kind", "kinds_named_without_a_member"),
    ] {
      for item in list(json, part) {
        add(table, made(table, text(item, "slug")), ["code": item["slug"], "quote": item["quote"]])
      }
    }
    for item in list(json, "rules") {
      add("rule", text(item, "id"), ["slug": item["slug"], "quote": item["quote"]])
    }
  }

  private mutating func organisation(_ item: JSON) {
    let id = text(item, "id")
    let geo = item["geo"] ?? .null
    let enrichment = item["enrichment"] ?? .null
    add(
      "organisation", id,
      [
        "slug": item["slug"], "kind": item["kind"], "subtype": item["subtype"],
        "college": item["college"],
        "college_basis": item["college_basis"], "name_as_printed": item["name_in_seed"],
        "acronym": item["acronym"],
        "acronym_fr": enrichment["acronym_fr"], "country": geo["iso3166_1_alpha2"],
        "subdivision": geo["iso3166_2"],
        "m49_subregion": geo["m49_subregion"], "continent": geo["continent"], "note": item["note"],
        "visibility": .string("public"),
      ].merging(names(of: item)) { $1 })
    names(item, of: id)
    for item in list(item, "identifiers") {
      add(
        "identifier", made("identifier", id, text(item, "scheme"), text(item, "value")),
        [
          "organisation_id": .string(id), "scheme": item["scheme"], "value": item["value"],
          "basis": item["basis"],
          "note": item["note"],
        ])
    }
  }

  private func names(of item: JSON) -> [String: JSON?] {
    var fields: [String: JSON?] = [:]
    for name in list(item, "names") {
      let lang = text(name, "lang")
      if ["en", "fr", "es", "ar"].contains(lang) { fields["name_\(lang)"] = name["value"] }
    }
    return fields
  }

  private mutating func names(_ item: JSON, of id: String) {
    for name in list(item, "names") {
      add(
        "organisation_name", made("organisation_name", id, text(name, "lang"), text(name, "value")),
        [
          "organisation_id": .string(id), "value": name["value"], "lang": name["lang"],
          "use": .string("official"),
          "provenance": name["provenance"],
        ])
    }
    for alias in list(item, "aliases_in_seed") {
      add(
        "organisation_name", made("organisation_name", id, "alias", alias.string ?? ""),
        [
          "organisation_id": .string(id), "value": alias, "use": .string("as_printed"),
          "provenance": .string("seed"),
        ])
    }
  }

  private mutating func memberships() throws {
    for item in list(json, "memberships") {
      let id = text(item, "id")
      add(
        "membership", id,
        [
          "body_id": item["body_id"], "member_id": item["member_id"], "class": item["role"],
          "start": item["start_date"],
          "start_basis": item["start_basis"], "end": item["end_date"],
          "list_position": item["list_position"],
        ])
      for day in list(item, "attested_on") {
        add(
          "attestation", made("attestation", id, day.string ?? ""),
          ["membership_id": .string(id), "day": day])
      }
      if let earlier = item["earlier_attestation"] {
        add(
          "attestation", made("attestation", id, text(earlier, "date")),
          [
            "membership_id": .string(id), "day": earlier["date"], "said_as": earlier["as"],
            "quote": earlier["quote"],
          ])
      }
    }
    for item in list(json, "official_lists") {
      let id = text(item, "id")
      add(
        "official_list", id, ["slug": item["slug"], "as_at": item["as_at"], "title": item["title"]])
      for entry in list(item, "entries") { try listEntry(entry, list: id, parent: nil) }
    }
  }

  private mutating func listEntry(_ entry: JSON, list id: String, parent: String?) throws {
    let own = made("official_list_entry", id, parent ?? "", text(entry, "member"))
    add(
      "official_list_entry", own,
      [
        "official_list_id": .string(id), "parent_id": parent.map { .string($0) },
        "member_id": try reference("organisation", entry["member"]), "position": entry["position"],
        "label": entry["label_as_printed"],
      ])
    for inner in list(entry, "sub_entries") { try listEntry(inner, list: id, parent: own) }
  }

  private mutating func people() throws {
    for item in list(json, "persons") {
      let id = text(item, "id")
      ids["person/" + text(item, "slug")] = id
      add("person", id, ["slug": item["slug"], "name": item["name"]])
      for role in list(item, "roles") {
        let mandate = made("mandate", id, text(role, "org"), text(role, "role"))
        add(
          "mandate", mandate,
          [
            "person_id": .string(id), "organisation_id": try reference("organisation", role["org"]),
            "role": role["role"],
            "start": role["start_date"], "end": role["end_date"], "quote": role["quote"],
          ])
        for day in list(role, "attested_on") {
          add(
            "attestation", made("attestation", mandate, day.string ?? ""),
            ["mandate_id": .string(mandate), "day": day])
        }
      }
    }
    for item in list(json, "places") {
      ids["place/" + text(item, "slug")] = text(item, "id")
      add(
        "place", text(item, "id"),
        [
          "slug": item["slug"], "name_as_printed": item["name_in_seed"], "city": item["city"],
          "country": item["iso3166_1_alpha2"], "subdivision": item["iso3166_2"],
          "time_zone": item["time_zone"],
          "un_locode": item["un_locode"], "codes_basis": item["codes_basis"],
        ])
    }
  }

  private mutating func happenings() throws {
    for item in list(json, "occasions") {
      ids["occasion/" + text(item, "slug")] = text(item, "id")
      add(
        "occasion", text(item, "id"),
        [
          "slug": item["slug"], "name": item["name_in_seed"], "also": item["also"],
          "kind": item["kind"],
          "number": item["edition"] ?? item["session"], "year": item["year"],
          "start": item["start_date"],
          "end": item["end_date"],
          "organisation_id": try reference("organisation", item["organiser"] ?? item["body"]),
        ])
    }
    for item in list(json, "events") {
      let id = text(item, "id")
      ids["event/" + text(item, "slug")] = id
      add(
        "event", id,
        [
          "slug": item["slug"], "kind": item["kind"], "title_en": item["title"],
          "edtf": item["edtf"],
          "place_id": item["place_id"], "occasion_id": item["occasion_id"],
          "organiser_basis": item["organiser_basis"],
          "quote": item["seed_quote"], "visibility": item["visibility"],
          "note": item["date_note"] ?? item["commitment"] ?? item["place_note"],
        ])
      for (part, key) in [
        ("organiser", "organisers"), ("partner", "partners"), ("participant", "participants"),
        ("person", "persons"),
      ] {
        for slug in list(item, key) {
          let table = part == "person" ? "person" : "organisation"
          add(
            "event_party", made("event_party", id, part, slug.string ?? ""),
            [
              "event_id": .string(id), "\(table)_id": try reference(table, slug),
              "part": .string(part),
            ])
        }
      }
    }
    for item in list(json, "commitments") {
      add(
        "commitment", text(item, "id"),
        [
          "person_id": try reference("person", item["by"]),
          "event_id": try reference("event", item["made_at_event"]),
          "text": item["text"], "state": item["status"],
        ])
    }
  }

  private mutating func arrangements() throws {
    for item in list(json, "secretariat_terms") {
      let id = text(item, "id")
      add(
        "secretariat_term", id,
        ["mode": item["mode"], "start": item["start_date"], "end": item["end_date"]])
      for slug in list(item, "organisations") {
        add(
          "secretariat_term_organisation", made("secretariat", id, slug.string ?? ""),
          [
            "secretariat_term_id": .string(id),
            "organisation_id": try reference("organisation", slug),
          ])
      }
      for day in list(item, "attested_on") {
        add(
          "attestation", made("attestation", id, day.string ?? ""),
          ["secretariat_term_id": .string(id), "day": day])
      }
    }
    for item in list(json, "consultative_statuses") {
      add(
        "consultative_status", text(item, "id"),
        [
          "holder_id": try reference("organisation", item["holder"]),
          "grantor_id": try reference("organisation", item["grantor"]),
          "committee_id": try reference("organisation", item["decided_by_in_seed"]),
          "occasion_id": try reference("occasion", item["committee_session"]),
          "class": item["class"],
          "recommended": .string(
            list(item, "committee_decision_window").compactMap(\.string).joined(separator: "/")),
          "granted": item["council_decision_date"], "note": item["note"],
        ])
    }
    if let page = json["public_page"] {
      add(
        "public_page", made("public_page", "group"),
        [
          "host_id": try reference("organisation", page["hosted_by"]), "url": page["url"],
          "note": page["note"],
        ])
    }
    for part in ["chair_terms", "proposals", "meetings"] {
      guard let note = json["\(part)_note"] else { continue }
      add(
        "seed_note", made("seed_note", part),
        ["slug": .string(part.replacing("_", with: "-")), "note": note])
    }
  }

  private mutating func add(_ table: String, _ id: String, _ fields: [String: JSON?]) {
    let values = fields.sorted { $0.key < $1.key }.compactMap { name, json -> FieldValue? in
      switch json {
      case .string(let text)?: FieldValue(name, .text(text))
      case .integer(let number)?: FieldValue(name, .integer(number))
      default: nil
      }
    }
    records.append(SeedRecord(row: RowKey(table: table, id: id), fields: values))
  }

  private func reference(_ table: String, _ slug: JSON?) throws -> JSON? {
    guard let slug = slug?.string else { return nil }
    guard let id = ids["\(table)/\(slug)"] else {
      throw SeedError(description: "the records name \(table)/\(slug), which they do not hold")
    }
    return .string(id)
  }

  private func made(_ parts: String...) -> String {
    var bytes = Array(hash(Array(parts.joined(separator: "/").utf8)).prefix(16))
    bytes[6] = bytes[6] & 0x0F | 0x80
    bytes[8] = bytes[8] & 0x3F | 0x80
    let digits = bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    var text = ""
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { text += "-" }
      text.append(digit)
    }
    return text
  }

  private func list(_ json: JSON, _ key: String) -> [JSON] { json[key]?.array ?? [] }
  private func text(_ json: JSON, _ key: String) -> String { json[key]?.string ?? "" }
}

extension SeedRecord {
  /// The write that brings `state` to this record: an insert, what differs, or nothing.
  public func write(over state: RowState, schema: Schema) -> Write? {
    let given = Dictionary(fields.map { ($0.name, $0.value) }) { $1 }
    let all = (schema.table(row.table)?.fields ?? []).map {
      FieldValue($0.name, given[$0.name] ?? .null)
    }
    guard !state.liveness.isEmpty else { return Write(row, .insert(all)) }
    return nil
  }
}

public import Changes

/// Reads the rows of a shared table: for each row the asked fields that are not NULL, `id` among them.
///
/// A NULL may also stand as `.null`. The order of rows does not matter.
public typealias RowReader =
  (_ table: String, _ fields: [String]) throws -> [[String: Value]]

/// The rows an official list is made of, as plain values.
public struct OfficialListRows: Sendable {
  /// Who there is.
  public var organisations: [Organisation] = []
  /// Who belongs to what.
  public var memberships: [Membership] = []
  /// The days on which a source says so.
  public var attestations: [Attestation] = []
  /// The editions that were printed.
  public var editions: [Edition] = []
  /// What stands in them.
  public var entries: [PrintedEntry] = []

  /// What a list says of an organisation.
  public struct Organisation: Sendable {
    package var id, slug, kind, name: String
    package var country: String?
    package var isPublic: Bool

    /// Makes one; `name` is shown where no edition of the day prints another.
    public init(
      id: String, slug: String, kind: String, name: String, country: String? = nil,
      isPublic: Bool = true
    ) {
      self.id = id
      self.slug = slug
      self.kind = kind
      self.name = name
      self.country = country
      self.isPublic = isPublic
    }
  }

  /// A member of a body: `start` and `end` as far as they are known, both included.
  public struct Membership: Sendable {
    package var id, body, member, membershipClass: String
    package var start, end: String?
    package var position: Int?

    /// Makes one.
    public init(
      id: String, body: String, member: String, membershipClass: String, start: String? = nil,
      end: String? = nil, position: Int? = nil
    ) {
      self.id = id
      self.body = body
      self.member = member
      self.membershipClass = membershipClass
      self.start = start
      self.end = end
      self.position = position
    }
  }

  /// A day on which a source states a membership.
  public struct Attestation: Sendable {
    package var membership, day: String

    /// Makes one.
    public init(membership: String, day: String) {
      self.membership = membership
      self.day = day
    }
  }

  /// A published list.
  public struct Edition: Sendable {
    package var id, asAt: String

    /// Makes one.
    public init(id: String, asAt: String) {
      self.id = id
      self.asAt = asAt
    }
  }

  /// A line of a published list.
  public struct PrintedEntry: Sendable {
    package var id, edition, member, label: String
    package var parent: String?

    /// Makes one; `parent` is the entry it stands under.
    public init(id: String, edition: String, member: String, label: String, parent: String? = nil) {
      self.id = id
      self.edition = edition
      self.member = member
      self.label = label
      self.parent = parent
    }
  }

  /// Makes an empty set of rows.
  public init() {}

  /// Reads the rows; one that lacks what names it is left out.
  ///
  /// An attestation that says *as what else* (`said_as`) is evidence of something, but not of this membership.
  public init(_ read: RowReader) throws {
    organisations = try read(
      "organisation",
      ["id", "slug", "kind", "name_as_printed", "name_en", "country", "visibility"]
    ).compactMap { row in
      guard let id = row["id"]?.text else { return nil }
      let slug = row["slug"]?.text
      let name = row["name_as_printed"]?.text ?? row["name_en"]?.text ?? slug ?? id
      return Organisation(
        id: id, slug: slug ?? "", kind: row["kind"]?.text ?? "", name: name,
        country: row["country"]?.text, isPublic: row["visibility"]?.text != "members")
    }
    memberships = try read(
      "membership", ["id", "body_id", "member_id", "class", "start", "end", "list_position"]
    ).compactMap { row in
      guard let id = row["id"]?.text, let body = row["body_id"]?.text,
        let member = row["member_id"]?.text
      else { return nil }
      return Membership(
        id: id, body: body, member: member, membershipClass: row["class"]?.text ?? "",
        start: row["start"]?.text, end: row["end"]?.text,
        position: row["list_position"]?.integer.flatMap { Int(exactly: $0) })
    }
    attestations = try read("attestation", ["id", "membership_id", "day", "said_as"]).compactMap {
      row in
      guard let membership = row["membership_id"]?.text, let day = row["day"]?.text,
        row["said_as"]?.text == nil
      else { return nil }
      return Attestation(membership: membership, day: day)
    }
    editions = try read("official_list", ["id", "as_at"]).compactMap { row in
      guard let id = row["id"]?.text, let asAt = row["as_at"]?.text else { return nil }
      return Edition(id: id, asAt: asAt)
    }
    entries = try read(
      "official_list_entry", ["id", "official_list_id", "parent_id", "member_id", "label"]
    ).compactMap { row in
      guard let id = row["id"]?.text, let edition = row["official_list_id"]?.text,
        let member = row["member_id"]?.text, let label = row["label"]?.text
      else { return nil }
      return PrintedEntry(
        id: id, edition: edition, member: member, label: label, parent: row["parent_id"]?.text)
    }
  }

  /// The rows that public pages may show: nothing of an organisation whose `visibility` is `members`.
  public var forPublic: OfficialListRows {
    let hidden = Set(organisations.filter { !$0.isPublic }.map(\.id))
    var rows = self
    rows.organisations.removeAll { hidden.contains($0.id) }
    rows.memberships.removeAll { hidden.contains($0.member) || hidden.contains($0.body) }
    rows.entries.removeAll { hidden.contains($0.member) }
    return rows
  }

  /// The newest day of which the official list is known: of the newest edition, else of the newest source.
  ///
  /// Where no list was published and no source names a day, the newest start of a membership; nil when there is none, or no group.
  public var newestDay: String? {
    guard let group else { return nil }
    let official = Set(
      memberships.filter { $0.body == group && $0.membershipClass == OfficialList.officialClass }
        .map(\.id))
    let published = editions.map(\.asAt)
    let stated = attestations.filter { official.contains($0.membership) }.map(\.day)
    let started = memberships.filter { official.contains($0.id) }.compactMap(\.start)
    for days in [published, stated, started] {
      if let newest = days.compactMap({ PartialDate($0)?.latest }).max() { return newest }
    }
    return nil
  }

  /// The organisation whose list it is; of several, the one with the least id, the same everywhere.
  public var group: String? {
    organisations.filter { $0.kind == "leading_group" }.map(\.id)
      .min { $0.precedes(bytesOf: $1) }
  }
}

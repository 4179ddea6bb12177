import Changes
import SQLite
public import Store
public import Wire

/// The official list of the group as at a day.
///
/// A membership counts if it had begun and not ended, or if a source attests that day. Where no membership of the group
/// can be placed on the day the list is *not attested*: nobody knows, which is not the same as empty.
public struct OfficialList: Sendable {
  /// The day.
  public let asAt: String
  /// The entries in order; nil when the day is not attested.
  public let entries: [Entry]?

  /// One member.
  public struct Entry: Sendable {
    /// Its place.
    public let position: Int
    /// Its row id.
    public let member: String
    /// Its short name.
    public let slug: String
    /// As printed, or its name.
    public let label: String
    /// Its kind.
    public let kind: String
    /// Its class of membership.
    public let membershipClass: String
    /// Its country, if it has one.
    public let country: String?
    /// `dated` or `attested`.
    public let basis: String
    /// The members of a member that is a body.
    public let members: [Entry]
  }

  /// Reads the list from a store.
  ///
  /// - Parameter day: `YYYY-MM-DD`.
  public init(_ store: Store, on day: String) throws {
    asAt = day
    let group = try store.withConnection { connection in
      try connection.first("SELECT id FROM organisation WHERE kind = 'leading_group' ORDER BY id") {
        $0.text(0)
      }
    }
    let found = try group.map { try Self.entries(store, body: $0, day: day, depth: 0) } ?? []
    entries = found.isEmpty ? nil : found
  }

  private static func entries(_ store: Store, body: String, day: String, depth: Int) throws
    -> [Entry]
  {
    guard depth < 4 else { return [] }
    let rows = try store.withConnection { connection in
      try connection.all(
        """
        SELECT m.list_position, m.member_id, o.slug, o.kind, m.class, o.country, m.start, m.end,
          EXISTS(SELECT 1 FROM attestation a WHERE a.membership_id = m.id AND a.day = ?2 AND a.said_as IS NULL),
          (SELECT e.label FROM official_list_entry e JOIN official_list l ON l.id = e.official_list_id
            WHERE l.as_at = ?2 AND e.member_id = m.member_id ORDER BY e.id LIMIT 1),
          coalesce(o.name_as_printed, o.name_en, o.slug, o.id)
        FROM membership m LEFT JOIN organisation o ON o.id = m.member_id WHERE m.body_id = ?1
        ORDER BY m.list_position, o.slug, m.id
        """, .text(body), .text(day)
      ) { row in
        (
          row.int(0), row.text(1), row.text(2), row.text(3), row.text(4), row.textOrNil(5),
          row.textOrNil(6),
          row.textOrNil(7), row.int(8) == 1, row.textOrNil(9), row.text(10)
        )
      }
    }
    return try rows.compactMap {
      position, member, slug, kind, membershipClass, country, start, end, attested, label, name in
      let begins = start.flatMap { PartialDate($0) }
      let ends = end.flatMap { PartialDate($0) }
      let isDated = begins.map { $0.latest <= day } ?? false
      let hasEnded = ends.map { $0.latest < day } ?? false
      guard attested || (isDated && !hasEnded) else { return nil }
      return Entry(
        position: position, member: member, slug: slug, label: label ?? name, kind: kind,
        membershipClass: membershipClass, country: country, basis: attested ? "attested" : "dated",
        members: try Self.entries(store, body: member, day: day, depth: depth + 1))
    }
  }

  /// As JSON.
  public var json: JSON {
    .object([
      ("as_at", .string(asAt)), ("attested", .bool(entries != nil)),
      ("entries", .array((entries ?? []).map(Self.json))),
    ])
  }

  private static func json(_ entry: Entry) -> JSON {
    .object([
      ("position", .integer(Int64(entry.position))), ("member_id", .string(entry.member)),
      ("slug", .string(entry.slug)),
      ("label", .string(entry.label)), ("kind", .string(entry.kind)),
      ("class", .string(entry.membershipClass)),
      ("country", entry.country.map { .string($0) } ?? .null), ("basis", .string(entry.basis)),
      ("members", .array(entry.members.map(json))),
    ])
  }

  /// As CSV (RFC 4180): one line an entry, a member's members a level below it.
  public var csv: String {
    var lines = ["as_at,position,level,member_slug,label,kind,class,country,basis"]
    func add(_ entry: Entry, _ level: Int) {
      let cells = [
        asAt, String(entry.position), String(level), entry.slug, entry.label, entry.kind,
        entry.membershipClass,
        entry.country ?? "", entry.basis,
      ]
      lines.append(cells.map(Self.quoted).joined(separator: ","))
      for member in entry.members { add(member, level + 1) }
    }
    for entry in entries ?? [] { add(entry, 1) }
    return lines.map { $0 + "\r\n" }.joined()
  }

  private static func quoted(_ cell: String) -> String {
    let needs = cell.utf8.contains { [10, 13, UInt8(ascii: ","), UInt8(ascii: "\"")].contains($0) }
    return needs ? "\"\(cell.replacing("\"", with: "\"\""))\"" : cell
  }

  /// As plain text for people.
  public var text: String {
    guard let entries else {
      return
        "Official stakeholders as at \(asAt): not attested. No source places a membership on this day.\n"
    }
    var lines = ["Official stakeholders as at \(asAt) (\(entries.count)):"]
    for entry in entries {
      lines.append("  \(entry.position). \(entry.label)")
      if !entry.members.isEmpty {
        lines.append("     with " + entry.members.map(\.label).joined(separator: ", "))
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

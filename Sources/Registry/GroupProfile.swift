import Changes
import SQLite
public import Store

/// What the group says of itself, for its public page; each part as far as it is recorded.
public struct GroupProfile: Sendable, Hashable {
  /// Its name in English, else as printed.
  public var name: String?
  /// Its name in French.
  public var nameFR: String?
  /// What it is for.
  public var objective: String?
  /// How to reach it.
  public var contact: String?
  /// Its mail address.
  public var email: String?
  /// Its site; nil unless it is an http or https address.
  public var website: String?

  /// Makes a profile that says nothing.
  public init() {}

  /// Reads the row of the group whose official list it is; nothing of it when only members may see it.
  public init(_ store: Store, group id: String?) throws {
    guard let id, store.schema.table("organisation")?.space == "commons" else { return }
    let row = try store.withConnection { connection in
      try connection.first(
        """
        SELECT coalesce(name_en, name_as_printed), name_fr, objective, contact, contact_email, website
        FROM organisation WHERE id = ? AND coalesce(visibility, '') <> 'members'
        """, .text(id)
      ) { row in (0..<6).map { row.textOrNil($0) } }
    }
    guard let row else { return }
    (name, nameFR, objective) = (row[0], row[1], row[2])
    (contact, email) = (row[3], row[4].flatMap { ValueFormat.email.accepts($0) ? $0 : nil })
    website = row[5].flatMap { ValueFormat.url.accepts($0) ? $0 : nil }
  }
}

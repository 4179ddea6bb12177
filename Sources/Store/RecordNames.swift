public import Changes
import SQLite

/// How rows are called to people: `table/slug` where that names one row, else `table/id`.
///
/// Slugs that more than one row answers to are looked up once a table, so that a long list costs no search for each row.
/// A value of this kind serves one list: it knows nothing of what is written later.
public final class RecordNames {
  private let store: Store
  private var taken: [String: Set<String>] = [:]
  private let slash = UInt8(ascii: "/")

  /// Prepares names of rows of a file.
  public init(_ store: Store) { self.store = store }

  /// What `Store.resolve` takes for this row alone.
  ///
  /// - Complexity: O(rows of the table) once a table, and for each row that is deleted.
  public func name(of row: RowKey, _ state: RowState) throws -> String {
    // A deleted row has its slug as long as no other takes it.
    guard state.isShown else { return store.name(of: row, state) }
    guard store.schema.table(row.table)?.field("slug") != nil,
      let slug = state.shown("slug").text, !slug.isEmpty, slug.utf8.first != slash,
      try !taken(in: row.table).contains(slug)
    else { return "\(row.table)/\(row.id)" }
    return "\(row.table)/\(slug)"
  }

  /// Slugs that several rows have, or that are another row's id.
  private func taken(in table: String) throws -> Set<String> {
    if let known = taken[table] { return known }
    let quoted = Layout.quoted(table)
    let found = try store.db.all(
      """
      SELECT slug FROM \(quoted) WHERE slug IS NOT NULL GROUP BY slug HAVING count(*) > 1
      UNION ALL SELECT r.slug FROM \(quoted) AS r JOIN \(quoted) AS o ON o.id = r.slug AND o.id <> r.id
      """
    ) { $0.text(0) }
    taken[table] = Set(found)
    return Set(found)
  }
}

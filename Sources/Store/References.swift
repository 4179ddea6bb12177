public import Changes
import SQLite

/// How people name a row: `table/id`, `table/slug` or the beginning of an id that no other row shares.
extension Store {
  /// Finds the one row that a text names.
  ///
  /// - Parameters:
  ///   - text: with or without `table/`.
  ///   - table: the table meant when the text names none; nil looks in all.
  /// - Throws: `StoreError` `.notFound`, or `.ambiguous` with the ids that fit.
  public func resolve(_ text: String, in table: String? = nil) throws -> RowKey {
    let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
    let named = parts.count == 2 ? parts[0] : table
    let name = parts.last ?? ""
    if let table, let named, table != named {
      throw StoreError(
        .notFound, "\(text) names no \(table)", hint: "Give \(table)/NAME, or its name alone.")
    }
    if let named, schema.table(named) == nil {
      throw StoreError(
        .notFound, "there is no table \(named)",
        hint: "Tables: \(schema.tables.map(\.name).joined(separator: ", ")).")
    }
    var found: [RowKey] = []
    for table in schema.tables where named == nil || named == table.name {
      found += try rows(called: name, in: table)
    }
    guard let row = found.first else {
      let isShort = name.utf8.count < Self.prefixBytesMin && name.allSatisfy(\.isHexDigit)
      throw StoreError(
        .notFound, "there is no \(text)",
        hint: isShort
          ? "Of an id give at least \(Self.prefixBytesMin) characters." : "See `cordee list`.")
    }
    guard found.count == 1 else {
      let ids = found.map { "\($0.table)/\($0.id)" }.joined(separator: ", ")
      // The one whose id is the slug of others has no name of its own until they give way.
      let taken = found.first { $0.id.utf8.elementsEqual(name.utf8) }
      throw StoreError(
        .ambiguous, "\(text) names several records: \(ids)",
        hint: "Give one of these"
          + (taken.map { "; for \($0.table)/\($0.id), give the other another slug." } ?? "."))
    }
    return row
  }

  /// What REF takes and names this row alone: by its slug, or by its id where another row has the slug, too.
  ///
  /// - Complexity: O(rows of the table).
  public func name(of row: RowKey, _ state: RowState) -> String {
    let name = Self.slugName(of: row, state)
    return (try? resolve(name)) == row ? name : "\(row.table)/\(row.id)"
  }

  /// `table/slug` where a row has a slug, else `table/id`; another row may have the same slug.
  public static func slugName(of row: RowKey, _ state: RowState) -> String {
    "\(row.table)/\(state.shown("slug").text ?? row.id)"
  }

  /// A verdict's reason for people: the record it is about stands by its slug where it has one; the log keeps the id, which
  /// never changes.
  ///
  /// - Parameter isExact: whether the id stays where another row has the slug, too.
  /// - Complexity: O(rows of the table) where it has to be exact.
  public func readable(_ reason: String, isExact: Bool = true) throws -> String {
    // CODE: TABLE/ID TEXT
    var words = reason.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
      .map(String.init)
    guard words.count == 3 else { return reason }
    let place = words[1].split(separator: "/", maxSplits: 1).map(String.init)
    guard place.count == 2, schema.table(place[0])?.field("slug") != nil else { return reason }
    let row = RowKey(table: place[0], id: place[1])
    let state = try load(row)
    words[1] = isExact ? name(of: row, state) : Self.slugName(of: row, state)
    return words.joined(separator: " ")
  }

  /// Whether a row stands in its shared table, be it that no change says so yet.
  public func stands(_ row: RowKey) throws -> Bool {
    guard schema.table(row.table) != nil else { return false }
    return try db.first(
      "SELECT 1 FROM \(Layout.quoted(row.table)) WHERE id = ?", .text(row.id)
    ) { _ in true } ?? false
  }

  private func rows(called name: String, in table: Table) throws -> [RowKey] {
    let quoted = Layout.quoted(table.name)
    func ids(_ condition: String) throws -> [RowKey] {
      try db.all("SELECT id FROM \(quoted) WHERE \(condition) ORDER BY id LIMIT 9", .text(name)) {
        RowKey(table: table.name, id: $0.text(0))
      }
    }
    let hasSlug = table.field("slug") != nil
    let exact = try ids("id = ?")
    if !exact.isEmpty {
      // A slug that happens to be another row's id takes no name from it; one that both have names both.
      let twins = "slug = ?1 AND id <> ?1 AND ?1 = (SELECT slug FROM \(quoted) WHERE id = ?1)"
      return hasSlug ? exact + (try ids(twins)) : exact
    }
    if hasSlug {
      let bySlug = try ids("slug = ?")
      if !bySlug.isEmpty {
        // What reads as the beginning of an id, too, names both.
        guard name.allSatisfy({ $0.isHexDigit || $0 == "-" }) else { return bySlug }
        return bySlug + (try begun(by: name, in: table).filter { !bySlug.contains($0) })
      }
    }
    return try known(as: name, in: table)
  }

  /// Rows by the beginning of their id, deleted ones too; deleted rows by the slug they had.
  private func known(as name: String, in table: Table) throws -> [RowKey] {
    let quoted = Layout.quoted(table.name)
    let number = "(SELECT id FROM cordee_name WHERE name = ?1)"
    func ids(_ condition: String) throws -> [String] {
      try db.all(
        "SELECT DISTINCT id FROM \(condition) ORDER BY id LIMIT 9", .text(table.name), .text(name)
      ) { $0.text(0) }
    }
    var found = try ids("cordee_row WHERE tbl = \(number) AND id = ?2")
    if found.isEmpty { found = try begun(by: name, in: table).map(\.id) }
    if found.isEmpty {
      found = try ids(
        """
        cordee_sibling AS s WHERE tbl = \(number) AND value = ?2
        AND field = (SELECT id FROM cordee_name WHERE name = 'slug')
        AND NOT EXISTS (SELECT 1 FROM \(quoted) WHERE id = s.id)
        """)
    }
    return found.map { RowKey(table: table.name, id: $0) }
  }

  /// Rows by the beginning of their id, deleted ones too.
  private func begun(by name: String, in table: Table) throws -> [RowKey] {
    guard name.utf8.count >= Self.prefixBytesMin else { return [] }
    let begins = "id >= ?2 AND id < ?2 || char(0x10FFFF)"
    // A row another program made a moment ago has no stamp yet.
    return try db.all(
      """
      SELECT id FROM cordee_row WHERE tbl = (SELECT id FROM cordee_name WHERE name = ?1) AND \(begins)
      UNION SELECT id FROM \(Layout.quoted(table.name)) WHERE \(begins) ORDER BY id LIMIT 9
      """, .text(table.name), .text(name)
    ) { RowKey(table: table.name, id: $0.text(0)) }
  }

  /// Fewer letters of an id name too much.
  private static let prefixBytesMin = 4
}

/// A reference that leads to no row of the table it refers to.
public struct LooseReference: Sendable, Hashable {
  /// Which row holds it.
  public let row: RowKey
  /// In which field.
  public let field: String
  /// The row that is not there.
  public let target: RowKey
}

extension Store {
  /// References that lead to no row of their table: wrong ones, and those to rows that are deleted or still to come.
  ///
  /// - Parameter limit: how many are given; all are counted.
  /// - Complexity: O(rows that refer to others).
  public func looseReferences(limit: Int) throws -> (first: [LooseReference], count: Int) {
    var first: [LooseReference] = []
    var count = 0
    for table in schema.tables {
      for field in table.fields {
        guard let target = field.references, schema.table(target) != nil else { continue }
        let column = Layout.quoted(field.name)
        try db.scan(
          """
          SELECT id, \(column) FROM \(Layout.quoted(table.name)) AS r WHERE \(column) IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM \(Layout.quoted(target)) WHERE id = r.\(column)) ORDER BY id
          """, []
        ) { found in
          count += 1
          if first.count < limit {
            first.append(
              LooseReference(
                row: RowKey(table: table.name, id: found.text(0)), field: field.name,
                target: RowKey(table: target, id: found.text(1))))
          }
          return true
        }
      }
    }
    return (first, count)
  }
}

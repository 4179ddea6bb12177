import Causality
import Changes
import Mutants
import SQLite
public import Wire

/// What an image was made of.
public struct ImageContents: Sendable {
  /// Rows, deleted ones included.
  public let rows: Int
  /// The shared tables.
  public let tables: [Snapshot.Table]
}

/// An image is one space's present state as a SQLite database: rows, stamps, siblings, heads; no history.
///
/// It is written row by row in key order, so that it is small and holds nothing of other spaces or of deleted pages.
enum Image {
  /// The engine's tables in an image, in the order they are made.
  static let engine: [(name: String, sql: String)] = [
    ("cordee_name", "CREATE TABLE cordee_name(id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"),
    (
      "cordee_actor",
      "CREATE TABLE cordee_actor(id INTEGER PRIMARY KEY, actor BLOB NOT NULL) STRICT"
    ),
    (
      "cordee_known",
      "CREATE TABLE cordee_known(actor INTEGER PRIMARY KEY, n INTEGER NOT NULL, hash BLOB NOT NULL, "
        + "context BLOB NOT NULL) STRICT"
    ),
    (
      "cordee_row",
      "CREATE TABLE cordee_row(tbl INTEGER NOT NULL, id TEXT NOT NULL, actor INTEGER NOT NULL, "
        + "n INTEGER NOT NULL, weight INTEGER NOT NULL, width INTEGER NOT NULL, exceptions BLOB) STRICT"
    ),
    (
      "cordee_sibling",
      "CREATE TABLE cordee_sibling(tbl INTEGER NOT NULL, id TEXT NOT NULL, field INTEGER NOT NULL, "
        + "actor INTEGER NOT NULL, n INTEGER NOT NULL, weight INTEGER NOT NULL, seen INTEGER NOT NULL, "
        + "value ANY) STRICT"
    ),
  ]

  /// A shared table in an image; without a key, since it is read once from end to end.
  static func sql(of table: Snapshot.Table) -> String {
    let columns =
      ["id TEXT NOT NULL"]
      + table.columns.map {
        "\(Layout.quoted($0.name)) \($0.type.rawValue)"
      }
    return "CREATE TABLE \(Layout.quoted(table.name))(\(columns.joined(separator: ", "))) STRICT"
  }

  /// The same statement for an attached image; SQLite keeps the text without the prefix.
  static func attached(_ sql: String) -> String {
    "CREATE TABLE image." + sql.dropFirst("CREATE TABLE ".count)
  }
}

extension Store {
  /// Writes the image of a space to a new file.
  ///
  /// Call outside a transaction; what others write meanwhile is not in it.
  ///
  /// - Complexity: O(rows of the space); memory stays flat.
  public func writeImage(of space: String, to path: String) throws -> ImageContents {
    try withAttached(path, create: true) {
      try db.execute("PRAGMA image.journal_mode=OFF; PRAGMA image.synchronous=OFF")
      return try read { try fillImage(of: space) }
    }
  }

  /// Runs `body` with another database attached as `image`.
  func withAttached<T>(_ path: String, create: Bool = false, _ body: () throws -> T) throws -> T {
    do {
      // ATTACH makes an absent file or not as the main file was opened; here `create` decides.
      let file = try Connection(path: path, mode: create ? .create : .readOnly)
      _ = try file.first("SELECT count(*) FROM sqlite_schema") { $0.int(0) }
      try db.run("ATTACH DATABASE ? AS image", .text(path))
    } catch {
      throw StoreError(error, path: path)
    }
    do {
      let result = try body()
      try db.execute("DETACH DATABASE image")
      return result
    } catch {
      // The first error says more.
      try? db.execute("DETACH DATABASE image")
      if let error = error as? SQLiteError { throw StoreError(error, path: path) }
      throw error
    }
  }

  private func fillImage(of space: String) throws -> ImageContents {
    for table in Image.engine { try db.execute(Image.attached(table.sql)) }
    let number = try number(ofName: space)
    var tables: [Snapshot.Table] = []
    for (table, name) in try self.tables(of: space) {
      let declared = schema.table(name)?.fields ?? []
      let shape = Snapshot.Table(
        name: name, columns: declared.map { Snapshot.Column(name: $0.name, type: $0.type) })
      tables.append(shape)
      try db.execute(Image.attached(Image.sql(of: shape)))
      if schema.table(name) != nil {
        let columns = (["id"] + declared.map(\.name)).map(Layout.quoted).joined(separator: ", ")
        try db.run(
          "INSERT INTO image.\(Layout.quoted(name))(\(columns)) "
            + "SELECT \(columns) FROM main.\(Layout.quoted(name)) ORDER BY id")
      }
      for part in ["cordee_row", "cordee_sibling"] {
        if part == "cordee_sibling", mutant(30, "R5: a snapshot leaves siblings out") { continue }
        let rows = part == "cordee_row" ? try stampedRows() : "main.\(part)"
        try db.run("INSERT INTO image.\(part) SELECT * FROM \(rows) WHERE tbl = ?", .int(table))
      }
    }
    try db.run(
      "INSERT INTO image.cordee_known SELECT actor, n, hash, context FROM main.cordee_known "
        + "WHERE space = ?", .int(number))
    try fillActors(of: space)
    try db.execute(
      """
      INSERT INTO image.cordee_name SELECT id, name FROM main.cordee_name WHERE id IN
        (SELECT tbl FROM image.cordee_row UNION SELECT field FROM image.cordee_sibling);
      """)
    let rows = try db.first("SELECT count(*) FROM image.cordee_row") { $0.int(0) } ?? 0
    return ImageContents(rows: rows, tables: tables)
  }

  /// The rows' lines with their present stamps, so that an image does not show which are recent.
  private func stampedRows() throws -> String {
    guard try recents().count ?? 0 > 0 else { return "main.cordee_row" }
    let columns = ["actor", "n", "weight", "width", "exceptions"].map {
      "iif(x.id IS NULL, r.\($0), x.\($0))"
    }
    return "(SELECT r.tbl, r.id, \(columns.joined(separator: ", ")) FROM main.cordee_row r "
      + "LEFT JOIN main.cordee_row_recent x ON x.tbl = r.tbl AND x.id = r.id)"
  }

  /// The actors of a space: its authors, and whom a refused context names without their having written.
  private func fillActors(of space: String) throws {
    var actors: Set<ActorID> = []
    for entry in try known(in: space).entries {
      actors.insert(entry.actor)
      let context = try head(of: entry.actor, in: space).context
      actors.formUnion(context.entries.map(\.actor))
    }
    for number in try actors.map({ try number(of: $0) }).sorted() {
      try db.run(
        "INSERT INTO image.cordee_actor SELECT id, actor FROM main.cordee_actor WHERE id = ?",
        .int(number))
    }
  }
}

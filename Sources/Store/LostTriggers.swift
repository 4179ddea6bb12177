import Changes
import SQLite

/// Tables and triggers that another program dropped or altered.
///
/// SQLite counts changes of a file's schema (sqlite.org/pragma.html#pragma_schema_version), so that opening a file that
/// nobody altered costs two short reads.
extension Store {
  /// Where the count that was looked at last is kept.
  private static let countKey = "schema_version"

  /// What became of a file whose triggers another program had dropped or altered.
  public struct Mended: Sendable, Hashable {
    /// Tables whose triggers were made again.
    public let tables: [String]
    /// Rows found edited meanwhile; the next seal takes them.
    public let rows: Int
    /// Rows that could not be compared, since their history is not here.
    public let unknown: Int
  }

  /// Compares tables and triggers with the declared ones if the file's schema changed since this was done last.
  ///
  /// Triggers that are gone or altered are made again, and rows edited while they were gone are noted as touched.
  ///
  /// - Throws: `StoreError` `.corrupt` when a table or a column is gone.
  /// - Complexity: O(1) as long as nobody alters the schema; O(rows of a table) when its triggers were lost.
  func checkSchema(use: Use) throws {
    let count = try db.first("PRAGMA schema_version") { $0.integer(0) } ?? 0
    guard try meta(Self.countKey)?.integer != count else { return }
    try checkColumns()
    guard use == .replica else { return }
    if try !tablesWithLostTriggers().isEmpty { try write { try mend() } }
    seenSchema = try db.first("PRAGMA schema_version") { $0.integer(0) }
  }

  /// Keeps the count that was looked at; the end of `write` does.
  func flushSeenSchema() throws {
    guard let count = seenSchema else { return }
    try setMeta(Self.countKey, .integer(count))
    seenSchema = nil
  }

  private func checkColumns() throws {
    for table in schema.tables {
      let found = try db.all("SELECT name FROM pragma_table_info(?)", .text(table.name)) {
        $0.text(0)
      }
      let missing = (["id"] + table.fields.map(\.name)).filter { !found.contains($0) }
      guard !missing.isEmpty else { continue }
      let what = found.isEmpty ? "the table \(table.name)" : "\(table.name).\(missing[0])"
      throw StoreError(
        .corrupt, "\(path) lacks \(what): another program dropped or renamed it",
        hint: "Name it as it was, or restore a backup with `cordee restore FILE`.")
    }
  }

  private func tablesWithLostTriggers() throws -> [Table] {
    let found = try Dictionary(
      db.all("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'") {
        ($0.text(0), $0.text(1))
      }, uniquingKeysWith: { first, _ in first })
    return schema.tables.filter { table in
      Layout.triggerList(table).contains { found[$0.name] != $0.sql }
    }
  }

  private func mend() throws {
    let tables = try tablesWithLostTriggers()
    var (rows, unknown) = (0, 0)
    for table in tables {
      try db.execute(Layout.triggers(table))
      guard let plan = plans[table.name] else { continue }
      var edits = UnnoticedEdits(store: self, plan: plan)
      try edits.run()
      rows += edits.rows
      unknown += edits.unknown
    }
    mended = Mended(tables: tables.map(\.name), rows: rows, unknown: unknown)
  }
}

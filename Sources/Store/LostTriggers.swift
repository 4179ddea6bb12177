import Changes
import SQLite

/// Tables and triggers that another program dropped or altered.
///
/// SQLite counts changes of a file's schema (sqlite.org/pragma.html#pragma_schema_version), so that opening a file that
/// nobody altered costs a few short reads.
extension Store {
  /// Where the count that was looked at last is kept.
  private static let countKey = "schema_version"
  /// Where tables are named whose rows could not all be compared.
  private static let waitingKey = "uncompared"

  /// What became of a file whose triggers another program had dropped or altered.
  public struct Mended: Sendable, Hashable {
    /// Tables whose triggers were made again; none when rows were compared that could not be before.
    public let tables: [String]
    /// Rows found edited meanwhile; the next seal takes them.
    public let rows: Int
    /// Rows that could not be compared, since their history is not here; they are once it is.
    public let unknown: Int
  }

  /// Compares tables and triggers with the declared ones if the file's schema changed since this was done last.
  ///
  /// Triggers that are gone or altered are made again, and rows edited while they were gone are noted as touched. Rows whose
  /// history is not here are compared when it is.
  ///
  /// - Parameter lost: tables that lacked triggers before an upgrade made them.
  /// - Throws: `StoreError` `.lacking` when a table or a column is gone.
  /// - Complexity: O(1) as long as nobody alters the schema; O(rows of a table) when its triggers were lost, and while another
  ///   program's UNIQUE index stands on it.
  func checkSchema(use: Use, lost: [String]) throws {
    let (waiting, isDue, isAltered) = try read {
      let waiting = try meta(Self.waitingKey)?.text?.split(separator: " ").map(String.init) ?? []
      let isDue = try !waiting.isEmpty && schema.spaces.allSatisfy { try gap(in: $0) == nil }
      let count = try db.first("PRAGMA schema_version") { $0.integer(0) } ?? 0
      return (waiting, isDue, try meta(Self.countKey)?.integer != count)
    }
    guard isDue || !lost.isEmpty || isAltered else { return }
    do {
      // Nobody alters the file between the look and what is noted of it.
      try write { try look(use, Set(lost), isDue ? waiting : [], waiting) }
    } catch let error as StoreError where error.isOfWritingAlone && lost.isEmpty {
      // The next opening looks again.
    }
  }

  private func look(
    _ use: Use, _ lostBefore: Set<String>, _ due: [String], _ waiting: [String]
  ) throws {
    try checkColumns()
    if use == .replica {
      let lost = try makeTriggersAgain().union(lostBefore)
      let compared = lost.union(due)
      var (rows, unknown, still) = (0, 0, Set(waiting).subtracting(compared))
      for name in compared.sorted() {
        guard let plan = plans[name] else { continue }
        var edits = UnnoticedEdits(store: self, plan: plan)
        try edits.run()
        rows += edits.rows
        unknown += edits.unknown
        if edits.unknown > 0 { still.insert(name) }
      }
      replaceable = try tablesWithForeignUniqueness()
      // An index may be gone again that was there since the last look.
      let others = schema.tables.map(\.name).filter { !compared.contains($0) }
      still.formUnion(try noteVanished(from: others))
      if still != Set(waiting) {
        try still.isEmpty
          ? forgetMeta(Self.waitingKey)
          : setMeta(Self.waitingKey, .text(still.sorted().joined(separator: " ")))
      }
      if !lost.isEmpty || rows > 0 {
        mended = Mended(tables: lost.sorted(), rows: rows, unknown: unknown)
      }
    }
    let count = try db.first("PRAGMA schema_version") { $0.integer(0) }
    // Without a count the next opening looks again.
    if let count, replaceable.isEmpty {
      try setMeta(Self.countKey, .integer(count))
    } else if try meta(Self.countKey) != nil {
      try forgetMeta(Self.countKey)
    }
  }

  /// Notes rows as deleted that REPLACE took away over another program's UNIQUE index; call inside `write`.
  ///
  /// SQLite runs no trigger for these (sqlite.org/lang_conflict.html).
  ///
  /// - Returns: the tables of which some row waits for its history.
  /// - Complexity: O(rows of the tables).
  @discardableResult
  func noteVanished(from tables: [String]) throws -> [String] {
    try tables.filter { name in
      guard let plan = plans[name] else { return false }
      var edits = UnnoticedEdits(store: self, plan: plan)
      try edits.runVanished()
      return edits.unknown > 0
    }
  }

  /// The shared tables declare nothing UNIQUE but their keys.
  private func tablesWithForeignUniqueness() throws -> [String] {
    try schema.tables.map(\.name).filter { name in
      try db.first(
        "SELECT 1 FROM pragma_index_list(?) WHERE \"unique\" = 1 AND origin <> 'pk'", .text(name)
      ) { _ in true } ?? false
    }
  }

  private func checkColumns() throws {
    for table in schema.tables {
      let found = try columns(of: table)
      let missing = (["id"] + table.fields.map(\.name)).filter { !found.contains($0) }
      guard !missing.isEmpty else { continue }
      let what = found.isEmpty ? "the table \(table.name)" : "\(table.name).\(missing[0])"
      throw StoreError(
        .lacking, "\(path) lacks \(what): another program dropped or renamed it",
        hint: "Name it as it was, or restore a backup with `cordee restore FILE`.")
    }
  }

  func columns(of table: Table) throws -> [String] {
    try db.all("SELECT name FROM pragma_table_info(?)", .text(table.name)) { $0.text(0) }
  }

  private func triggers() throws -> [String: String] {
    try Dictionary(
      db.all("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'") {
        ($0.text(0), $0.text(1))
      }, uniquingKeysWith: { first, _ in first })
  }

  /// Makes triggers again that are not as they should be, and names the tables that had lost theirs.
  @discardableResult
  func makeTriggersAgain() throws -> Set<String> {
    let found = try triggers()
    if found["cordee_touched_once"] != Layout.touchedOnce {
      try db.execute("DROP TRIGGER IF EXISTS cordee_touched_once; \(Layout.touchedOnce)")
    }
    var lost: Set<String> = []
    for table in schema.tables
    where Layout.triggerList(table).contains(where: { found[$0.name] != $0.sql }) {
      try db.execute(Layout.triggers(table))
      lost.insert(table.name)
    }
    return lost
  }

  /// Tables of which an earlier version's triggers are not all there: these are known by name alone.
  func tablesLackingTriggers() throws -> [String] {
    let found = try triggers()
    return try schema.tables.filter { table in
      let columns = try columns(of: table)
      let fields = table.fields.map(\.name).filter { columns.contains($0) }
      return !columns.isEmpty
        && (["insert", "replace", "delete", "key"] + fields.map { "set_\($0)" })
          .contains { found["cordee_\(table.name)_\($0)"] == nil }
    }.map(\.name)
  }

  /// What lies behind a refusal when it is a UNIQUE index that another program made on a shared table; else nil.
  func foreignIndex(behind error: SQLiteError) throws -> StoreError? {
    guard error.isConstraint else { return nil }
    for table in schema.tables {
      let indexes = try db.all(
        "SELECT name FROM pragma_index_list(?) WHERE \"unique\" = 1 AND origin = 'c'",
        .text(table.name)
      ) { $0.text(0) }
      guard let index = indexes.first else { continue }
      return StoreError(
        .foreign,
        "\(path): the UNIQUE index \(index) on \(table.name), which another program made, refuses another member's row",
        hint:
          "Nothing was changed. Drop it (`DROP INDEX \(index)`), then go on; an index that is not UNIQUE may stay.",
        cause: "\(error)")
    }
    return nil
  }
}

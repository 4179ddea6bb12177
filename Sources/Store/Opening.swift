import Changes
import Mutants
import SQLite

/// What is done with a file when it is opened: made, brought up to this version, looked over.
extension Store {
  func prepare(use: Use, create: Bool) throws {
    do {
      let (isOurs, isEmpty, written) = try read {
        let isOurs =
          try db.first("SELECT 1 FROM sqlite_schema WHERE name = 'cordee_meta'") { _ in true }
          ?? false
        let isEmpty = try db.first("SELECT count(*) FROM sqlite_schema") { $0.int(0) == 0 } ?? true
        return (isOurs, isEmpty, isOurs ? try versions() : nil)
      }
      if !isOurs {
        guard isEmpty, create, use != .reader else {
          throw StoreError(
            .foreign, "\(path) is no Cordée replica",
            hint: "Give the replica's own file, or join to make one.")
        }
        try write {
          try db.execute(Layout.engine)
          try setMeta("layout", .integer(Int64(Layout.number)))
          try prepareRecentStamps()
        }
      }
      let (layout, number) = try written ?? versions()
      if use == .reader { return }
      guard layout > 0 else {
        throw StoreError(
          .corrupt, "\(path) has lost the number of its layout",
          hint: "It can be read. Keep it as it is, and put a backup in its place.")
      }
      var lost: [String] = []
      if layout < Layout.number || number < schema.number {
        if use == .replica { lost = try tablesLackingTriggers() }
        do {
          try write {
            if layout < Layout.number { try renewLayout(from: layout) }
            if number < schema.number { try migrate() }
          }
        } catch let error as StoreError
          where error.isOfWritingAlone && layout >= 2 && number == schema.number
        {
          // The newest index and triggers are missing, without which everything reads as well, if slower.
        }
      }
      try checkSchema(use: use, lost: lost)
    } catch let error as SQLiteError {
      throw StoreError(error, path: path)
    }
  }

  /// The numbers of the file's layout and of its schema.
  ///
  /// - Throws: `StoreError.newer` when a newer version wrote it, be it while this one had it open.
  @discardableResult
  func versions() throws -> (layout: Int64, schema: Int64) {
    let layout = try meta("layout")?.integer ?? 0
    let number = try meta("schema")?.integer ?? 0
    guard layout <= Layout.number, number <= schema.number else {
      throw StoreError(
        .newer, "\(path) was written by a newer version of Cordée", hint: "Install that version.")
    }
    return (layout, number)
  }

  /// Brings the engine's own tables up to this layout.
  ///
  /// To 2 and to 3 triggers changed, with 3 an index came, and with 4 a table.
  private func renewLayout(from layout: Int64) throws {
    // An older schema's triggers are made anew with its tables.
    if try meta("schema")?.integer == Int64(schema.number) { try makeTriggersAgain() }
    if layout < 3 { try db.execute(Layout.refusedIndex) }
    if layout < 4 {
      try db.execute(Layout.recentStamps)
      try prepareRecentStamps()
    }
    try setMeta("layout", .integer(Int64(Layout.number)))
  }

  /// Whether the file was written by an earlier version, and has not been brought up to this one.
  public func isOfEarlierVersion() throws -> Bool {
    try meta("layout")?.integer ?? 0 < Layout.number
      || meta("schema")?.integer ?? 0 < schema.number
  }

  /// Brings the shared tables up to this schema, and moves what was carried for it into them.
  private func migrate() throws {
    for table in schema.tables {
      let columns = try columns(of: table)
      if columns.isEmpty {
        try db.execute(Layout.create(table))
      } else {
        for field in table.fields where !columns.contains(field.name) {
          try db.execute(Layout.addColumn(field, to: table))
        }
      }
      try db.execute(Layout.triggers(table))
    }
    try setMeta("schema", .integer(Int64(schema.number)))
    if mutant(27, "R14: what was carried for a newer schema stays where it was") { return }
    for row in try expandedRows() { try save(try load(row), of: row) }
  }
}

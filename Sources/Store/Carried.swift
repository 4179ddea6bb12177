import Changes
import SQLite

/// Tables that this schema does not know: carried untouched, each in the space it first came in.
extension Store {
  /// The space a table belongs to; nil for one never heard of.
  public func space(ofTable name: String) throws -> String? {
    if let table = schema.table(name) { return table.space }
    if let known = cache.carried[name] { return known }
    let found = try db.first(
      "SELECT space FROM cordee_carried WHERE tbl = ?", .int(try number(ofName: name))
    ) { $0.int(0) }
    guard let found else { return nil }
    let space = try self.name(ofNumber: found)
    cache.carried[name] = space
    return space
  }

  /// Remembers where a table unknown to the schema belongs; call inside `write`.
  func carry(_ table: String, in space: String) throws {
    guard try self.space(ofTable: table) == nil else { return }
    try db.run(
      "INSERT INTO cordee_carried(tbl, space) VALUES(?, ?)", .int(try number(ofName: table)),
      .int(try number(ofName: space)))
    cache.carried[table] = space
  }

  /// Every table of a space that holds or held rows, with its number, by name.
  func tables(of space: String) throws -> [(number: Int, name: String)] {
    let declared = schema.tables.filter { $0.space == space }.map(\.name)
    let carried = try db.all(
      "SELECT tbl FROM cordee_carried WHERE space = ?", .int(try number(ofName: space))
    ) { $0.int(0) }.map { try name(ofNumber: $0) }.filter { schema.table($0) == nil }
    return try (declared + carried).map { (try number(ofName: $0), $0) }
      .sorted { $0.1.utf8.lexicographicallyPrecedes($1.1.utf8) }
  }
}

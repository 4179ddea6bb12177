import Changes
import SQLite

/// Tables that this schema does not know: carried untouched, each in the space it first came in.
extension Store {
  /// The space a table belongs to; nil for one never heard of.
  public func space(ofTable name: String) throws -> String? {
    if let table = schema.table(name) { return table.space }
    if let known = cache.carried[name] { return known }
    // By its name: one that was only asked about gets no number.
    let found = try db.first(
      "SELECT c.space FROM cordee_carried c JOIN cordee_name n ON n.id = c.tbl WHERE n.name = ?",
      .text(name)
    ) { $0.int(0) }
    guard let found else { return nil }
    let space = try self.name(ofNumber: found)
    cache.carried[name] = space
    return space
  }

  /// Of some names those that this file does not know yet.
  public func newNames(of names: Set<String>) throws -> Set<String> {
    try names.filter { name in
      guard cache.names[name] == nil else { return false }
      return try db.first("SELECT 1 FROM cordee_name WHERE name = ?", .text(name)) { _ in true }
        == nil
    }
  }

  /// How many names this file knows, and how many tables it carries.
  public func nameCounts() throws -> (names: Int, carried: Int) {
    try db.first(
      "SELECT (SELECT count(*) FROM cordee_name), (SELECT count(*) FROM cordee_carried)"
    ) { ($0.int(0), $0.int(1)) } ?? (0, 0)
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
    return try (declared + carried).map { (number: try number(ofName: $0), name: $0) }
      .sorted { $0.name.precedes(bytesOf: $1.name) }
  }
}

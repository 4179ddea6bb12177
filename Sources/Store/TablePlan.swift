import Changes

/// One shared table and the statements for its rows, put together once: for each row anew they would cost more than running.
final class TablePlan {
  let table: Table
  /// Field names → their places.
  let places: [String: Int]
  /// Every field of one row.
  let select: String
  /// Writes every field of one row.
  let upsert: String
  /// Takes one row away.
  let delete: String
  private let updates: [String]

  init(_ table: Table) {
    self.table = table
    let quoted = Layout.quoted(table.name)
    let names = table.fields.map { Layout.quoted($0.name) }
    let marks = [String](repeating: "?", count: names.count + 1).joined(separator: ", ")
    let sets = names.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
    places = Dictionary(
      table.fields.enumerated().map { ($0.element.name, $0.offset) },
      uniquingKeysWith: { a, _ in a })
    select = "SELECT \(names.joined(separator: ", ")) FROM \(quoted) WHERE id = ?"
    upsert =
      "INSERT INTO \(quoted)(\((["id"] + names).joined(separator: ", "))) VALUES(\(marks)) "
      + "ON CONFLICT(id) DO UPDATE SET \(sets)"
    delete = "DELETE FROM \(quoted) WHERE id = ?"
    updates = names.map { "UPDATE \(quoted) SET \($0) = ? WHERE id = ?" }
  }

  /// Writes the fields at `places` of one row.
  func update(_ places: [Int]) -> String {
    if places.count == 1 { return updates[places[0]] }
    let sets = places.map { "\(Layout.quoted(table.fields[$0].name)) = ?" }
    return "UPDATE \(Layout.quoted(table.name)) SET \(sets.joined(separator: ", ")) WHERE id = ?"
  }
}

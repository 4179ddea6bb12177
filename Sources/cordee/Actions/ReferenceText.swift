import Changes
import Store
import Wire

/// References as people read them: the record one leads to, or that it leads to none.
enum ReferenceText {
  /// The record that a field's value refers to, as it can be typed again; nil when the value is no reference.
  ///
  /// - Complexity: O(rows of the table that is referred to).
  static func name(_ value: JSON, of field: Field?, in store: Store) throws -> String? {
    guard let target = field?.references, let id = value.string else { return nil }
    let row = RowKey(table: target, id: id)
    return try store.stands(row)
      ? ReadActions.recordName(row, try store.state(of: row), in: store) : loose(row, in: store)
  }

  /// A reference that leads to no row of its table: `not-there (no organisation)`.
  static func loose(_ row: RowKey, in store: Store) throws -> String {
    if try store.isKnown(row) {
      return "\(ReadActions.recordName(row, try store.state(of: row), in: store)) (deleted)"
    }
    for table in store.schema.tables where table.name != row.table {
      let other = RowKey(table: table.name, id: row.id)
      guard try store.stands(other) else { continue }
      let name = ReadActions.recordName(other, try store.state(of: other), in: store)
      return "\(name) (no \(row.table))"
    }
    // A name in an id's place looks right to whoever reads it.
    let isName = (try? store.resolve(row.id, in: row.table)) != nil
    return "\(row.id) (\(isName ? "a name in place of an id" : "no \(row.table)"))"
  }

  /// References that are shown; `--json` has more.
  private static let shownMax = 5
  /// References that `--json` holds; all are counted.
  private static let listedMax = 1000

  /// What `status` says of references that lead nowhere: it asks for nobody at once, since the row may be still to come.
  static func lines(_ store: Store) throws -> [String] {
    let (first, count) = try store.looseReferences(limit: shownMax)
    guard count > 0 else { return [] }
    var lines = [
      "\(counted(count, "reference leads", "references lead")) nowhere: wrong (`cordee set` corrects it), "
        + "or to a record that is deleted or still to come."
    ]
    lines += try first.map {
      let row = ReadActions.recordName($0.row, try store.state(of: $0.row), in: store)
      return "  \(row) \($0.field): \(try loose($0.target, in: store))"
    }
    if count > first.count { lines.append("  and \(count - first.count) more: see --json") }
    return lines
  }

  /// The same for programs.
  static func json(_ store: Store) throws -> [(String, JSON)] {
    let (first, count) = try store.looseReferences(limit: listedMax)
    return [
      ("loose_references_count", .integer(Int64(count))),
      (
        "loose_references",
        .array(
          try first.map {
            .object([
              (
                "record",
                .string(ReadActions.recordName($0.row, try store.state(of: $0.row), in: store))
              ), ("id", .string($0.row.id)), ("field", .string($0.field)),
              ("value", .string($0.target.id)), ("refers_to", .string($0.target.table)),
            ])
          })
      ),
    ]
  }
}

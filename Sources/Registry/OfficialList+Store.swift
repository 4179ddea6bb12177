import Changes
import SQLite
public import Store

extension OfficialListRows {
  /// Reads the rows from a store; only tables of the space everybody reads, `commons`, are looked at.
  ///
  /// - Complexity: O(rows of the five tables).
  public init(_ store: Store) throws {
    self = try store.read {
      try OfficialListRows { table, fields in
        guard let known = store.schema.table(table), known.space == "commons",
          fields.allSatisfy({ $0 == "id" || known.field($0) != nil })
        else { return [] }
        return try store.values(fields, of: table)
      }
    }
  }
}

extension OfficialList {
  /// Reads the list from a store.
  ///
  /// - Parameter day: `YYYY-MM-DD`.
  public init(_ store: Store, on day: String) throws {
    self.init(try OfficialListRows(store), on: day)
  }
}

extension Store {
  /// The texts and whole numbers of some columns of every row; the names must be the schema's.
  fileprivate func values(_ fields: [String], of table: String) throws -> [[String: Value]] {
    let columns = fields.map { "\"\($0)\"" }.joined(separator: ", ")
    return try withConnection { connection in
      try connection.all("SELECT \(columns) FROM \"\(table)\"") { row in
        var values: [String: Value] = [:]
        for (index, field) in fields.enumerated() {
          switch row.kind(index) {
          case .integer: values[field] = .integer(row.integer(index))
          case .text: values[field] = .text(row.text(index))
          case .null, .real, .blob: break
          }
        }
        return values
      }
    }
  }
}

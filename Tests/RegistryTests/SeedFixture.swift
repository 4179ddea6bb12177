import Changes
import Foundation
import Registry
import Seal
import Wire

/// The founding records as they lie in the repository.
enum Fixture {
  static func json() throws -> JSON {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try JSON.parse(
      Array(Data(contentsOf: root.appending(path: "Fixtures/seed-records.json"))))
  }

  static func seed(_ json: JSON) throws -> Seed { try Seed(json) { Blake2b.hash([$0]) } }

  static func records() throws -> [SeedRecord] { try seed(json()).records }

  /// A reader over records, for the list.
  static func reader(_ records: [SeedRecord]) -> RowReader {
    { table, fields in
      records.filter { $0.table == table }.map { record in
        var row: [String: Value] = ["id": .text(record.id)]
        for field in record.fields where fields.contains(field.name) {
          row[field.name] = field.value
        }
        return row
      }
    }
  }
}

extension SeedRecord {
  func value(_ field: String) -> Value? { fields.first { $0.name == field }?.value }
  func text(_ field: String) -> String? { value(field)?.text }
}

extension JSON {
  /// The same value with the member at `path` replaced, for spoiling records; an index is a number.
  func replacing(_ path: [String], with value: JSON) -> JSON {
    guard let key = path.first else { return value }
    let rest = Array(path.dropFirst())
    switch self {
    case .object(var members):
      if let index = members.firstIndex(where: { $0.0 == key }) {
        members[index].1 = members[index].1.replacing(rest, with: value)
      } else {
        members.append((key, value))
      }
      return .object(members)
    case .array(var items):
      if let index = Int(key) { items[index] = items[index].replacing(rest, with: value) }
      return .array(items)
    default: return self
    }
  }
}

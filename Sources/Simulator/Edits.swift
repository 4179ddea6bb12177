import Causality
import Changes
import SQLite
import Store
import Wire

/// Edits by other programs: plain SQL on a connection of their own.
extension World {
  private enum Kind: CaseIterable {
    case insert, update, delete, upsert, replace, several, key, putBack, rolledBack
    case wrong, centralTable
  }

  /// One program's edit of a member's file, as the stream draws it.
  func edit(_ station: Station, _ draw: inout Seeded) throws {
    let program: Program
    do {
      program = try station.openProgram()
    } catch {
      return excuse(station, error)
    }
    let kind = kind(&draw)
    let table = table(for: station, &draw)
    let id = id(in: table, &draw)
    do {
      try program.connection.transaction { () throws in
        try write(kind, table, id, program.connection, &draw)
        if kind == .rolledBack { throw RolledBack() }
      }
    } catch is RolledBack {
      marks.hit(.rolledBack)
    } catch let error as SQLiteError where error.isConstraint {
      // A program that runs into the schema is told so by SQLite.
    } catch {
      return excuse(station, error)
    }
    tell("  \(station.name): \(kind) \(table.name)/\(id)")
    do {
      try noteTouched(station, program.connection)
    } catch  where isStruck {
      // The edit stands; the disk died before anybody could look. It is looked at when the disk is back.
      excuse(station, error)
    }
  }

  private struct RolledBack: Error {}

  private func excuse(_ station: Station, _ error: any Error) {
    let isBad = isStruck
    fail(station.name, "program", isBad ? .damaged : .none, "\(error)")
  }

  private func kind(_ draw: inout Seeded) -> Kind {
    let common: [Kind] = [
      .insert, .insert, .insert, .update, .update, .update, .update, .delete, .upsert, .replace,
      .several, .key, .putBack, .rolledBack,
    ]
    return scenario.families.contains(.mistakes) && draw.chance(150)
      ? draw.pick([.wrong, .wrong, .centralTable]) : draw.pick(common)
  }

  /// A table the member may write, of its schema.
  func table(for station: Station, _ draw: inout Seeded) -> Table {
    let schema = Town.schema(station.schema)
    let writes = schema.role(station.role)?.writes ?? []
    let open = schema.tables.filter { $0.writers == .members && writes.contains($0.space) }
    guard !open.isEmpty else { return schema.tables[0] }
    return draw.chance(400) ? open[0] : draw.pick(open)
  }

  /// One of the rows people fight over; two of them are alike to Unicode, not to SQLite.
  func id(in table: Table, _ draw: inout Seeded) -> String {
    let number = draw.below(scenario.pool)
    let letter = table.name.prefix(2)
    switch number {
    case 5: return "\(letter)-\u{e9}"
    case 6: return "\(letter)-e\u{301}"
    default: return "\(letter)-\(number)"
    }
  }

  /// A new value for a field; now and then the same one that others write.
  func value(for field: Field, _ draw: inout Seeded) -> Value {
    if !field.isRequired, draw.chance(60) { return .null }
    let number = draw.chance(80) ? 7 : token()
    switch field.type {
    case .text: return .text("v\(number)")
    case .integer: return .integer(Int64(number))
    case .real: return .real(Double(number) + 0.5)
    case .blob: return .blob(Array("b\(number)".utf8))
    }
  }

  private func write(
    _ kind: Kind, _ table: Table, _ id: String, _ connection: borrowing Connection,
    _ draw: inout Seeded
  ) throws {
    let name = "\"\(table.name)\""
    let field = draw.pick(table.fields)
    let column = "\"\(field.name)\""
    switch kind {
    case .insert, .rolledBack:
      marks.hit(.insert)
      try insert("INSERT", table, id, connection, &draw)
    case .update:
      marks.hit(.update)
      for field in table.fields where field.name == column || draw.chance(400) {
        try connection.run(
          "UPDATE \(name) SET \"\(field.name)\" = ? WHERE id = ?",
          Self.argument(value(for: field, &draw)), .text(id))
      }
    case .delete:
      marks.hit(.delete)
      try connection.run("DELETE FROM \(name) WHERE id = ?", .text(id))
    case .upsert:
      marks.hit(.upsert)
      try insert(
        "INSERT", table, id, connection, &draw,
        tail: """
           ON CONFLICT(id) DO UPDATE SET \(column) = excluded.\(column)
          """)
    case .replace:
      marks.hit(.replace)
      try insert("REPLACE", table, id, connection, &draw)
    case .several:
      marks.hit(.severalRows)
      let value = Self.argument(value(for: field, &draw))
      try connection.run("UPDATE \(name) SET \(column) = ? WHERE id > ?", value, .text(id))
    case .key:
      marks.hit(.changedKey)
      let other = self.id(in: table, &draw)
      try connection.run("UPDATE \(name) SET id = ? WHERE id = ?", .text(other), .text(id))
    case .putBack:
      marks.hit(.valuePutBack)
      let was = try connection.first("SELECT \(column) FROM \(name) WHERE id = ?", .text(id)) {
        Self.argument($0, 0)
      }
      let set = "UPDATE \(name) SET \(column) = ? WHERE id = ?"
      try connection.run(set, Self.argument(value(for: field, &draw)), .text(id))
      if let was { try connection.run(set, was, .text(id)) }
    case .wrong: try writeWrong(table, id, connection, &draw)
    case .centralTable:
      marks.hit(.forbiddenTable)
      try connection.run("UPDATE replica SET name = ?", .text("v\(token())"))
    }
  }

  /// A value that the schema's SQL lets through and central refuses.
  private func writeWrong(
    _ table: Table, _ id: String, _ connection: borrowing Connection, _ draw: inout Seeded
  ) throws {
    marks.hit(.wrongValue)
    let required = table.fields.first(where: \.isRequired)?.name ?? table.fields[0].name
    switch draw.below(3) {
    case 0 where table.field("code") != nil:
      try connection.run(
        "UPDATE \"\(table.name)\" SET code = ? WHERE id = ?", .text(Town.wrongCode), .text(id))
    case 1:
      // Not UTF-8.
      try connection.run(
        "UPDATE \"\(table.name)\" SET \"\(required)\" = ? WHERE id = ?",
        .textBytes([0x76, 0xFF, 0xFE] + Array("\(token())".utf8)), .text(id))
    default:
      try connection.run("INSERT OR REPLACE INTO \"\(table.name)\"(id) VALUES(?)", .text(id))
    }
  }

  private func insert(
    _ verb: String, _ table: Table, _ id: String, _ connection: borrowing Connection,
    _ draw: inout Seeded, tail: String = ""
  ) throws {
    let fields = table.fields.filter { $0.isRequired || draw.chance(750) }
    let columns = (["id"] + fields.map { "\"\($0.name)\"" }).joined(separator: ", ")
    let marks = [String](repeating: "?", count: fields.count + 1).joined(separator: ", ")
    try connection.run(
      "\(verb) INTO \"\(table.name)\"(\(columns)) VALUES(\(marks))\(tail)",
      [.text(id)] + fields.map { Self.argument(value(for: $0, &draw)) })
  }

  static func argument(_ value: Value) -> Argument {
    switch value {
    case .null: .null
    case .integer(let number): .integer(number)
    case .real(let number): .real(number)
    case .text(let text): .text(text)
    case .malformedText(let bytes): .textBytes(bytes)
    case .blob(let bytes): .blob(bytes)
    }
  }

  private static func argument(_ row: borrowing Row, _ index: Int) -> Argument {
    argument(value(row, index))
  }

  static func value(_ row: borrowing Row, _ index: Int) -> Value {
    switch row.kind(index) {
    case .null: return .null
    case .integer: return .integer(row.integer(index))
    case .real: return .real(row.real(index))
    case .blob: return .blob(row.bytes(index))
    case .text: return row.validText(index).map { .text($0) } ?? .malformedText(row.bytes(index))
    }
  }
}

import Causality
public import Changes
import SQLite
import Seal
import Wire

/// One thing a person has to settle.
public struct Conflict: Sendable {
  /// Which row.
  public let row: RowKey
  /// The contested field; nil when the row was edited while somebody deleted it.
  public let field: String?
  /// The values that stand against each other, the shown one first.
  public let siblings: [Sibling]
}

/// What people and commands read.
extension Store {
  /// All that is known of a row.
  public func state(of row: RowKey) throws -> RowState { try load(row) }

  /// Everything that has to be settled, in a fixed order.
  ///
  /// - Complexity: O(rows in expanded form).
  public func conflicts() throws -> [Conflict] {
    var conflicts: [Conflict] = []
    for row in try expandedRows().sorted() {
      let state = try load(row)
      guard state.isShown else { continue }
      if state.isContested {
        conflicts.append(Conflict(row: row, field: nil, siblings: state.liveness))
      }
      for field in state.contestedFields {
        let siblings = (state.cells[field] ?? []).sorted {
          ($0.weight, $0.dot.actor) > ($1.weight, $1.dot.actor)
        }
        conflicts.append(Conflict(row: row, field: field, siblings: siblings))
      }
    }
    return conflicts
  }

  /// The shared content of a space, one JSON line a row, the same bytes wherever the same changes were integrated.
  ///
  /// Own changes that wait are left out: their rows are shown as everybody else has them. `[SP-412]`
  ///
  /// - Complexity: O(rows); memory stays flat.
  public func dump(_ space: String, line: ([UInt8]) throws -> Void) throws {
    for (_, table) in try tables(of: space) {
      try forEachRow(of: table) { row in
        let state = try base(of: row)?.state ?? load(row)
        if !state.liveness.isEmpty || !state.cells.isEmpty { try line(Self.dumpLine(row, state)) }
      }
    }
  }

  /// The next thousand ids of a table's rows, in order.
  ///
  /// - Throws: `StoreError` `.corrupt` at an id that is no text: going on after it would never end.
  func rowIDs(of table: String, after: String?) throws -> [String] {
    let bound = after.map { _ in "AND id > ?" } ?? ""
    let ids = try db.all(
      "SELECT id FROM cordee_row WHERE tbl = ? \(bound) ORDER BY id LIMIT 1000",
      [.int(try number(ofName: table))] + (after.map { [.text($0)] } ?? [])
    ) { $0.validText(0) }
    return try ids.map { id in
      guard let id else {
        throw StoreError(.corrupt, "\(path) holds a row of \(table) whose id is no text")
      }
      return id
    }
  }

  /// BLAKE2b-256 of `dump`: equal on equal replicas.
  public func digest(_ space: String) throws -> Hash {
    var hash = Blake2b()
    try dump(space) {
      hash.update($0)
      hash.update([UInt8(ascii: "\n")])
    }
    return Hash(bytes: hash.finalize()) ?? .zero
  }

  private static func dumpLine(_ row: RowKey, _ state: RowState) -> [UInt8] {
    func list(_ siblings: [Sibling]) -> JSON {
      .array(siblings.map { .array([.string($0.dot.description), ChangeEncoding.json($0.value)]) })
    }
    return JSON.object([
      ("table", .string(row.table)), ("id", .string(row.id)), ("shown", .bool(state.isShown)),
      ("alive", list(state.liveness)),
      ("fields", .object(state.cells.keys.sorted().map { ($0, list(state.cells[$0] ?? [])) })),
    ]).bytes()
  }
}

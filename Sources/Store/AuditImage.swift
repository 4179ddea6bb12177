import Causality
import Changes
import SQLite
import Wire

/// What of an image is not what the log says.
public struct Disagreement: Sendable, Hashable {
  /// How many rows of each table are not what their changes make of them.
  public var rows: [String: Int] = [:]
  /// Authors whose head is not where their chain ends.
  public var heads = 0
  /// What is wrong with the log itself, which then says nothing.
  public var log: String?

  /// Whether there is nothing to say.
  public var isNone: Bool { rows.isEmpty && heads == 0 && log == nil }
}

/// An image held against the log before central signs it: the log is replayed into the scratch file from its first entry, and
/// what comes out is compared with the image by SQL.
///
/// Hashes and chains are checked on the way, signatures are not: whoever reads the log checks them.
extension Audit {
  /// Compares an image that was just written from this file.
  ///
  /// - Parameter path: the image.
  /// - Throws: what kept it from looking.
  /// - Complexity: O(log + rows); memory stays flat.
  public func disagreement(ofImageAt path: String, of space: String) throws -> Disagreement {
    try scratch.takeNumbers(fromImageAt: path)
    isReplayAlone = true
    defer { isReplayAlone = false }
    return try store.read {
      try replay(space, gap: nil)
      var found = Disagreement()
      if let first = report.findings.first(where: { $0.kind == .damage }) {
        found.log = first.message
        return found
      }
      try scratch.write { try scratch.takeOver() }
      try scratch.withAttached(path) {
        try scratch.collectDiffering(of: space)
        found.heads = try scratch.differingHeads(of: space)
        try countDiffering(&found)
      }
      return found
    }
  }

  /// One state may be written in several ways: what differs in its columns is looked at as a row.
  private func countDiffering(_ found: inout Disagreement) throws {
    try scratch.db.scan("SELECT tbl, id FROM temp.differing", []) { line in
      let row = RowKey(table: line.text(0), id: line.text(1))
      let state = try scratch.load(row)
      if try store.load(row) != state || !store.showsRight(state, of: row) {
        found.rows[row.table, default: 0] += 1
      }
      return true
    }
  }
}

extension Store {
  /// Makes names and actors have the numbers that they have in an image; in a file of which nothing is known yet.
  fileprivate func takeNumbers(fromImageAt path: String) throws {
    try withAttached(path) {
      try write {
        for name in ["name", "actor"] {
          try db.execute(
            """
            DELETE FROM main.cordee_\(name);
            INSERT OR IGNORE INTO main.cordee_\(name) SELECT * FROM image.cordee_\(name);
            """)
        }
        cache = Cache()
      }
    }
  }

  /// Notes the rows that are not the same here and in the attached image, column by column.
  fileprivate func collectDiffering(of space: String) throws {
    try db.execute(
      """
      CREATE TEMP TABLE differing(tbl TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY(tbl, id));
      CREATE TEMP TABLE differing_number(tbl INTEGER NOT NULL, id TEXT NOT NULL);
      """)
    let stamp = ["actor", "n", "weight", "width", "exceptions"]
    try db.run(
      """
      INSERT INTO differing_number SELECT i.tbl, i.id FROM image.cordee_row i
      LEFT JOIN main.cordee_row m ON m.tbl = i.tbl AND m.id = i.id WHERE \(Self.differ(["id"] + stamp))
      """)
    try db.run(
      """
      INSERT INTO differing_number SELECT tbl, id FROM
        (SELECT tbl, id FROM main.cordee_row EXCEPT SELECT tbl, id FROM image.cordee_row)
      """)
    let sibling = "tbl, id, field, actor, n, weight, seen, typeof(value), value"
    for (one, other) in [("main", "image"), ("image", "main")] {
      try db.run(
        """
        INSERT INTO differing_number SELECT tbl, id FROM (SELECT \(sibling) FROM \(one).cordee_sibling
          EXCEPT SELECT \(sibling) FROM \(other).cordee_sibling)
        """)
    }
    try db.run(
      """
      INSERT OR IGNORE INTO differing SELECT ifnull(n.name, ''), d.id FROM differing_number d
      LEFT JOIN main.cordee_name n ON n.id = d.tbl
      """)
    for table in schema.tables where table.space == space {
      let name = Layout.quoted(table.name)
      try db.run(
        """
        INSERT OR IGNORE INTO differing SELECT ?, i.id FROM image.\(name) i LEFT JOIN main.\(name) m ON m.id = i.id
        WHERE \(Self.differ(["id"] + table.fields.map(\.name)))
        """, .text(table.name))
      try db.run(
        """
        INSERT OR IGNORE INTO differing SELECT ?, id FROM
          (SELECT id FROM main.\(name) EXCEPT SELECT id FROM image.\(name))
        """, .text(table.name))
    }
  }

  /// How many heads are not the same here and in the attached image.
  fileprivate func differingHeads(of space: String) throws -> Int {
    let head = "actor, n, hash, context"
    let here = "SELECT \(head) FROM main.cordee_known WHERE space = ?1"
    let there = "SELECT \(head) FROM image.cordee_known"
    return try db.first(
      """
      SELECT count(DISTINCT actor) FROM (SELECT * FROM (\(here) EXCEPT \(there))
        UNION ALL SELECT * FROM (\(there) EXCEPT \(here)))
      """, .int(try number(ofName: space))
    ) { $0.int(0) } ?? 0
  }

  /// That two rows `m` and `i` are not the same in these columns.
  private static func differ(_ columns: [String]) -> String {
    let names = columns.map(Layout.quoted)
    return "(\(names.map { "m.\($0)" }.joined(separator: ", "))) IS NOT "
      + "(\(names.map { "i.\($0)" }.joined(separator: ", ")))"
  }
}

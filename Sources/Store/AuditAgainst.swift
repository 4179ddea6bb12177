public import Causality
import Changes
import SQLite
import Wire

extension Store {
  /// Compares this file with another of the same network: histories first, then what is shown.
  ///
  /// - Returns: nothing when one is a beginning of the other and what both hold is equal; else where they part.
  /// - Complexity: O(rows + entries of the shorter log).
  public func differences(from other: Store) throws -> [Finding] {
    guard try meta("network") == other.meta("network") else {
      return [Finding(.damage, "against.network", "\(other.path) belongs to another network")]
    }
    var findings: [Finding] = []
    for space in schema.spaces {
      let (mine, theirs) = (try logEnd(of: space), try other.logEnd(of: space))
      if let seq = try firstFork(of: space, other) {
        findings.append(
          parting(of: space, at: seq, isSameLife: try life(of: space) == other.life(of: space)))
      } else if mine.seq != theirs.seq {
        findings.append(
          Finding(
            .notice, "against.behind",
            "in \(space), \(mine.seq < theirs.seq ? path : other.path) is behind: \(min(mine.seq, theirs.seq)) of \(max(mine.seq, theirs.seq))"
          ))
      } else if let row = try firstDifference(of: space, other) {
        findings.append(
          Finding(
            .damage, "against.row", "\(row.table)/\(row.id) differs, although the logs are equal"))
      }
    }
    return findings
  }

  /// The life of central in which a space was read last; of central's own file, its present one.
  public func life(of space: String) throws -> InstanceID? {
    if let cursor = try meta("cursor.\(space)")?.text.flatMap({ Cursor($0) }) {
      return cursor.instance
    }
    guard case .blob(let bytes)? = try meta("instance") else { return nil }
    return InstanceID(bytes: bytes)
  }

  /// Two logs of a space that part at an entry: within one life of central each of them is its signed word.
  public func parting(of space: String, at seq: Int, isSameLife: Bool) -> Finding {
    isSameLife
      ? Finding(
        .damage, "against.fork",
        "the logs of \(space) part at entry \(seq): central signed two histories")
      : Finding(
        .notice, "against.life",
        "the logs of \(space) part at entry \(seq), in two lives of central: it was restored in between; "
          + "sync, then compare again")
  }

  /// The first entry both logs hold with another hash.
  private func firstFork(of space: String, _ other: Store) throws -> Int? {
    var fork: Int?
    try db.scan(
      "SELECT seq, hash FROM cordee_log WHERE space = ? ORDER BY seq",
      [.int(try number(ofName: space))]
    ) { row in
      guard let held = try other.logHash(of: space, at: row.int(0)), held.bytes != row.bytes(1)
      else {
        return true
      }
      fork = row.int(0)
      return false
    }
    return fork
  }

  /// The first row whose shared state differs.
  private func firstDifference(of space: String, _ other: Store) throws -> RowKey? {
    let touched = [try touchedCells(), try other.touchedCells()]
    // What nobody sealed yet is nobody else's.
    func state(_ row: RowKey, in store: Store) throws -> RowState {
      let old = touched[store === self ? 0 : 1][row] ?? [:]
      return try store.base(of: row)?.state ?? store.load(row, old: old)
    }
    for (first, second) in [(self, other), (other, self)] {
      for (_, table) in try first.tables(of: space) {
        var after: String?
        while true {
          let ids = try first.rowIDs(of: table, after: after)
          for id in ids {
            let row = RowKey(table: table, id: id)
            if try state(row, in: first) != state(row, in: second) { return row }
          }
          guard let last = ids.last else { break }
          after = last
        }
      }
    }
    return nil
  }
}

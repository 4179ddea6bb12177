public import Causality
import Changes
import SQLite
import Wire

extension Store {
  /// Compares this file with another of the same network: histories first, merged and waiting, then what is shown.
  ///
  /// - Returns: nothing when one is a beginning of the other and what both hold is equal; else where they part.
  /// - Complexity: O(rows + entries of the shorter log + changes of authors whose chains part).
  public func differences(from other: Store) throws -> [Finding] {
    guard try meta("network") == other.meta("network") else {
      return [Finding(.damage, "against.network", "\(other.path) belongs to another network")]
    }
    var findings: [Finding] = []
    for space in schema.spaces {
      let (mine, theirs) = (try logEnd(of: space), try other.logEnd(of: space))
      let fork = try firstFork(of: space, other)
      // Where the logs part, what both hold as merged parts with them.
      if let dot = try firstTwin(in: space, other, merged: fork == nil) {
        findings.append(.twin(dot, in: space))
      }
      if let seq = fork {
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

  /// The first change of which both files hold another under its name, waiting or merged.
  ///
  /// - Parameter merged: whether one that both hold as merged counts.
  private func firstTwin(in space: String, _ other: Store, merged: Bool) throws -> Dot? {
    let theirs = try other.known(in: space)
    for entry in try known(in: space).entries {
      let actor = entry.actor
      let last = Dot(actor: actor, n: min(entry.n, theirs[actor]))
      let judged = merged ? 0 : try min(lastLogged(actor, space), other.lastLogged(actor, space))
      guard last.n > judged else { continue }
      let hashes = (try changeHash(last, in: space), try other.changeHash(last, in: space))
      // Each hash covers all before it: chains that agree at a place agree up to there.
      if hashes.0 != nil, hashes.0 == hashes.1 { continue }
      if let n = try firstTwin(of: actor, after: judged, in: space, other) {
        return Dot(actor: actor, n: n)
      }
      if hashes.0 != nil, hashes.1 != nil { return last }
    }
    return nil
  }

  /// The first change that both hold with a hash of its own, where the two hashes differ.
  private func firstTwin(of actor: ActorID, after judged: Int, in space: String, _ other: Store)
    throws -> Int?
  {
    var first: Int?
    try db.scan(
      "SELECT n, hash FROM cordee_change WHERE space = ? AND actor = ? AND n > ? ORDER BY n",
      [.int(try number(ofName: space)), .int(try number(of: actor)), .int(judged)]
    ) { row in
      let dot = Dot(actor: actor, n: row.int(0))
      guard let held = try other.changeHash(dot, in: space), held.bytes != row.bytes(1) else {
        return true
      }
      first = dot.n
      return false
    }
    return first
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

extension Finding {
  /// One name that stands for two edits, since two files wrote as one author.
  public static func twin(_ dot: Dot, in space: String) -> Finding {
    Finding(
      .notice, "against.twin",
      "change \(dot) of \(space) is one edit here and another there: two copies of its author's file wrote",
      advice:
        "Nothing is lost by it. `cordee status` in each says which is the copy; its next `cordee sync` gives its edits "
        + "names of their own, on another machine `cordee join INVITE --adopt`.")
  }
}

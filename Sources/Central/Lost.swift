public import Causality
import Changes
import SQLite
import Store
import Wire

/// Changes that others had seen and nobody has any more: after a restore they are waited for until somebody who keeps
/// central declares them lost, by name.
extension Central {
  /// Whether a change was declared lost before it came.
  func isLost(_ dot: Dot, in space: String) throws -> Bool {
    let n = try lostCount(of: dot.actor, in: space)
    return try dot.n <= n && store.head(of: dot.actor, in: space).n < dot.n
  }

  /// Whether a segment stands behind changes of its author that were declared lost and never came: it can never stand.
  func followsLost(_ segment: Segment, in space: String) throws -> Bool {
    let held = try heldHead(of: segment.actor, in: space).n
    return try segment.from > held + 1 && lostCount(of: segment.actor, in: space) > held
  }

  /// The count up to which an author's changes were declared lost; 0 when none were.
  func lostCount(of actor: ActorID, in space: String) throws -> Int {
    try store.withConnection {
      try $0.first(
        "SELECT n FROM cordee_lost WHERE space = ? AND actor = ?", .text(space), .blob(actor.bytes)
      ) { $0.int(0) }
    } ?? 0
  }

  /// What segments in the inbox wait for: the first missing change and the last, by space and author.
  ///
  /// - Complexity: O(segments in the inbox).
  public func awaited() throws -> [(space: String, actor: ActorID, from: Int, to: Int)] {
    var missing: [String: [ActorID: Int]] = [:]
    for space in store.schema.spaces {
      let rows = try store.withConnection { connection in
        try connection.all(
          "SELECT actor, n_from, lines FROM cordee_inbox WHERE space = ? ORDER BY id", .text(space)
        ) { ($0.bytes(0), $0.int(1), $0.bytes(2)) }
      }
      for (bytes, from, lines) in rows {
        guard let actor = ActorID(bytes: bytes), let first = Lines.split(lines).first else {
          continue
        }
        if from > 1 { note(Dot(actor: actor, n: from - 1), &missing[space, default: [:]]) }
        // What its author claimed before, be it refused, it claims still.
        var context = try store.head(of: actor, in: space).context
        context.merge(try ChangeDecoding.line(first).header.context)
        for entry in context.entries {
          note(Dot(actor: entry.actor, n: entry.n), &missing[space, default: [:]])
        }
      }
    }
    return try missing.sorted { $0.key < $1.key }.flatMap { space, actors in
      try actors.sorted { $0.key < $1.key }.compactMap { actor, to in
        let held = try max(heldHead(of: actor, in: space).n, lostCount(of: actor, in: space))
        return held < to ? (space, actor, held + 1, to) : nil
      }
    }
  }

  private func note(_ dot: Dot, _ missing: inout [ActorID: Int]) {
    missing[dot.actor] = max(missing[dot.actor] ?? 0, dot.n)
  }

  /// Declares changes lost that something in the inbox waits for: what waits goes on at the next merge.
  ///
  /// Should they come after all, they are refused by that name.
  ///
  /// - Parameter name: `ACTOR:N`, the last change that is gone; those before it that never came are gone with it.
  /// - Returns: the spaces in which something waited for it.
  /// - Throws: `Problem` when nothing waits for it, or central was never restored.
  public func declareLost(_ name: String, at: String) throws -> [String] {
    guard let dot = ChangeDecoding.dot(name) else {
      throw Problem("lost.shape", status: 422, "\(name) is no change", hint: "Give ACTOR:N.")
    }
    try checkServes()
    let spaces = try awaited().filter {
      $0.actor == dot.actor && $0.from <= dot.n && dot.n <= $0.to
    }
    guard try wasRestored, !spaces.isEmpty else {
      throw Problem(
        "lost.unknown", status: 404, "nothing waits for \(name)",
        hint: "See what is waited for in `cordee central status`.")
    }
    try store.write {
      for (space, actor, _, _) in spaces {
        try store.withConnection { connection in
          try connection.run(
            """
            INSERT INTO cordee_lost(space, actor, n, at) VALUES(?, ?, ?, ?)
            ON CONFLICT(space, actor) DO UPDATE SET n = excluded.n, at = excluded.at
            """, .text(space), .blob(actor.bytes), .int(dot.n), .text(at))
          // What follows the gap in its author's own chain can never stand.
          let orphans = """
            space = ?1 AND actor = ?2 AND n_from > ?3
            """
          let end = try heldHead(of: actor, in: space).n + 1
          try connection.run(
            """
            INSERT INTO cordee_aside(space, actor, n_from, n_to, reason, lines)
            SELECT space, actor, n_from, n_to, 'change.lost: what it follows was declared lost', lines
            FROM cordee_inbox WHERE \(orphans)
            """, .text(space), .blob(actor.bytes), .int(end))
          try connection.run(
            "DELETE FROM cordee_inbox WHERE \(orphans)", .text(space), .blob(actor.bytes), .int(end)
          )
        }
      }
      store.guardRows(of: .lost)
      store.guardRows(of: .aside)
      try keepReport(at: at, [("lost", .string(name))])
    }
    return spaces.map(\.space)
  }
}

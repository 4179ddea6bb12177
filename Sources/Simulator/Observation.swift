import Causality
import Central
import Changes
import Replica
import SQLite
import Seal
import Store
import Wire

/// What an onlooker reads in the files after each step: by plain SQL, not by asking the engine.
extension World {
  /// Reads what a member's file holds that was not seen before.
  func observe(_ station: Station) throws {
    guard let replica = station.replica else { return }
    let store = replica.store
    let cursors = try cursors(of: store, station)
    try store.withConnection { connection in
      try observeSealed(station, connection, cursors)
      let touched = try connection.first("SELECT 1 FROM cordee_touched LIMIT 1") { _ in true }
      if touched == nil { station.dirty = [:] }
      for space in Town.spaces {
        happened(
          .standing(
            node: station.name, space: space, seq: cursors[space] ?? 0,
            vector: try Self.vector(space, connection)))
      }
    }
  }

  private func observeSealed(
    _ station: Station, _ connection: borrowing Connection, _ cursors: [String: Int]
  ) throws {
    guard
      let bytes = try connection.first(
        "SELECT value FROM cordee_meta WHERE key = 'actor'", read: { $0.bytes(0) }),
      let actor = ActorID(bytes: bytes)
    else { return }
    for space in Town.spaces {
      guard var past = station.pasts[space] else { continue }
      let isNew = past.actor != actor
      let found = try Self.ownChanges(
        of: actor, in: space, after: isNew ? 0 : past.observed, connection)
      if let before = past.actor, isNew {
        branch(&past, before: found.first?.body.was, space)
        happened(.renewed(node: station.name, space: space, actor: before))
      }
      past.actor = actor
      for (n, body, hash) in found {
        var seq = body.writes.compactMap { station.dirty[$0.row]?.seq }.min() ?? cursors[space] ?? 0
        if let was = body.was {
          // Sealed again: what its author had seen is what counted then.
          seq = sights["\(was) \(space)"]?.seq ?? seq
          marks.hit(.resealed)
        }
        let sight = Sight(life: 0, seq: seq, line: past.line, order: past.order)
        past.order += 1
        past.observed = n
        let dot = Dot(actor: actor, n: n)
        for place in [dot, body.was ?? dot] { sights["\(place) \(space)"] = sight }
        tell("  \(station.name) sealed \(n) in \(space)")
        happened(
          .accepted(
            Accepted(
              name: body.key, node: station.name, role: station.role, space: space, dot: dot,
              hash: hash, writes: body.writes, sight: sight)))
      }
      station.pasts[space] = past
    }
  }

  /// A new epoch: what stood before the first change that was sealed again was seen by all that follows; the others, as
  /// they were named before, were not.
  private func branch(_ past: inout Station.Past, before was: Dot?, _ space: String) {
    let first = was.flatMap { sights["\($0) \(space)"] }
    let line = newLine()
    happened(
      .branched(line: line, from: first?.line ?? past.line, order: first?.order ?? past.order))
    past = Station.Past(line: line)
  }

  private static func ownChanges(
    of actor: ActorID, in space: String, after n: Int, _ connection: borrowing Connection
  ) throws -> [(n: Int, body: Body, hash: Hash)] {
    try connection.all(
      """
      SELECT c.n, c.body, c.hash FROM cordee_change c
      WHERE c.space = (SELECT id FROM cordee_name WHERE name = ?)
        AND c.actor = (SELECT id FROM cordee_actor WHERE actor = ?) AND c.n > ? ORDER BY c.n
      """, .text(space), .blob(actor.bytes), .int(n)
    ) { ($0.int(0), $0.bytes(1), $0.bytes(2)) }.map { n, bytes, hash in
      guard let hash = Hash(bytes: hash) else { throw SimulatorError("a hash cannot be read") }
      return (n, try ChangeDecoding.body(bytes), hash)
    }
  }

  private static func vector(_ space: String, _ connection: borrowing Connection) throws
    -> [ActorID: Int]
  {
    let found = try connection.all(
      """
      SELECT a.actor, k.n FROM cordee_known k JOIN cordee_actor a ON a.id = k.actor
      WHERE k.space = (SELECT id FROM cordee_name WHERE name = ?)
      """, .text(space)
    ) { ($0.bytes(0), $0.int(1)) }
    return Dictionary(
      found.compactMap { bytes, n in ActorID(bytes: bytes).map { ($0, n) } },
      uniquingKeysWith: max)
  }

  /// Where the file's log ends, space by space.
  func cursors(of store: Store, _ station: Station) throws -> [String: Int] {
    try store.withConnection { try Self.cursors($0) }
  }

  private static func cursors(_ connection: borrowing Connection) throws -> [String: Int] {
    var cursors: [String: Int] = [:]
    for space in Town.spaces {
      let text = try connection.first(
        "SELECT value FROM cordee_meta WHERE key = ?", .text("cursor.\(space)")
      ) { $0.text(0) }
      if let cursor = text.flatMap({ Cursor($0) }) { cursors[space] = cursor.seq }
    }
    return cursors
  }

  /// Remembers what was seen when rows were edited by a program.
  func noteTouched(_ station: Station, _ connection: borrowing Connection) throws {
    let rows = try connection.all("SELECT DISTINCT tbl, id FROM cordee_touched") {
      RowKey(table: $0.text(0), id: $0.text(1))
    }
    noteTouched(station, rows, try Self.cursors(connection))
  }

  func noteTouched(_ station: Station, _ rows: [RowKey], _ cursors: [String: Int]) {
    for row in rows where station.dirty[row] == nil {
      let space = Town.schema(2).table(row.table)?.space ?? Town.spaces[0]
      station.dirty[row] = Sight(life: 0, seq: cursors[space] ?? 0, line: 0, order: 0)
    }
  }

  /// Reads the entries of central's log that were not seen before.
  func observeCentral() throws {
    guard let routes = house.routes else { return }
    let central = routes.central
    for (entry, body) in try Self.entries(of: central.store, after: seenSeq) {
      seenSeq = entry.seq
      if entry.dot.actor.replica == central.keyID, let body {
        happened(
          .accepted(
            Accepted(
              name: body.key, node: "central", role: "", space: entry.space, dot: entry.dot,
              hash: entry.hash, writes: body.writes,
              sight: Sight(life: 0, seq: entry.seq - 1, line: 0, order: entry.seq))))
      }
      if entry.reason != nil { marks.hit(.refusedChange) }
      tell("  central logged \(entry.seq) \(entry.reason ?? "")")
      happened(.merged(entry, life: 0, schema: house.schema))
    }
    try central.store.withConnection { connection in
      for space in Town.spaces {
        happened(
          .standing(
            node: "central", space: space, seq: try central.store.logEnd(of: space).seq,
            vector: try Self.vector(space, connection)))
      }
    }
  }

  /// The log in a file, with each body that is there.
  static func entries(of store: Store, after seq: Int) throws -> [(LoggedEntry, Body?)] {
    try store.withConnection { connection in
      try connection.all(
        """
        SELECT l.seq, s.name, a.actor, l.n, c.hash, l.hash, l.reason, c.body FROM cordee_log l
        JOIN cordee_change c ON c.space = l.space AND c.actor = l.actor AND c.n = l.n
        JOIN cordee_name s ON s.id = l.space JOIN cordee_actor a ON a.id = l.actor
        WHERE l.seq > ? ORDER BY l.seq
        """, .int(seq)
      ) { row in
        (
          row.int(0), row.text(1), row.bytes(2), row.int(3), row.bytes(4), row.bytes(5),
          row.textOrNil(6), row.isNull(7) ? nil : row.bytes(7)
        )
      }
    }.map { seq, space, actor, n, hash, logHash, reason, bytes in
      guard let actor = ActorID(bytes: actor), let hash = Hash(bytes: hash),
        let logHash = Hash(bytes: logHash)
      else { throw SimulatorError("entry \(seq) cannot be read") }
      let body = try bytes.map { try ChangeDecoding.body($0) }
      return (
        LoggedEntry(
          seq: seq, space: space, dot: Dot(actor: actor, n: n), hash: hash, logHash: logHash,
          reason: reason, name: body?.key), body
      )
    }
  }
}

import Causality
import Central
import Changes
import Disk
import Replica
import SQLite
import Seal
import Store
import Wire

/// What an onlooker reads in the files after each step: by plain SQL, not by asking the engine.
extension World {
  /// Reads what a member's file holds that was not seen before.
  ///
  /// - Parameter isDoubtful: what it says of where it stands may be damaged, and is not believed yet.
  func observe(_ station: Station, isDoubtful: Bool = false) throws {
    guard let replica = station.replica else { return }
    let store = replica.store
    let writes = disk.writes(station.path)
    guard writes != station.writesSeen else { return }
    try disk.looking { try look(at: station, store, isDoubtful: isDoubtful) }
    if !isDoubtful { station.writesSeen = writes }
  }

  private func look(at station: Station, _ store: Store, isDoubtful: Bool) throws {
    try store.withConnection { connection in
      let cursors = try Self.cursors(connection)
      try observeSealed(station, store, connection, cursors)
      let touched = try connection.first("SELECT 1 FROM cordee_touched LIMIT 1") { _ in true }
      if touched == nil { station.memory.dirty = [:] }
      for space in Town.spaces where !isDoubtful {
        let standing = try Self.standing(space, at: cursors[space], connection)
        notice(station.name, space, &station.standings, standing)
      }
    }
  }

  /// Where a file says that it stands, which tells nobody.
  func standings(of station: Station) throws -> [String: Station.Standing] {
    guard let store = station.replica?.store else { return [:] }
    return try disk.looking {
      try store.withConnection { connection in
        let cursors = try Self.cursors(connection)
        return try Dictionary(
          uniqueKeysWithValues: Town.spaces.map { space in
            (space, try Self.standing(space, at: cursors[space], connection))
          })
      }
    }
  }

  private static func standing(
    _ space: String, at cursor: Cursor?, _ connection: borrowing Connection
  ) throws -> Station.Standing {
    Station.Standing(
      life: cursor?.instance.description ?? "", seq: cursor?.seq ?? 0,
      vector: try vector(space, connection))
  }

  private func notice(
    _ node: String, _ space: String, _ standings: inout [String: Station.Standing],
    _ standing: Station.Standing
  ) {
    guard standings[space] != standing else { return }
    standings[space] = standing
    happened(
      .standing(
        node: node, space: space, life: standing.life, seq: standing.seq, vector: standing.vector))
  }

  private func observeSealed(
    _ station: Station, _ store: Store, _ connection: borrowing Connection,
    _ cursors: [String: Cursor]
  ) throws {
    guard
      let bytes = try connection.first(
        "SELECT value FROM cordee_meta WHERE key = 'actor'", read: { $0.bytes(0) }),
      let actor = ActorID(bytes: bytes)
    else { return }
    if let before = station.memory.pasts.values.compactMap(\.actor).first, before != actor {
      let reason = try store.epochs().last.flatMap { EpochReason(rawValue: $0.reason) }
      tell("  \(station.name) goes on under another actor: \(reason?.rawValue ?? "")")
      happened(
        .epoch(
          node: station.name, reason: reason ?? .forked, mayBeMisled: station.mayBeMisled))
    }
    for space in Town.spaces {
      guard var past = station.memory.pasts[space] else { continue }
      let head = cursors[space]?.hash ?? .zero
      if let before = past.actor, before != actor {
        // What the former actor had still sealed, and sent.
        let sealed = try Self.ownChanges(of: before, in: space, after: past.observed, connection)
        take(sealed, before, station, &past, space, head)
        past.observed = 0
      }
      let found = try Self.ownChanges(of: actor, in: space, after: past.observed, connection)
      if let before = past.actor, before != actor {
        branch(&past, before: found.first?.body)
        // Of actors before it, too, what waited may be sealed again.
        for former in try Set(store.epochs().map(\.from) + [before]) {
          happened(.renewed(node: station.name, space: space, actor: former))
        }
      }
      past.actor = actor
      take(found, actor, station, &past, space, head)
      station.memory.pasts[space] = past
    }
  }

  /// Takes note of what was sealed in a file.
  private func take(
    _ changes: [(n: Int, body: Body, hash: Hash)], _ actor: ActorID, _ station: Station,
    _ past: inout Station.Past, _ space: String, _ head: Hash
  ) {
    for (n, body, hash) in changes {
      past.observed = n
      // A twin's change that came by the log.
      guard !isKnown(hash) else { continue }
      let before = body.was.flatMap { past.own[$0] }
      if before != nil { marks.hit(.resealed) }
      // What several former actors had waiting is sealed again one after the other: each had seen what its own actor had,
      // and what is sealed before it.
      if let before {
        if let stem = past.stem, stem != before.holder {
          join(&past, (before.sight.line, before.sight.order), keepsContext: false)
        }
        if past.rest?.actor == before.holder { past.rest = nil }
      } else if let rest = past.rest {
        join(&past, (rest.line, rest.order), keepsContext: body.was != nil)
        past.rest = nil
      }
      past.stem = before?.holder
      let dirty = body.writes.lazy.compactMap { station.memory.dirty[$0.row] }.first
      // Sealed again: what its author had seen is what counted then.
      let sight = Sight(
        head: before?.sight.head ?? dirty ?? head, line: past.line, order: past.order)
      past.order += 1
      let dot = Dot(actor: actor, n: n)
      past.own[body.was ?? dot] = Station.Past.Own(
        sight: sight, hash: before?.hash ?? hash, holder: actor)
      station.memory.held.insert(hash)
      accept(
        Accepted(
          node: station.name, role: station.role, space: space, dot: dot, hash: hash,
          writes: body.writes, sight: sight, again: before?.hash))
      tell("  \(station.name) sealed \(words(hash))")
    }
  }

  /// A new epoch: what stood before the first change that was sealed again was seen by all that follows; the others, as
  /// they were named before, were not.
  private func branch(_ past: inout Station.Past, before body: Body?) {
    let first = body?.was.flatMap { past.own[$0] }
    past.stem = nil
    past.rest = past.actor.flatMap { actor in
      first.map { _ in Station.Past.Rest(actor: actor, line: past.line, order: past.order) }
    }
    // What was sealed and sealed again between two looks claims what the actor before had seen.
    leave(
      &past, at: first.map { ($0.sight.line, $0.sight.order) } ?? (past.line, past.order),
      keepsContext: first == nil && body?.was != nil)
  }

  /// Goes on on a line whose past is the present one's and another's.
  ///
  /// - Parameter keepsContext: whether what the other claims to have seen goes with it.
  private func join(
    _ past: inout Station.Past, _ other: (line: Int, order: Int), keepsContext: Bool
  ) {
    let own = (past.line, past.order)
    leave(&past, at: other, keepsContext: keepsContext)
    happened(.branched(line: past.line, from: own.0, order: own.1, keepsContext: true))
  }

  /// Goes on on a line of its own.
  ///
  /// - Parameter keepsContext: whether the author stays the same, and with it what it claims to have seen.
  func leave(
    _ past: inout Station.Past, at place: (line: Int, order: Int), keepsContext: Bool = false
  ) {
    let line = newLine()
    happened(
      .branched(line: line, from: place.line, order: place.order, keepsContext: keepsContext))
    (past.line, past.order) = (line, 0)
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

  private static func cursors(_ connection: borrowing Connection) throws -> [String: Cursor] {
    var cursors: [String: Cursor] = [:]
    for space in Town.spaces {
      let text = try connection.first(
        "SELECT value FROM cordee_meta WHERE key = ?", .text("cursor.\(space)")
      ) { $0.text(0) }
      cursors[space] = text.flatMap { Cursor($0) }
    }
    return cursors
  }

  /// Remembers what was seen when rows were edited by a program.
  func noteTouched(_ station: Station, _ connection: borrowing Connection) throws {
    let rows = try disk.looking {
      try connection.all("SELECT DISTINCT tbl, id FROM cordee_touched") {
        RowKey(table: $0.text(0), id: $0.text(1))
      }
    }
    try noteTouched(station, rows, connection)
  }

  func noteTouched(_ station: Station, _ rows: [RowKey], _ connection: borrowing Connection) throws
  {
    let news = rows.filter { station.memory.dirty[$0] == nil }
    guard !news.isEmpty else { return }
    let cursors = try disk.looking { try Self.cursors(connection) }
    for row in news {
      let space = Town.schema(2).table(row.table)?.space ?? Town.spaces[0]
      station.memory.dirty[row] = cursors[space]?.hash ?? .zero
    }
  }

  /// Reads the entries of central's log that were not seen before.
  func observeCentral() throws {
    guard let routes = house.routes else { return }
    let writes = disk.writes(house.path) + disk.writes(house.path + "-wal")
    guard writes != house.writesSeen else { return }
    try disk.looking { try look(at: routes.central) }
    house.writesSeen = writes
  }

  private func look(at central: Central) throws {
    let news = try Town.spaces.flatMap {
      try Self.entries(of: central.store, after: logEnds[$0]?.seq ?? 0, in: $0)
    }
    for (entry, body) in news.sorted(by: { $0.0.seq < $1.0.seq }) {
      if entry.dot.actor.replica == central.keyID, let body, !isKnown(entry.hash) {
        accept(own(entry, body))
      }
      logEnds[entry.space] = (entry.seq, entry.logHash)
      if entry.reason != nil { marks.hit(.refusedChange) }
      tell("  central logged \(entry.seq): \(words(entry.hash)) \(entry.reason ?? "")")
      happened(.merged(entry, schema: house.schema))
    }
    try central.store.withConnection { connection in
      for space in Town.spaces {
        let standing = Station.Standing(
          life: central.instance.description, seq: try central.store.logEnd(of: space).seq,
          vector: try Self.vector(space, connection))
        notice("central", space, &house.standings, standing)
      }
    }
  }

  /// A change of central's: its own, which had seen all of the log before, or a member's that lost its place to another.
  private func own(_ entry: LoggedEntry, _ body: Body) -> Accepted {
    if let was = body.was, let edit = sealed(was, in: entry.space, body.writes) {
      marks.hit(.secondHash)
      return Accepted(
        node: edit.node, role: edit.role, space: entry.space, dot: entry.dot, hash: entry.hash,
        writes: body.writes, sight: edit.sight, again: edit.hash, editor: edit.author)
    }
    return Accepted(
      node: "central", role: "", space: entry.space, dot: entry.dot, hash: entry.hash,
      writes: body.writes,
      sight: Sight(head: logEnds[entry.space]?.hash ?? .zero, line: newLine(), order: 0))
  }

  /// The log in a file, with each body that is there.
  static func entries(of store: Store, after seq: Int = 0, in space: String? = nil) throws
    -> [(LoggedEntry, Body?)]
  {
    try store.withConnection { connection in
      try connection.all(
        """
        SELECT l.seq, s.name, a.actor, l.n, c.hash, l.hash, l.reason, c.body FROM cordee_log l
        JOIN cordee_change c ON c.space = l.space AND c.actor = l.actor AND c.n = l.n
        JOIN cordee_name s ON s.id = l.space JOIN cordee_actor a ON a.id = l.actor
        WHERE l.seq > ?1 AND s.name = ifnull(?2, s.name) ORDER BY l.seq
        """, .int(seq), .text(orNull: space)
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
          reason: reason), body
      )
    }
  }
}

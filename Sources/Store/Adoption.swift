import Causality
import Changes
import Mutants
import SQLite
public import Wire

/// A snapshot's image becomes this file's state of one space.
extension Store {
  /// Takes over an image in one transaction: all rows of the space are replaced, own waiting changes written on top.
  ///
  /// Call outside a transaction. Afterwards the log before the snapshot is a `gap`, fetched later.
  ///
  /// - Parameters:
  ///   - path: the image, whose hash was compared with `snapshot`.
  ///   - author: who seals what is touched.
  ///   - from: the cursor so far.
  ///   - prepare: what happens in the same transaction before the rows are replaced.
  ///   - body: what belongs into the same transaction, such as the new cursor.
  /// - Throws: `StoreError.foreign` when the image's schema is not what it says; then nothing has happened.
  /// - Complexity: O(rows of the space).
  public func adopt(
    imageAt path: String, _ snapshot: Snapshot, author: Author, from cursor: Cursor,
    prepare: () throws -> Void = {}, _ body: () throws -> Void
  ) throws {
    try checkImage(path, snapshot)
    try withAttached(path) {
      try write {
        try seal(as: author)
        for held in heldBack where try isKnown(held.row) { try checkNotHeld(held.row) }
        try prepare()
        var adoption = Adoption(store: self, snapshot: snapshot)
        try adoption.run(own: author.actor)
        let old = try gap(in: snapshot.space)
        try setGap(
          Gap(
            after: old?.after ?? .init(seq: cursor.seq, hash: cursor.hash),
            upTo: .init(seq: snapshot.seq, hash: snapshot.logHash)), in: snapshot.space)
        try body()
      }
    }
  }

  /// Refuses an image that holds anything but the tables it names, each made as it must be.
  private func checkImage(_ path: String, _ snapshot: Snapshot) throws {
    do {
      let image = try Connection(path: path, mode: .readOnly)
      let expected = Set(Image.engine.map(\.sql) + snapshot.tables.map(Image.sql))
      let found = try image.all("SELECT sql FROM sqlite_schema") { $0.textOrNil(0) ?? "" }
      guard Set(found) == expected, found.count == expected.count else {
        throw StoreError(
          .foreign, "the snapshot of \(snapshot.space) holds other tables than it says",
          hint: "Tell the secretariat; nothing of it was taken.")
      }
      let verdict = try image.first("PRAGMA quick_check(1)") { $0.text(0) }
      guard verdict == "ok" else {
        throw StoreError(
          .corrupt, "the snapshot of \(snapshot.space) is damaged", hint: "Sync again.")
      }
    } catch let error as SQLiteError {
      throw StoreError(error, path: path)
    }
  }
}

/// One adoption under way; the image is attached and a transaction is open.
private struct Adoption {
  let store: Store
  let snapshot: Snapshot
  /// The image's numbers of actors and names, as they are known here.
  private var actors: [Int: ActorID] = [:]
  private var names: [Int: String] = [:]
  /// Whether every actor has the same number there and here.
  private var keepsNumbers = true

  init(store: Store, snapshot: Snapshot) {
    self.store = store
    self.snapshot = snapshot
  }

  mutating func run(own: ActorID) throws {
    try mapNumbers()
    let heads = try readHeads()
    let ownActors = try store.ownActors(and: own)
    let waiting = try ownActors.flatMap { try setOwnAside($0, isCurrent: $0 == own, heads: heads) }
    try store.clearRows(of: snapshot.space)
    for table in snapshot.tables { try copy(table) }
    try copyHeads(heads, own: Set(ownActors))
    if mutant(29, "R16: a snapshot undoes own edits that wait") { return }
    for change in waiting { try store.rewrite(change) }
    try store.db.execute("DROP TABLE temp.actor_map; DROP TABLE temp.name_map")
  }

  /// Gives every actor and name of the image its number here.
  private mutating func mapNumbers() throws {
    try store.db.execute(
      """
      DROP TABLE IF EXISTS temp.actor_map; DROP TABLE IF EXISTS temp.name_map;
      CREATE TEMP TABLE actor_map(image INTEGER PRIMARY KEY, here INTEGER NOT NULL);
      CREATE TEMP TABLE name_map(image INTEGER PRIMARY KEY, here INTEGER NOT NULL);
      """)
    for (number, bytes) in try store.db.all(
      "SELECT id, actor FROM image.cordee_actor", read: { ($0.int(0), $0.bytes(1)) })
    {
      guard let actor = ActorID(bytes: bytes) else { throw foreign("an actor that is none") }
      let here = try store.number(of: actor)
      actors[number] = actor
      keepsNumbers = keepsNumbers && here == number
      try store.db.run("INSERT INTO temp.actor_map VALUES(?, ?)", .int(number), .int(here))
    }
    for (number, name) in try store.db.all(
      "SELECT id, name FROM image.cordee_name", read: { ($0.int(0), $0.text(1)) })
    {
      names[number] = name
      try store.db.run(
        "INSERT INTO temp.name_map VALUES(?, ?)", .int(number), .int(try store.number(ofName: name))
      )
    }
  }

  private func readHeads() throws -> [(ActorID, Head)] {
    try store.db.all("SELECT actor, n, hash, context FROM image.cordee_known") {
      ($0.int(0), $0.int(1), $0.bytes(2), $0.bytes(3))
    }.map { number, n, bytes, context in
      guard let hash = Hash(bytes: bytes), n > 0 else { throw foreign("a head that is none") }
      var full = VersionVector()
      var place = 0
      while place < context.count {
        full.raise(try actor(Varint.read(context, &place)), to: Varint.read(context, &place))
      }
      return (try actor(number), Head(n: n, hash: hash, context: full))
    }
  }

  /// Own changes that the snapshot does not hold; those it holds are settled.
  private func setOwnAside(
    _ own: ActorID, isCurrent: Bool, heads: [(ActorID, Head)]
  ) throws -> [Change] {
    let space = snapshot.space
    let merged = heads.first { $0.0 == own }?.1
    let head = try store.head(of: own, in: space)
    if let merged {
      // Of a former actor the snapshot may hold what its twin wrote.
      let isOurs =
        try head.n >= merged.n
        && store.changeHash(Dot(actor: own, n: merged.n), in: space) == merged.hash
      guard isOurs || !isCurrent && head.n < merged.n else {
        throw StoreError(
          .chain, "the snapshot holds changes of this replica that the file does not")
      }
      try store.db.run(
        "UPDATE cordee_change SET state = 2 WHERE space = ? AND actor = ? AND n <= ? AND state < 2",
        .int(try store.number(ofName: space)), .int(try store.number(of: own)), .int(merged.n))
    }
    return try store.ownChanges(of: own, in: space, after: merged?.n ?? 0)
  }

  private func copy(_ table: Snapshot.Table) throws {
    try store.carry(table.name, in: snapshot.space)
    guard try store.space(ofTable: table.name) == snapshot.space else {
      throw foreign("the table \(table.name), which belongs elsewhere")
    }
    guard let number = names.first(where: { $0.value == table.name })?.key else { return }
    guard let declared = store.schema.table(table.name),
      table.columns.count <= declared.fields.count,
      zip(table.columns, declared.fields).allSatisfy({ $0.name == $1.name && $0.type == $1.type })
    else { return try copyRowByRow(table, number) }
    let columns = (["id"] + table.columns.map(\.name)).map(Layout.quoted).joined(separator: ", ")
    try store.db.run(
      "INSERT INTO main.\(Layout.quoted(table.name))(\(columns)) "
        + "SELECT \(columns) FROM image.\(Layout.quoted(table.name))")
    try store.db.run(
      """
      INSERT INTO main.cordee_row(tbl, id, actor, n, weight, width, exceptions)
      SELECT t.here, r.id, ifnull(a.here, 0), r.n, r.weight, r.width, r.exceptions FROM image.cordee_row r
      JOIN temp.name_map t ON t.image = r.tbl LEFT JOIN temp.actor_map a ON a.image = r.actor
      WHERE r.tbl = ?
      """, .int(number))
    try store.db.run(
      """
      INSERT INTO main.cordee_sibling(tbl, id, field, actor, n, weight, seen, value)
      SELECT t.here, s.id, f.here, a.here, s.n, s.weight, s.seen, s.value FROM image.cordee_sibling s
      JOIN temp.name_map t ON t.image = s.tbl JOIN temp.name_map f ON f.image = s.field
      JOIN temp.actor_map a ON a.image = s.actor WHERE s.tbl = ?
      """, .int(number))
    if !keepsNumbers { try repack(number) }
    guard table.columns.count < declared.fields.count else { return }
    // What central only carries stands in siblings; here it has a column.
    for row in try store.expandedRows() where row.table == table.name {
      try store.save(try store.load(row), of: row)
    }
  }

  /// Exceptions name actors by number inside their bytes.
  private func repack(_ number: Int) throws {
    let here = try store.number(ofName: names[number] ?? "")
    try store.db.scan(
      "SELECT id, exceptions FROM image.cordee_row WHERE tbl = ? AND exceptions IS NOT NULL",
      [.int(number)]
    ) { row in
      var packed: [UInt8] = []
      try readExceptions(row.bytes(1)) { field, actor, n, weight in
        Varint.append(field, to: &packed)
        Varint.append(try store.number(of: actor), to: &packed)
        Varint.append(n, to: &packed)
        Varint.append(weight, to: &packed)
      }
      try store.db.run(
        "UPDATE main.cordee_row SET exceptions = ? WHERE tbl = ? AND id = ?", .blob(packed),
        .int(here), .text(row.text(0)))
      return true
    }
  }

  private func readExceptions(
    _ bytes: [UInt8], _ each: (Int, ActorID, Int, Int) throws -> Void
  ) throws {
    var place = 0
    while place < bytes.count {
      let field = Varint.read(bytes, &place)
      let author = try actor(Varint.read(bytes, &place))
      try each(field, author, Varint.read(bytes, &place), Varint.read(bytes, &place))
    }
  }

  /// A table whose columns are not this schema's: every row is read as it is there and kept as it fits here.
  private func copyRowByRow(_ table: Snapshot.Table, _ number: Int) throws {
    let columns = table.columns.map { "v.\(Layout.quoted($0.name))" }
    let values = columns.isEmpty ? "" : ", " + columns.joined(separator: ", ")
    try store.db.execute(
      "CREATE INDEX IF NOT EXISTS image.cordee_sibling_row ON cordee_sibling(tbl, id)")
    // A deleted row stands in no shared table; an expanded one is read from its siblings.
    try store.db.scan(
      "SELECT r.id, r.actor, r.n, r.weight, r.width, r.exceptions\(values) FROM image.cordee_row r "
        + "LEFT JOIN image.\(Layout.quoted(table.name)) v ON v.id = r.id WHERE r.tbl = ? ORDER BY r.id",
      [.int(number)]
    ) { row in
      let key = RowKey(table: table.name, id: row.text(0))
      if row.int(4) < 0 {
        try store.save(try expanded(key.id, number), of: key)
        return true
      }
      let dot = Dot(actor: try actor(row.int(1)), n: row.int(2))
      let values = table.columns.indices.map { Store.value(row, 6 + $0) }
      var state = RowState()
      func cell(_ field: Int, _ dot: Dot, _ weight: Int) {
        if field < 0 {
          state.liveness = [Sibling(dot: dot, weight: weight, value: .integer(1))]
        } else if field < table.columns.count {
          state.cells[table.columns[field].name] = [
            Sibling(dot: dot, weight: weight, value: values[field])
          ]
        }
      }
      for field in -1..<min(row.int(4), table.columns.count) { cell(field, dot, row.int(3)) }
      try readExceptions(row.bytes(5)) { field, actor, n, weight in
        cell(field, Dot(actor: actor, n: n), weight)
      }
      try store.save(state, of: key)
      return true
    }
  }

  private func expanded(_ id: String, _ number: Int) throws -> RowState {
    var state = RowState()
    try store.db.scan(
      "SELECT field, actor, n, weight, seen, value FROM image.cordee_sibling WHERE tbl = ? AND id = ?",
      [.int(number), .text(id)]
    ) { row in
      let sibling = Sibling(
        dot: Dot(actor: try actor(row.int(1)), n: row.int(2)), weight: row.int(3),
        value: Store.value(row, 5), isSeenByDelete: row.int(4) == 1)
      let name = names[row.int(0)] ?? ""
      if name == Layout.liveness {
        state.liveness.append(sibling)
      } else {
        state.cells[name, default: []].append(sibling)
      }
      return true
    }
    state.liveness.sort { $0.dot < $1.dot }
    for name in state.cells.keys { state.cells[name]?.sort { $0.dot < $1.dot } }
    return state
  }

  private func copyHeads(_ heads: [(ActorID, Head)], own: Set<ActorID>) throws {
    for (actor, head) in heads {
      // Own changes that wait stand above what the snapshot holds.
      if own.contains(actor), try store.head(of: actor, in: snapshot.space).n >= head.n { continue }
      try store.setHead(head, of: actor, in: snapshot.space)
    }
    try store.setSnapshotHeads(
      heads.map { (Dot(actor: $0.0, n: $0.1.n), $0.1.hash) }, of: snapshot.space)
  }

  private func actor(_ number: Int) throws -> ActorID {
    guard let actor = actors[number] else { throw foreign("an actor without a name") }
    return actor
  }

  private func foreign(_ what: String) -> StoreError {
    StoreError(
      .foreign, "the snapshot of \(snapshot.space) holds \(what)",
      hint: "Tell the secretariat; nothing of it was taken.")
  }
}

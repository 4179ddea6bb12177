import Causality
import Changes
import Mutants
import SQLite

/// One row's stamp as it is kept: the dot that wrote most of its cells, and the cells that others wrote.
struct Stamp {
  var dot: Dot
  var weight: Int
  /// How many of the table's fields the stamp covers; −1 for an expanded row.
  var width: Int
  var exceptions: [Exception]
  /// Whether it stands among the recent stamps.
  var isRecent = false

  struct Exception {
    /// The field's place; −1 for the liveness.
    let field: Int
    let dot: Dot
    let weight: Int
  }

  static let expanded = Stamp(
    dot: Dot(actor: ActorID(replica: ReplicaID(high: 0, low: 0), epoch: 0), n: 0), weight: 0,
    width: -1, exceptions: [])

  /// The stamp after a write by somebody who had seen every cell it replaces.
  ///
  /// - Returns: the stamp and the places of the fields written, in the verb's order; nil when the whole row has to be
  ///   looked at.
  static func after(
    _ verb: Verb, on stamp: Stamp?, by author: Authorship, _ plan: TablePlan
  ) -> (stamp: Stamp, places: [Int])? {
    let count = plan.table.fields.count
    let places = verb.fields.compactMap { plan.places[$0.name] }
    guard !places.isEmpty, places.count == verb.fields.count else { return nil }
    switch (verb, stamp) {
    case (.insert, nil):
      guard places.count == count, Set(places).count == count else { return nil }
      return (Stamp(dot: author.dot, weight: author.weight, width: count, exceptions: []), places)
    case (.set, var stamp?):
      for place in places {
        guard place < stamp.width else { return nil }
        let known = stamp.exceptions.firstIndex { $0.field == place }
        let isSeen = author.supersedes(known.map { stamp.exceptions[$0].dot } ?? stamp.dot)
        guard isSeen || mutant(24, "R5: the short way replaces what was not seen") else {
          return nil
        }
        let exception = Exception(field: place, dot: author.dot, weight: author.weight)
        if let known {
          stamp.exceptions[known] = exception
        } else {
          stamp.exceptions.append(exception)
        }
      }
      // When most cells are exceptions another stamp says it shorter.
      return stamp.exceptions.count * 2 > count + 1 ? nil : (stamp, places)
    default: return nil
    }
  }
}

extension Store {
  func stamp(_ row: RowKey, table: Int) throws -> Stamp? {
    if let recent = cache.recent, recent.row == row {
      // Central judges a write, then takes it; between the two nothing changes.
      cache.recent = nil
      return recent.stamp
    }
    let recents = try recents()
    if let late = recents.late[row] { return late.stamp }
    // Only a row with a line has a recent stamp, of which none lacks its width.
    let hasRecents = recents.count ?? 0 > 0
    let found = try db.first(
      hasRecents ? Self.selectBoth : Self.selectLine, .int(table), .text(row.id)
    ) { found in
      let isRecent = hasRecents && !found.isNull(8)
      let first = isRecent ? 5 : 0
      return (
        isRecent, found.int(first), found.int(first + 1), found.int(first + 2),
        found.int(first + 3), found.bytes(first + 4)
      )
    }
    guard let (isRecent, actor, n, weight, width, packed) = found else { return nil }
    guard width >= 0 else { return .expanded }
    return Stamp(
      dot: Dot(actor: try self.actor(ofNumber: actor), n: n), weight: weight, width: width,
      exceptions: packed.isEmpty ? [] : try exceptions(packed), isRecent: isRecent)
  }

  private static let selectLine =
    "SELECT actor, n, weight, width, exceptions FROM cordee_row WHERE tbl = ? AND id = ?"
  private static let selectBoth = """
    SELECT r.actor, r.n, r.weight, r.width, r.exceptions, x.actor, x.n, x.weight, x.width, x.exceptions
    FROM cordee_row r LEFT JOIN cordee_row_recent x ON x.tbl = r.tbl AND x.id = r.id
    WHERE r.tbl = ? AND r.id = ?
    """
  /// Replaces the stamp in a row's line.
  static let updateLine = """
    UPDATE cordee_row SET actor = ?, n = ?, weight = ?, width = ?, exceptions = ?
    WHERE tbl = ? AND id = ?
    """

  /// Writes a row's stamp.
  ///
  /// Two statements instead of an upsert, for which SQLite copies every page it touches in case it has to undo half of it.
  func write(_ stamp: Stamp, of row: RowKey, table: Int, isNew: Bool? = nil) throws {
    cache.recent = nil
    cache.recents?.forgetLate(of: row)
    let arguments = try arguments(stamp)
    if isNew != true {
      if try updateRecent(arguments, of: row.id, table: table) { return }
      try db.run(Self.updateLine, arguments + [.int(table), .text(row.id)])
      if isNew == false || db.changes > 0 { return }
    }
    try db.run(
      "INSERT INTO cordee_row(tbl, id, actor, n, weight, width, exceptions) VALUES(?, ?, ?, ?, ?, ?, ?)",
      [.int(table), .text(row.id)] + arguments)
  }

  /// A stamp as both tables take it: actor, n, weight, width, exceptions.
  func arguments(_ stamp: Stamp) throws -> [Argument] {
    let packed = try packed(stamp.exceptions)
    return [
      .int(try number(of: stamp.dot.actor)), .int(stamp.dot.n), .int(stamp.weight),
      .int(stamp.width), packed.isEmpty ? .null : .blob(packed),
    ]
  }

  func packed(_ exceptions: [Stamp.Exception]) throws -> [UInt8] {
    var packed: [UInt8] = []
    for exception in exceptions {
      Varint.append(exception.field, to: &packed)
      Varint.append(try number(of: exception.dot.actor), to: &packed)
      Varint.append(exception.dot.n, to: &packed)
      Varint.append(exception.weight, to: &packed)
    }
    return packed
  }

  func exceptions(_ packed: [UInt8]) throws -> [Stamp.Exception] {
    var exceptions: [Stamp.Exception] = []
    var place = 0
    while place < packed.count {
      let field = Varint.read(packed, &place)
      let author = try self.actor(ofNumber: Varint.read(packed, &place))
      let count = Varint.read(packed, &place)
      exceptions.append(
        .init(field: field, dot: Dot(actor: author, n: count), weight: Varint.read(packed, &place)))
    }
    return exceptions
  }
}

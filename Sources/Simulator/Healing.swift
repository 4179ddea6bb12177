import Causality
import Central
import Changes
import Disk
import Replica
import SQLite
import Seal
import Store
import Wire

/// After the storm: everybody syncs until nothing moves, then every file is looked at.
extension World {
  /// More rounds than any honest network needs.
  private static let roundsMax = 20
  /// Members' files audited in a run.
  private static let auditsMax = 3

  /// Ends the weather and lets everybody sync until quiet.
  func heal(_ step: Int) throws {
    begin(step)
    disk.disarm()
    armed = nil
    for station in stations {
      station.partition = .none
      try open(station)
    }
    try deliverDelayed()
    var draw = Seeded(scenario.seed, UInt64(step + 9_000_001))
    for _ in 0..<Self.roundsMax {
      now += 600
      let moved = try round()
      if try running().central.isRestoring {
        try acceptLife(&draw)
      } else if !moved, try !declareLost() {
        return
      }
    }
    happened(
      .failed(node: "all", code: "quiet", cause: .none, words: "there is no end of syncing"))
  }

  /// - Returns: whether anything moved.
  private func round() throws -> Bool {
    var moved = false
    let kept = try keptBeside()
    for station in stations where !station.isRevoked {
      if let report = try sync(station, .fair) {
        // What central has, and what waits there for something lost, may be offered again and again.
        let moves = report.sealed + report.pushed + report.pulled + report.snapshotRows
        moved = moved || moves + report.history > 0 || report.epoch != nil
      } else {
        moved = true
        // Whom central forgot, and who holds no enrolment of its own, is invited again.
        if station.wasForgotten { _ = try adopt(station, .fair) }
      }
      try observe(station)
    }
    let before = logEnds.mapValues(\.hash)
    merge()
    try observeCentral()
    return try moved || logEnds.mapValues(\.hash) != before || keptBeside() != kept
  }

  /// What central holds beside its log, in numbers.
  private func keptBeside() throws -> [Int] {
    let central = try running().central
    return try [central.inboxCount(), central.asideCount()]
  }

  /// Reads every file to its end.
  func lookAtEverything(audits: Bool) throws {
    let central = try running().central
    happened(.inbox(count: try central.inboxCount() - rogueSegments()))
    try look(at: central.store, "central", Town.spaces, schema: house.schema, audits: audits)
    // An audit replays a whole log: some files of each run stand for all, whose contents are compared in any case.
    var draw = Seeded(scenario.seed, 9_000_001)
    let first = draw.below(stations.count)
    let audited = Set((0..<Self.auditsMax).map { stations[(first + $0) % stations.count].name })
    if try central.store.conflicts().contains(where: { $0.field == nil }) {
      marks.hit(.editedWhileDeleted)
    }
    for station in stations {
      guard let replica = station.replica else { continue }
      if station.isRevoked {
        // Who is shut out cannot have central sign again what was lost or altered on its way.
        if audits, audited.contains(station.name) {
          try audit(replica.store, station.name, missing: [])
        }
        continue
      }
      // What an observer edits stays in its own file.
      let isObserver = station.role == "observer"
      try look(
        at: replica.store, station.name, replica.identity.spaces, schema: station.schema,
        audits: audits && audited.contains(station.name), shows: !isObserver)
      let waiting = try replica.store.waiting()
      if !isObserver {
        happened(.waiting(node: station.name, count: waiting.local + waiting.received))
      }
      try lookForForeignBodies(station)
      for item in try replica.store.evidence() {
        happened(
          .accused(
            node: station.name, kind: item.kind, code: item.code, isSettled: item.settledAt != nil))
      }
    }
  }

  /// What hostile members sent may wait for ever.
  private func rogueSegments() throws -> Int {
    let central = try running().central
    return try rogues.reduce(0) { count, actor in
      let more = try central.store.withConnection { connection in
        try connection.first(
          "SELECT count(*) FROM cordee_inbox WHERE actor = ?", .blob(actor.bytes)
        ) { $0.int(0) }
      }
      return count + (more ?? 0)
    }
  }

  private func look(
    at store: Store, _ node: String, _ spaces: [String], schema: Int, audits: Bool,
    shows: Bool = true
  ) throws {
    happened(.finalLog(node: node, try Self.entries(of: store).map(\.0)))
    for space in spaces {
      var lines: [String] = []
      try store.dump(space) { lines.append(String(decoding: $0, as: UTF8.self)) }
      happened(.finalDump(node: node, space: space, lines: lines))
      note(lines.flatMap { Array($0.utf8) })
    }
    for table in Town.schema(schema).tables where shows && spaces.contains(table.space) {
      let columns = table.fields.map { "\"\($0.name)\"" }.joined(separator: ", ")
      let rows = try store.withConnection { connection in
        try connection.all("SELECT id, \(columns) FROM \"\(table.name)\" ORDER BY id") { row in
          (row.text(0), table.fields.indices.map { Self.value(row, $0 + 1) })
        }
      }
      happened(
        .finalTable(
          node: node, table: table.name, fields: table.fields.map(\.name),
          rows: Dictionary(
            rows.map { (RowKey(table: table.name, id: $0.0), $0.1) },
            uniquingKeysWith: { first, _ in first })))
    }
    if audits { try audit(store, node) }
  }

  private func audit(_ store: Store, _ node: String, missing: [String] = World.kept) throws {
    happened(.audited(node: node, damage: try findings(in: store, missing: missing)))
  }

  /// Codes of what no file of this version ever lacks of central's words.
  static let kept = ["receipt.missing", "kept.missing"]

  /// What an audit of a file calls damage, and what is missing of central's words.
  func findings(in store: Store, missing: [String] = World.kept) throws -> [String] {
    let scratch = "\(folder)/scratch.sqlite"
    disk.remove(scratch)
    let report = try Audit(of: store, centralKey: house.key.publicKey, scratchPath: scratch).run()
    disk.remove(scratch)
    return report.findings.filter { $0.kind == .damage || missing.contains($0.code) }
      .map { "\($0.code): \($0.message)" }
  }

  private func lookForForeignBodies(_ station: Station) throws {
    guard let replica = station.replica else { return }
    // A file that was adopted was another device's before.
    let own =
      try [station.key.publicKey.fingerprint]
      + replica.store.epochs().map(\.from.replica.bytes)
    let count = try replica.store.withConnection { connection in
      try connection.all(
        """
        SELECT a.actor FROM cordee_log l
        JOIN cordee_change c ON c.space = l.space AND c.actor = l.actor AND c.n = l.n
        JOIN cordee_actor a ON a.id = l.actor WHERE l.reason IS NOT NULL AND c.body IS NOT NULL
        """
      ) { $0.bytes(0) }
    }.filter { bytes in !own.contains { bytes.starts(with: $0) } }.count
    happened(.foreignRefusedBodies(node: station.name, count: count))
  }
}

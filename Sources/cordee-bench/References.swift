import FoundationEssentials
import HTTP
import SQLite
import Seal

/// The reference loops: SQLite itself, and its session changesets sent and applied over the same HTTP.
struct ReferenceSide {
  let folder: String
  let port: UInt16
  let records: Int
  let round: Int

  /// Inserts the rows with prepared statements in one transaction; making the rows is not counted.
  func rawInsert() throws -> Figures {
    var figures = Figures()
    let db = try create("raw\(round).sqlite")
    Meter.forgetPeak()
    try Meter.measure(&figures) { try db.execute("BEGIN IMMEDIATE") }
    var rows: [Record] = []
    func flush() throws {
      try Meter.measure(&figures) {
        for row in rows { try db.run(Plain.insert, [.text(row.id)] + row.values.map(\.argument)) }
      }
      rows = []
    }
    for record in Generator(count: records) {
      rows.append(record)
      if rows.count == 1000 { try flush() }
    }
    try flush()
    try Meter.measure(&figures) { try db.execute("COMMIT") }
    return figures
  }

  /// The changeset of all rows is fetched, decompressed and applied to an empty table.
  func coldStart() throws -> Figures {
    var figures = Figures()
    let control = try Control(port: port)
    let link = try Link(port: port)
    try control.mark()
    Meter.forgetPeak()
    try Meter.measure(&figures) {
      let db = try create("new-plain\(round).sqlite")
      try fetch(link, into: db)
    }
    return try finish(figures, link, control)
  }

  /// One changeset of all edits, recorded already, is compressed, sent, applied and committed.
  func push(_ edits: Int) throws -> Figures {
    var figures = Figures()
    let control = try Control(port: port)
    let changeset = try record(edits)
    let link = try Link(port: port)
    try control.mark()
    Meter.forgetPeak()
    try Meter.measure(&figures) { try send(changeset, link) }
    return try finish(figures, link, control)
  }

  /// The changeset of somebody else's edits is fetched and applied.
  func behind(_ edits: Int) throws -> Figures {
    var figures = Figures()
    let control = try Control(port: port)
    try control.keep(Zstd.compress(try record(edits)))
    let link = try Link(port: port)
    try control.mark()
    Meter.forgetPeak()
    try Meter.measure(&figures) {
      try fetch(link, into: try open("plain-reader.sqlite"))
    }
    return try finish(figures, link, control)
  }

  /// One question over HTTP whose answer is that there is nothing.
  func idle() throws -> Figures {
    var figures = Figures()
    let control = try Control(port: port)
    try control.keep([])
    let link = try Link(port: port)
    try control.mark()
    Meter.forgetPeak()
    try Meter.measure(&figures) { try fetch(link, into: try open("plain-reader.sqlite")) }
    return try finish(figures, link, control)
  }

  /// The edits on the plain table.
  func edits(_ edits: Int, grouping: EditGrouping) throws -> Figures {
    try Edits.measure(
      "\(folder)/plain-author.sqlite", Generator.edits(edits, records: records, seed: seed),
      grouping)
  }

  /// Edits while a session watches, and their changeset: what sealing stands beside.
  func seal(_ edits: Int) throws -> Figures {
    var figures = Figures()
    let made = Generator.edits(edits, records: records, seed: seed)
    let db = try open("plain-author.sqlite")
    Meter.forgetPeak()
    let changeset = try Meter.measure(&figures) {
      try db.changeset(of: [Plain.table]) { try Edits.apply(made, to: db, .oneTransaction) }
    }
    guard !changeset.isEmpty else { throw BenchError("the session saw nothing") }
    return figures
  }

  var seed: UInt32 { UInt32(1 + round) }

  private func create(_ name: String) throws -> Connection {
    let db = try Connection(path: "\(folder)/\(name)", mode: .create)
    try Self.prepare(db)
    try db.execute(Plain.create)
    return db
  }

  func open(_ name: String) throws -> Connection {
    let db = try Connection(path: "\(folder)/\(name)", mode: .readWrite)
    try Self.prepare(db)
    return db
  }

  /// As a replica's file is kept, but that its journal is written as SQLite does by itself.
  private static func prepare(_ db: borrowing Connection) throws {
    _ = try db.first("PRAGMA journal_mode=TRUNCATE") { $0.text(0) }
    try db.execute("PRAGMA synchronous=FULL; PRAGMA cache_size=-32768")
  }

  func record(_ edits: Int) throws -> [UInt8] {
    try record(Generator.edits(edits, records: records, seed: seed), in: "plain-author.sqlite")
  }

  func record(_ made: [Edit], in file: String) throws -> [UInt8] {
    let db = try open(file)
    return try db.changeset(of: [Plain.table]) {
      try Edits.apply(made, to: db, .oneTransaction)
    }
  }

  func fetch(_ link: Link, into db: borrowing Connection) throws {
    let response = try link.send(
      Request(method: "GET", origin: link.origin, target: "/changes"), responseBytesMax: 1 << 30)
    guard !response.bytes.isEmpty else { return }
    let changeset = try Zstd.decompress(response.bytes, limit: 1 << 30)
    try db.execute("BEGIN IMMEDIATE")
    try db.apply(changeset: changeset)
    try db.execute("COMMIT")
  }

  func send(_ changeset: [UInt8], _ link: Link) throws {
    let response = try link.send(
      Request(
        method: "POST", origin: link.origin, target: "/changes", body: Zstd.compress(changeset)),
      responseBytesMax: 1 << 20)
    guard response.status == 200 else { throw BenchError("the changeset was not applied") }
  }

  func finish(_ figures: Figures, _ link: Link, _ control: Control) throws -> Figures {
    var figures = figures
    try control.add(to: &figures)
    figures.bytes = link.bytes
    figures.requests = link.requests
    return figures
  }
}

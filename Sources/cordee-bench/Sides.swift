import Central
import Changes
import HTTP
import Replica
import SQLite
import Seal
import Store

/// Cordée's side of each workload; each runs in a process of its own, the central node in another.
struct CordeeSide {
  let folder: String
  let port: UInt16
  let records: Int
  /// How often this workload has run on these files, so that each run makes other edits.
  let round: Int

  /// A new member joins and can work: the snapshot is adopted, history comes after it.
  func coldStart() throws -> Figures {
    var figures = Figures()
    let control = try Control(port: port)
    let link = try Link(port: port)
    let invite = String(
      decoding: try Link(port: port).post("/bench/invite"), as: UTF8.self)
    try control.mark()
    Meter.forgetPeak()
    let replica = try Meter.measure(&figures) {
      let store = try Store(
        path: "\(folder)/new\(round).sqlite", schema: .bench, use: .replica, create: true)
      let replica = try Replica.join(
        store, invite: invite, origin: link.origin, key: Base.newcomer(round), name: "bench",
        now: Service.now, exchange: link)
      _ = try replica.sync(now: Service.now, at: Service.label, fetchesHistory: false)
      return replica
    }
    try add(replica, link, control, to: &figures)
    let count = try replica.store.withConnection {
      try $0.first("SELECT count(*) FROM record") { $0.int(0) } ?? 0
    }
    guard count == records else { throw BenchError("\(count) records of \(records)") }
    return figures
  }

  /// The new member fetches the history that the snapshot left out.
  func history() throws -> Figures {
    _ = try coldStart()
    var figures = Figures()
    let control = try Control(port: port)
    let link = try Link(port: port)
    try control.mark()
    Meter.forgetPeak()
    let replica = try Meter.measure(&figures) {
      let store = try Store(path: "\(folder)/new\(round).sqlite", schema: .bench, use: .replica)
      let replica = try Replica(store: store, key: Base.newcomer(round), exchange: link)
      let report = try replica.sync(now: Service.now, at: Service.label)
      guard report.history > 0 else { throw BenchError("there was no history to fetch") }
      return replica
    }
    try add(replica, link, control, to: &figures)
    return figures
  }

  /// Edits, sealed already, are pushed and merged: from the first byte to the merge's commit.
  func push(_ edits: Int) throws -> Figures {
    var figures = Figures()
    let control = try Control(port: port)
    let author = try rehost(Base.author)
    // What an earlier round merged comes back outside the measure.
    _ = try author.sync(now: Service.now, at: Service.label)
    try edit(author, edits)
    let link = try Link(port: port)
    let replica = try open(Base.author, link)
    try replica.store.write { _ = try replica.store.seal(as: replica.author) }
    try control.mark()
    Meter.forgetPeak()
    let before = try replica.store.withConnection { $0.statementsRun }
    try Meter.measure(&figures) {
      let report = try replica.sync(now: Service.now, at: Service.label)
      guard report.pushed == edits else { throw BenchError("\(report.pushed) pushed") }
      try control.merge()
    }
    try add(replica, link, control, to: &figures, since: before)
    return figures
  }

  /// A member who is so many edits of somebody else behind syncs.
  func behind(_ edits: Int) throws -> Figures {
    var figures = Figures()
    let control = try Control(port: port)
    let author = try rehost(Base.author)
    _ = try rehost(Base.reader)
    try edit(author, edits)
    _ = try author.sync(now: Service.now, at: Service.label)
    try control.merge()
    let link = try Link(port: port)
    try control.mark()
    Meter.forgetPeak()
    let reader = try Meter.measure(&figures) {
      let reader = try open(Base.reader, link)
      let report = try Probe.sync(reader)
      guard report.pulled >= edits else { throw BenchError("\(report.pulled) pulled") }
      return reader
    }
    try add(reader, link, control, to: &figures)
    return figures
  }

  /// A member with nothing new on either side syncs.
  func idle() throws -> Figures {
    var figures = Figures()
    let control = try Control(port: port)
    _ = try rehost(Base.reader).sync(now: Service.now, at: Service.label)
    let link = try Link(port: port)
    try control.mark()
    Meter.forgetPeak()
    let reader = try Meter.measure(&figures) {
      let reader = try open(Base.reader, link)
      _ = try reader.sync(now: Service.now, at: Service.label)
      return reader
    }
    try add(reader, link, control, to: &figures)
    return figures
  }

  /// Edits as any SQLite program makes them: captured, not yet sealed.
  func edits(_ edits: Int, grouping: EditGrouping) throws -> Figures {
    try Edits.measure(
      "\(folder)/\(Base.author.file)", Generator.edits(edits, records: records, seed: seed),
      grouping)
  }

  /// Edits by any SQLite program, and the changes that the next command makes of them.
  func seal(_ edits: Int) throws -> Figures {
    let made = Generator.edits(edits, records: records, seed: seed)
    let replica = try open(Base.author, Link(port: 1))
    let connection = try Connection(path: replica.store.path, mode: .readWrite)
    var figures = Figures()
    Meter.forgetPeak()
    let count = try Meter.measure(&figures) {
      try Edits.apply(made, to: connection, .oneTransaction)
      return try replica.store.write { try replica.store.seal(as: replica.author) }
    }
    guard count == edits else { throw BenchError("\(count) sealed of \(edits)") }
    return figures
  }

  /// Seeds differ from round to round, and no two give the same value to the same row.
  var seed: UInt32 { UInt32(1 + round) }

  func open(_ member: (file: String, key: UInt8), _ link: Link) throws -> Replica {
    let store = try Store(path: "\(folder)/\(member.file)", schema: .bench, use: .replica)
    return try Replica(store: store, key: Base.key(member.key), exchange: link)
  }

  /// Opens a member's file after telling it where central listens this time.
  func rehost(_ member: (file: String, key: UInt8)) throws -> Replica {
    let link = try Link(port: port)
    let store = try Store(path: "\(folder)/\(member.file)", schema: .bench, use: .replica)
    try store.write { try store.setMeta("central_url", .text(link.origin.description)) }
    return try open(member, link)
  }

  func edit(_ replica: Replica, _ count: Int) throws {
    try edit(replica, Generator.edits(count, records: records, seed: seed))
  }

  func edit(_ replica: Replica, _ edits: [Edit]) throws {
    let connection = try Connection(path: replica.store.path, mode: .readWrite)
    try Edits.apply(edits, to: connection, .oneTransaction)
  }

  func add(
    _ replica: Replica, _ link: Link, _ control: Control, to figures: inout Figures,
    since before: Int = 0
  ) throws {
    try control.add(to: &figures)
    figures.bytes = link.bytes
    figures.requests = link.requests
    figures.statements += try replica.store.withConnection { $0.statementsRun } - before
  }
}

/// The two functions whose instructions are counted, never part of others.
enum Probe {
  @inline(never)
  static func sync(_ replica: Replica) throws -> SyncReport {
    try replica.sync(now: Service.now, at: Service.label)
  }

  @inline(never)
  static func answer(_ routes: Routes, _ request: Request) -> Response {
    routes.answer(request, now: Service.now, at: Service.label)
  }
}

extension Replica {
  /// Who seals here.
  var author: Author {
    Author(network: identity.network, actor: identity.actor, at: Service.label)
  }
}

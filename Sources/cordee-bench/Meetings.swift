import Changes
import Foundation
import Replica
import SQLite
import Seal
import Store

/// Workloads of many members: each pulls the same, or two have edited the same rows.
enum Crowd {
  /// How many replicas pull.
  static let count = 50

  /// Gives a copy of a file to `body`, as often as there are replicas; copying is not counted.
  static func forEachCopy(of path: String, _ body: (String) throws -> Void) throws {
    for number in 0..<count {
      let copy = "\(path).copy\(number)"
      try FileManager.default.copyItem(atPath: path, toPath: copy)
      defer {
        for end in ["", "-journal"] { try? FileManager.default.removeItem(atPath: copy + end) }
      }
      try body(copy)
    }
  }
}

extension CordeeSide {
  /// Fifty copies of a member's file, each so many edits of somebody else behind, sync one after another.
  func members(_ edits: Int) throws -> Figures {
    var figures = Figures()
    let control = try Control(port: port)
    _ = try rehost(Base.reader).sync(now: Service.now, at: Service.label)
    let author = try rehost(Base.author)
    try edit(author, edits)
    _ = try author.sync(now: Service.now, at: Service.label)
    try control.merge()
    try control.mark()
    Meter.forgetPeak()
    var (bytes, requests) = (0, 0)
    try Crowd.forEachCopy(of: "\(folder)/\(Base.reader.file)") { copy in
      let link = try Link(port: port)
      let replica = try Meter.measure(&figures) {
        let store = try Store(path: copy, schema: .bench, use: .replica)
        let replica = try Replica(store: store, key: Base.key(Base.reader.key), exchange: link)
        let report = try replica.sync(now: Service.now, at: Service.label)
        guard report.pulled >= edits else { throw BenchError("\(report.pulled) pulled") }
        return replica
      }
      figures.statements += try replica.store.withConnection { $0.statementsRun }
      bytes += link.bytes
      requests += link.requests
    }
    try control.add(to: &figures)
    (figures.bytes, figures.requests) = (bytes, requests)
    return figures
  }

  /// Two members edited the same rows offline: both push, central merges, both pull; sealing is not counted.
  func meeting(_ edits: Int, sameField: Bool) throws -> Figures {
    var figures = Figures()
    let control = try Control(port: port)
    let made = Generator.meetings(edits, records: records, round: round, sameField: sameField)
    let sides = [(Base.author, made.author), (Base.reader, made.reader)]
    for (member, _) in sides {
      _ = try rehost(member).sync(now: Service.now, at: Service.label)
    }
    let links = try sides.map { _ in try Link(port: port) }
    let replicas = try zip(sides, links).map { side, link in
      let replica = try open(side.0, link)
      try edit(replica, side.1)
      try replica.store.write { _ = try replica.store.seal(as: replica.author) }
      return replica
    }
    try control.mark()
    Meter.forgetPeak()
    try Meter.measure(&figures) {
      for replica in replicas { _ = try replica.sync(now: Service.now, at: Service.label) }
      try control.merge()
      for replica in replicas { _ = try replica.sync(now: Service.now, at: Service.label) }
    }
    let rows = Set(made.author.map(\.id))
    let listed = try replicas.map { replica in
      try replica.store.conflicts().count { rows.contains($0.row.id) }
    }
    guard Set(listed).count == 1 else { throw BenchError("the sides list \(listed) conflicts") }
    figures.conflicts = listed[0]
    for (replica, link) in zip(replicas, links) {
      figures.bytes += link.bytes
      figures.requests += link.requests
      figures.statements += try replica.store.withConnection { $0.statementsRun }
    }
    try control.add(to: &figures)
    return figures
  }
}

extension ReferenceSide {
  /// Fifty copies of the plain table fetch and apply the changeset of somebody else's edits.
  func members(_ edits: Int) throws -> Figures {
    var figures = Figures()
    let control = try Control(port: port)
    try control.keep(Zstd.compress(try record(edits)))
    try control.mark()
    Meter.forgetPeak()
    var (bytes, requests) = (0, 0)
    let file = "plain-reader.sqlite"
    try Crowd.forEachCopy(of: "\(folder)/\(file)") { copy in
      let link = try Link(port: port)
      let name = file + copy.dropFirst("\(folder)/\(file)".count)
      try Meter.measure(&figures) { try fetch(link, into: try open(name)) }
      bytes += link.bytes
      requests += link.requests
    }
    try control.add(to: &figures)
    (figures.bytes, figures.requests) = (bytes, requests)
    return figures
  }

  /// Two sides' changesets of the same rows: both are sent and applied, each side fetches the other's; the incoming value
  /// stands, and nobody is told.
  func meeting(_ edits: Int, sameField: Bool) throws -> Figures {
    var figures = Figures()
    let control = try Control(port: port)
    let made = Generator.meetings(edits, records: records, round: round, sameField: sameField)
    let (author, reader) = ("plain-author.sqlite", "plain-reader.sqlite")
    let changesets = [
      try record(made.author, in: author), try record(made.reader, in: reader),
    ]
    let link = try Link(port: port)
    try control.mark()
    Meter.forgetPeak()
    try Meter.measure(&figures) { for changeset in changesets { try send(changeset, link) } }
    for (changeset, file) in [(changesets[1], author), (changesets[0], reader)] {
      try control.keep(Zstd.compress(changeset))
      try Meter.measure(&figures) { try fetch(link, into: try open(file)) }
    }
    return try finish(figures, link, control)
  }
}

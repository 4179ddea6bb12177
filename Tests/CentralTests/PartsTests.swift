import Causality
import Changes
import Replica
import SQLite
import Store
import Testing
import Wire

@testable import Central

@Suite("A merge in parts: requests are answered between them, and nothing else is different [R10]")
struct PartsTests {
  private let world: World
  private let ana: Replica
  private let ben: Replica

  init() throws {
    world = try World()
    ana = try world.join(name: "Ana")
    ben = try world.join(name: "Ben")
    try world.settle()
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
  }

  /// Segments of one change each, so that parts can be small.
  private func push(_ replica: Replica, _ edits: [String]) throws {
    for edit in edits {
      try replica.edit(edit)
      try world.sync(replica)
    }
  }

  private func run(_ changesMax: Int, _ between: () throws -> Void = {}) throws -> (
    report: MergeReport, parts: Int
  ) {
    var run = try world.central.beginMerge(at: world.loop.at)
    var parts = 1
    while try world.central.goOn(&run, changesMax: changesMax) {
      parts += 1
      try between()
    }
    return (run.report, parts)
  }

  @Test("each part is signed and can be pulled; one report tells of all of them")
  func pulledBetween() throws {
    try push(ana, (2...6).map { "INSERT INTO club(id, name) VALUES('c\($0)', 'Nord')" })
    var seen: [Int] = []
    let (report, parts) = try run(2) {
      try world.sync(ben)
      seen.append(
        try ben.store.withConnection { connection in
          try connection.first("SELECT count(*) FROM club") { $0.int(0) } ?? 0
        })
    }
    #expect(parts == 3)
    #expect(seen == [3, 5])
    #expect(report.applied == 5)
    #expect(report.received == 5)
    #expect(report.waiting == 0)
    let kept = try world.central.reports(limit: 2)
    #expect(kept.first?.text() == report.json.text())
    #expect(kept.last?["number"]?.integer == Int64(report.number - 1))
    try world.settle()
    #expect(try world.digests().count == 1)
    try world.audit(ben)
  }

  @Test("a conflict that one part opens and another closes is no news; one that stays is told")
  func conflicts() throws {
    try push(ana, ["UPDATE club SET city = 'Quito'", "UPDATE club SET founded = 1921"])
    try push(ben, ["UPDATE club SET city = 'Rabat'", "UPDATE club SET city = NULL"])
    let (report, parts) = try run(1)
    #expect(parts >= 4)
    #expect(report.opened.map(\.record) == ["club/c1"])
    #expect(report.closed.isEmpty)
    try world.settle()
    try push(ana, ["UPDATE club SET city = 'Lima'"])
    let (settled, _) = try run(1)
    #expect(settled.closed.map(\.record) == ["club/c1"])
    #expect(settled.opened.isEmpty)
  }

  @Test("R12: who is revoked between two parts is refused from the next one on")
  func revoked() throws {
    try push(ana, (2...4).map { "INSERT INTO club(id, name) VALUES('c\($0)', 'Nord')" })
    let device = ana.identity.actor.replica
    let (report, parts) = try run(1) {
      if try world.central.member(device)?.revokedAt == nil {
        try world.central.revoke(device, at: world.loop.at)
      }
    }
    #expect(parts >= 3)
    #expect(report.applied == 2)
    #expect(report.own == 1)
    #expect(report.quarantined.count == 2)
    try world.sync(ben)
    try world.audit(ben)
  }

  @Test("a run that ends after a part leaves it, with its report; the next one takes the rest")
  func abandoned() throws {
    try push(ana, (2...4).map { "INSERT INTO club(id, name) VALUES('c\($0)', 'Nord')" })
    var run = try world.central.beginMerge(at: world.loop.at)
    #expect(try world.central.goOn(&run, changesMax: 1))
    #expect(try world.central.reports(limit: 1).first?["applied"]?.integer == 1)
    let rest = try world.merge()
    #expect(rest.applied == 2)
    #expect(rest.number == run.report.number + 1)
    try world.settle()
    #expect(try world.digests().count == 1)
  }

  @Test(
    "[SP-801] a central that dies between two parts has what its parts did, and merges the rest")
  func died() throws {
    try push(ana, (2...4).map { "INSERT INTO club(id, name) VALUES('c\($0)', 'Nord')" })
    var run = try world.central.beginMerge(at: world.loop.at)
    #expect(try world.central.goOn(&run, changesMax: 1))
    // What is on its disk then, opened by another process.
    try world.rewind(to: world.backUp())
    #expect(try world.central.inboxCount() == 2)
    #expect(try world.central.reports(limit: 1).first?["applied"]?.integer == 1)
    try world.sync(ben)
    #expect(try ben.cell("name", of: "c2") == "Nord")
    #expect(try ben.cell("name", of: "c3") == nil)
    #expect(try world.merge().applied == 2)
    try world.settle()
    #expect(try world.digests().count == 1)
    try world.audit(ben)
  }

  @Test(
    "[SP-801] a part that fails leaves nothing of itself: neither changes, nor checkpoint, nor report"
  )
  func failed() throws {
    try push(ana, (2...4).map { "INSERT INTO club(id, name) VALUES('c\($0)', 'Nord')" })
    var run = try world.central.beginMerge(at: world.loop.at)
    #expect(try world.central.goOn(&run, changesMax: 1))
    let before = try state()
    // Its report is the last thing that a part writes.
    try onCentral("ALTER TABLE cordee_report RENAME TO kept_report")
    #expect(throws: (any Error).self) { _ = try world.central.goOn(&run, changesMax: 1) }
    try onCentral("ALTER TABLE kept_report RENAME TO cordee_report")
    #expect(try state() == before)
    #expect(try world.merge().applied == 2)
    try world.settle()
    #expect(try world.digests().count == 1)
    try world.audit(ben)
  }

  private func onCentral(_ sql: String) throws {
    try world.central.store.withConnection { try $0.execute(sql) }
  }

  /// What central holds: its log's end, what waits, what was reported, what it signed.
  private func state() throws -> [String] {
    [
      "\(try world.central.store.logEnd(of: "commons"))", "\(try world.central.inboxCount())",
      try world.central.reports(limit: 1).first?.text() ?? "",
      String(describing: try world.central.checkpoint(of: "commons")),
    ]
  }
}

import Causality
import Changes
import Replica
import SQLite
import Store
import Testing
import Wire

@testable import Central

@Suite("A merge report tells who was heard, what waits for whom, and what needs a person")
struct MergeReportTests {
  private let world: World
  private let ana: Replica
  private let ben: Replica

  init() throws {
    world = try World()
    ana = try world.join(name: "Ana")
    ben = try world.join(name: "Ben")
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
  }

  /// Changes central's file as damage would, before a start that finds in memory nothing of what was verified.
  private func spoil(_ sql: String, whileServing: Bool = false) throws {
    try world.central.store.write {
      try world.central.store.withConnection { try $0.execute(sql) }
    }
    if !whileServing { world.central.verified = VerifiedSegments() }
  }

  @Test("devices are heard by name, each with what became of its changes")
  func heard() throws {
    world.central.milliseconds = Clock(step: 7).read
    try ana.edit("INSERT INTO club VALUES('c2', 'Nord', 'Lille', 1930)")
    try ana.edit("UPDATE club SET name = NULL WHERE id = 'c1'")
    try ben.edit("UPDATE club SET city = 'Rabat' WHERE id = 'c1'")
    for member in [ana, ben] { try world.sync(member) }
    let report = try world.merge()
    #expect(report.received == 3)
    #expect(report.applied == 2)
    #expect(report.own == 0)
    #expect(report.milliseconds == 7)
    let heard = report.members.values.sorted { $0.name < $1.name }
    #expect(heard.map(\.name) == ["Ana", "Ben"])
    #expect(heard.map(\.applied) == [1, 1])
    #expect(heard.map(\.quarantined) == [1, 0])
    #expect(report.quarantined.map(\.by) == ["Ana"])
    #expect(report.heard == [ana.identity.actor, ben.identity.actor])
    let kept = try #require(try world.central.reports(limit: 1).first)
    #expect(kept.text() == report.json.text())
    #expect(kept["members"]?.array?.count == 2)
  }

  @Test("conflicts are named when they open and when they close")
  func conflicts() throws {
    try ana.edit("UPDATE club SET city = 'Quito'")
    try ben.edit("UPDATE club SET city = 'Rabat'")
    for member in [ana, ben] { try world.sync(member) }
    let opened = try world.merge()
    #expect(opened.opened.map(\.record) == ["club/c1"])
    #expect(opened.opened.map(\.field) == ["city"])
    #expect(opened.closed.isEmpty)
    #expect(opened.needsPerson)
    try world.sync(ana)
    try ana.edit("DELETE FROM club")
    try ben.edit("UPDATE club SET founded = 1921")
    for member in [ana, ben] { try world.sync(member) }
    let both = try world.merge()
    #expect(both.opened.map(\.field) == [nil])
    try world.settle()
    try ana.edit("DELETE FROM club")
    try world.sync(ana)
    let closed = try world.merge()
    #expect(closed.opened.isEmpty)
    #expect(Set(closed.closed.map(\.field)) == ["city", nil])
    #expect(!closed.needsPerson)
  }

  @Test("a conflict opened and settled in one merge is neither")
  func settledAtOnce() throws {
    try ana.edit("UPDATE club SET city = 'Quito'")
    try world.sync(ana)
    try world.merge()
    try ben.edit("UPDATE club SET city = 'Rabat'")
    try world.sync(ben)
    // Ben learns of Quito and writes once more, knowing both.
    try world.sync(ben)
    try ben.edit("UPDATE club SET city = 'Fes'")
    try world.sync(ben)
    let report = try world.merge()
    #expect(report.applied == 2)
    #expect(report.opened.isEmpty && report.closed.isEmpty)
    try world.settle()
    #expect(try world.digests().count == 1)
  }

  @Test("segments out of order: the later waits, shown with what for, and nothing is lost")
  func outOfOrder() throws {
    for city in ["Quito", "Lima"] {
      try ana.edit("UPDATE club SET city = '\(city)'")
      try world.sync(ana)
    }
    #expect(try world.central.inboxCount() == 2)
    try spoil("DELETE FROM cordee_inbox WHERE n_to = (SELECT min(n_to) FROM cordee_inbox)")
    let report = try world.merge()
    #expect(report.waiting == 1)
    let waiting = try #require(report.waitingFor.first)
    #expect(waiting.by == "Ana")
    #expect(waiting.needs.map(\.dot) == [Dot(actor: ana.identity.actor, n: waiting.change.n - 1)])
    #expect(waiting.needs.map(\.by) == ["Ana"])
    // Hello tells Ana what central lacks.
    try world.settle()
    #expect(try world.central.inboxCount() == 0)
    #expect(try ben.cell("city", of: "c1") == "Lima")
    #expect(try world.digests().count == 1)
  }

  @Test(
    "R11: a segment damaged in the inbox is set aside and reported, and comes again; others merge",
    arguments: [
      "lines = CAST(replace(lines, 'Quito', 'Quita') AS BLOB)", "lines = substr(lines, 1, 40)",
      "lines = x''",
      "signatures = '[]'", "signatures = 'x'", "head = zeroblob(32)", "head = x'00'",
      "actor = x'00'", "n_to = n_to + 1",
      "lines = CAST(CAST(lines AS TEXT) || char(10) || lines AS BLOB)",
    ])
  func damage(set: String) throws {
    try ana.edit("UPDATE club SET city = 'Quito'")
    try world.sync(ana)
    try ben.edit("UPDATE club SET founded = 1921")
    try world.sync(ben)
    try spoil(
      "UPDATE cordee_inbox SET \(set) WHERE id = (SELECT min(id) FROM cordee_inbox)")
    let report = try world.merge()
    #expect(report.applied == 1)
    #expect(report.aside.count == 1)
    #expect(report.aside.first?.reason.hasPrefix("segment.damaged") == true)
    #expect(report.needsPerson)
    #expect(try world.central.inboxCount() == 0)
    for _ in 0..<2 { try world.settle() }
    for member in [ana, ben] {
      #expect(try member.cell("city", of: "c1") == "Quito")
      #expect(try member.cell("founded", of: "c1") == "1921")
    }
    #expect(try world.digests().count == 1)
  }

  @Test(
    "R11: what the disk spoils between receipt and merge merges as it was verified",
    arguments: [
      "lines = CAST(replace(lines, 'Quito', 'Quita') AS BLOB)", "lines = x''", "signatures = '[]'",
    ])
  func damageWhileServing(set: String) throws {
    try ana.edit("UPDATE club SET city = 'Quito'")
    try world.sync(ana)
    try spoil("UPDATE cordee_inbox SET \(set)", whileServing: true)
    let report = try world.merge()
    #expect(report.applied == 1)
    #expect(report.aside.isEmpty)
    try world.settle()
    #expect(try ben.cell("city", of: "c1") == "Quito")
    #expect(try world.digests().count == 1)
  }

  @Test("merges in a row that find nothing share one report; their numbers go on")
  func idle() throws {
    let first = try world.merge()
    #expect(first.isIdle)
    let count = try world.central.reports(limit: 100).count
    for _ in 0..<5 { try world.merge() }
    let reports = try world.central.reports(limit: 100)
    #expect(reports.count == count)
    #expect(reports.first?["runs"]?.integer == 6)
    #expect(reports.first?["number"]?.integer == Int64(first.number + 5))
    try ana.edit("UPDATE club SET city = 'Quito'")
    try world.sync(ana)
    let next = try world.merge()
    #expect(next.number == first.number + 6)
    #expect(try world.central.reports(limit: 100).count == count + 1)
  }

  @Test("a trial judges everything and changes nothing; the merge after it says the same")
  func trial() throws {
    try ana.edit("UPDATE club SET city = 'Quito'")
    try ana.edit("UPDATE club SET name = NULL")
    try ben.edit("UPDATE club SET city = 'Rabat'")
    for member in [ana, ben] { try world.sync(member) }
    let store = world.central.store
    let before = try (store.digest("commons"), store.lastSeq(), world.central.inboxCount())
    let reports = try world.central.reports(limit: 100).map { $0.text() }
    for _ in 0..<2 {
      let trial = try world.central.merge(at: world.loop.at, isTrial: true)
      #expect(trial.isTrial)
      let after = try (store.digest("commons"), store.lastSeq(), world.central.inboxCount())
      #expect(before == after)
    }
    #expect(try world.central.reports(limit: 100).map { $0.text() } == reports)
    var trial = try world.central.merge(at: world.loop.at, isTrial: true)
    trial.isTrial = false
    #expect(trial.json.text() == (try world.merge()).json.text())
    try world.settle()
    #expect(try world.digests().count == 1)
  }
}

/// A clock that is later by a step each time it is read.
private final class Clock {
  private var now: Int64 = 0
  private let step: Int64

  init(step: Int64) { self.step = step }

  func read() -> Int64 {
    now += step
    return now
  }
}

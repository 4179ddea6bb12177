import Causality
import Central
import Changes
import Replica
import SQLite
import Store
import Testing
import Wire

/// A person says of what central refused that it was seen; nothing of it goes.
@Suite("R2: a refusal that a person has seen", .timeLimit(.minutes(15)))
struct RefusalTests {
  private let world: World
  private let ana: Replica

  init() throws {
    world = try World()
    ana = try world.join(name: "Ana")
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
  }

  private func counts(_ replica: Replica) throws -> [Int] {
    let counts = try replica.store.refusalCounts(of: replica.identity.actor.replica)
    return [counts.all, counts.open]
  }

  @discardableResult
  private func settle(_ places: [Int]?, of replica: Replica, note: String = "seen") throws -> [Int]
  {
    try replica.store.write {
      try replica.store.settle(
        refusalsAt: places, of: replica.identity.actor.replica, by: "Ana", note: note,
        at: world.loop.at)
    }
  }

  @Test("stays listed with its values, the reason and the person's word; a second one is open")
  func settled() throws {
    #expect(try counts(ana) == [0, 0] && settle(nil, of: ana) == [])
    try ana.edit("UPDATE club SET name = NULL, city = 'Quito'")
    try world.settle()
    #expect(try counts(ana) == [1, 1])
    #expect(try settle(nil, of: ana, note: "a slip") != [])
    #expect(try counts(ana) == [1, 0])
    let own = ana.identity.actor.replica
    let kept = try #require(try ana.store.refusals(of: own).first)
    #expect(kept.settlement?.note == "a slip" && kept.settlement?.by == "Ana")
    #expect(kept.settlement?.at == world.loop.at)
    let body = try ChangeDecoding.body(try #require(kept.change.bodyBytes))
    #expect(
      body.writes == [
        Write(
          RowKey(table: "club", id: "c1"),
          .set([FieldValue("name", .null), FieldValue("city", .text("Quito"))]))
      ])
    #expect(kept.reason.contains("name"))
    // The first word stays; there is no second.
    #expect(try settle([kept.seq], of: ana, note: "other") == [])
    #expect(try ana.store.refusals(of: own).first?.settlement?.note == "a slip")
    // The very same edit, made again, is refused anew.
    try ana.edit("UPDATE club SET name = NULL, city = 'Quito'")
    try world.settle()
    #expect(try counts(ana) == [2, 1])
    #expect { try settle([kept.seq, 10_000], of: ana) } throws: {
      ($0 as? StoreError)?.code == .notFound
    }
    #expect(try counts(ana) == [2, 1])
    try world.audit(ana)
  }

  @Test("is asked of its author alone: nobody else's file counts it")
  func others() throws {
    let ben = try world.join(name: "Ben")
    try ana.edit("UPDATE club SET name = NULL")
    try world.settle()
    #expect(try counts(ana) == [1, 1] && counts(ben) == [0, 0])
    let place = try ana.store.refusals(of: ana.identity.actor.replica)[0].seq
    #expect(throws: StoreError.self) { try settle([place], of: ben) }
  }

  @Test("goes along with a copy that is adopted; what its former device writes then does not")
  func adopted() throws {
    try ana.edit("UPDATE club SET name = NULL")
    try world.settle()
    let copy = try world.adopt(world.copy(of: ana))
    #expect(try counts(copy) == [1, 1])
    // Sent before the copy was adopted, judged after it.
    try ana.edit("UPDATE club SET name = NULL, city = 'Lima'")
    try world.sync(ana)
    let second = try world.adopt(world.copy(of: ana))
    try world.settle(with: [ana, second, copy])
    #expect(try counts(ana) == [2, 2] && counts(second) == [2, 2])
    #expect(try counts(copy) == [1, 1])
    let places = try second.store.refusals(of: second.identity.actor.replica).map(\.seq)
    #expect(try settle(places, of: second) == places)
    #expect(try counts(second) == [2, 0] && counts(ana) == [2, 2])
    for member in [ana, copy, second] { try world.audit(member) }
  }

  @Test("is not asked anew when a restored central gets its log back with its verdicts")
  func restored() throws {
    let world = try World()
    var backup = ""
    try RestoreTests.live(world) { if $0 == 4 { backup = try world.backUp() } }
    let ben = world.members[1]
    let before = try counts(ben)
    try #require(before[0] >= 2 && before[0] == before[1])
    try settle(nil, of: ben)
    try world.restore(backup)
    try RestoreTests.heal(world)
    #expect(try counts(ben) == [before[0], 0])
    try world.audit(ben)
  }

  @Test("what was refused is found by an index of its own, however long the log")
  func planned() throws {
    let plan = try ana.store.withConnection { connection in
      try connection.all(
        "EXPLAIN QUERY PLAN SELECT DISTINCT actor FROM cordee_log WHERE reason IS NOT NULL"
      ) { $0.text(3) }
    }
    #expect(plan.allSatisfy { $0.contains("cordee_log_refused") }, "\(plan)")
  }
}

import Causality
import Changes
import Testing
import Wire

@testable import Central
@testable import Replica
@testable import Store

@Suite(
  "A file holds what the log makes of its own changes, also where they stand in it the other way round"
)
struct SettlingTests {
  private let world: World
  private let ana: Replica
  private let ben: Replica

  init() throws {
    world = try World()
    (ana, ben) = (try world.join(), try world.join())
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Rabat', 1920)")
    try world.settle()
  }

  /// Puts changes into the logs of central and of ana's file, and looks at her rows after each.
  private func log(_ changes: [Change]) throws {
    for change in changes {
      for store in [world.central.store, ana.store] { try integrate(change, into: store) }
      #expect(try world.findings(in: ana).filter { $0.code.hasPrefix("row.") } == [])
    }
    #expect(try ana.store.digest("commons") == world.central.store.digest("commons"))
  }

  private func integrate(_ change: Change, into store: Store) throws {
    let seq = try store.lastSeq() + 1
    let hash = Store.hash(
      Preimage.log(
        previous: try store.logEnd(of: "commons").hash, seq: seq, dot: change.dot,
        verdict: .applied, hash: change.hash))
    let entry = LogEntry(seq: seq, change: change, verdict: .applied, hash: hash, signatures: nil)
    try store.write { try store.integrate(entry) }
  }

  @Test("a later one of the same device comes first")
  func ownFirst() throws {
    let former = ana.identity.actor
    try ana.edit("UPDATE club SET city = 'Quito'")
    try world.sync(ana)
    try ana.store.write { try ana.store.demandEpoch(.copied) }
    try world.sync(ana)
    try ana.edit("UPDATE club SET city = 'Lima'")
    try ana.store.write { _ = try ana.store.seal(as: ana.author) }
    let dots = [Dot(actor: ana.identity.actor, n: 1), Dot(actor: former, n: 2)]
    try log(try dots.map { try #require(try ana.store.change($0, in: "commons")) })
  }

  @Test("a later one that writes several rows comes first")
  func severalRows() throws {
    let former = ana.identity.actor
    try ana.edit("INSERT INTO club VALUES('c2', 'Boule', 'Fez', 1930)")
    try world.settle()
    try ana.edit("UPDATE club SET city = 'Quito' WHERE id = 'c1'")
    try world.sync(ana)
    try ana.store.write { try ana.store.demandEpoch(.copied) }
    try world.sync(ana)
    try ana.store.write {
      try ana.store.seal(
        [("c1", "city", "Lima"), ("c2", "name", "Club")].map {
          Write(RowKey(table: "club", id: $0), .set([FieldValue($1, .text($2))]))
        }, space: "commons", author: ana.author)
    }
    #expect(try ana.cell("name", of: "c2") == "Club")
    let dots = [Dot(actor: ana.identity.actor, n: 1), Dot(actor: former, n: 3)]
    try log(try dots.map { try #require(try ana.store.change($0, in: "commons")) })
  }

  @Test("one of another device that had seen them comes first")
  func othersFirst() throws {
    let end = try ana.store.logEnd(of: "commons")
    let backup = try world.backUp()
    try ana.edit("UPDATE club SET city = 'Quito'")
    try world.settle()
    try ben.edit("UPDATE club SET city = 'Lima'")
    try world.settle()
    let dots = [Dot(actor: ben.identity.actor, n: 1), Dot(actor: ana.identity.actor, n: 2)]
    let changes = try dots.map { try #require(try ana.store.change($0, in: "commons")) }
    try world.rewind(to: backup)
    let count = try ana.store.write {
      try ana.store.goBack("commons", to: LogPlace(seq: end.seq, hash: end.hash))
    }
    #expect(count == 2)
    try log(changes)
  }

  @Test("what a snapshot brought of the own past waits for nothing, and stops no pull")
  func broughtBySnapshot() throws {
    let former = ana.identity.actor
    try ana.store.write { try ana.store.demandEpoch(.copied) }
    try world.sync(ana)
    // Of the file's past, central had more than a backup of the file.
    try ana.store.write {
      let head = try ana.store.head(of: former, in: "commons")
      try ana.store.setHead(
        Head(n: head.n + 30, hash: head.hash, context: head.context), of: former, in: "commons")
    }
    for city in ["'Lima'", "'Quito'", "printf('%.600000c', 'x')"] {
      try ana.edit("UPDATE club SET city = \(city)")
      try ana.store.write { _ = try ana.store.seal(as: ana.author) }
    }
    #expect(try ana.store.sealPreview().heldBack.count == 1)
    let first = Dot(actor: ana.identity.actor, n: 1)
    #expect(try ana.store.context(at: first, in: "commons")[former] > 30)
    try integrate(try #require(try ana.store.change(first, in: "commons")), into: ana.store)
    #expect(try ana.store.ownChanges(of: first.actor, in: "commons").map(\.dot.n) == [2])
  }
}

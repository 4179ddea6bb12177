import Causality
import Changes
import HTTP
import SQLite
import Testing
import Wire

@testable import Central
@testable import Replica
@testable import Store

@Suite("A chain of which a part came, and the rest was declared lost")
struct GivenUpTests {
  /// One whose edits stand in two actors, and a hostile member; central lost all but the first edit.
  private struct Scene {
    let world: World
    let (ana, ben): (Replica, Replica)
    let former: ActorID

    /// - Parameter isSeen: whether the honest author had seen the change with the forged context.
    init(isSeen: Bool) throws {
      world = try World()
      (ana, ben) = (try world.join(), try world.join())
      let liar = try world.join()
      former = ana.identity.actor
      try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Rabat', 1920)")
      try world.settle()
      let backup = try world.backUp()
      var hand = Hand(liar)
      let claim = VersionVector([(former, 1_000_000)])
      if isSeen {
        _ = try hand.push("c2", claiming: claim, world)
        try world.settle(with: [ana])
      }
      try ana.edit("UPDATE club SET city = 'Quito'")
      try world.settle(with: [ana])
      try ana.store.write { try ana.store.demandEpoch(.copied) }
      try world.sync(ana)
      try ana.edit("UPDATE club SET city = 'Lima'")
      let last = try ana.segments()
      try world.settle(with: [ana])
      try world.restore(backup)
      try world.central.accept(at: world.loop.at)
      // What she wrote last is the first that comes back.
      let carried = try world.offer(last, by: ben)
      #expect(carried.status == 200)
      if !isSeen {
        let status = try hand.push("c2", claiming: claim, world)
        #expect(status == 200)
      }
      try world.sync(ana)
    }
  }

  @Test(
    "what came of it is merged before what was written by one who had seen it",
    arguments: [false, true])
  func order(isSeen: Bool) throws {
    let scene = try Scene(isSeen: isSeen)
    let world = scene.world
    #expect(try world.merge().waiting > 0)
    let awaited = try #require(try world.central.awaited().first { $0.actor == scene.former })
    #expect(awaited.from == 3 && awaited.to == 1_000_000)
    _ = try world.central.declareLost("\(scene.former):\(awaited.to)", at: world.loop.at)
    #expect(try world.merge().waiting == 0)
    let city = try world.central.store.state(of: RowKey(table: "club", id: "c1")).cells["city"]
    #expect(city?.map(\.value) == [.text("Lima")])
    try world.settle()
    #expect(try world.digests().count == 1)
    for member in world.members { try world.audit(member) }
  }

  @Test(
    "a file holds what the log makes of its own changes, also where they stand the other way round in it"
  )
  func reversed() throws {
    let world = try World()
    let ana = try world.join()
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Rabat', 1920)")
    try world.settle()
    let former = ana.identity.actor
    try ana.edit("UPDATE club SET city = 'Quito'")
    try world.sync(ana)
    try ana.store.write { try ana.store.demandEpoch(.copied) }
    try world.sync(ana)
    try ana.edit("UPDATE club SET city = 'Lima'")
    try ana.store.write { _ = try ana.store.seal(as: ana.author) }
    let dots = [Dot(actor: ana.identity.actor, n: 1), Dot(actor: former, n: 2)]
    let changes = try dots.map { try #require(try ana.store.change($0, in: "commons")) }
    for store in [ana.store, world.central.store] {
      for change in changes {
        let seq = try store.lastSeq() + 1
        let hash = Store.hash(
          Preimage.log(
            previous: try store.logEnd(of: "commons").hash, seq: seq, dot: change.dot,
            verdict: .applied, hash: change.hash))
        let entry = LogEntry(
          seq: seq, change: change, verdict: .applied, hash: hash, signatures: nil)
        try store.write { try store.integrate(entry) }
      }
    }
    #expect(try world.digests().count == 1)
    #expect(try world.findings(in: ana).allSatisfy { !$0.code.hasPrefix("row.") })
  }
}

@Suite("Segments that claim to have seen each other")
struct RingTests {
  @Test("after a restore bar nobody's way: one goes first, and all are merged")
  func ring() throws {
    let world = try World()
    let (ana, ben, liar) = (try world.join(), try world.join(), try world.join())
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Rabat', 1920)")
    try world.settle()
    let backup = try world.backUp()
    var hand = Hand(liar)
    let author = ana.identity.actor
    _ = try hand.push("c2", claiming: VersionVector([(author, 2)]), world)
    let report = try world.merge()
    #expect(report.quarantined.map(\.dot.actor) == [liar.identity.actor])
    // She saw that it was refused, and writes the very change that it claims.
    try world.sync(ana)
    try ana.edit("UPDATE club SET city = 'Quito'")
    try world.settle(with: [ana, ben])
    try ben.edit("UPDATE club SET city = 'Lima'")
    try world.settle(with: [ana, ben])
    try world.restore(backup)
    try world.central.accept(at: world.loop.at)
    try world.sync(ana)
    #expect(try world.merge().waiting == 0)
    #expect(try world.central.awaited().isEmpty)
    for _ in 0..<2 { try world.settle() }
    let city = try world.central.store.state(of: RowKey(table: "club", id: "c1")).cells["city"]
    #expect(city?.map(\.value) == [.text("Lima")])
    #expect(try world.digests().count == 1)
    for member in [ana, ben] {
      try world.audit(member)
      #expect(try member.store.refusalCounts(of: member.identity.actor.replica).all == 0)
    }
  }
}

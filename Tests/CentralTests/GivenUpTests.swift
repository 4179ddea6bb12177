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
}

@Suite("Segments that claim to have seen each other")
struct RingTests {
  private static func actor(_ number: UInt64) -> ActorID {
    ActorID(replica: ID128(high: 1, low: number), epoch: number)
  }

  private struct Claim {
    let (author, from, to): (ActorID, Int, Int)
    let sees: [Dot]

    init(_ author: UInt64, _ from: Int, _ to: Int, sees: [(UInt64, Int)] = []) {
      (self.author, self.from, self.to) = (RingTests.actor(author), from, to)
      self.sees = sees.map { Dot(actor: RingTests.actor($0.0), n: $0.1) }
        .sorted { $0.actor < $1.actor }
    }
  }

  /// Merges all that can be, as central does; the places in the list of what was, in that order.
  private func merged(_ claims: [Claim], after heads: [UInt64: Int] = [:]) -> [Int] {
    var queue = MergeQueue(
      claims.enumerated().map { id, claim in
        QueuedSegment(
          id: id, space: "commons", actor: claim.author, from: claim.from, to: claim.to,
          previous: [], head: [], signatures: [], runs: [])
      })
    var known = Dictionary(uniqueKeysWithValues: heads.map { (Self.actor($0.key), $0.value) })
    func isMerged(_ dot: Dot, _ space: String) -> Bool { known[dot.actor] ?? 0 >= dot.n }
    var claimed: [ActorID: [Dot]] = [:]
    var order: [Int] = []
    var calls = 0
    while calls < 20_000 {
      calls += 1
      guard let entry = queue.next(isMerged: isMerged) else {
        if queue.freeRings(isMerged: isMerged) { continue }
        return order
      }
      let claim = claims[entry.segment.id]
      if isMerged(Dot(actor: claim.author, n: claim.to), "commons") { continue }
      let before = Dot(actor: claim.author, n: claim.from - 1)
      let sees = (claimed[claim.author] ?? []) + claim.sees
      let lacks =
        isMerged(before, "commons")
        ? sees.filter {
          !isMerged($0, "commons") && !queue.freed(entry.segment).contains($0)
        } : [before]
      guard lacks.isEmpty else {
        queue.hold(entry, for: lacks)
        continue
      }
      order.append(entry.segment.id)
      known[claim.author] = claim.to
      // What an author claims it claims from then on.
      claimed[claim.author] = sees
      queue.release(claim.from...claim.to, of: claim.author, in: "commons")
    }
    Issue.record("it never ends")
    return order
  }

  @Test("One of a ring goes first, whoever waits outside it and however the segments were cut")
  func shapes() {
    #expect(
      Set(merged([Claim(1, 1, 1, sees: [(2, 1)]), Claim(2, 1, 1, sees: [(1, 1)])])) == [0, 1])
    // Whoever looks at the ring from outside enters it at a segment that waits for the one before it.
    let entered = [
      Claim(9, 5, 5, sees: [(2, 7)]), Claim(9, 6, 6), Claim(2, 7, 7, sees: [(9, 6)]),
      Claim(3, 1, 1, sees: [(9, 6)]),
    ]
    #expect(Set(merged(entered, after: [9: 4, 2: 6])) == [0, 1, 2, 3])
    // The shorter cut begins later and ends before what is waited for.
    let overlapping = [
      Claim(9, 3, 4), Claim(9, 1, 10, sees: [(2, 1)]), Claim(2, 1, 1, sees: [(9, 7)]),
    ]
    #expect(Set(merged(overlapping)).isSuperset(of: [1, 2]))
    #expect(merged([Claim(1, 1, 1, sees: [(1, 5)]), Claim(1, 2, 5)]) == [0, 1])
  }

  @Test("Of a long chain that had seen who claims all of it every segment is merged")
  func chains() {
    let chain = [Claim(2, 1, 1, sees: [(9, 900)])] + (2...200).map { Claim(2, $0, $0) }
    // The liar never lacks least.
    let others = [
      Claim(9, 900, 900, sees: [(2, 200), (3, 1)]), Claim(3, 1, 1, sees: [(2, 200), (4, 1)]),
      Claim(4, 1, 1, sees: [(2, 200)]),
    ]
    #expect(Set(merged(chain + others, after: [9: 899])).count == 203)
    let cuts = [Claim(2, 1, 4, sees: [(9, 1)]), Claim(2, 1, 8, sees: [(9, 1)])]
    #expect(merged(cuts + [Claim(9, 1, 1, sees: [(2, 8)])]).contains(2))
  }

  @Test("What builds on another of a ring goes after it")
  func builders() {
    // 9 lies; 2 wrote first, and 1 had seen both.
    let claims = [
      Claim(1, 1, 1, sees: [(2, 800), (9, 900)]), Claim(2, 800, 800, sees: [(9, 900)]),
      Claim(9, 900, 900, sees: [(1, 1)]),
    ]
    let order = merged(claims, after: [2: 799, 9: 899])
    #expect(order.count == 3)
    #expect(order.firstIndex(of: 1).map { first in order.firstIndex(of: 0)! > first } == true)
  }

  @Test(
    "Who waits for what is nowhere waits on, in a ring or not; and there is an end to looking for rings"
  )
  func bounds() {
    let outside = [Claim(1, 1, 1, sees: [(2, 1), (7, 1)]), Claim(2, 1, 1, sees: [(1, 1)])]
    #expect(Set(merged(outside)).isSubset(of: [1]))
    let many = (1...500).flatMap {
      [Claim(1, $0, $0, sees: [(2, $0)]), Claim(2, $0, $0, sees: [(1, $0)])]
    }
    let count = merged(many).count
    #expect(count >= 100 && count < 1_000)
  }

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

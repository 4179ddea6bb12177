import Causality
import Central
import Changes
import Files
import Foundation
import HTTP
import Replica
import SQLite
import Seal
import Store
import Testing
import Wire

/// An enrolled member that makes its changes by hand, and may claim to have seen anything.
struct Hand {
  let replica: Replica
  private var n = 0
  private var head = Hash.zero

  init(_ replica: Replica) { self.replica = replica }

  /// Pushes a change that makes a club.
  mutating func push(
    _ id: String, claiming context: VersionVector = VersionVector(), also others: [Signature] = [],
    _ world: World
  ) throws -> Int {
    let dot = Dot(actor: replica.identity.actor, n: n + 1)
    let fields = [
      FieldValue("name", .text(id)), FieldValue("city", .null), FieldValue("founded", .null),
    ]
    let change = Store.change(
      Header(network: world.central.network, space: "commons", dot: dot, context: context),
      Body(
        key: Randomness.bytes(16), at: world.loop.at,
        writes: [Write(RowKey(table: "club", id: id), .insert(fields))]),
      previous: head)
    let signature = replica.key.sign(
      Preimage.segment(
        network: world.central.network, space: "commons", head: dot, hash: change.hash))
    let segment = Segment(
      actor: dot.actor, from: dot.n, to: dot.n, previous: head, head: change.hash,
      signatures: others + [Signature(key: dot.actor.replica, value: signature)])
    (n, head) = (dot.n, change.hash)
    let lines = [segment.line, ChangeEncoding.line(of: change), []]
    return try world.ask(
      "POST", "/v1/spaces/commons/changes",
      body: Array(lines.joined(separator: [UInt8(ascii: "\n")])), by: replica
    ).status
  }
}

@Suite("A context that nobody can have", .timeLimit(.minutes(15)))
struct ForgedContextTests {
  private func forged() throws -> (World, Replica) {
    let world = try World()
    let ana = try world.join()
    var hand = Hand(try world.join())
    try ana.edit("INSERT INTO club(id, name) VALUES('c1', 'Alpins')")
    try world.settle(with: [ana])
    var context = VersionVector()
    context.raise(ActorID(replica: ID128(high: 7, low: 7), epoch: 7), to: 1_000_000)
    #expect(try hand.push("c2", claiming: context, world) == 200)
    #expect(try hand.push("c3", claiming: VersionVector(), world) == 200)
    return (world, ana)
  }

  @Test("what one change claims its author's later ones claim too: all are refused, nobody waits")
  func addsUp() throws {
    let (world, ana) = try forged()
    let report = try world.merge()
    #expect(report.quarantined.count == 2 && report.waiting == 0)
    #expect(report.quarantined.allSatisfy { $0.reason.hasPrefix("context.unknown") })
    try world.sync(ana)
    #expect(try ana.cell("name", of: "c3") == nil)
    #expect(try ana.store.digest("commons") == world.central.store.digest("commons"))
  }

  @Test(
    "after a restore, what an earlier change had claimed is awaited by name, and can be given up (R16)"
  )
  func claimedBefore() throws {
    let world = try World()
    let (ana, liar) = (try world.join(), try world.join())
    var hand = Hand(liar)
    try ana.edit("INSERT INTO club(id, name) VALUES('c1', 'Alpins')")
    try world.settle(with: [ana])
    let gone = ActorID(replica: ID128(high: 7, low: 7), epoch: 7)
    #expect(try hand.push("c2", claiming: VersionVector([(gone, 3)]), world) == 200)
    try world.settle(with: [ana])
    #expect(try world.central.awaited().isEmpty)
    try world.restore(try world.backUp())
    try world.central.accept(at: world.loop.at)
    // This header says nothing of it any more; what its author claimed counts all the same.
    #expect(try hand.push("c3", world) == 200)
    #expect(try world.merge().waiting == 1)
    let awaited = try world.central.awaited()
    #expect(awaited.map(\.actor) == [gone])
    #expect(awaited.map(\.from) == [1] && awaited.map(\.to) == [3])
    #expect(try world.central.declareLost("\(gone):3", at: world.loop.at) == ["commons"])
    let report = try world.merge()
    #expect(report.applied == 1 && report.waiting == 0)
    #expect(try world.central.awaited().isEmpty)
    try world.sync(ana)
    #expect(try ana.cell("name", of: "c3") == "c3")
    #expect(try ana.store.digest("commons") == world.central.store.digest("commons"))
  }

  @Test("a snapshot names whom only a refused context names, and can be taken")
  func snapshot() throws {
    let (world, _) = try forged()
    try world.merge()
    world.central.snapshotEntriesMin = 1
    let newcomer = try world.join()
    #expect(try world.sync(newcomer).snapshotRows > 0)
    #expect(try newcomer.store.digest("commons") == world.central.store.digest("commons"))
  }

  @Test("what a liar claims to have seen of unsent changes does not keep them back (R16)")
  func unsent() throws {
    let world = try World()
    let ana = try world.join()
    var hand = Hand(try world.join())
    try ana.edit("INSERT INTO club(id, name) VALUES('c1', 'Alpins')")
    try world.settle(with: [ana])
    var context = VersionVector()
    context.raise(ana.identity.actor, to: 1_000_000)
    #expect(try hand.push("c2", claiming: context, world) == 200)
    try world.settle(with: [ana])
    let twin = try world.copy(of: ana)
    for (file, city) in [(twin, "Bern"), (ana, "Rome")] {
      for n in 1...3 {
        try file.edit("UPDATE club SET city = '\(city)', founded = \(n) WHERE id = 'c1'")
        try file.store.write { _ = try file.store.seal(as: file.author) }
      }
    }
    #expect(try ana.store.knownStanding(of: ana.identity.actor, in: "commons") == 1)
    try world.settle(with: [twin])
    #expect(try world.sync(ana).epoch?.resealed == 3)
    try world.agree([ana, twin])
    let cities = try ana.store.state(of: RowKey(table: "club", id: "c1")).cells["city"]
    #expect(Set(cities?.map(\.value) ?? []) == [.text("Bern"), .text("Rome")])
  }
}

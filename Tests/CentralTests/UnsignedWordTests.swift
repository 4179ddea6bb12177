import Central
import Changes
import HTTP
import Replica
import Store
import Testing
import Wire

@Suite("R1, R8: what central says without a signature proves nothing and loses nothing")
struct UnsignedWordTests {
  @Test(
    "history behind a snapshot that is not what was signed is kept as evidence, and comes again")
  func history() throws {
    let scene = try HostileScene()
    scene.world.central.snapshotEntriesMin = 2
    let joined = try scene.world.join()
    let late = try Replica(store: joined.store, key: joined.key, exchange: scene.link)
    func sync() throws -> SyncReport { try late.sync(now: scene.world.loop.now, at: late.at) }
    scene.link.alter = { request, bytes in
      guard request.path.hasSuffix("/log"), (try? late.store.gap(in: "commons")) ?? nil != nil
      else {
        return bytes
      }
      let text = String(decoding: bytes, as: UTF8.self).replacing("Chamonix", with: "Courmayeur")
      return Array(text.utf8)
    }
    let refusal = try #require(throws: SyncError.self) { _ = try sync() }
    #expect(refusal.code == "log.signature")
    let kept = try #require(try late.store.evidence().first)
    #expect(kept.kind == .suspicion && kept.code == refusal.code && kept.settledAt == nil)
    #expect(!kept.statements.isEmpty)
    scene.link.alter = nil
    #expect(try sync().history > 0)
    #expect(try late.store.gap(in: "commons") == nil)
  }

  @Test("R1: hello alone makes nothing received: central has to sign for it, at the next contact")
  func unsignedReceipt() throws {
    let scene = try HostileScene()
    try scene.victim.edit("INSERT INTO club VALUES('c9', 'Mine', 'Fez', 1930)")
    _ = try scene.victim.store.write {
      try scene.victim.store.seal(as: scene.victim.author)
    }
    let actor = scene.victim.identity.actor
    let head = try scene.victim.store.head(of: actor, in: "commons")
    // It says that it holds what it never got, and answers no push.
    scene.link.alter = { request, bytes in
      if request.path.hasSuffix("/changes") { return Array("{}".utf8) }
      guard request.path.hasSuffix("/hello"), let answer = try? HelloAnswer.parse(bytes) else {
        return bytes
      }
      return HelloAnswer(
        instance: answer.instance,
        spaces: answer.spaces.map {
          .init(name: $0.name, heldN: head.n, heldHash: head.hash, seq: $0.seq, knowsCursor: true)
        }
      ).bytes
    }
    #expect(throws: SyncError.self) { _ = try scene.sync() }
    #expect(try scene.victim.store.waiting() == (1, 0))
    #expect(try scene.victim.store.evidence().map(\.code) == ["receipt.missing"])
    scene.link.alter = nil
    _ = try scene.sync()
    #expect(try scene.victim.store.waiting() == (0, 1))
    #expect(try scene.victim.store.receipt(of: actor, in: "commons")?.n == head.n)
    // An honest reply that was lost costs one change sent again, and a signed word for it.
    try scene.victim.edit("UPDATE club SET city = 'Meknes' WHERE id = 'c9'")
    try scene.victim.edit("UPDATE club SET founded = 1931 WHERE id = 'c1'")
    scene.link.alter = { request, bytes in
      request.path.hasSuffix("/changes") ? Array("{}".utf8) : bytes
    }
    #expect(throws: SyncError.self) { _ = try scene.sync() }
    scene.link.alter = nil
    scene.world.loop.sent = []
    _ = try scene.sync()
    let pushes = scene.world.loop.sent.filter { $0.path.hasSuffix("/changes") }
    #expect(pushes.count == 1)
    #expect(try scene.victim.store.waiting().local == 0)
    scene.world.loop.sent = []
    _ = try scene.sync()
    #expect(scene.world.loop.sent.filter { $0.path.hasSuffix("/changes") }.isEmpty)
  }

  @Test(
    "R9, R16: hello that says of a twin's changes that they are these settles nothing by a snapshot"
  )
  func misledEpoch() throws {
    let scene = try HostileScene()
    let (world, victim) = (scene.world, scene.victim)
    try victim.edit("INSERT INTO club VALUES('c9', 'Mine', 'Fez', 1930)")
    try world.settle(with: [victim])
    let twin = try world.copy(of: victim)
    for (file, city, count) in [(twin, "Rabat", 4), (victim, "Quito", 2)] {
      for n in 1...count {
        try file.edit("UPDATE club SET city = '\(city)', founded = \(n) WHERE id = 'c9'")
        try file.store.write { _ = try file.store.seal(as: file.author) }
      }
    }
    try world.settle(with: [twin])
    world.central.snapshotEntriesMin = 1
    // One name in the answer is altered on its way; what is not said is taken to be so.
    scene.link.alter = { request, bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      return request.path.hasSuffix("/hello")
        ? Array(text.replacing("holds_head", with: "holds_h%ad").utf8) : bytes
    }
    _ = try? scene.sync()
    scene.link.alter = nil
    _ = try? scene.sync()
    try world.agree([victim, twin, scene.author])
    let cities = try victim.store.state(of: RowKey(table: "club", id: "c9")).cells["city"]
    #expect(Set(cities?.map(\.value) ?? []) == [.text("Rabat"), .text("Quito")])
  }
}

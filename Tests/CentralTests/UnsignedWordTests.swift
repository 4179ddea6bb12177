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
}

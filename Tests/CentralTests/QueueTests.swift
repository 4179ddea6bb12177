import Causality
import Changes
import HTTP
import Replica
import SQLite
import Store
import Testing
import Wire

@testable import Central

@Suite("What waits in the inbox costs in proportion, however it came [R15]")
struct QueueTests {
  /// `count` edits of one member as segments of one change each, sent backwards; gives the statements of hello and merge.
  private func backwards(_ count: Int) throws -> (hello: Int, merge: Int) {
    let world = try World()
    let a = try world.join()
    try world.settle()
    var segments: [[UInt8]] = []
    for n in 1...count {
      try a.edit("INSERT INTO club(id, name) VALUES('c\(n)', 'Alpins')")
      let author = Author(network: a.identity.network, actor: a.identity.actor, at: world.loop.at)
      _ = try a.store.write { try a.store.seal(as: author) }
      try a.forEachSegment(of: "commons", after: n - 1) { segments.append($0.lines) }
    }
    let member = try #require(try world.central.member(a.identity.actor.replica))
    for segment in segments.reversed() {
      _ = try world.central.receive(
        segment, from: member, space: "commons", at: world.loop.at)
    }
    func statements() throws -> Int { try world.central.store.withConnection { $0.statementsRun } }
    let start = try statements()
    #expect(try world.central.heldHead(of: a.identity.actor, in: "commons").n == count)
    let hello = try statements() - start
    let report = try world.merge()
    #expect(report.applied == count)
    #expect(report.waiting == 0)
    let merge = try statements() - start - hello
    try world.settle()
    #expect(try world.digests().count == 1)
    return (hello, merge)
  }

  @Test(
    "twice as many segments that came backwards take at most a little over twice the statements")
  func linear() throws {
    let (few, many) = (try backwards(60), try backwards(120))
    #expect(many.merge < few.merge * 5 / 2)
    #expect(many.hello <= few.hello + 2)
  }

  @Test("a segment that waits for one that is set aside is not taken for covered")
  func waitsInVain() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try world.settle()
    try a.edit("INSERT INTO club(id, name) VALUES('c1', 'Alpins')")
    try world.sync(a)
    try world.merge()
    try world.sync(b)
    try b.edit("UPDATE club SET city = 'Quito'")
    try world.sync(b)
    try world.central.store.withConnection {
      try $0.execute("UPDATE cordee_inbox SET lines = CAST('{}' AS BLOB)")
    }
    world.central.verified = VerifiedSegments()
    let report = try world.merge()
    #expect(report.applied == 0)
    #expect(report.aside.count == 1)
    #expect(report.waiting == 0)
  }

  /// Segments of one change each by two authors, each change having seen the other's last one, one author's all before the
  /// other's; gives how often the queue hands one out, or looks whether one can be, until all are taken.
  private func turns(_ count: Int) throws -> Int {
    let authors = (1...2).map { ActorID(replica: ID128(high: $0, low: 0), epoch: 1) }
    var segments: [QueuedSegment] = []
    for author in authors {
      for n in 1...count {
        segments.append(
          QueuedSegment(
            id: segments.count, space: "commons", actor: author, from: n, to: n, previous: [],
            head: [], signatures: [], runs: []))
      }
    }
    var queue = MergeQueue(segments)
    var heads: [ActorID: Int] = [:]
    var (turns, taken) = (0, 0)
    while let entry = queue.next(isMerged: { dot, _ in
      turns += 1
      return dot.n <= heads[dot.actor, default: 0]
    }) {
      turns += 1
      let author = try #require(entry.segment.actor)
      let n = entry.segment.from
      let other = author == authors[0] ? authors[1] : authors[0]
      let needs = [
        Dot(actor: author, n: n - 1), Dot(actor: other, n: author == authors[0] ? n - 1 : n),
      ].filter { $0.n > heads[$0.actor, default: 0] }
      guard needs.isEmpty else {
        queue.hold(entry, for: needs)
        continue
      }
      heads[author] = n
      taken += 1
      queue.release(n...n, of: author, in: "commons")
    }
    #expect(taken == 2 * count)
    return turns
  }

  @Test("two chains that had seen each other change by change take turns in proportion")
  func entwined() throws {
    let (few, many) = (try turns(200), try turns(400))
    #expect(few < 200 * 8)
    #expect(many <= few * 2 + few / 100)
  }
}

import Causality
import Central
import Changes
import Replica
import Seal
import Store
import Testing
import Wire

@Suite("A new epoch (R16)")
struct EpochTests {
  /// One member with changes merged, received and only sealed, and edits of another pulled in between.
  private func member(of world: World, _ other: Replica) throws -> Replica {
    let member = try world.join()
    try member.edit(
      "INSERT INTO club VALUES('a', 'Alpha', 'Oslo', 1901), ('b', 'Beta', 'Bern', 1902)")
    try world.settle()
    try other.edit("UPDATE club SET city = 'Graz' WHERE id = 'b'")
    try member.edit("UPDATE club SET name = 'Alef' WHERE id = 'a'")
    try world.sync(member)
    try member.edit("UPDATE club SET city = 'Rome' WHERE id = 'b'")
    try member.store.write { _ = try member.store.seal(as: member.author) }
    try world.sync(other)
    return member
  }

  @Test(
    "unsent changes keep their writes, labels, order, contexts and weights, and name the dot they had"
  )
  func reseals() throws {
    let world = try World()
    let other = try world.join()
    let member = try member(of: world, other)
    let old = member.identity.actor
    let before = try member.store.ownChanges(of: old, in: "commons")
    let shown = try member.store.state(of: RowKey(table: "club", id: "b"))
    // One is on central's disk already, one is not, and one more was never sealed.
    #expect(before.map(\.dot.n) == [3, 4])
    try member.edit("INSERT INTO club VALUES('c', 'Gamma', NULL, NULL)")
    let standing = try member.store.knownStanding(of: old, in: "commons")
    #expect(standing == 3)
    let next = ActorID(replica: old.replica, epoch: old.epoch &+ 1)
    let epoch = try member.store.write {
      try member.store.beginEpoch(
        .copied, as: next, author: member.author, standing: ["commons": standing])
    }
    #expect(epoch.resealed == 2)
    #expect(try member.store.epochs() == [epoch])
    let kept = try member.store.ownChanges(of: old, in: "commons")
    #expect(kept.map(\.hash) == [before[0].hash])
    let moved = try member.store.ownChanges(of: next, in: "commons")
    #expect(moved.map(\.dot.n) == [1, 2])
    let body = try ChangeDecoding.body(moved[0].bodyBytes ?? [])
    let was = try ChangeDecoding.body(before[1].bodyBytes ?? [])
    #expect(body.was == before[1].dot && body.writes == was.writes && body.at == was.at)
    #expect(moved[0].header.context[old] == 3)
    let state = try member.store.state(of: RowKey(table: "club", id: "b"))
    #expect(state.shown("city") == .text("Rome"))
    #expect(state.cells["city"]?.map(\.weight) == shown.cells["city"]?.map(\.weight))
    #expect(state.cells["city"]?.map(\.dot) == [Dot(actor: next, n: 1)])
    #expect(try member.store.head(of: old, in: "commons").n == 3)
    #expect(try member.cell("name", of: "c") == "Gamma")
  }

  @Test("after it everything merges, and every file agrees and stands an audit")
  func converges() throws {
    let world = try World()
    let other = try world.join()
    let member = try member(of: world, other)
    let old = member.identity.actor
    let standing = try member.store.knownStanding(of: old, in: "commons")
    try member.store.write {
      _ = try member.store.beginEpoch(
        .copied, as: ActorID(replica: old.replica, epoch: 7), author: member.author,
        standing: ["commons": standing])
    }
    try world.audit(member)
    let again = try Replica(store: member.store, key: member.key, exchange: world.loop)
    try world.sync(again)
    try world.settle(with: [again, other])
    #expect(try Set([other, again].map { try $0.store.digest("commons") }).count == 1)
    #expect(try again.store.waiting() == (0, 0))
    // The name was changed by one who had seen all; the city by two who had not seen each other.
    #expect(try other.cell("name", of: "a") == "Alef")
    #expect(try other.store.conflicts().map(\.field) == ["city"])
    try world.audit(again)
    try world.audit(other)
  }

  @Test("a refused change of a former epoch is undone, and later own changes stand")
  func refusal() throws {
    let world = try World()
    let other = try world.join()
    let member = try world.join()
    try member.edit("INSERT INTO club VALUES('a', 'Alpha', 'Oslo', 1901)")
    try world.settle()
    // Central refuses an empty name, but only when it merges.
    try member.edit("UPDATE club SET name = NULL, city = 'Bonn' WHERE id = 'a'")
    try world.sync(member)
    try member.edit("UPDATE club SET founded = 1950 WHERE id = 'a'")
    let old = member.identity.actor
    try member.store.write {
      _ = try member.store.beginEpoch(
        .copied, as: ActorID(replica: old.replica, epoch: 7), author: member.author,
        standing: ["commons": 2])
    }
    let again = try Replica(store: member.store, key: member.key, exchange: world.loop)
    try world.audit(again)
    try world.merge()
    let report = try world.sync(again)
    #expect(report.refused.count == 1)
    #expect(try again.cell("name", of: "a") == "Alpha")
    #expect(try again.cell("founded", of: "a") == "1950")
    try world.audit(again)
    try world.settle(with: [again, other])
    #expect(try Set([other, again].map { try $0.store.digest("commons") }).count == 1)
    #expect(try other.cell("founded", of: "a") == "1950")
  }

  @Test("several spaces go on together, and a second epoch finds the first edit's name")
  func spaces() throws {
    let world = try World()
    let chair = try world.join("chair")
    try chair.edit("INSERT INTO club VALUES('a', 'Alpha', NULL, NULL)")
    try chair.edit("INSERT INTO draft VALUES('d', 'words')")
    let first = chair.identity.actor
    var author = chair.author
    for epoch in [5, 6] as [UInt64] {
      let next = ActorID(replica: first.replica, epoch: epoch)
      let begun = try chair.store.write {
        try chair.store.beginEpoch(.forked, as: next, author: author, standing: [:])
      }
      #expect(begun.resealed == 2)
      author = Author(network: author.network, actor: next, at: author.at)
    }
    for space in ["commons", "bureau"] {
      let change = try #require(try chair.store.ownChanges(of: author.actor, in: space).first)
      #expect(try ChangeDecoding.body(change.bodyBytes ?? []).was == Dot(actor: first, n: 1))
      #expect(try chair.store.head(of: first, in: space).n == 0)
    }
    let again = try Replica(store: chair.store, key: chair.key, exchange: world.loop)
    try world.settle(with: [again])
    #expect(try again.cell("text", of: "d", table: "draft") == "words")
    try world.audit(again)
  }
}

extension Replica {
  /// Who seals in this file, as it was opened.
  var author: Author {
    Author(network: identity.network, actor: identity.actor, at: "2027-01-15T08:00:00Z")
  }
}

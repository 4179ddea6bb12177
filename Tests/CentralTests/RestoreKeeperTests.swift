import Causality
import Central
import Changes
import Replica
import SQLite
import Store
import Testing
import Wire

/// What whoever keeps a restoring central is told, and may ask of it. R7, R8
@Suite("The keeper of a restoring central", .timeLimit(.minutes(15)))
struct RestoreKeeperTests {
  /// Two histories of both spaces after one backup, hers and his, and central as it is after his.
  private func parted() throws -> (world: World, ana: Replica, ben: Replica, backup: String) {
    let world = try World()
    let (ana, ben) = (try world.join("chair", name: "Ana"), try world.join("chair", name: "Ben"))
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try ana.edit("INSERT INTO draft VALUES('d1', 'words')")
    try world.settle()
    try world.settle()
    let backup = try world.backUp()
    try ana.edit("UPDATE club SET city = 'Quito' WHERE id = 'c1'")
    try ana.edit("INSERT INTO draft VALUES('d2', 'hers')")
    try world.settle(with: [ana])
    try world.rewind(to: backup)
    try ben.edit("UPDATE club SET name = 'Alpinistes' WHERE id = 'c1'")
    try ben.edit("INSERT INTO draft VALUES('d3', 'his')")
    try world.settle(with: [ben])
    return (world, ana, ben, backup)
  }

  private func ask(_ world: World, _ what: String, _ members: [(String, JSON)] = []) throws -> JSON
  {
    try world.central.administer(
      .object([("do", .string(what))] + members), now: world.loop.now, at: world.loop.at)
  }

  /// What was offered of a space.
  private func offered(_ world: World, _ space: String = "commons") throws -> [JSON] {
    try #require(
      try ask(world, "status")["restore"]?["spaces"]?[space]?["offered"]?.array)
  }

  private func heals(_ world: World) throws {
    for _ in 0..<3 { try world.settle() }
    #expect(try world.digests().count == 1)
    for member in world.members {
      #expect(try member.cell("city", of: "c1") == "Quito")
      #expect(try member.cell("name", of: "c1") == "Alpinistes")
      for (id, text) in [("d1", "words"), ("d2", "hers"), ("d3", "his")] {
        #expect(try member.cell("text", of: id, table: "draft") == text)
      }
      #expect(try member.store.waiting() == (0, 0))
    }
  }

  @Test("is offered no history that cannot be followed, and told that the log's own goes on")
  func ownAlone() throws {
    let (world, ana, _, _) = try parted()
    // He merged on before she came: her history leaves the log below its end.
    #expect(try world.sync(ana).isCentralRestoring)
    let offer = try #require(try offered(world).first)
    let hash = try #require(offer["hash"]?.string)
    #expect(offer["can_follow"]?.isTrue == false)
    let restore = try #require(try ask(world, "status")["restore"])
    #expect(restore["next"]?.string?.hasSuffix("--accept --tail own`.") == true)
    for choices in [[], [hash]] {
      #expect { try world.central.accept(choosing: choices, at: world.loop.at) } throws: {
        guard let problem = $0 as? Problem else { return false }
        return problem.code == "restore.fork" && problem.hint.contains("only --tail own")
          && problem.hint.contains("judged anew") && !problem.hint.contains(hash)
      }
    }
    #expect(world.central.isRestoring)
    let report = try world.central.accept(choosing: ["own"], at: world.loop.at)
    #expect(report.takenOver == 0 && report.judgedAnew == 2)
    try heals(world)
  }

  @Test("may name every history that can be followed, and nothing is lost", arguments: [0, 1])
  func eachTail(number: Int) throws {
    let (world, ana, ben, backup) = try parted()
    try world.restore(backup)
    for member in [ana, ben] { try world.sync(member) }
    for space in ["commons", "bureau"] {
      #expect(try offered(world, space).map { $0["can_follow"]?.isTrue } == [true, true])
    }
    let next = try #require(try ask(world, "status")["restore"]?["next"]?.string)
    #expect(next.hasSuffix("--tail HASH`."))
    let hashes = try ["commons", "bureau"].map { space in
      try #require(
        try offered(world, space).first {
          $0["offered_by"]?.string == world.members[number].identity.actor.replica.description
        }?["hash"]?.string)
    }
    let report = try world.central.accept(choosing: hashes, at: world.loop.at)
    #expect(report.takenOver == 2 && report.judgedAnew == 2)
    try heals(world)
  }

  @Test("may follow a history in one space and keep the log in another")
  func eachSpace() throws {
    let (world, ana, ben, backup) = try parted()
    try world.restore(backup)
    for member in [ana, ben] { try world.sync(member) }
    let hash = try #require(try offered(world).first?["hash"]?.string)
    let report = try world.central.accept(choosing: ["own", hash], at: world.loop.at)
    #expect(report.takenOver == 1 && report.judgedAnew == 3)
    try heals(world)
  }

  @Test("who asks again for a restore is shown the one under way, with its cause")
  func again() throws {
    let (world, ana, _, _) = try parted()
    #expect(try world.sync(ana).isCentralRestoring)
    let instance = world.central.instance
    func lives() throws -> Int? {
      try world.central.store.withConnection {
        try $0.first("SELECT count(*) FROM cordee_instance") { $0.int(0) }
      }
    }
    let (count, offers) = (try lives(), try offered(world).count)
    for _ in 0..<2 {
      let told = try ask(world, "restore")
      #expect(told["already"]?.isTrue == true)
      #expect(told["restore"]?["cause"]?.string == Central.Cause.rewound.rawValue)
    }
    #expect(world.central.instance == instance && world.central.isRestoring)
    #expect(try lives() == count && offered(world).count == offers)
    // On a sound one it begins at once.
    try world.central.accept(choosing: ["own"], at: world.loop.at)
    let told = try ask(world, "restore")
    #expect(told["already"]?.isTrue == false)
    #expect(told["restore"]?["cause"]?.string == Central.Cause.restored.rawValue)
    #expect(world.central.instance != instance && world.central.isRestoring)
  }

  @Test("gets no bundle of the log before the new life is accepted")
  func bundles() throws {
    let (world, ana, _, _) = try parted()
    let reader = ("for", JSON.string(ana.identity.actor.replica.description))
    let piece = [reader, ("space", .string("commons")), ("after", .integer(0))]
    for (what, members) in [("bundle", [reader]), ("log", piece)] {
      #expect(throws: Never.self) { try ask(world, what, members) }
    }
    #expect(try world.sync(ana).isCentralRestoring)
    for (what, members) in [("bundle", [reader]), ("log", piece)] {
      #expect { try ask(world, what, members) } throws: {
        ($0 as? Problem)?.code == "central.restoring"
      }
    }
    try world.central.accept(choosing: ["own"], at: world.loop.at)
    for (what, members) in [("bundle", [reader]), ("log", piece)] {
      #expect(throws: Never.self) { try ask(world, what, members) }
    }
  }
}

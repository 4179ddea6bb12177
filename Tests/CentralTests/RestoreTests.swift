import Causality
import Central
import Changes
import HTTP
import Replica
import SQLite
import Store
import Testing
import Wire

/// Central restored from a backup, or rewound unnoticed: nothing merged is lost, no verdict changes. R1, R2, R8
@Suite("A restored central", .timeLimit(.minutes(15)))
struct RestoreTests {
  /// Eleven merges of everything there is: inserts, updates, deletes, conflicts, quarantines, two spaces, an enrolment.
  static func live(_ world: World, afterMerge: (Int) throws -> Void) throws {
    let ana = try world.join(name: "Ana")
    let ben = try world.join(name: "Ben")
    let chair = try world.join("chair", name: "Chair")
    for step in 1...11 {
      try ana.edit(
        "INSERT INTO club VALUES('a\(step)', 'Alpins \(step)', 'Chamonix', \(1900 + step))")
      try chair.edit("INSERT INTO draft VALUES('d\(step)', 'Draft \(step)')")
      switch step % 4 {
      case 1: try ben.edit("UPDATE club SET name = NULL WHERE id = 'a\(step - 1)'")
      case 2:
        try ana.edit("UPDATE club SET city = 'Quito \(step)' WHERE id = 'a\(step - 1)'")
        try ben.edit("UPDATE club SET city = 'Rabat \(step)' WHERE id = 'a\(step - 1)'")
      case 3: try ben.edit("DELETE FROM club WHERE id = 'a\(step - 2)'")
      default: try chair.edit("UPDATE club SET founded = \(step) WHERE city LIKE 'Quito%'")
      }
      if step == 6 { try world.join(name: "Dora") }
      for member in world.members { try world.sync(member) }
      try world.merge()
      if step != 5 { for member in world.members { try world.sync(member) } }
      try afterMerge(step)
    }
    for member in world.members { try world.sync(member) }
  }

  /// Members come by until nothing is left to give.
  static func heal(_ world: World, with those: [Replica]? = nil) throws {
    let members = those ?? world.members
    for member in members { try world.sync(member) }
    try world.central.accept(at: world.loop.at)
    for _ in 0..<3 {
      for member in members { try world.sync(member) }
      try world.merge()
    }
    for member in members { try world.sync(member) }
  }

  @Test(
    "of any age gets its log back from members: places, verdicts, hashes, content",
    arguments: 1...10)
  func ages(age: Int) throws {
    let world = try World()
    var backup = ""
    try Self.live(world) { if $0 == age { backup = try world.backUp() } }
    let before = try world.content()
    let members = try world.central.members().count
    let old = world.central.instance
    try world.restore(backup)
    #expect(world.central.instance != old)
    #expect(throws: Problem.self) { try world.merge() }
    try Self.heal(world)
    #expect(try world.content() == before)
    #expect(try world.central.members().count == members)
    #expect(try world.digests().count == 1)
    #expect(try world.central.inboxCount() == 0)
    for member in world.members {
      #expect(try member.store.adriftCount().all == 0)
      let waiting = try member.store.waiting()
      #expect(waiting.local == 0 && waiting.received == 0)
    }
  }

  @Test("takes over what it signed also from one that was cut on its way into another life")
  func cutOnTheWay() throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    try world.settle()
    let oldest = try world.backUp()
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    let signed = try world.central.store.logEnd(of: "commons")
    let older = try world.backUp()
    try ben.edit("UPDATE club SET city = 'Rabat' WHERE id = 'c1'")
    try world.settle()
    try world.restore(older)
    try world.central.accept(at: world.loop.at)
    // Her log goes back to where both part, and what central signs of it next does not come.
    var requests = 0
    repeat {
      requests += 1
      world.loop.failsAfterRequests = requests
      #expect(throws: HTTPFailure.self) { try world.sync(ana) }
    } while try requests < 12 && ana.store.meta("checkpoint.commons") != .null
    world.loop.failsAfterRequests = nil
    #expect(try ana.store.logEnd(of: "commons").seq == signed.seq)
    try world.restore(oldest)
    #expect(try world.sync(ana).isCentralRestoring)
    let report = try world.central.accept(at: world.loop.at)
    #expect(report.takenOver > 0)
    #expect(try world.central.store.logHash(of: "commons", at: signed.seq) == signed.hash)
    for _ in 0..<2 { try world.settle() }
    #expect(try world.digests().count == 1)
    for member in world.members {
      #expect(try member.cell("city", of: "c1") == "Rabat")
      try world.audit(member)
    }
  }

  @Test(
    "that forgot a whole life hears of it from one whose log it holds: edits that name what is gone wait",
    arguments: [(false, 1), (true, 1), (true, 2)])
  func forgottenLife(isEmpty: Bool, lives: Int) throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    let empty = try world.backUp()
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    let backup = try world.backUp()
    var older = isEmpty ? empty : backup
    for _ in 1..<lives {
      try world.restore(older)
      try world.central.accept(at: world.loop.at)
      older = try world.backUp()
      for _ in 0..<2 { try world.settle() }
    }
    try ben.edit("UPDATE club SET city = 'Rabat' WHERE id = 'c1'")
    try world.settle()
    // She had seen what is about to be gone, and keeps nothing of it to give.
    try ana.edit("UPDATE club SET city = 'Quito' WHERE id = 'c1'")
    try ana.store.write { _ = try ana.store.seal(as: ana.author) }
    // Where the new life begins with nothing, central signs nothing in it.
    try world.restore(older)
    try world.central.accept(at: world.loop.at)
    try world.sync(ana)
    try ana.store.withConnection { try $0.execute("DELETE FROM cordee_adrift") }
    let life = world.central.instance
    // Back in its first life, which knows of no restore; what ana holds of the log is all there.
    try world.rewind(to: backup)
    #expect(world.central.instance != life)
    #expect(try world.sync(ana).isCentralRestoring)
    try world.central.accept(at: world.loop.at)
    try world.settle(with: [ana])
    #expect(try world.central.awaited().map(\.actor.replica) == [ben.identity.actor.replica])
    for _ in 0..<2 { try world.settle() }
    #expect(try world.digests().count == 1)
    for member in world.members {
      #expect(try member.cell("city", of: "c1") == "Quito")
      #expect(try member.store.refusalCounts(of: ana.identity.actor.replica).all == 0)
    }
  }
}

extension World {
  /// All that central holds: every entry of its logs with verdict and hash, and the digest of each space.
  func content() throws -> [String] {
    var lines: [String] = []
    for space in central.store.schema.spaces {
      try central.store.forEachEntry(of: space, after: 0) { entry in
        lines.append(
          "\(space) \(entry.seq) \(entry.change.dot) \(entry.verdict.text) \(entry.hash)")
        return true
      }
      lines.append("\(space) \(try central.store.digest(space))")
    }
    return lines
  }
}

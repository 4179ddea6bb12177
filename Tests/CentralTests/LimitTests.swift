import Causality
import Changes
import HTTP
import Replica
import SQLite
import Store
import Testing
import Wire

@testable import Central

@Suite("What one device may use of central (R15)")
struct LimitTests {
  @Test("A device asks too often, is told how long to wait, and another is served meanwhile")
  func requests() throws {
    let world = try World()
    let (eager, calm) = (try world.join(), try world.join())
    world.central.limits.requestsPerMinute = 3
    for _ in 0..<3 { try world.sync(eager) }
    let refusal = try #require(throws: SyncError.self) { try world.sync(eager) }
    #expect(refusal.code == "requests.too_many")
    try world.sync(calm)
    world.loop.now += 20
    try world.sync(eager)

    // A patient one waits as long as central says, not as long as it would by itself.
    var waits: [Duration] = []
    eager.patience = Patience(attemptsMax: 2) {
      waits.append($0)
      world.loop.now += Int64($0 / .seconds(1))
    }
    try world.sync(eager)
    #expect(waits == [.seconds(20)])
  }

  @Test("A bucket fills with time, never beyond its size, and not by a clock set back")
  func bucket() {
    var allowance = Allowance()
    let device = ID128(high: 1, low: 2)
    func take(_ now: Int64) -> Int? { allowance.take(device, now: now, perMinute: 60) }
    for _ in 0..<60 { #expect(take(1000) == nil) }
    #expect(take(1000) == 1)
    #expect(take(500) == 1)
    #expect(take(1001) == nil)
    #expect(take(1001) == 1)
    for _ in 0..<60 { #expect(take(9000) == nil) }
    #expect(take(9000) == 1)
  }

  @Test("R15: new names end at the published number, and a refused one leaves nothing behind")
  func names() throws {
    let world = try World()
    let ana = try world.join()
    try world.settle()
    func write(_ table: String, _ fields: [String]) throws -> [String] {
      try ana.store.write {
        try ana.store.seal(
          [
            Write(
              RowKey(table: table, id: "x"),
              .insert(fields.map { FieldValue($0, .integer(1)) }))
          ], space: "commons", author: ana.author)
      }
      try world.sync(ana)
      let refused = try world.merge().quarantined.map(\.reason)
      try world.sync(ana)
      return refused
    }
    for n in 0..<ChangeLimits.carriedTablesMax {
      #expect(try write("table_\(n)", ["a"]) == [], "\(n)")
    }
    let before = try world.central.store.nameCounts()
    #expect(try write("one_more", ["b"]).first?.hasPrefix("table.too_many") == true)
    // One that is known goes on; names of fields have an end of their own.
    #expect(try write("table_0", ["c"]) == [])
    let many = (0..<900).map { "field_\($0)" }
    var refusals: [String] = []
    for part in 0..<5 { refusals += try write("table_1", many.map { "\($0)_\(part)" }) }
    #expect(refusals.count == 1 && refusals[0].hasPrefix("name.too_many"))
    let after = try world.central.store.nameCounts()
    #expect(after.carried == before.carried && after.names <= ChangeLimits.namesMax)
    // Whoever reads it carries as much.
    let ben = try world.join()
    try world.sync(ben)
    #expect(try ben.store.digest("commons") == world.central.store.digest("commons"))
    #expect(try ben.store.nameCounts().carried == ChangeLimits.carriedTablesMax)
    try world.audit(ben)
  }

  @Test("R15: one device gives back so much history and no more; others give the rest")
  func tails() throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    try world.settle()
    let old = try world.backUp()
    for n in 0..<5 {
      try ana.edit("INSERT INTO club(id, name) VALUES('a\(n)', 'A')")
      try world.settle()
    }
    let before = try world.central.store.digest("commons")
    try world.restore(old)
    world.central.limits.offeredBytesMax = 300
    let refusal = try #require(throws: SyncError.self) { try world.sync(ana) }
    #expect(refusal.code == "tail.too_much")
    world.central.limits.offeredBytesMax = 100_000
    #expect(try world.sync(ben).offered == 5)
    // What is here already counts for nobody.
    world.central.limits.offeredBytesMax = 300
    #expect(try world.sync(ana).isCentralRestoring)
    try world.central.accept(at: world.loop.at)
    #expect(try world.central.store.digest("commons") == before)
    #expect(try world.central.store.meta("offered.\(ben.identity.actor.replica)") == nil)
  }

  @Test("What is beyond a device's place in the inbox stays with it and comes after the merge")
  func queue() throws {
    let world = try World()
    let (full, other) = (try world.join(), try world.join())
    world.central.limits.queueBytesMax = 1_000
    try full.edit("INSERT INTO club(id, name) VALUES('a', 'A')")
    try world.sync(full)
    let long = String(repeating: "x", count: 2_000)
    world.central.limits.queueBytesMax = 4_000
    try full.edit("INSERT INTO club(id, name) VALUES('b', '\(long)')")
    try full.edit("INSERT INTO club(id, name) VALUES('c', 'C')")
    try world.sync(full)
    try full.edit("INSERT INTO club(id, name) VALUES('d', '\(long)')")
    let refusal = try #require(throws: SyncError.self) { try world.sync(full) }
    #expect(refusal.code == "queue.full")
    // Others have their own place.
    try other.edit("INSERT INTO club(id, name) VALUES('e', 'E')")
    try world.sync(other)
    try world.merge()
    try world.settle()
    #expect(try world.digests().count == 1)
    #expect(try other.cell("id", of: "d") == "d")
  }

  @Test("A disk that is nearly full refuses pushes before anything is taken; merging goes on")
  func disk() throws {
    let world = try World()
    let member = try world.join()
    try member.edit("INSERT INTO club(id, name) VALUES('a', 'A')")
    try world.sync(member)
    world.central.limits.reserveBytes = .max
    world.central.limits.reserveDivisor = 1
    try member.edit("INSERT INTO club(id, name) VALUES('b', 'B')")
    let refusal = try #require(throws: SyncError.self) { try world.sync(member) }
    #expect(refusal.code == "disk.reserve")
    try world.merge()
    #expect(try member.store.waiting().local == 1)
    world.central.limits = CentralLimits()
    try world.settle()
    #expect(try world.digests().count == 1)
  }
}

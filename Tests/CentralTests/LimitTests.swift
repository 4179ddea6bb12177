import Causality
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

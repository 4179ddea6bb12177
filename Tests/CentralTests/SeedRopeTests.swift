import Central
import Changes
import Foundation
import Registry
import Replica
import Seal
import Store
import Testing
import Wire

@Suite("The founding records on several replicas", .timeLimit(.minutes(15)))
struct SeedRopeTests {
  private func records() throws -> [SeedRecord] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let bytes = try Data(contentsOf: root.appending(path: "Fixtures/seed-records.json"))
    return try Seed(JSON.parse(Array(bytes))) { Blake2b.hash([$0]) }.records
  }

  /// Loads the records as a member's own writes; tells how many were needed.
  private func load(_ records: [SeedRecord], into replica: Replica, at: String) throws -> Int {
    let writes = try records.compactMap {
      try $0.write(over: replica.store.state(of: $0.row), schema: .registry)
    }
    let author = Author(
      network: replica.identity.network, actor: replica.identity.actor, at: at)
    for start in stride(from: 0, to: writes.count, by: 100) {
      try replica.store.write {
        try replica.store.seal(
          Array(writes[start..<min(start + 100, writes.count)]), space: "commons", author: author)
      }
    }
    return writes.count
  }

  @Test("loaded on two replicas apart, there is one of each, no conflict, and equal content")
  func twoReplicas() throws {
    let records = try records()
    let world = try World(schema: .registry)
    let first = try world.join(schema: .registry)
    let second = try world.join(schema: .registry)
    try world.settle()
    #expect(try load(records, into: first, at: world.loop.at) == records.count)
    #expect(try load(records, into: second, at: world.loop.at) == records.count)
    try world.settle()
    #expect(try world.digests().count == 1)
    for store in [world.central.store, first.store, second.store] {
      #expect(try store.conflicts().isEmpty)
      #expect(try OfficialList(store, on: "2014-09-17").entries?.count == 12)
    }
    let digest = try world.digests()
    #expect(try load(records, into: first, at: world.loop.at) == 0)
    #expect(try world.digests() == digest, "loading twice changes nothing")
  }

  @Test("what a member changed or removed since is not put back by loading again")
  func notPutBack() throws {
    let records = try records().filter { ["organisation", "person"].contains($0.table) }
    let world = try World(schema: .registry)
    let member = try world.join(schema: .registry)
    try world.settle()
    _ = try load(records, into: member, at: world.loop.at)
    try world.settle()
    try member.edit("UPDATE organisation SET name_en = 'Ecuador!' WHERE slug = 'ecuador'")
    try member.edit("DELETE FROM person")
    try world.settle()
    let digest = try world.digests()
    #expect(try load(records, into: member, at: world.loop.at) == 0)
    #expect(try world.digests() == digest)
  }
}

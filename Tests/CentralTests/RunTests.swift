import Causality
import Central
import Changes
import HTTP
import Replica
import SQLite
import Seal
import Store
import Testing
import Wire

@Suite(
  "Keys of bodies come from a run's secret, told only where nothing of the run is withheld [SP-313]"
)
struct RunTests {
  /// The lines of the commons as `reader` is given them, decompressed.
  private func piece(_ world: World, for reader: Replica) throws -> String {
    let member = try #require(try world.central.member(reader.identity.actor.replica))
    return String(
      decoding: try world.central.logPiece(
        of: "commons", after: 0, for: member, bytesMax: 1 << 20, isShort: true), as: UTF8.self)
  }

  private func insert(_ ids: ClosedRange<Int>, _ name: String = "'Alpins'") -> String {
    ids.map { "INSERT INTO club(id, name) VALUES('c\($0)', \(name));" }.joined()
  }

  @Test("edits sealed together travel with one secret, and arrive byte for byte")
  func oneSecret() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try world.settle()
    try a.edit(insert(1...20))
    try world.settle()
    let lines = try piece(world, for: b)
    #expect(lines.split(separator: "\n").filter { $0.hasPrefix(#"{"run":"#) }.count == 1)
    #expect(lines.split(separator: "\n").filter { $0.hasPrefix(#"{"body":{"at":"#) }.count == 18)
    #expect(try world.digests().count == 1)
    let keys = try a.store.withConnection { db in
      try db.all("SELECT body FROM cordee_change ORDER BY n") { $0.bytes(0) }
    }.map { try ChangeDecoding.body($0).key }
    #expect(Set(keys).count == keys.count)
  }

  @Test(
    "where one body of a run is refused, its secret is told to nobody, and the others' keys do not give its own"
  )
  func withheld() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try world.settle()
    try a.edit(insert(1...5) + insert(6...6, "NULL") + insert(7...9))
    try world.settle()
    let lines = try piece(world, for: b)
    #expect(!lines.contains(#"{"run":"#))
    #expect(lines.contains(#""body_hash""#))
    try world.settle()
    #expect(try world.digests().count == 1)
    #expect(
      try world.central.store.withConnection {
        try $0.first("SELECT count(*) FROM cordee_run") { $0.int(0) }
      } == 0)
  }

  @Test("what is sealed after a push was tried joins no run of before, whatever became of the push")
  func closedBeforePush() throws {
    let world = try World()
    let a = try world.join()
    try world.settle()
    try a.edit(insert(1...3))
    // Hello is answered, the push is not.
    world.loop.failsAfterRequests = 1
    #expect(throws: (any Error).self) { try world.sync(a) }
    world.loop.failsAfterRequests = nil
    try a.edit(insert(4...6))
    try world.sync(a)
    let runs = try a.store.withConnection {
      try $0.all("SELECT n_from, n_to FROM cordee_run ORDER BY n_to") { [$0.int(0), $0.int(1)] }
    }
    #expect(runs == [[1, 3], [4, 6]])
  }

  @Test(
    "single edits of one person, not sent yet, share a run; one that had seen more begins another")
  func oneByOne() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try world.settle()
    let author = Author(network: a.identity.network, actor: a.identity.actor, at: world.loop.at)
    for id in 1...3 {
      try a.edit(insert(id...id))
      _ = try a.store.write { try a.store.seal(as: author) }
    }
    try b.edit(insert(50...50))
    try world.sync(b)
    try world.merge()
    try world.sync(a)
    try a.edit(insert(4...5))
    try world.settle()
    try world.settle()
    let runs = try a.store.withConnection {
      try $0.all("SELECT n_from, n_to FROM cordee_run ORDER BY n_to") { [$0.int(0), $0.int(1)] }
    }
    #expect(runs == [[1, 3], [4, 5]])
    #expect(try world.digests().count == 1)
  }

  @Test("the log is to be had in full form, every line by itself")
  func fullForm() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try a.edit(insert(1...3))
    try world.settle()
    let member = try #require(try world.central.member(b.identity.actor.replica))
    let bytes = try world.central.logPiece(of: "commons", after: 0, for: member, bytesMax: 1 << 20)
    for line in Lines.split(bytes) { _ = try LogLine.parse(line) }
    #expect(!String(decoding: bytes, as: UTF8.self).contains(#"{"run":"#))
  }
}

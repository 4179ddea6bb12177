import Causality
import Central
import Changes
import Files
import HTTP
import Replica
import SQLite
import Seal
import Store
import Testing
import Wire

@Suite("Transfers", .timeLimit(.minutes(15)))
struct TransferTests {
  /// A central whose log comes in pieces of a few lines.
  private func world(rows: Int) throws -> (World, Replica) {
    try World.filled(rows: rows, pieceBytes: 2_000)
  }

  private func logRequests(_ world: World) -> [String] {
    world.loop.sent.filter { $0.path.hasSuffix("/log") }.compactMap { $0.query["after"] }
  }

  @Test("A pull in many pieces is spooled, and goes on after a cut where it ended")
  func spooled() throws {
    let (world, ana) = try world(rows: 40)
    let ben = try world.join()
    let spool = "\(ben.store.path).cordee-pull-commons"
    world.loop.failsAfterRequests = 4
    #expect(throws: HTTPFailure.self) { try world.sync(ben) }
    #expect(try #require(Files.size(spool)) > 2_000)
    #expect(try ben.cell("name", of: "club-1") == nil)
    let asked = logRequests(world)
    world.loop.failsAfterRequests = nil
    world.loop.sent = []
    #expect(try world.sync(ben).pulled == 41)
    // No piece is asked for twice.
    #expect(Set(logRequests(world)).isDisjoint(with: asked.dropLast()))
    #expect(logRequests(world).first == asked.last)
    #expect(Files.size(spool) == nil)
    try world.sync(ana)
    #expect(try world.digests().count == 1)
  }

  @Test(
    "A spool that was altered, cut or belongs to another place is thrown away",
    arguments: ["flip", "cut", "other", "empty"])
  func spoiled(how: String) throws {
    let (world, ana) = try world(rows: 30)
    let ben = try world.join()
    let spool = "\(ben.store.path).cordee-pull-commons"
    world.loop.failsAfterRequests = 4
    #expect(throws: HTTPFailure.self) { try world.sync(ben) }
    world.loop.failsAfterRequests = nil
    var reader = try FileReader(spool)
    var bytes = try reader.read(1 << 20)
    switch how {
    case "flip": bytes[bytes.count - 300] ^= 1
    case "cut": bytes.removeLast(7)
    case "other": bytes[40] ^= 1
    default: bytes = []
    }
    var writer = try FileWriter(spool)
    try writer.write(bytes)
    #expect(try world.sync(ben).pulled == 31)
    #expect(try ben.store.evidence().isEmpty)
    try world.sync(ana)
    #expect(try world.digests().count == 1)
  }

  @Test("A link that breaks off every answer gets a snapshot, the log and history all the same")
  func neverWhole() throws {
    let world = try World()
    world.central.snapshotEntriesMin = 20
    let ana = try world.join()
    try ana.edit(
      """
      WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 400)
      INSERT INTO club(id, name) SELECT 'club-' || n, hex(randomblob(200)) FROM i
      """)
    try world.sync(ana)
    try world.merge()
    let ben = try world.join()
    var waits = 0
    ben.patience = Patience(attemptsMax: 2) { _ in waits += 1 }
    world.loop.cutsAnswersAfter = 30_000
    #expect(try world.sync(ben).snapshotRows == 401)
    #expect(waits > 6)
    #expect(try ben.store.gap(in: "commons") == nil)
    // The log, too, in one piece that never comes whole.
    world.central.snapshotEntriesMin = 5_000
    try ana.edit("UPDATE club SET name = hex(randomblob(200)), city = 'x'")
    world.loop.cutsAnswersAfter = nil
    try world.sync(ana)
    try world.merge()
    try world.sync(ana)
    world.loop.cutsAnswersAfter = 30_000
    waits = 0
    #expect(try world.sync(ben).pulled >= 400)
    #expect(waits > 3)
    #expect(try ben.store.evidence().isEmpty)
    #expect(try world.digests().count == 1)
    // Without anything of use the patience ends.
    try ana.edit("UPDATE club SET city = 'y'")
    world.loop.cutsAnswersAfter = nil
    try world.sync(ana)
    try world.merge()
    world.loop.cutsAnswersAfter = 300
    waits = 0
    let patient = Patience(attemptsMax: 4) { _ in waits += 1 }
    ben.patience = patient
    #expect(throws: HTTPFailure.self) { try world.sync(ben) }
    #expect(waits == 3)
  }

  @Test("Every phase of a long transfer tells how much is to come")
  func totals() throws {
    let world = try World()
    world.central.snapshotEntriesMin = 20
    let ana = try world.join()
    var told: [Transferred] = []
    ana.observe = { told.append($0) }
    let rows = """
      WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 4000)
      INSERT INTO club(id, name) SELECT 'club-' || n, hex(randomblob(300)) FROM i
      """
    try ana.edit(rows)
    try world.sync(ana)
    try world.merge()
    let ben = try world.join()
    ben.observe = { told.append($0) }
    try world.sync(ben)
    world.central.snapshotEntriesMin = 50_000
    try ana.edit("UPDATE club SET name = hex(randomblob(300))")
    try world.sync(ana)
    try world.merge()
    try world.sync(ben)
    for phase in [Transferred.Phase.push, .snapshot, .history, .pull] {
      let own = told.filter { $0.phase == phase }
      let end = try #require(own.last?.bytes)
      // Told before the last third has come, and not far from the truth.
      let early = own.first { $0.total != nil }
      #expect(try #require(early).bytes < end * 2 / 3, "\(phase)")
      #expect(own.compactMap(\.total).allSatisfy { $0 > end / 2 && $0 < end * 2 }, "\(phase)")
    }
  }

  @Test("A request is repeated with growing, spread pauses, then given up")
  func patience() throws {
    let (world, ana) = try world(rows: 3)
    var waits: [Duration] = []
    ana.patience = Patience(attemptsMax: 4) { waits.append($0) }
    world.loop.losesReplies = true
    #expect(throws: HTTPFailure.self) { try world.sync(ana) }
    #expect(waits.count == 3)
    // The reply of hello was lost once; the next try succeeds and nothing was done twice.
    world.loop.losesReplies = false
    world.loop.lostReplies = 2
    waits = []
    try ana.edit("UPDATE club SET name = 'x' WHERE id = 'club-1'")
    #expect(try world.sync(ana).pushed == 1)
    #expect(waits.count == 2)
    try world.merge()
    try world.sync(ana)
    #expect(try world.digests().count == 1)
  }

  @Test("Pauses double from half a second to half a minute, each spread by half of itself")
  func pauses() {
    for attempt in 1...12 {
      let base = min(30_000, 500 << min(attempt - 1, 6))
      let low = Patience.wait(before: attempt, random: 0)
      let high = Patience.wait(before: attempt, random: UInt64(base))
      #expect(Patience.wait(before: attempt, told: 59, random: 0) == max(low, .seconds(59)))
      #expect(Patience.wait(before: attempt, told: .max, random: 0) == max(low, .seconds(60)))
      #expect(low == .milliseconds(base / 2) && high == .milliseconds(base / 2 + base))
    }
  }

  @Test("A long conversation is signed by the clock of each moment")
  func clock() throws {
    let (world, ana) = try world(rows: 30)
    let ben = try world.join()
    var ticks: Int64 = 0
    // Every look at the clock is two minutes later; central's clock goes with it.
    let loop = world.loop
    let report = try ben.sync(
      now: {
        ticks += 120
        loop.now += 120
        return loop.now
      }(), at: loop.at)
    #expect(report.pulled == 31 && ticks > 600)
    _ = ana
  }

  @Test("Central takes a body compressed once by zstd, and refuses the rest by name")
  func encodings() throws {
    let (world, ana) = try world(rows: 2)
    let changes = "/v1/spaces/commons/changes"
    func problem(
      _ encoding: String?, _ body: [UInt8], to path: String = changes
    ) throws -> (Int, String?) {
      world.loop.tamper = nil
      var request = Request(
        method: "POST", origin: try #require(Origin("http://127.0.0.1")), target: path, body: body)
      if let encoding { request.headers.add("Content-Encoding", encoding) }
      let response = try ana.signed(request, over: world.loop)
      return (response.status, Problem.parse(response.bytes, status: response.status)?.code)
    }
    let bomb = Zstd.compress([UInt8](repeating: UInt8(ascii: "\n"), count: 50_000_000))
    #expect(bomb.count < 10_000)
    #expect(try problem("zstd", bomb) == (413, "push.too_large"))
    #expect(try problem("gzip", [1, 2, 3]) == (415, "encoding.unknown"))
    #expect(try problem("zstd, zstd", Zstd.compress([1])) == (415, "encoding.unknown"))
    for path in ["/v1/hello", "/v1/enrolments"] {
      for encoding in ["zstd", "gzip", "br, gzip"] {
        #expect(
          try problem(encoding, Array("{}".utf8), to: path) == (415, "encoding.unknown"),
          "\(path) \(encoding)")
      }
    }
    #expect(try problem("zstd", [1, 2, 3]) == (400, "encoding.malformed"))
    #expect(
      try problem("zstd", Zstd.compress([1, 2, 3]).dropLast(2)) == (400, "encoding.malformed"))
    #expect(
      try problem("zstd", Zstd.compress([1]) + Zstd.compress([2])) == (400, "encoding.malformed"))
    #expect(try problem("zstd", Zstd.compress([])).0 == 200)
    #expect(try problem(nil, []).0 == 200)
  }

  @Test("Every bulk answer can be had uncompressed, too")
  func plain() throws {
    let (world, ana) = try world(rows: 30)
    world.central.snapshotEntriesMin = 5
    let origin = try #require(Origin("http://127.0.0.1"))
    let start = Cursor(instance: world.central.instance, seq: 0, hash: .zero)
    for target in [
      "/v1/spaces/commons/log?after=\(start.text)", "/v1/spaces/commons/snapshot",
    ] {
      let request = Request(method: "GET", origin: origin, target: target)
      let plain = try ana.signed(request, over: world.loop)
      var packed = request
      packed.headers.add("Accept-Encoding", "gzip;q=1, zstd ;q=0.5")
      let compressed = try ana.signed(packed, over: world.loop)
      #expect(plain.status == 200 && plain.headers["Content-Encoding"] == nil)
      #expect(compressed.headers["Content-Encoding"] == "zstd")
      #expect(try Zstd.decompress(compressed.bytes, limit: 10_000_000) == plain.bytes)
      var refused = request
      refused.headers.add("Accept-Encoding", "zstd;q=0")
      #expect(try ana.signed(refused, over: world.loop).bytes == plain.bytes)
    }
  }
}

extension Replica {
  /// Sends a request of the test's own making, signed by this replica.
  func signed(_ request: Request, over loop: Loop) throws -> Response {
    try loop.send(
      MessageSignature.sign(
        request, keyID: identity.actor.replica.description, created: Int(loop.now),
        nonce: Base64URL.encode(Randomness.bytes(12)), sha256: { SHA256.hash($0) },
        sign: key.sign), responseBytesMax: 1 << 26)
  }
}

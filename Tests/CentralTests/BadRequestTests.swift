import Causality
import Central
import Changes
import Foundation
import HTTP
import Replica
import Seal
import Store
import Testing
import Wire

/// One way to spoil a push, and what central says to it.
struct SpoiltPush: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let status: Int
  let code: String
  var space = "commons"
  var encoding: String?
  var spoil: @Sendable ([UInt8]) -> [UInt8] = { $0 }

  /// Replaces the first occurrence of some bytes.
  static func replacing(_ old: String, _ new: [UInt8]) -> @Sendable ([UInt8]) -> [UInt8] {
    { bytes in
      guard let place = Data(bytes).range(of: Data(old.utf8)) else { return [] }
      return Array(bytes[..<place.lowerBound]) + new + bytes[place.upperBound...]
    }
  }

  static let all = [
    SpoiltPush(testDescription: "cut within a line", status: 400, code: "wire.truncated") {
      $0.dropLast(40)
    },
    SpoiltPush(testDescription: "cut behind its first line", status: 400, code: "wire.truncated") {
      Array($0.prefix { $0 != 10 }) + [10]
    },
    SpoiltPush(
      testDescription: "a byte that is not UTF-8", status: 400, code: "wire.not_utf8",
      spoil: replacing("Chamonix", Array("Chamoni".utf8) + [0xFF])),
    SpoiltPush(
      testDescription: "one key twice", status: 400, code: "wire.duplicate_key",
      spoil: replacing("{\"segment\":", Array("{\"segment\":1,\"segment\":".utf8))),
    SpoiltPush(
      testDescription: "nested too deep", status: 400, code: "wire.too_deep",
      spoil: replacing(
        "{\"segment\":",
        Array("{\"segment\":".utf8) + Array(repeating: UInt8(ascii: "["), count: 100))),
    SpoiltPush(
      testDescription: "a flipped byte", status: 422, code: "segment.signature",
      spoil: replacing("Chamonix", Array("Chamoniy".utf8))),
    SpoiltPush(testDescription: "too large", status: 413, code: "push.too_large") {
      $0 + [UInt8](repeating: 10, count: CentralLimits.pushBytesMax)
    },
    SpoiltPush(
      testDescription: "a decompression bomb", status: 413, code: "push.too_large", encoding: "zstd"
    ) { Zstd.compress($0 + [UInt8](repeating: 10, count: 50_000_000)) },
    SpoiltPush(
      testDescription: "compressed otherwise than it says", status: 400, code: "encoding.malformed",
      encoding: "zstd"),
    SpoiltPush(
      testDescription: "compressed by what central does not know", status: 415,
      code: "encoding.unknown", encoding: "gzip"),
    SpoiltPush(
      testDescription: "to a space that is not", status: 404, code: "space.unknown", space: "attic"),
    SpoiltPush(
      testDescription: "to a space it may not write", status: 403, code: "space.forbidden",
      space: "bureau"),
  ]
}

@Suite("Bad requests: a stable problem, nothing taken, nothing lost", .timeLimit(.minutes(15)))
struct BadRequestTests {
  let world: World
  let ana: Replica

  init() throws {
    world = try World()
    ana = try world.join()
    try world.settle()
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
  }

  /// Central holds nothing of it; the file still does, and an honest sync brings it.
  private func checkNothingLost() throws {
    #expect(try world.central.inboxCount() == 0)
    #expect(try ana.store.waiting().local == 1)
    try world.settle()
    #expect(try ana.store.waiting().local == 0)
    #expect(try world.digests().count == 1)
    #expect(try world.central.store.digest("commons") == ana.store.digest("commons"))
    #expect(try ana.cell("city", of: "c1") == "Chamonix")
  }

  private func hello() throws -> Request {
    try world.sync(ana)
    var request = try #require(world.loop.sent.last { $0.target == "/v1/hello" })
    for name in ["Signature", "Signature-Input", "Content-Digest"] { request.headers.remove(name) }
    return request
  }

  /// Signs a request as the device would at a time.
  private func signed(_ request: Request, at created: Int64) -> Request {
    MessageSignature.sign(
      request, keyID: ana.identity.actor.replica.description, created: Int(created),
      nonce: Base64URL.encode(Randomness.bytes(12)), sha256: { SHA256.hash($0) },
      sign: ana.key.sign)
  }

  private func code(_ response: Response) -> String? {
    Problem.parse(response.bytes, status: response.status)?.code
  }

  @Test("a push spoilt on its way", arguments: SpoiltPush.all)
  func push(_ spoilt: SpoiltPush) throws {
    var request = Request(
      method: "POST", origin: try #require(Origin("http://127.0.0.1")),
      target: "/v1/spaces/\(spoilt.space)/changes", body: spoilt.spoil(try ana.segments()))
    #expect(!request.body.isEmpty)
    if let encoding = spoilt.encoding { request.headers.add("Content-Encoding", encoding) }
    let response = try ana.signed(request, over: world.loop)
    let problem = try #require(Problem.parse(response.bytes, status: response.status))
    #expect(response.status == spoilt.status)
    #expect(problem.code == spoilt.code)
    #expect(!problem.detail.isEmpty && !problem.detail.contains("\n"))
    #expect(!problem.detail.contains("Chamoni"), "no value comes back")
    try checkNothingLost()
  }

  @Test(
    "a context that names dots nobody has: kept with the reason, shown to nobody, blocks nobody")
  func unseenContext() throws {
    let liar = try world.join()
    try world.settle()
    let nobody = ActorID(replica: ID128(high: 7, low: 7), epoch: 7)
    let dot = Dot(actor: liar.identity.actor, n: 1)
    let change = Store.change(
      Header(
        network: liar.identity.network, space: "commons", dot: dot,
        context: VersionVector([(nobody, 7)])),
      Body(
        key: Randomness.bytes(16), at: world.loop.at,
        writes: [
          Write(
            RowKey(table: "club", id: "c2"),
            .insert(["name", "city", "founded"].map { FieldValue($0, .text("lie")) }))
        ]), previous: .zero)
    let message = Preimage.segment(
      network: liar.identity.network, space: "commons", head: dot, hash: change.hash)
    let segment = Segment(
      actor: dot.actor, from: 1, to: 1, previous: .zero, head: change.hash,
      signatures: [Signature(key: dot.actor.replica, value: liar.key.sign(message))])
    let body = segment.line + [10] + ChangeEncoding.line(of: change) + [10]
    let response = try world.ask("POST", "/v1/spaces/commons/changes", body: body, by: liar)
    #expect(response.status == 200)
    try ana.edit("UPDATE club SET founded = 1921")
    try world.sync(ana)
    let report = try world.merge()
    #expect(report.applied == 1)
    #expect(report.quarantined.count == 1)
    #expect("\(report.quarantined)".contains("context.unknown"))
    try world.sync(ana)
    #expect(try ana.cell("name", of: "c1") == "Alpins")
    #expect(try ana.cell("name", of: "c2") == nil)
    #expect(
      try world.central.store.digest("commons") == ana.store.digest("commons"))
  }

  @Test("a request made six minutes ago is told central's time, and taken when signed again by it")
  func late() throws {
    let request = try hello()
    for off in [-360, 360] as [Int64] {
      let response = try world.loop.send(
        signed(request, at: world.loop.now + off), responseBytesMax: 1 << 20)
      #expect(response.status == 401)
      let problem = try #require(Problem.parse(response.bytes, status: 401))
      #expect(problem.code == "signature.time")
      let told = try #require(problem.detail.split(separator: " ").last.flatMap { Int64($0) })
      #expect(told == world.loop.now)
      let again = try world.loop.send(signed(request, at: told), responseBytesMax: 1 << 20)
      #expect(again.status == 200)
    }
    // Five minutes are taken as they are.
    let near = try world.loop.send(
      signed(request, at: world.loop.now - 299), responseBytesMax: 1 << 20)
    #expect(near.status == 200)
  }

  @Test("a request signed for another central, altered, or sent twice is refused")
  func foreign() throws {
    let request = try hello()
    var elsewhere = request
    elsewhere.authority = "central.example"
    var relayed = signed(elsewhere, at: world.loop.now)
    relayed.authority = request.authority
    #expect(
      code(try world.loop.send(relayed, responseBytesMax: 1 << 20)) == "signature.refused")
    let good = signed(request, at: world.loop.now)
    var altered = good
    altered.body += [32]
    #expect(code(try world.loop.send(altered, responseBytesMax: 1 << 20)) == "digest.mismatch")
    var redirected = good
    redirected.target = "/v1/enrolments"
    #expect(try world.loop.send(redirected, responseBytesMax: 1 << 20).status >= 400)
    #expect(try world.loop.send(good, responseBytesMax: 1 << 20).status == 200)
    #expect(code(try world.loop.send(good, responseBytesMax: 1 << 20)) == "signature.replayed")
  }

  @Test("clocks wrong by years, either way and on either side, decide nothing (R4, R13)")
  func clocks() throws {
    let ben = try world.join()
    try world.sync(ana)
    try world.merge()
    try world.sync(ben)
    // Ben sees Ana's value and writes after it; his clock stands forty years before hers.
    let year: Int64 = 365 * 86_400
    try ben.edit("UPDATE club SET city = 'Rabat'")
    #expect(try ben.sync(now: world.loop.now - 40 * year, at: "1987-01-15T08:00:00Z").pushed == 1)
    try world.merge()
    try ana.edit("UPDATE club SET founded = 1921")
    #expect(try ana.sync(now: world.loop.now + 40 * year, at: "2067-01-15T08:00:00Z").pushed == 1)
    world.loop.now -= 30 * year
    try world.settle()
    #expect(try world.digests().count == 1)
    for member in [ana, ben] {
      #expect(try member.cell("city", of: "c1") == "Rabat")
      #expect(try member.cell("founded", of: "c1") == "1921")
      #expect(try member.store.conflicts().isEmpty)
      try world.audit(member)
    }
  }
}

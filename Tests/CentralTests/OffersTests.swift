import Causality
import Central
import Changes
import Foundation
import HTTP
import Replica
import SQLite
import Seal
import Store
import Testing
import Wire

extension World {
  /// Sends an offer as the device `carrier` and gives central's answer.
  func offer(_ body: [UInt8], by carrier: Replica, space: String = "commons") throws -> Response {
    try ask("POST", "/v1/spaces/\(space)/offers", body: body, by: carrier)
  }

  /// A signed request of a device, answered by central.
  func ask(_ method: String, _ target: String, body: [UInt8] = [], by device: Replica) throws
    -> Response
  {
    let origin = try #require(Origin("http://127.0.0.1"))
    let request = Request(method: method, origin: origin, target: target, body: body)
    let signed = MessageSignature.sign(
      request, keyID: device.identity.actor.replica.description, created: Int(loop.now),
      nonce: Base64URL.encode(Randomness.bytes(12)), sha256: { SHA256.hash($0) },
      sign: device.key.sign)
    return try loop.send(signed, responseBytesMax: 1 << 24)
  }
}

extension Replica {
  /// All own changes above `n`, sealed and signed, as they would be pushed.
  func segments(after n: Int = 0, space: String = "commons") throws -> [UInt8] {
    let author = Author(
      network: identity.network, actor: identity.actor, at: "2027-01-15T08:00:00Z")
    _ = try store.write { try store.seal(as: author) }
    var bytes: [UInt8] = []
    try forEachSegment(of: space, after: n) { bytes += $0.lines }
    return bytes
  }
}

@Suite("Offers: anybody enrolled may carry another member's signed changes")
struct OffersTests {
  private func refusals(_ response: Response) throws -> [String] {
    try JSON.parse(response.bytes)["refused"]?.array?.compactMap { $0["code"]?.string } ?? []
  }

  @Test("a carried segment is merged under its author's name, and its author may push it again")
  func carried() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join("observer"))
    try world.settle()
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    let bytes = try a.segments()
    for _ in 0..<3 {
      let response = try world.offer(bytes, by: b)
      #expect(response.status == 200)
      let (note, signed, signatures) = try ReceiptNote.parse(line: response.bytes)
      #expect(note.heads.map(\.dot) == [Dot(actor: a.identity.actor, n: 1)])
      #expect(note.instance == world.central.instance)
      #expect(
        signatures.contains {
          world.central.publicKey.verifies($0.value, of: Preimage.receipt(signed))
        })
    }
    #expect(try world.central.inboxCount() == 1)
    #expect(try world.sync(a).pushed == 0)
    #expect(try world.merge().applied == 1)
    #expect(try world.offer(bytes, by: b).status == 200)
    #expect(try world.central.inboxCount() == 0)
    try world.settle()
    #expect(try b.cell("name", of: "c1") == "Alpins")
    #expect(try world.digests().count == 1)
  }

  @Test("pushes still take one's own changes only")
  func pushStaysOwn() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    let response = try world.ask(
      "POST", "/v1/spaces/commons/changes", body: try a.segments(), by: b)
    #expect(response.status == 403)
    #expect(Problem.parse(response.bytes, status: 403)?.code == "segment.foreign")
  }

  @Test("R7, R12: the author's rights count, not the carrier's; a revoked author is refused alone")
  func rights() throws {
    let world = try World()
    let (chair, a, b) = (try world.join("chair"), try world.join(), try world.join())
    try world.settle()
    try chair.edit("INSERT INTO draft VALUES('d1', 'Projet')")
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try b.edit("INSERT INTO club VALUES('c2', 'Club', 'Quito', 1921)")
    #expect(try world.offer(chair.segments(space: "bureau"), by: b, space: "bureau").status == 200)
    let mixed = try a.segments() + b.segments()
    try world.central.revoke(a.identity.actor.replica, at: world.loop.at)
    let response = try world.offer(mixed, by: b)
    #expect(response.status == 200)
    #expect(try refusals(response) == ["member.revoked"])
    #expect(
      try ReceiptNote.parse(line: response.bytes).note.heads.map(\.dot.actor) == [b.identity.actor])
    #expect(try world.offer(b.segments(), by: a).status == 401)
  }

  @Test("altered, cut, forked and strangers' segments are refused, each alone")
  func hostile() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    let good = try a.segments()
    var altered = good
    let place = try #require(String(decoding: good, as: UTF8.self).range(of: "Chamonix"))
    altered[
      String(decoding: good, as: UTF8.self).utf8.distance(
        from: String(decoding: good, as: UTF8.self).startIndex, to: place.lowerBound)] ^= 1
    #expect(try refusals(world.offer(altered, by: b)) == ["segment.signature"])
    // R6: whole, in its chain, under its author's name, and signed by somebody else.
    let told = try Segment.parse(try #require(Lines.split(good).first))
    let message = Preimage.segment(
      network: world.central.network, space: "commons", head: Dot(actor: told.actor, n: told.to),
      hash: told.head)
    let strange = Segment(
      actor: told.actor, from: told.from, to: told.to, previous: told.previous, head: told.head,
      signatures: [Signature(key: told.actor.replica, value: b.key.sign(message))])
    let unsigned = ([strange.line] + Lines.split(good).dropFirst()).flatMap { line -> [UInt8] in
      line + [10]
    }
    #expect(try refusals(world.offer(unsigned, by: b)) == ["segment.signature"])
    let cut = try refusals(world.offer(Array(good.prefix(good.count - 40)), by: b))
    #expect(cut.count == 1 && cut[0].hasPrefix("wire."))
    let lines = Lines.split(good)
    #expect(try world.offer(lines[0] + [10], by: b).status == 400)
    #expect(try world.offer(good, by: b, space: "attic").status == 404)
    #expect(try refusals(world.offer(good, by: b, space: "bureau")) == ["space.forbidden"])

    let other = try World()
    let stranger = try other.join()
    try stranger.edit("INSERT INTO club VALUES('c9', 'X', 'Y', 1)")
    #expect(try refusals(world.offer(stranger.segments(), by: b)) == ["author.unknown"])
    #expect(try world.central.inboxCount() == 0)
    #expect(try world.offer([], by: b).status == 200)

    let path = world.folder.appending(path: "copy.sqlite").path
    try FileManager.default.copyItem(atPath: b.store.path, toPath: path)
    let twin = try Replica(
      store: Store(path: path, schema: clubs, use: .replica), key: b.key, exchange: world.loop)
    try twin.edit("INSERT INTO club VALUES('c3', 'Twin', 'Rabat', 1922)")
    try b.edit("INSERT INTO club VALUES('c4', 'Club', 'Quito', 1922)")
    #expect(try refusals(world.offer(twin.segments() + b.segments(), by: a)) == ["segment.fork"])
  }

  @Test(
    "two cuts of one chain overlap and agree; what both hold is merged once, and nothing is set aside"
  )
  func overlap() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try world.settle()
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    let first = try a.segments()
    try a.edit("UPDATE club SET city = 'Quito'")
    let both = try a.segments()
    try a.edit("UPDATE club SET founded = 1921")
    let all = try a.segments(after: 1)
    #expect(try world.offer(first, by: b).status == 200)
    #expect(try world.merge().applied == 1)
    #expect(try world.offer(both + all, by: b).status == 200)
    #expect(try world.central.heldHead(of: a.identity.actor, in: "commons").n == 3)
    let report = try world.merge()
    #expect(report.applied == 2 && report.waiting == 0)
    try world.settle()
    #expect(try b.cell("founded", of: "c1") == "1921")
    #expect(try world.digests().count == 1)
  }
}

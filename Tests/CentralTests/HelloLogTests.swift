import Central
import Changes
import Foundation
import HTTP
import Replica
import Seal
import Store
import Testing
import Wire

/// Answers to hello, altered on their way.
private struct AlteredHello: Exchange {
  let loop: Loop
  let alter: ([UInt8]) -> [UInt8]

  func send(_ request: Request, responseBytesMax: Int) throws(HTTPFailure) -> Response {
    var request = request
    if request.path == "/v1/hello" { request.headers.remove("Accept-Encoding") }
    var response = try loop.send(request, responseBytesMax: responseBytesMax)
    if request.path == "/v1/hello" { response.body = .bytes(alter(response.bytes)) }
    return response
  }
}

@Suite("Short logs come with the answer to hello [SP-713]")
struct HelloLogTests {
  /// A chair who is behind in both spaces, and what each of its requests asked for.
  private struct Scene {
    let world: World
    let chair: Replica

    init() throws {
      world = try World()
      chair = try world.join("chair")
      let author = try world.join("chair")
      try world.settle()
      try author.edit("INSERT INTO club(id, name) VALUES('c1', 'Alpins')")
      try author.edit("INSERT INTO draft VALUES('d1', 'One')")
      try world.sync(author)
      try world.merge()
      world.loop.sent = []
    }

    /// The last part of the path of each request of one sync.
    func asked(by replica: Replica) throws -> (report: SyncReport, paths: [String]) {
      world.loop.sent = []
      let report = try replica.sync(now: world.loop.now, at: world.loop.at)
      return (report, world.loop.sent.map { String($0.path.split(separator: "/").last ?? "") })
    }
  }

  @Test("who is a little behind in every space syncs in one round trip, and then knows it all")
  func oneRoundTrip() throws {
    let scene = try Scene()
    let (report, paths) = try scene.asked(by: scene.chair)
    #expect(paths == ["hello"])
    #expect(report.pulled >= 2)
    #expect(try scene.chair.cell("name", of: "c1") == "Alpins")
    #expect(try scene.asked(by: scene.chair).report.pulled == 0)
    try scene.world.settle()
    #expect(try scene.world.digests().count == 1)
  }

  @Test("a log over 128 KiB is asked for by itself, and what a client does not ask for is not told")
  func long() throws {
    let scene = try Scene()
    let author = scene.world.members[1]
    try author.edit(
      "INSERT INTO club(id, name) VALUES('c2', '\(String(repeating: "x", count: 140_000))')")
    try scene.world.sync(author)
    try scene.world.merge()
    let (report, paths) = try scene.asked(by: scene.chair)
    #expect(paths == ["hello", "log", "log"])
    #expect(report.pulled >= 3)

    let plain = try World()
    let member = try plain.join()
    try plain.settle()
    let hello = try #require(plain.loop.sent.last { $0.path == "/v1/hello" })
    #expect(hello.headers["Accept"]?.contains("application/x-ndjson") == true)
    try member.edit("INSERT INTO club(id, name) VALUES('c1', 'Alpins')")
    try plain.sync(member)
    try plain.merge()
    plain.loop.tamper = { request in
      var request = request
      request.headers.remove("Accept")
      return request
    }
    plain.loop.sent = []
    try plain.sync(member)
    #expect(plain.loop.sent.map(\.path) == ["/v1/hello", "/v1/spaces/commons/log"])
  }

  @Test("after a push the log is asked for, so that own changes come back in the same conversation")
  func pushed() throws {
    let scene = try Scene()
    scene.world.loop.routes.afterPush = { try scene.world.merge() }
    try scene.chair.edit("INSERT INTO club(id, name) VALUES('c3', 'Own')")
    let (report, paths) = try scene.asked(by: scene.chair)
    #expect(paths == ["hello", "changes", "log", "log"])
    #expect(report.pushed == 1)
    #expect(try scene.chair.store.waiting().local == 0)
    #expect(try scene.chair.store.waiting().received == 0)
    #expect(try scene.chair.cell("name", of: "c1") == "Alpins")
  }

  @Test(
    "R7, R8: a line forged on the way is refused as one of the log is, and the next sync is good")
  func forged() throws {
    let scene = try Scene()
    let before = try scene.chair.store.digest("commons")
    let victim = try Replica(
      store: scene.chair.store, key: scene.chair.key,
      exchange: AlteredHello(loop: scene.world.loop) {
        Array(String(decoding: $0, as: UTF8.self).replacing("Alpins", with: "Forged").utf8)
      })
    let error = #expect(throws: SyncError.self) { try scene.asked(by: victim) }
    #expect(error?.code == "log.checkpoint")
    #expect(try scene.chair.store.digest("commons") == before)
    #expect(try scene.chair.store.evidence().map(\.code) == ["log.checkpoint"])
    #expect(try scene.asked(by: scene.chair).paths == ["hello"])
    #expect(try scene.chair.cell("name", of: "c1") == "Alpins")
  }

  @Test(
    "an answer whose logs are not what their headings say is refused in one line, and nothing is taken",
    arguments: [#""lines":"#: #""lines":9"#, #"{"log":"commons""#: #"{"lag":"commons""#])
  func misshapen(_ right: String, _ wrong: String) throws {
    let scene = try Scene()
    let before = try scene.chair.store.digest("commons")
    let victim = try Replica(
      store: scene.chair.store, key: scene.chair.key,
      exchange: AlteredHello(loop: scene.world.loop) {
        Array(String(decoding: $0, as: UTF8.self).replacing(right, with: wrong).utf8)
      })
    let error = #expect(throws: WireError.self) { try scene.asked(by: victim) }
    #expect(error?.code == .shape)
    #expect(try scene.chair.store.digest("commons") == before)
    #expect(try scene.asked(by: scene.chair).report.pulled >= 2)
  }
}

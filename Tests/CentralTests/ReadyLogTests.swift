import Causality
import Central
import Changes
import HTTP
import Replica
import SQLite
import Store
import Testing
import Wire

/// Keeps every answer to hello, uncompressed.
private final class Listening: Exchange {
  let loop: Loop
  var heard: [HelloReply] = []
  var text = ""
  /// Requests that were none.
  var others = 0

  init(_ loop: Loop) { self.loop = loop }

  func send(_ request: Request, responseBytesMax: Int) throws(HTTPFailure) -> Response {
    guard request.path == "/v1/hello" else {
      others += 1
      return try loop.send(request, responseBytesMax: responseBytesMax)
    }
    var request = request
    request.headers.remove("Accept-Encoding")
    let response = try loop.send(request, responseBytesMax: responseBytesMax)
    if let reply = try? HelloReply.parse(lines: Lines.split(response.bytes)) { heard.append(reply) }
    text += String(decoding: response.bytes, as: UTF8.self)
    return response
  }
}

@Suite("Short logs are made ready at the merge, for all readers alike [SP-713]")
struct ReadyLogTests {
  /// Members who have read all there is, and central beside them.
  private let world: World
  private let author: Replica
  private let readers: [Replica]

  init() throws {
    let world = try World()
    self.world = world
    author = try world.join()
    readers = try (0..<3).map { _ in try world.join() }
    try world.settle()
    try write("c1", "Alpins")
    for reader in readers { try world.sync(reader) }
  }

  private func write(_ id: String, _ name: String) throws {
    try author.edit("INSERT INTO club(id, name) VALUES('\(id)', '\(name)')")
    try world.sync(author)
    try world.merge()
    // The author has it all, too, so that its next sync only pushes.
    try world.sync(author)
  }

  /// What a reader's sync heard of central.
  private func listen(_ reader: Replica) throws -> (told: Listening, report: SyncReport) {
    let told = Listening(world.loop)
    let replica = try Replica(store: reader.store, key: reader.key, exchange: told)
    return (told, try replica.sync(now: world.loop.now, at: world.loop.at))
  }

  /// What central's file holds of changes is gone, but for what it keeps elsewhere.
  private func blind() throws {
    try world.central.store.withConnection {
      try $0.execute("UPDATE cordee_change SET header = x'00', body = x'00'")
    }
  }

  private func cursor(_ reader: Replica) throws -> Cursor {
    try #require(try reader.store.meta("cursor.commons")?.text.flatMap { Cursor($0) })
  }

  @Test("it is what the log says, and no answer reads the log for it")
  func ready() throws {
    try write("c2", "Lausanne")
    let member = try #require(try world.central.member(readers[0].identity.actor.replica))
    let log = try world.central.logPiece(
      of: "commons", after: try cursor(readers[0]).seq, for: member, bytesMax: 1 << 20,
      isShort: true)
    try blind()
    for reader in readers {
      let (told, report) = try listen(reader)
      #expect(told.heard.first?.logs.first?.lines == Lines.split(log))
      #expect(report.pulled == 1)
      #expect(try reader.cell("name", of: "c2") == "Lausanne")
    }
    #expect(Set(try readers.map { try $0.store.digest("commons") }).count == 1)
  }

  @Test(
    "who is behind by several merges is told all of it; who asks next, the same without reading")
  func severalMerges() throws {
    for n in 2...4 { try write("c\(n)", "Club \(n)") }
    #expect(try listen(readers[0]).report.pulled == 3)
    try blind()
    #expect(try listen(readers[1]).report.pulled == 3)
    #expect(try readers[1].cell("name", of: "c4") == "Club 4")
  }

  @Test("R8: what was ready before a merge is never told after it")
  func stale() throws {
    try write("c2", "Lausanne")
    #expect(try listen(readers[0]).report.pulled == 1)
    try write("c3", "Rabat")
    for (reader, count) in zip(readers, [1, 2, 2]) {
      let (told, report) = try listen(reader)
      #expect(told.heard.count == 1 && told.others == 0)
      #expect(told.heard.first?.answer.spaces.first?.seq == (try cursor(reader).seq))
      #expect(report.pulled == count)
      #expect(try reader.cell("name", of: "c3") == "Rabat")
    }
  }

  @Test("R8: a merge that was only tried leaves nothing to tell")
  func tried() throws {
    try write("c2", "Lausanne")
    try author.edit("INSERT INTO club(id, name) VALUES('c3', 'Rabat')")
    try world.sync(author)
    #expect(try world.central.merge(at: world.loop.at, isTrial: true).applied == 1)
    let (told, report) = try listen(readers[0])
    #expect(report.pulled == 1 && !told.text.contains("Rabat"))
    try world.merge()
    #expect(try listen(readers[0]).report.pulled == 1)
    #expect(try listen(readers[1]).report.pulled == 2)
  }

  @Test(
    "R7: a refused body goes to its author alone, whoever asks first", arguments: [true, false])
  func refused(authorFirst: Bool) throws {
    try author.edit("INSERT INTO club(id, city) VALUES('c2', 'Hidden')")
    try author.edit("INSERT INTO club(id, name) VALUES('c3', 'Rabat')")
    try world.sync(author)
    #expect(try world.merge().quarantined.count == 1)
    func askAuthor() throws {
      let (told, report) = try listen(author)
      #expect(told.text.contains("Hidden") && report.refused.count == 1)
    }
    if authorFirst { try askAuthor() }
    for reader in readers {
      let (told, report) = try listen(reader)
      #expect(told.others == 0 && report.pulled == 2)
      #expect(!told.text.contains("Hidden"))
    }
    if !authorFirst { try askAuthor() }
  }
}

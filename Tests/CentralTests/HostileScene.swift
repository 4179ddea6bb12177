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

/// Central's answers, altered on their way out as whoever holds its key and its machine could.
final class HostileLink: Exchange {
  let loop: Loop
  var alter: ((Request, [UInt8]) -> [UInt8])?
  /// Answers instead of the honest node, for a second history.
  var other: Loop?

  init(_ loop: Loop) { self.loop = loop }

  /// Lines of the log in full form, so that they can be altered one by one.
  private static func full(_ bytes: [UInt8]) -> [UInt8] {
    var reader = ShortReader(isLog: true, bytesMax: 1 << 24)
    let lines = try? Lines.split(bytes).compactMap { try reader.full($0) }
    return (lines ?? []).flatMap { $0 + [10] }
  }

  func send(_ request: Request, responseBytesMax: Int) throws(HTTPFailure) -> Response {
    var plain = request
    // The log comes by itself, so that it can be altered as a whole.
    plain.headers.remove("Accept")
    // An image comes compressed or not at all.
    if !request.path.hasSuffix("/snapshot") { plain.headers.set("Accept-Encoding", "identity") }
    var response = try (other ?? loop).send(plain, responseBytesMax: responseBytesMax)
    if response.status == 200, request.path.hasSuffix("/log") {
      response.body = .bytes(Self.full(response.bytes))
    }
    if response.status == 200, let alter { response.body = .bytes(alter(request, response.bytes)) }
    return response
  }
}

extension World {
  /// A second node with the same history, key and life.
  func forkedCentral(key: SigningKey) throws -> Loop {
    try central.store.backup(to: path("second.sqlite"))
    return Loop(
      try Central(
        store: Store(path: path("second.sqlite"), schema: clubs, use: .central), key: key))
  }
}

/// A central with two merges, and a replica that knows the first of them.
struct HostileScene {
  let world: World
  let link: HostileLink
  let author: Replica
  let victim: Replica
  let key: SigningKey

  init() throws {
    key = SigningKey.generate()
    world = try World(key: key)
    link = HostileLink(world.loop)
    author = try world.join()
    let joined = try world.join()
    victim = try Replica(store: joined.store, key: joined.key, exchange: link)
    try world.settle()
    try author.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    try author.edit("UPDATE club SET city = 'Quito'")
    try author.edit("INSERT INTO club VALUES('c2', 'Club', 'Rabat', 1921)")
    try world.sync(author)
    try world.merge()
  }

  func sync() throws -> SyncReport {
    try victim.sync(now: world.loop.now, at: world.loop.at)
  }

  /// Syncs, expecting a refusal that applies nothing and is kept.
  func refused(_ code: String, _ kind: Evidence.Kind, _ place: SourceLocation = #_sourceLocation)
    throws
  {
    let before = try victim.store.digest("commons")
    #expect(throws: SyncError.self, sourceLocation: place) { _ = try sync() }
    #expect(try victim.store.digest("commons") == before, sourceLocation: place)
    let open = try victim.store.evidence().filter { $0.settledAt == nil }
    #expect(open.map(\.code) == [code], sourceLocation: place)
    #expect(open.map(\.kind) == [kind], sourceLocation: place)
    #expect(open.allSatisfy { !$0.statements.isEmpty }, sourceLocation: place)
  }

  /// The log's lines, rewritten and signed again by central's own key: chain and checkpoint fit.
  func resigned(_ bytes: [UInt8], after start: Cursor, _ edit: ([LogLine]) -> [LogLine]) throws
    -> [UInt8]
  {
    var out: [UInt8] = []
    var (hash, seq) = (start.hash, start.seq)
    let heads = try victim.store.head(of: author.identity.actor, in: "commons")
    var hashes = [Dot(actor: author.identity.actor, n: heads.n): heads.hash]
    for line in edit(try Lines.split(bytes).map { try LogLine.parse($0) }) {
      switch line {
      case .entry(let place, let change, let verdict, _, let raw):
        let dot = change.header.dot
        let before = Dot(actor: dot.actor, n: dot.n - 1)
        let made = Store.change(change, previous: hashes[before] ?? .zero)
        hashes[dot] = made.hash
        hash = Store.hash(
          Preimage.log(
            previous: hash, seq: place, dot: dot, verdict: verdict, hash: made.hash))
        seq = place
        out +=
          LogLine.entryLine(
            seq: place, change: made, verdict: verdict, signatures: raw, withholdsBody: false)
          + [10]
      case .checkpoint(_, let old, _):
        out += checkpoint(seq: seq, hash: hash, at: old.at) + [10]
      }
    }
    return out
  }

  func checkpoint(seq: Int, hash: Hash, at: String) -> [UInt8] {
    let bytes = Checkpoint(
      network: world.central.network, instance: world.central.instance, space: "commons", seq: seq,
      hash: hash, at: at
    ).bytes
    return LogLine.checkpointLine(
      bytes,
      signatures: [
        Signature(
          key: world.central.keyID, value: key.sign(Preimage.checkpoint(bytes)))
      ])
  }

  func cursor() throws -> Cursor {
    try #require(victim.store.meta("cursor.commons")?.text.flatMap { Cursor($0) })
  }
}

import Causality
import Central
import Changes
import Foundation
import HTTP
import HTTPClient
import HTTPServer
import Replica
import SQLite
import Seal
import Store
import Synchronization
import Testing

private let schema = Schema(
  number: 1, spaces: ["shared"],
  roles: [.init("member", reads: ["shared"], writes: ["shared"])],
  tables: [
    Table(
      "organisation", space: "shared", label: Label("Club", fr: "Club"),
      fields: [Field("name", label: Label("Name", fr: "Nom"))], namedBy: ["name"]),
    Table.replica(space: "shared"),
  ])

/// Central behind a real server, and one member with its key.
private final class Network {
  let folder: URL
  let server: Server
  let key = SigningKey.generate()
  let replica: Replica
  let origin: Origin
  static let now: Int64 = 1_800_000_000
  static let at = "2027-01-15T08:00:00Z"

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "cordee-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let central = try Central.create(
      path: folder.appending(path: "central.sqlite").path, schema: schema, key: .generate(),
      name: "Central", url: "http://127.0.0.1")
    try central.queue(
      [
        Write(RowKey(table: "organisation", id: "c1"), .insert([FieldValue("name", .text("Club"))]))
      ],
      space: "shared", at: Self.at)
    try central.merge(at: Self.at)
    let invite = try central.invite(organisation: "c1", role: "member", expires: Self.now + 60)
    let routes = Mutex(Routes(central))
    server = try Server(
      listen: .tcp(host: "127.0.0.1", port: 0), fault: { Response(status: $0.code.status) },
      handler: { request in routes.withLock { $0.answer(request, now: Self.now, at: Self.at) } })
    origin = try #require(Origin("http://127.0.0.1:\(server.port)"))
    replica = try Replica.join(
      Store(
        path: folder.appending(path: "member.sqlite").path, schema: schema, use: .replica,
        create: true),
      invite: invite, origin: origin, key: key, name: nil, now: Self.now, exchange: plainExchange())
  }

  deinit {
    server.stop()
    try? FileManager.default.removeItem(at: folder)
  }

  func sync() throws { _ = try replica.sync(now: Self.now, at: Self.at) }

  /// A request for the log, as text; signed by the member's key or another.
  func request(by key: SigningKey) -> String {
    let target = "/v1/spaces/shared/log?after=none"
    let signed = MessageSignature.sign(
      Request(method: "GET", origin: origin, target: target),
      keyID: ReplicaID(bytes: self.key.publicKey.fingerprint)?.description ?? "",
      created: Int(Self.now), nonce: Base64URL.encode(Randomness.bytes(12)),
      sha256: { SHA256.hash($0) }, sign: key.sign)
    let fields = signed.headers.fields.map { "\($0.name): \($0.value)\r\n" }.joined()
    return "GET \(target) HTTP/1.1\r\nHost: \(origin.authority)\r\n\(fields)\r\n"
  }
}

/// A connection in an array.
private final class Held {
  let connection: RawConnection

  init(_ network: Network, from address: String) throws {
    connection = try RawConnection(port: network.server.port, from: address)
  }

  /// The status of the answer to a request; nil at the end of the stream.
  func status(_ request: String) -> String? {
    connection.send(request)
    let answer = connection.readAnswer()
    return answer.isEmpty ? nil : String(answer.prefix(12).suffix(3))
  }
}

@Suite("Connections of one device (R15)", .timeLimit(.minutes(15)))
struct MemberConnectionTests {
  @Test("A device holds four connections to central, and syncs while old ones of its own hang")
  func device() throws {
    let network = try Network()
    let most = Limits.connectionsPerCallerMax
    var held: [Held] = []
    for number in 0..<3 * most {
      held.append(try Held(network, from: "127.0.0.2"))
      // Refused as nonsense, but by then central knows who asks.
      #expect(held[number].status(network.request(by: network.key)) == "400")
      if number % most == 0 {
        try network.replica.store.edit {
          try $0.execute("UPDATE organisation SET name = 'Club \(number)' WHERE id = 'c1'")
        }
        try network.sync()
      }
    }
    for line in held.dropLast(most) { #expect(line.connection.readToEnd() == "") }
    try network.sync()
    #expect(try network.replica.store.waiting().local == 0)
    // The sync's own connection may have taken one more place.
    let open = held.suffix(most - 1).map { $0.status(network.request(by: network.key)) }
    #expect(open == Array(repeating: "400", count: most - 1))
  }

  @Test("A stranger who gives a device's name takes none of its places")
  func stranger() throws {
    let network = try Network()
    let own = try Held(network, from: "127.0.0.2")
    #expect(own.status(network.request(by: network.key)) == "400")
    let stranger = SigningKey.generate()
    let others = try (0..<12).map { _ in try Held(network, from: "127.0.0.3") }
    for line in others { #expect(line.status(network.request(by: stranger)) == "401") }
    #expect(own.status(network.request(by: network.key)) == "400")
    try network.sync()
    for line in others { #expect(line.status(network.request(by: stranger)) == "401") }
  }

  @Test("A request that is sent again by somebody else is nobody's")
  func replayed() throws {
    let network = try Network()
    let own = try (0..<Limits.connectionsPerCallerMax).map { _ in
      try Held(network, from: "127.0.0.2")
    }
    let requests = own.map { _ in network.request(by: network.key) }
    for (line, request) in zip(own, requests) { #expect(line.status(request) == "400") }
    for request in requests {
      #expect(try Held(network, from: "127.0.0.3").status(request) == "401")
    }
    for line in own { #expect(line.status(network.request(by: network.key)) == "400") }
  }
}

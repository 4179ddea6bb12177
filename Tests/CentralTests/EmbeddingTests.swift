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

/// A program of somebody else with a schema of its own: tools that members lend each other.
private let lending = Schema(
  number: 1, spaces: ["shared"],
  roles: [.init("lender", reads: ["shared"], writes: ["shared"])],
  tables: [
    Table(
      "organisation", space: "shared", label: Label("Workshop", fr: "Atelier"),
      fields: [Field("sign", label: Label("Name at the door", fr: "Enseigne"))], namedBy: ["sign"]),
    Table(
      "tool", space: "shared", label: Label("Tool", fr: "Outil"),
      fields: [
        Field("name", isRequired: true, label: Label("Name", fr: "Nom")),
        Field("owner_id", references: "organisation", label: Label("Whose", fr: "À qui")),
      ]),
    Table.replica(space: "shared"),
  ])

/// A central node of the lending schema behind a real server on this machine.
private final class Node: Sendable {
  private let routes: Mutex<Routes>

  init(_ central: sending Central) { routes = Mutex(Routes(central)) }

  @Sendable func answer(_ request: Request) -> Response {
    routes.withLock { $0.answer(request, now: Self.now, at: Self.at) }
  }

  func merge() throws { _ = try routes.withLock { try $0.central.merge(at: Self.at) } }

  static let now: Int64 = 1_800_000_000
  static let at = "2027-01-15T08:00:00Z"
}

struct EmbeddingTests {
  @Test(
    "another program's schema syncs over HTTP with the library alone; its rows are named as it says"
  )
  func lends() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appending(path: name).path }

    let central = try Central.create(
      path: path("central.sqlite"), schema: lending, key: .generate(), name: "Lending",
      url: "http://127.0.0.1")
    try central.queue(
      [
        Write(
          RowKey(table: "organisation", id: "w1"),
          .insert([FieldValue("sign", .text("Rue Basse"))]))
      ], space: "shared", at: Node.at)
    try central.merge(at: Node.at)
    let invites = try (0..<2).map { _ in
      try central.invite(organisation: "w1", role: "lender", expires: Node.now + 60)
    }

    let node = Node(central)
    let server = try Server(
      listen: .tcp(host: "127.0.0.1", port: 0), fault: { Response(status: $0.code.status) },
      handler: node.answer)
    defer { server.stop() }
    let origin = try #require(Origin("http://127.0.0.1:\(server.port)"))
    var options = CurlExchange.Options()
    options.allowsPlainHTTP = true
    let members = try invites.enumerated().map { number, invite in
      try Replica.join(
        Store(path: path("\(number).sqlite"), schema: lending, use: .replica, create: true),
        invite: invite, origin: origin, key: .generate(), name: nil, now: Node.now,
        exchange: CurlExchange(options))
    }

    try members[0].edit("INSERT INTO tool(id, name, owner_id) VALUES('t1', 'Lathe', 'w1')")
    _ = try members[0].sync(now: Node.now, at: Node.at)
    try node.merge()
    _ = try members[1].sync(now: Node.now, at: Node.at)
    #expect(try members[1].cell("name", of: "t1", table: "tool") == "Lathe")
    #expect(try members[1].cell("sign", of: "w1", table: "organisation") == "Rue Basse")
    let names = try members[1].store.withConnection {
      try $0.all("SELECT name FROM replica ORDER BY name") { $0.text(0) }
    }
    #expect(names.filter { $0 == "lender of Rue Basse" }.count == 2)
  }
}

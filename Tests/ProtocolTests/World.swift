import Central
import Changes
import Foundation
import HTTP
import Registry
import Replica
import SQLite
import Seal
import Store
import Testing

/// A link inside the process that remembers every request and its answer.
final class Tap: Exchange {
  let routes: Routes
  private(set) var crossed: [(request: Request, response: Response)] = []

  init(_ central: Central) { routes = Routes(central) }

  func send(_ request: Request, responseBytesMax: Int) throws(HTTPFailure) -> Response {
    var response = routes.answer(request, now: World.now, at: World.at)
    if case .file(let path, let offset, let length) = response.body {
      let whole = FileManager.default.contents(atPath: path) ?? Data()
      response.body = .bytes(Array(whole[offset..<offset + length]))
    }
    crossed.append((request, response))
    return response
  }
}

/// A central with the group's registry and two members who disagree.
final class World {
  static let now: Int64 = 1_800_000_000
  static let at = "2027-01-15T08:00:00Z"

  let folder: URL
  let central: Central
  let tap: Tap
  let members: [Replica]

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "cordee-protocol-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    central = try Central.create(
      path: folder.appending(path: "central.sqlite").path, schema: .registry, key: .generate(),
      name: "Central", url: "http://127.0.0.1")
    tap = Tap(central)
    var members: [Replica] = []
    for number in 0..<2 {
      let store = try Store(
        path: folder.appending(path: "member\(number).sqlite").path, schema: .registry,
        use: .replica, create: true)
      let invite = try central.invite(
        organisation: "org-1", role: "secretariat", expires: Self.now + 60)
      members.append(
        try Replica.join(
          store, invite: invite, origin: try #require(Origin("http://127.0.0.1")),
          key: .generate(), name: nil, now: Self.now, exchange: tap))
    }
    self.members = members
    try edit(
      0, "INSERT INTO organisation(id, slug, kind, name_en) VALUES('org-1', 'a', 'state', 'A')")
    try settle()
    try edit(0, "UPDATE organisation SET name_en = 'B' WHERE id = 'org-1'")
    try edit(1, "UPDATE organisation SET name_en = 'C' WHERE id = 'org-1'")
    try edit(1, "INSERT INTO organisation(id, kind) VALUES('org-2', 'no such kind')")
    try settle()
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func edit(_ member: Int, _ sql: String) throws {
    try members[member].store.withConnection { try $0.execute(sql) }
  }

  private func settle() throws {
    for member in members { _ = try member.sync(now: Self.now, at: Self.at) }
    try central.merge(at: Self.at)
    for member in members { _ = try member.sync(now: Self.now, at: Self.at) }
  }
}

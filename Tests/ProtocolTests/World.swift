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
  var routes: Routes
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
  private(set) var central: Central
  private let key = SigningKey.generate()
  let tap: Tap
  private(set) var members: [Replica] = []

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "cordee-protocol-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    central = try Central.create(
      path: folder.appending(path: "central.sqlite").path, schema: .registry, key: key,
      name: "Central", url: "http://127.0.0.1")
    tap = Tap(central)
    for _ in 0..<2 { try join() }
    try edit(
      0, "INSERT INTO organisation(id, slug, kind, name_en) VALUES('org-1', 'a', 'state', 'A')")
    try settle()
    try edit(0, "UPDATE organisation SET name_en = 'B' WHERE id = 'org-1'")
    try edit(1, "UPDATE organisation SET name_en = 'C' WHERE id = 'org-1'")
    try edit(1, "INSERT INTO organisation(id, kind) VALUES('org-2', 'no such kind')")
    try settle()
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func join() throws {
    let store = try Store(
      path: folder.appending(path: "member\(members.count).sqlite").path, schema: .registry,
      use: .replica, create: true)
    let invite = try central.invite(
      organisation: "org-1", role: "secretariat", expires: Self.now + 60)
    members.append(
      try Replica.join(
        store, invite: invite, origin: try #require(Origin("http://127.0.0.1")),
        key: .generate(), name: nil, now: Self.now, exchange: tap))
  }

  /// One member edits forty rows that the other pulls.
  func editMany() throws {
    try edit(
      0,
      """
      WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 40)
      INSERT INTO organisation(id, slug, kind, name_en) SELECT 'many-' || n, 'many-' || n, 'state', 'M' FROM i
      """)
    try settle()
    try edit(0, "UPDATE organisation SET note = 'many' WHERE id LIKE 'many-%'")
    try settle()
  }

  /// The first member's edit is received and not merged.
  func waitForVerdict() throws {
    try edit(0, "UPDATE organisation SET note = 'waits' WHERE id = 'org-1'")
    try sync(0)
  }

  private func edit(_ member: Int, _ sql: String) throws {
    try members[member].store.edit { try $0.execute(sql) }
  }

  private func sync(_ member: Int) throws {
    _ = try members[member].sync(now: Self.now, at: Self.at)
  }

  private func settle() throws {
    for member in members.indices { try sync(member) }
    try central.merge(at: Self.at)
    for member in members.indices { try sync(member) }
  }

  /// Central is put back to what it is now, after a third device joined and more was merged; members give it back.
  ///
  /// One of them knows no more than the backup until the new life is accepted, so that every kind of message crosses.
  func heal() throws {
    let backup = folder.appending(path: "backup.sqlite").path
    try central.store.backup(to: backup)
    try join()
    try edit(0, "INSERT INTO organisation(id, kind) VALUES('org-3', 'no such kind')")
    try settle()
    try settle()
    try edit(1, "UPDATE organisation SET note = 'late' WHERE id = 'org-1'")
    try sync(1)
    try central.merge(at: Self.at)
    try sync(1)
    central = try Central(store: Store(path: backup, schema: .registry, use: .central), key: key)
    tap.routes = Routes(central)
    try central.beginRestoring(because: .restored, at: Self.at)
    try sync(2)
    try central.accept(at: Self.at)
    for _ in 0..<2 { try settle() }
  }
}

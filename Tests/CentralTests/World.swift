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

/// A schema no registry knows of: the engine must not care.
let clubs = Schema(
  number: 1, spaces: ["commons", "bureau"],
  roles: [
    .init("member", reads: ["commons"], writes: ["commons"]),
    .init("chair", reads: ["commons", "bureau"], writes: ["commons", "bureau"]),
    .init("observer", reads: ["commons"], writes: []),
  ],
  tables: [
    Table(
      "club", space: "commons", label: Label("Club", fr: "Club"),
      fields: [
        Field("name", isRequired: true, label: Label("Name", fr: "Nom")),
        Field("city", label: Label("City", fr: "Ville")),
        Field("founded", .integer, label: Label("Year", fr: "Année")),
      ]),
    Table(
      "draft", space: "bureau", label: Label("Draft", fr: "Brouillon"),
      fields: [Field("text", label: Label("Text", fr: "Texte"))]),
    Table.replica(space: "commons"),
  ])

/// A link that can be cut, doubled and spied on; central answers in the same process.
final class Loop: Exchange {
  var routes: Routes
  var now: Int64 = 1_800_000_000
  var losesReplies = false
  var tamper: ((Request) -> Request)?
  var sent: [Request] = []
  var bytesSent = 0
  var bytesReceived = 0
  /// A range of a snapshot ends after this many bytes, and the next one does not come.
  var cutsSnapshotsAfter: Int?
  var flipsSnapshots = false
  /// Every answer with a longer body is broken off after so many bytes of it.
  var cutsAnswersAfter: Int?
  /// Whoever holds the line sends other content under the signed first line of a snapshot.
  var forgesSnapshots: (([UInt8]) -> [UInt8])?
  /// The link breaks after so many more requests.
  var failsAfterRequests: Int?
  /// So many replies are lost, then no more.
  var lostReplies = 0

  init(_ central: Central) { routes = Routes(central) }

  func send(_ request: Request, responseBytesMax: Int) throws(HTTPFailure) -> Response {
    if let left = failsAfterRequests {
      guard left > 0 else {
        sent.append(request)
        throw HTTPFailure(.interrupted, "the link broke")
      }
      failsAfterRequests = left - 1
    }
    let request = tamper?(request) ?? request
    sent.append(request)
    bytesSent += request.body.count
    var response = routes.answer(request, now: now, at: at)
    if case .file(let path, let offset, let length) = response.body {
      response.body = .bytes(Self.bytes(of: path, offset, length))
    }
    if request.path.hasSuffix("/snapshot"), response.status == 206 {
      if let cut = cutsSnapshotsAfter {
        guard request.headers["If-Match"] == nil else { throw HTTPFailure(.interrupted, "cut") }
        response = Self.shortened(response, to: cut)
      }
      if let forge = forgesSnapshots,
        let plain = try? Zstd.decompress(response.bytes, limit: 1 << 24)
      {
        let packed = Zstd.compress(forge(plain))
        response.body = .bytes(packed)
        response.headers.set("Content-Range", "bytes 0-\(packed.count - 1)/\(packed.count)")
      }
      if flipsSnapshots {
        var bytes = response.bytes
        bytes[bytes.count / 2] ^= 1
        response.body = .bytes(bytes)
      }
    }
    if let cut = cutsAnswersAfter, response.bytes.count > cut {
      response.body = .bytes(Array(response.bytes.prefix(cut)))
      throw HTTPFailure(.interrupted, "cut", received: response)
    }
    bytesReceived += response.bytes.count
    if lostReplies > 0 {
      lostReplies -= 1
      throw HTTPFailure(.timedOut, "the reply was lost")
    }
    if losesReplies { throw HTTPFailure(.timedOut, "the reply was lost") }
    return response
  }

  private static func bytes(of path: String, _ offset: Int, _ length: Int) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    return Array(data[offset..<offset + length])
  }

  private static func shortened(_ response: Response, to count: Int) -> Response {
    var response = response
    response.body = .bytes(Array(response.bytes.prefix(count)))
    let total = response.headers["Content-Range"]?.split(separator: "/").last ?? "0"
    response.headers.set("Content-Range", "bytes 0-\(count - 1)/\(total)")
    return response
  }

  var at: String { "2027-01-15T08:00:00Z" }
}

/// One central, some members, in a folder of their own that goes with the test.
final class World {
  let folder: URL
  private(set) var central: Central
  let loop: Loop
  let key: SigningKey
  private(set) var members: [Replica] = []

  init(schema: Schema = clubs, key: SigningKey = .generate()) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "cordee-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    self.key = key
    central = try Central.create(
      path: folder.appending(path: "central.sqlite").path, schema: schema, key: key,
      name: "Central",
      url: "http://127.0.0.1")
    loop = Loop(central)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  @discardableResult
  func join(_ role: String = "member", name: String? = nil, schema: Schema = clubs) throws
    -> Replica
  {
    let invite = try central.invite(organisation: "club-1", role: role, expires: loop.now + 3600)
    let path = folder.appending(path: "member\(members.count).sqlite").path
    let store = try Store(path: path, schema: schema, use: .replica, create: true)
    let origin = try #require(Origin("http://127.0.0.1"))
    let replica = try Replica.join(
      store, invite: invite, origin: origin, key: .generate(), name: name, now: loop.now,
      exchange: loop)
    members.append(replica)
    return replica
  }

  @discardableResult
  func sync(_ replica: Replica) throws -> SyncReport {
    try replica.sync(now: self.loop.now, at: loop.at)
  }

  @discardableResult
  func merge() throws -> MergeReport { try central.merge(at: loop.at) }

  /// Everybody syncs, central merges, everybody syncs again.
  func settle() throws { try settle(with: members) }

  /// The same with these alone.
  func settle(with members: [Replica]) throws {
    for member in members { try sync(member) }
    try merge()
    for member in members { try sync(member) }
  }

  /// Checks a member's file against its own history.
  func audit(_ member: Replica) throws { #expect(try findings(in: member) == []) }

  /// What an audit finds in a member's file.
  func findings(in member: Replica) throws -> [Finding] {
    let scratch = folder.appending(path: "scratch-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let store = try Store(path: member.store.path, schema: member.store.schema, use: .reader)
    return try Audit(of: store, centralKey: central.publicKey, scratchPath: scratch).run().findings
  }

  /// A copy of central's file as it is now, as `cordee central backup` makes it.
  func backUp() throws -> String {
    let path = folder.appending(path: "backup-\(UUID().uuidString).sqlite").path
    try central.store.backup(to: path)
    return path
  }

  /// Central runs on from a copy of its file, and knows nothing of it.
  func rewind(to backup: String) throws {
    let path = folder.appending(path: "central-\(UUID().uuidString).sqlite").path
    try FileManager.default.copyItem(atPath: backup, toPath: path)
    let store = try Store(path: path, schema: central.store.schema, use: .central)
    central = try Central(store: store, key: key)
    loop.routes = Routes(central)
  }

  /// Central's file is gone; its key and the network's name are not.
  func rebuild() throws {
    central = try Central.recover(
      path: folder.appending(path: "central-\(UUID().uuidString).sqlite").path,
      schema: central.store.schema, key: key, network: central.network, name: "Central",
      url: "http://127.0.0.1", at: loop.at)
    loop.routes = Routes(central)
  }

  /// Whoever keeps central restores a copy.
  func restore(_ backup: String) throws {
    try rewind(to: backup)
    try central.beginRestoring(because: .restored, at: loop.at)
  }

  /// The digest of the commons on central and on every member.
  func digests() throws -> Set<Hash> {
    Set(try ([central.store] + members.map(\.store)).map { try $0.digest("commons") })
  }
}

extension Replica {
  /// Edits as any SQLite program would, on a connection of its own.
  func edit(_ sql: String) throws {
    let connection = try Connection(path: store.path, mode: .readWrite)
    try connection.execute(sql)
  }

  func cell(_ column: String, of id: String, table: String = "club") throws -> String? {
    try store.withConnection { connection in
      try connection.first("SELECT \(column) FROM \(table) WHERE id = ?", .text(id)) { $0.text(0) }
    }
  }
}

/// The clubs as a newer schema has them: with one field more, and further tables.
func newerClubs(and more: [Table] = []) -> Schema {
  Schema(
    number: 2, spaces: clubs.spaces, roles: clubs.roles,
    tables: clubs.tables.map { table in
      table.name == "club"
        ? Table(
          "club", space: "commons", label: table.label,
          fields: table.fields + [Field("motto", label: Label("Motto", fr: "Devise"))]) : table
    } + more)
}

extension World {
  /// A central whose log comes in pieces of so many bytes, and its author of many clubs, merged.
  static func filled(rows: Int, pieceBytes: Int) throws -> (World, Replica) {
    let world = try World()
    world.loop.routes.logPieceBytes = pieceBytes
    let ana = try world.join()
    try ana.edit(
      """
      WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < \(rows))
      INSERT INTO club(id, name) SELECT 'club-' || n, 'Club ' || n FROM i
      """)
    try world.sync(ana)
    try world.merge()
    return (world, ana)
  }
}

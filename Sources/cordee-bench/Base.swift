import Central
import Changes
import Foundation
import HTTP
import Replica
import SQLite
import Seal
import Store

/// The files every workload starts from: central and two members with all records, the plain table with the same.
struct Base {
  let folder: String
  let records: Int

  /// Keys need not be secret here.
  static func key(_ number: UInt8) throws -> SigningKey {
    guard let key = SigningKey(seed: [UInt8](repeating: number + 1, count: 32)) else {
      throw BenchError("32 bytes make a key")
    }
    return key
  }

  /// The key of the member that joins in a round.
  static func newcomer(_ round: Int) throws -> SigningKey {
    try key(UInt8(100 + round))
  }

  /// The members' files and the numbers of their keys.
  static let author = (file: "author.sqlite", key: UInt8(1))
  static let reader = (file: "reader.sqlite", key: UInt8(2))

  /// Makes all of it in an empty folder.
  func make() throws {
    try makePlain()
    let central = try Central.create(
      path: "\(folder)/central.sqlite", schema: .bench, key: Self.key(0), name: "Bench",
      url: "http://127.0.0.1")
    var queue: [Write] = []
    for record in Generator(count: records) {
      let fields = zip(Generator.fields, record.values).map { FieldValue($0, $1) }
      queue.append(Write(RowKey(table: Plain.table, id: record.id), .insert(fields)))
      guard queue.count == 1000 else { continue }
      try central.queue(queue, space: "commons", at: Service.label)
      queue = []
    }
    try central.queue(queue, space: "commons", at: Service.label)
    let members = try [Self.author, Self.reader].map { member in
      try join(member.file, Self.key(member.key), to: central)
    }
    try central.merge(at: Service.label)
    // The first makes central's snapshot, which later members find ready.
    for member in members { _ = try member.sync(now: Service.now, at: Service.label) }
  }

  private func join(_ file: String, _ key: SigningKey, to central: Central) throws -> Replica {
    let invite = try central.invite(
      organisation: "bench", role: "member", expires: Service.now + 3600)
    let store = try Store(
      path: "\(folder)/\(file)", schema: .bench, use: .replica, create: true)
    let link = Indoors(routes: Routes(central))
    guard let origin = Origin("http://127.0.0.1") else { throw BenchError("no origin") }
    return try Replica.join(
      store, invite: invite, origin: origin, key: key, name: "bench", now: Service.now,
      exchange: link)
  }

  /// The plain table, and the changeset of its rows as a member would be sent it.
  private func makePlain() throws {
    let db = try Connection(path: "\(folder)/plain.sqlite", mode: .create)
    try db.execute(Plain.create)
    let changeset = try db.changeset(of: [Plain.table]) {
      try db.transaction {
        for record in Generator(count: records) {
          try db.run(Plain.insert, [.text(record.id)] + record.values.map(\.argument))
        }
      }
    }
    try Data(Zstd.compress(changeset)).write(to: URL(filePath: "\(folder)/changeset.zst"))
  }

  /// Copies every file to another folder.
  func copy(to target: String) throws {
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
      try FileManager.default.copyItem(atPath: "\(folder)/\(name)", toPath: "\(target)/\(name)")
    }
    for user in ["author", "reader", "central"] {
      try FileManager.default.copyItem(
        atPath: "\(folder)/plain.sqlite", toPath: "\(target)/plain-\(user).sqlite")
    }
  }
}

/// Central in this process, for preparing.
private struct Indoors: Exchange {
  let routes: Routes

  func send(_ request: Request, responseBytesMax: Int) throws(HTTPFailure) -> Response {
    var response = routes.answer(request, now: Service.now, at: Service.label)
    if case .file(let path, let offset, let length) = response.body {
      do {
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        try file.seek(toOffset: UInt64(offset))
        response.body = .bytes(Array(try file.read(upToCount: length) ?? Data()))
      } catch {
        throw HTTPFailure(.internal, "\(path) cannot be read")
      }
    }
    return response
  }
}

extension Value {
  /// The value as SQLite takes it.
  var argument: Argument {
    switch self {
    case .null: .null
    case .integer(let number): .integer(number)
    case .real(let number): .real(number)
    case .text(let text): .text(text)
    case .malformedText(let bytes): .textBytes(bytes)
    case .blob(let bytes): .blob(bytes)
    }
  }
}

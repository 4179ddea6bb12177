import Central
import Changes
import Foundation
import HTTP
import Registry
import Replica
import Seal
import Store
import Testing
import Wire

@Suite("R15: names of devices at central [SP-609]", .timeLimit(.minutes(15)))
struct NameTests {
  @Test("a name that may not stand is refused, nothing of it is kept, and the invite stays good")
  func refused() throws {
    let world = try World()
    let invite = try world.central.invite(
      organisation: "c", role: "member", expires: world.loop.now + 10)
    let origin = try #require(Origin("http://127.0.0.1"))
    func join(_ name: String?, _ file: String) throws -> Replica {
      let store = try Store(
        path: world.folder.appending(path: file).path, schema: clubs, use: .replica, create: true)
      return try Replica.join(
        store, invite: invite, origin: origin, key: .generate(), name: name, now: world.loop.now,
        exchange: world.loop)
    }
    for (place, name) in [
      "", " ", "central", "CENTRAL", "Paris\u{202E}eciffo", "a\u{1B}[2Jb",
      String(repeating: "x", count: 5_000),
    ].enumerated() {
      #expect("\(name.prefix(80).debugDescription)") {
        _ = try join(name, "refused\(place)")
      } throws: {
        ($0 as? SyncError)?.code == "enrolment.name"
      }
    }
    #expect(try world.central.members().isEmpty)
    #expect(try world.merge().applied == 0)
    _ = try join("Paris office", "taken")
    #expect(try world.central.members().map(\.name) == ["Paris office"])
  }

  @Test("a device without a name gets one that may stand, whatever its organisation is called")
  func made() throws {
    let world = try World(schema: .registry)
    let member = try world.join(schema: .registry)
    try world.settle()
    #expect(try world.central.members().map(\.name) == ["member of club-1"])
    let author = Author(
      network: member.identity.network, actor: member.identity.actor, at: world.loop.at)
    let label = "Ministry\u{202E}" + String(repeating: "x", count: 100)
    try member.store.write {
      try member.store.seal(
        [
          Write(
            RowKey(table: "organisation", id: "club-1"),
            .insert(
              [
                ("slug", "ministry"), ("kind", "state"), ("name_en", label), ("acronym", "A\nB"),
                ("visibility", "public"),
              ].map { FieldValue($0, .text($1)) }))
        ],
        space: "commons", author: author)
    }
    try world.settle()
    #expect(
      try world.central.store.state(of: RowKey(table: "organisation", id: "club-1"))
        .shown("name_en") == .text(label))
    _ = try world.join(schema: .registry)
    #expect(
      Set(try world.central.members().map(\.name)) == ["member of club-1", "member of ministry"])
  }

  @Test("the pattern of the schema and the rule are one")
  func schema() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../SyncProtocol/schemas/enrolment-request.json").standardizedFileURL
    let name = try #require(
      try JSON.parse(Array(Data(contentsOf: file)))["properties"]?["name"])
    let pattern = try NSRegularExpression(pattern: try #require(name["pattern"]?.string))
    #expect(name["maxLength"]?.integer == Int64(WireLimits.deviceNameLengthMax))
    for value in UInt32(0)...0xE0FFF {
      guard let scalar = Unicode.Scalar(value), !(0x20000..<0xE0000).contains(value) else {
        continue
      }
      for text in ["a\(scalar)b", "a \(scalar)b", "a\(scalar)"] {
        let whole = NSRange(text.startIndex..., in: text)
        let fits = pattern.firstMatch(in: text, range: whole)?.range == whole
        #expect(fits == (DeviceName.fault(in: text) == nil), "U+\(String(value, radix: 16))")
      }
    }
  }
}

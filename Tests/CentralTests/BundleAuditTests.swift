import Causality
import Central
import Changes
import Foundation
import Replica
import SQLite
import Seal
import Store
import Testing
import Wire

@Suite("A bundle held against a file, nothing taken")
struct BundleAuditTests {
  private func compare(_ store: Store, _ name: String, _ world: World) throws -> [Finding] {
    var audit = BundleAudit(of: store, centralKey: world.central.publicKey)
    return try audit.compare(world.path(name))
  }

  private func log(_ member: Replica, _ name: String, _ world: World) throws {
    _ = try member.exportLog(to: world.path(name), for: nil, since: 0, plain: true, at: member.at)
  }

  @Test("equal is silent; who is behind is named; another network's is refused")
  func honest() throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    try ana.edit("INSERT INTO club(id, name) VALUES('a', 'A')")
    try world.settle()
    try world.settle()
    try log(ana, "log", world)
    let before = try ben.store.digest("commons")
    #expect(try compare(ben.store, "log", world) == [])
    #expect(try compare(world.central.store, "log", world) == [])
    try ana.edit("UPDATE club SET name = 'B'")
    try world.settle(with: [ana])
    #expect(try compare(ana.store, "log", world).map(\.code) == ["against.behind"])
    try log(ana, "newer", world)
    #expect(try compare(ben.store, "newer", world).map(\.code) == ["against.behind"])
    #expect(try ben.store.digest("commons") == before)
    #expect(try ben.store.evidence().isEmpty)
    let other = try World()
    let stranger = try other.join()
    #expect(try compare(stranger.store, "log", world).map(\.code) == ["against.network"])
  }

  @Test(
    "R8: two histories that central signed are shown; in two lives of it they are no accusation")
  func fork() throws {
    let world = try World()
    let ana = try world.join()
    let ben = try world.join()
    try world.settle()
    try world.settle()
    let second = try world.forkedCentral(key: world.key)
    try ana.edit("INSERT INTO club(id, name) VALUES('a', 'A')")
    try world.settle(with: [ana])
    let link = HostileLink(world.loop)
    link.other = second
    let victim = try Replica(store: ben.store, key: ben.key, exchange: link)
    try victim.edit("INSERT INTO club(id, name) VALUES('b', 'B')")
    _ = try victim.sync(now: world.loop.now, at: world.loop.at)
    try second.routes.central.merge(at: world.loop.at)
    _ = try victim.sync(now: world.loop.now, at: world.loop.at)
    try log(ana, "log", world)
    let found = try compare(ben.store, "log", world)
    #expect(found.map(\.code) == ["against.fork"] && found.map(\.kind) == [.damage])
    #expect(found[0].message.contains("signed two histories"))
    // The same between the files themselves.
    #expect(try ana.store.differences(from: ben.store).map(\.code) == ["against.fork"])

    // A restored central goes on in another life: whoever has not met it yet has another log, and nobody lied.
    let old = try world.backUp()
    try ana.edit("UPDATE club SET name = 'lost'")
    try world.settle(with: [ana])
    let away = world.path("away.sqlite")
    try ana.store.backup(to: away)
    try world.rewind(to: old)
    try world.central.beginRestoring(because: .restored, at: world.loop.at)
    try world.central.accept(at: world.loop.at)
    try world.central.queue(
      [Write(RowKey(table: "club", id: "z"), .insert([FieldValue("name", .text("Z"))]))],
      space: "commons", at: world.loop.at)
    try world.merge()
    try ana.edit("UPDATE club SET city = 'Quito'")
    try world.settle(with: [ana])
    try log(ana, "new", world)
    let before = try Store(path: away, schema: clubs, use: .reader)
    let parted = try compare(before, "new", world)
    #expect(parted.map(\.kind) == [.notice] && parted.map(\.code) == ["against.life"])
    #expect(try before.differences(from: ana.store).map(\.code) == ["against.life"])
  }

  @Test("an altered line is damage, wherever it is; a cut bundle is incomplete")
  func altered() throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    try ana.edit("INSERT INTO club(id, name, city) VALUES('a', 'Alpine', 'Quito')")
    try world.settle()
    try world.settle()
    try log(ana, "log", world)
    let text = String(decoding: try world.bytes("log"), as: UTF8.self)
    for (old, new) in [
      ("Quito", "Lima!"), (#""seq":2"#, #""seq":9"#), (#""value":"A"#, #""value":"B"#),
      (#""at":"2027-01-15T08:00:00Z"},"sig"#, #""at":"2028-01-15T08:00:00Z"},"sig"#),
    ] where text.contains(old) {
      _ = try world.write(Array(text.replacing(old, with: new).utf8), to: "altered")
      #expect(try compare(ben.store, "altered", world).contains { $0.kind == .damage }, "\(old)")
    }
    let lines = text.split(separator: "\n")
    _ = try world.write(Array(lines.dropLast().joined(separator: "\n").utf8) + [10], to: "cut")
    #expect(try compare(ben.store, "cut", world).map(\.kind) == [.incomplete])
  }

  @Test("a member's changes are held against the same ones here; one name for two edits is named")
  func changes() throws {
    let world = try World()
    let ana = try world.join()
    try world.settle()
    try ana.edit("INSERT INTO club(id, name) VALUES('a', 'A')")
    let copy = world.path("twin.sqlite")
    try ana.store.backup(to: copy)
    _ = try ana.exportChanges(to: world.path("out"), plain: true, at: ana.at)
    #expect(try compare(ana.store, "out", world) == [])
    try world.settle()
    #expect(try compare(world.central.store, "out", world) == [])
    // The copy edits under the same name before anybody knows.
    let twin = try Store(path: copy, schema: clubs, use: .replica)
    let connection = try Connection(path: copy, mode: .readWrite)
    try connection.execute("UPDATE club SET name = 'other' WHERE id = 'a'")
    try twin.write {
      _ = try twin.seal(
        as: Author(network: ana.identity.network, actor: ana.identity.actor, at: ana.at))
    }
    #expect(try compare(twin, "out", world).map(\.code) == ["against.twin"])
    let text = String(decoding: try world.bytes("out"), as: UTF8.self)
    _ = try world.write(Array(text.replacing(#""A""#, with: #""Z""#).utf8), to: "forged")
    #expect(try compare(world.central.store, "forged", world).map(\.code) == ["bundle.segment"])
  }
}

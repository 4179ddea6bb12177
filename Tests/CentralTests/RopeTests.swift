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

@Suite("An edit made offline reaches every member through central")
struct RopeTests {
  @Test("a row inserted by another program is on every replica after the merge, and not before")
  func insertTravels() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try a.edit("INSERT INTO club(id, name, city, founded) VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    #expect(try world.sync(a).pushed == 1)
    try world.sync(b)
    #expect(try b.cell("name", of: "c1") == nil)
    try world.merge()
    try world.sync(b)
    #expect(try b.cell("name", of: "c1") == "Alpins")
    #expect(try b.cell("founded", of: "c1") == "1920")
    try world.settle()
    #expect(try world.digests().count == 1)
  }

  @Test(
    "a UNIQUE index of another program's, which another member's row does not fit, is named with what to do"
  )
  func foreignIndex() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try world.settle()
    try a.edit("INSERT INTO club VALUES('c1', 'Same', 'Chamonix', 1920)")
    try b.edit(
      "INSERT INTO club VALUES('c2', 'Same', 'Quito', 1921); CREATE UNIQUE INDEX mine ON club(name)"
    )
    try world.sync(a)
    try world.merge()
    let error = #expect(throws: StoreError.self) { try world.sync(b) }
    #expect(error?.code == .foreign)
    #expect(error?.message.contains("the UNIQUE index mine on club") == true)
    #expect(error?.hint.contains("DROP INDEX mine") == true)
    try b.edit("DROP INDEX mine; CREATE INDEX mine ON club(name)")
    try world.settle()
    try world.settle()
    #expect(try b.cell("city", of: "c1") == "Chamonix")
    #expect(try world.digests().count == 1)
  }

  @Test(
    "R2: a row replaced over another program's UNIQUE index goes everywhere, and every file is sound"
  )
  func replacedOverForeignIndex() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try a.edit(
      "INSERT INTO club VALUES('c1', 'Same', 'Chamonix', 1920), ('c2', 'Other', 'Quito', 1921)")
    try world.settle()
    try world.settle()
    try b.edit(
      "CREATE UNIQUE INDEX mine ON club(name); REPLACE INTO club VALUES('c3', 'Same', 'Fez', 1922)")
    // As the next command opens it.
    let again = try Replica(
      store: Store(path: b.store.path, schema: clubs, use: .replica), key: b.key,
      exchange: world.loop)
    try world.settle(with: [again, a])
    #expect(try a.cell("city", of: "c1") == nil)
    #expect(try a.cell("city", of: "c3") == "Fez")
    #expect(
      try a.store.state(of: RowKey(table: "club", id: "c1")).shown("city").text == "Chamonix")
    #expect(try a.store.digest("commons") == again.store.digest("commons"))
    try world.audit(a)
    #expect(try world.findings(in: again).map(\.code) == ["schema.foreign"])
  }

  @Test("a write of no field, which only another program could send, merges and changes nothing")
  func emptyWrite() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    let author = Author(network: a.identity.network, actor: a.identity.actor, at: world.loop.at)
    try a.store.write {
      try a.store.seal(
        [Write(RowKey(table: "club", id: "c1"), .set([]))], space: "commons", author: author)
    }
    try world.settle()
    #expect(try b.cell("city", of: "c1") == "Chamonix")
    #expect(try world.digests().count == 1)
  }

  @Test("different fields of one record, edited offline, both survive without a conflict")
  func disjointFields() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    try a.edit("UPDATE club SET city = 'Quito'")
    try b.edit("UPDATE club SET founded = 1921")
    try world.settle()
    try world.settle()
    for member in [a, b] {
      #expect(try member.cell("city", of: "c1") == "Quito")
      #expect(try member.cell("founded", of: "c1") == "1921")
      #expect(try member.store.conflicts().isEmpty)
    }
    #expect(try world.digests().count == 1)
  }

  @Test(
    "the same field gives one conflict with both values, the same shown everywhere; one resolution clears it"
  )
  func sameField() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    try a.edit("UPDATE club SET city = 'Quito'")
    try b.edit("UPDATE club SET city = 'Rabat'")
    try world.settle()
    try world.settle()
    let conflicts = try a.store.conflicts()
    #expect(conflicts.count == 1)
    #expect(Set(conflicts[0].siblings.map(\.value)) == [.text("Quito"), .text("Rabat")])
    #expect(try a.cell("city", of: "c1") == b.cell("city", of: "c1"))
    #expect(try world.digests().count == 1)

    let author = Author(network: b.identity.network, actor: b.identity.actor, at: world.loop.at)
    try b.store.write {
      try b.store.seal(
        [Write(RowKey(table: "club", id: "c1"), .set([FieldValue("city", .text("Rabat"))]))],
        space: "commons",
        author: author)
    }
    try world.settle()
    try world.settle()
    for member in [a, b] {
      #expect(try member.store.conflicts().isEmpty)
      #expect(try member.cell("city", of: "c1") == "Rabat")
    }
    #expect(try world.digests().count == 1)
  }

  @Test(
    "deleted here, edited there: the row stays whole and listed until somebody settles it",
    arguments: [true, false])
  func deleteAgainstEdit(removes: Bool) throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    try a.edit("DELETE FROM club")
    try b.edit("UPDATE club SET city = 'Rabat'")
    try world.settle()
    try world.settle()
    for member in [a, b] {
      #expect(try member.cell("name", of: "c1") == "Alpins")
      #expect(try member.cell("city", of: "c1") == "Rabat")
      #expect(try member.store.conflicts().map(\.field) == [nil])
    }
    if removes {
      try a.edit("DELETE FROM club")
    } else {
      let author = Author(network: a.identity.network, actor: a.identity.actor, at: world.loop.at)
      try a.store.write {
        try a.store.seal(
          [Write(RowKey(table: "club", id: "c1"), .undelete)], space: "commons", author: author)
      }
    }
    try world.settle()
    try world.settle()
    for member in [a, b] {
      #expect(try member.store.conflicts().isEmpty)
      #expect(try member.cell("city", of: "c1") == (removes ? nil : "Rabat"))
    }
    #expect(try world.digests().count == 1)
  }

  @Test(
    "a change that may not stand is quarantined alone, undone on its author's replica, and blocks nothing"
  )
  func quarantine() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    try a.edit("UPDATE club SET name = NULL")
    try world.sync(a)
    try a.edit("UPDATE club SET city = 'Quito'")
    try world.sync(a)
    let report = try world.merge()
    #expect(report.applied == 1)
    #expect(report.quarantined.count == 1)
    let synced = try world.sync(a)
    #expect(synced.refused.count == 1)
    try world.sync(b)
    for member in [a, b] {
      #expect(try member.cell("name", of: "c1") == "Alpins")
      #expect(try member.cell("city", of: "c1") == "Quito")
    }
    #expect(try world.digests().count == 1)
  }

  @Test("the same push sent twice after a lost reply is harmless")
  func lostReply() throws {
    let world = try World()
    let a = try world.join()
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    world.loop.losesReplies = true
    #expect(throws: HTTPFailure.self) { try world.sync(a) }
    world.loop.losesReplies = false
    try world.sync(a)
    try world.sync(a)
    #expect(try world.merge().applied == 2)  // the enrolment and the row
  }

  @Test("a flipped byte, a replay and a stranger's key are refused with stable problems")
  func tampering() throws {
    let world = try World()
    let a = try world.join()
    try world.settle()
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    world.loop.tamper = { request in
      var request = request
      if request.target.hasSuffix("changes") { request.body[request.body.count / 2] ^= 1 }
      return request
    }
    #expect(throws: SyncError.self) { try world.sync(a) }
    world.loop.tamper = nil
    let replayed = try #require(world.loop.sent.last { $0.target == "/v1/hello" })
    #expect(
      Problem.parse(
        world.loop.routes.answer(replayed, now: world.loop.now, at: world.loop.at).bytes,
        status: 401)?.code == "signature.replayed")
    try world.sync(a)
    try world.central.revoke(a.identity.actor.replica, at: world.loop.at)
    #expect(throws: SyncError.self) { try world.sync(a) }
  }

  @Test(
    "R12: what a device had sent before it was revoked is refused at the merge, and nobody waits")
  func revokedInTheQueue() throws {
    let world = try World()
    let (gone, stays) = (try world.join(), try world.join())
    try world.settle()
    try gone.edit("INSERT INTO club VALUES('c1', 'Gone', 'Chamonix', 1920)")
    try stays.edit("INSERT INTO club VALUES('c2', 'Stays', 'Quito', 1921)")
    for member in [gone, stays] { try world.sync(member) }
    try world.central.revoke(gone.identity.actor.replica, at: world.loop.at)
    let refused = try world.merge().quarantined
    #expect(refused.count == 1 && refused.allSatisfy { $0.reason.hasPrefix("member.revoked") })
    try world.sync(stays)
    #expect(try stays.cell("name", of: "c1") == nil)
    #expect(try stays.cell("name", of: "c2") == "Stays")
  }

  @Test("a clock wrong by twenty years signs again with central's time")
  func wrongClock() throws {
    let world = try World()
    let a = try world.join()
    try a.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    let report = try a.sync(now: world.loop.now - 20 * 365 * 86_400, at: "2007-01-15T08:00:00Z")
    #expect(report.pushed == 1)
  }

  @Test("an invite is used once, expires, and pins central's key")
  func invites() throws {
    let world = try World()
    let invite = try world.central.invite(
      organisation: "c", role: "member", expires: world.loop.now + 10)
    func join(_ invite: String, _ file: String, now: Int64) throws {
      let store = try Store(
        path: world.folder.appending(path: file).path, schema: clubs, use: .replica, create: true)
      let origin = try #require(Origin("http://127.0.0.1"))
      _ = try Replica.join(
        store, invite: invite, origin: origin, key: .generate(), name: nil, now: now,
        exchange: world.loop)
    }
    try join(invite, "one", now: world.loop.now)
    #expect { try join(invite, "two", now: world.loop.now) } throws: {
      ($0 as? SyncError)?.code == "invite.used"
    }
    let late = try world.central.invite(organisation: "c", role: "member", expires: world.loop.now)
    #expect { try join(late, "three", now: world.loop.now) } throws: {
      ($0 as? SyncError)?.code == "invite.expired"
    }
    let good = try world.central.invite(
      organisation: "c", role: "member", expires: world.loop.now + 10)
    let forged = good.split(separator: ".")[0] + "." + String(repeating: "0", count: 32)
    #expect { try join(String(forged), "four", now: world.loop.now) } throws: {
      ($0 as? SyncError)?.code == "central.key"
    }
    _ = try join(good, "five", now: world.loop.now)  // the mistyped link did not use it up
    #expect(throws: Problem.self) {
      try world.central.invite(organisation: "c", role: "king", expires: 0)
    }
  }

  @Test("a member never receives the bureau's space, the chair does")
  func spaces() throws {
    let world = try World()
    let (chair, member) = (try world.join("chair"), try world.join())
    try chair.edit("INSERT INTO draft VALUES('d1', 'Ce qui se dit entre nous')")
    try world.settle()
    let other = try world.join("chair")
    try world.settle()
    #expect(try other.cell("text", of: "d1", table: "draft") == "Ce qui se dit entre nous")
    #expect(try member.cell("text", of: "d1", table: "draft") == nil)
    let file = try #require(try? Array(Data(contentsOf: URL(filePath: member.store.path))))
    #expect(!String(decoding: file, as: UTF8.self).contains("entre nous"))
  }
}

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

/// What is given back, by whom, in what order, however often it is cut.
@Suite("Healing a restored central", .timeLimit(.minutes(15)))
struct HealingTests {
  @Test(
    "cut after any request, with the reply lost or not, goes on at the next sync",
    arguments: [true, false])
  func cuts(losesReply: Bool) throws {
    for cut in 0..<24 {
      let world = try World()
      world.loop.routes.logPieceBytes = 2_000
      let (ana, ben) = (try world.join(), try world.join())
      var backup = ""
      for step in 0..<6 {
        try ana.edit("INSERT INTO club VALUES('a\(step)', 'A\(step)', 'x', \(step))")
        try ben.edit("UPDATE club SET city = 'b\(step)'")
        try world.settle()
        if step == 1 { backup = try world.backUp() }
      }
      try world.settle()
      let before = try world.content()
      try world.restore(backup)
      func interrupted(_ member: Replica) throws {
        if losesReply {
          world.loop.losesReplies = true
          #expect(throws: (any Error).self) { try world.sync(member) }
          world.loop.losesReplies = false
        } else {
          world.loop.failsAfterRequests = cut
          _ = try? world.sync(member)
          world.loop.failsAfterRequests = nil
        }
      }
      try interrupted(ana)
      if cut % 2 == 0 { try interrupted(ben) }
      for member in world.members { try world.sync(member) }
      try world.central.accept(at: world.loop.at)
      try interrupted(ben)
      try interrupted(ana)
      for _ in 0..<3 {
        for member in world.members { try world.sync(member) }
        try world.merge()
      }
      #expect(try world.content() == before)
      #expect(try world.digests().count == 1)
      if losesReply { break }
    }
  }

  @Test("by two replicas, in either order, one of which knows more", arguments: [[0, 1], [1, 0]])
  func order(_ order: [Int]) throws {
    let world = try World()
    let members = [try world.join(), try world.join()]
    var backup = ""
    for step in 0..<8 {
      try members[0].edit("INSERT INTO club VALUES('a\(step)', 'A\(step)', 'x', \(step))")
      try world.sync(members[0])
      try world.merge()
      if step < 5 { try world.sync(members[1]) }
      try world.sync(members[0])
      if step == 2 { backup = try world.backUp() }
    }
    let before = try world.content()
    try world.restore(backup)
    for index in order { try world.sync(members[index]) }
    try world.central.accept(at: world.loop.at)
    for _ in 0..<2 {
      for member in members { try world.sync(member) }
      try world.merge()
    }
    #expect(try world.content() == before)
    #expect(try world.digests().count == 1)
  }

  @Test(
    "is done without one who was away: what only that one held is offered again and judged anew")
  func away() throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    let backup = try world.backUp()
    // Only Ana pulls what is lost; Ben's change is in it.
    try ben.edit("UPDATE club SET city = 'Rabat' WHERE id = 'c1'")
    try world.sync(ben)
    try world.merge()
    try world.sync(ana)
    try ana.edit("UPDATE club SET city = 'Quito' WHERE id = 'c1'")
    try world.sync(ana)
    try world.merge()
    try world.sync(ana)
    try ana.edit("UPDATE club SET founded = 1921 WHERE id = 'c1'")
    try world.restore(backup)
    // Ben knows no more than the backup; central goes on with that.
    try world.sync(ben)
    try world.central.accept(at: world.loop.at)
    try world.sync(ben)
    try ben.edit("UPDATE club SET name = 'Alpinistes' WHERE id = 'c1'")
    try world.sync(ben)
    try world.merge()
    let report = try world.sync(ana)
    #expect(report.offered > 0 && report.epoch?.reason == "central")
    #expect(!report.notes.isEmpty)
    for _ in 0..<3 { try world.settle() }
    for member in world.members {
      #expect(try member.cell("name", of: "c1") == "Alpinistes")
      // Ana had seen Rabat when she wrote Quito.
      #expect(try member.cell("city", of: "c1") == "Quito")
      #expect(try member.cell("founded", of: "c1") == "1921")
      #expect(try member.store.conflicts().isEmpty)
      #expect(try member.store.adriftCount().all == 0)
    }
    #expect(try world.digests().count == 1)
  }

  @Test("what was received and not merged, and what was not sent, comes again and once")
  func unmerged() throws {
    for restores in [false, true] {
      let world = try World()
      let (ana, ben) = (try world.join(), try world.join())
      try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
      try world.settle()
      let backup = try world.backUp()
      try ana.edit("UPDATE club SET city = 'Rabat' WHERE id = 'c1'")
      try world.sync(ana)
      try ana.edit("UPDATE club SET founded = 1 WHERE id = 'c1'")
      try ben.edit("INSERT INTO club VALUES('c2', 'Marins', 'Paimpol', 1950)")
      if restores {
        try world.restore(backup)
        for member in world.members { try world.sync(member) }
        try world.central.accept(at: world.loop.at)
      }
      for _ in 0..<3 { try world.settle() }
      for member in world.members {
        #expect(try member.cell("city", of: "c1") == "Rabat")
        #expect(try member.cell("founded", of: "c1") == "1")
        #expect(try member.cell("city", of: "c2") == "Paimpol")
        #expect(try member.store.conflicts().isEmpty)
        let waiting = try member.store.waiting()
        #expect(waiting.local == 0 && waiting.received == 0)
      }
      #expect(try world.digests().count == 1)
    }
  }

  @Test(
    "a refused change keeps its verdict; the body that others never had comes back from its author")
  func withheld() throws {
    let world = try World()
    let (ana, ben) = (try world.join(name: "Ana"), try world.join(name: "Ben"))
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    let backup = try world.backUp()
    try ana.edit("UPDATE club SET name = NULL WHERE id = 'c1'")
    try world.settle()
    let before = try world.content()
    try world.restore(backup)
    try world.sync(ben)
    let report = try world.central.accept(at: world.loop.at)
    #expect(report.lost.count == 1)
    #expect(report.lost[0].contains("body of the quarantined change \(ana.identity.actor)"))
    try world.sync(ana)
    #expect(try world.central.store.withheldNames(in: "commons").isEmpty)
    #expect(try world.content() == before)
  }

  @Test(
    "a device enrolled after the backup comes back by central's own signature; a revoked one does not"
  )
  func enrolments() throws {
    let world = try World()
    let ana = try world.join(name: "Ana")
    try world.settle()
    let backup = try world.backUp()
    let (late, gone) = (try world.join(name: "Late"), try world.join(name: "Gone"))
    try world.settle()
    try world.settle()
    try world.central.revoke(gone.identity.actor.replica, at: world.loop.at)
    try world.merge()
    try world.sync(late)
    let before = try world.content()
    try world.restore(backup)
    #expect(try world.central.members().count == 1)
    #expect(try world.sync(late).isCentralRestoring)
    #expect { try world.sync(gone) } throws: { ($0 as? SyncError)?.code == "signature.refused" }
    try world.sync(ana)
    try world.central.accept(at: world.loop.at)
    for member in [ana, late] { try world.sync(member) }
    #expect(try world.content() == before)
    #expect(try world.central.members().count == 3)
    #expect { try world.sync(gone) } throws: { ($0 as? SyncError)?.code == "signature.refused" }
  }

  @Test("an enrolment that waited in the backup and was merged since is not written twice")
  func queued() throws {
    let world = try World()
    let ana = try world.join(name: "Ana")
    let backup = try world.backUp()
    try world.settle()
    let before = try world.content()
    try world.restore(backup)
    try RestoreTests.heal(world)
    #expect(try world.content() == before)
    _ = ana
  }

  @Test("open invites are void; nobody is enrolled and nothing given until the life is accepted")
  func closed() throws {
    let world = try World()
    let ana = try world.join()
    try world.settle()
    let invite = try world.central.invite(
      organisation: "club-1", role: "member", expires: world.loop.now + 3600)
    let backup = try world.backUp()
    try world.restore(backup)
    let key = SigningKey.generate()
    let origin = try #require(Origin("http://127.0.0.1"))
    func join() throws {
      let store = try Store(
        path: world.folder.appending(path: "late").path, schema: clubs, use: .replica, create: true)
      _ = try Replica.join(
        store, invite: invite, origin: origin, key: key, name: nil, now: world.loop.now,
        exchange: world.loop)
    }
    #expect { try join() } throws: { ($0 as? SyncError)?.code == "central.restoring" }
    #expect { try world.join() } throws: { ($0 as? Problem)?.code == "central.restoring" }
    let start = Cursor(instance: world.central.instance, seq: 0, hash: .zero)
    for target in ["log?after=\(start.text)", "snapshot"] {
      let response = try ana.signed(
        Request(method: "GET", origin: origin, target: "/v1/spaces/commons/\(target)"),
        over: world.loop)
      #expect(response.status == 503)
    }
    // What a member writes meanwhile is kept.
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    #expect(try world.sync(ana).pushed == 1)
    #expect(try world.central.inboxCount() == 1)
    try world.central.accept(at: world.loop.at)
    #expect { try join() } throws: { ($0 as? SyncError)?.code == "invite.unknown" }
    try world.settle()
    #expect(try world.central.store.state(of: RowKey(table: "club", id: "c1")).isShown)
  }

  @Test("changes gone for good are waited for, declared lost by name, and what waited goes on")
  func lost() throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    let backup = try world.backUp()
    try ben.edit("UPDATE club SET city = 'Rabat' WHERE id = 'c1'")
    try world.sync(ben)
    try world.merge()
    let lost = Dot(actor: ben.identity.actor, n: 1)
    // Ana writes having seen Ben's change; then her log is cut back and Ben's device is gone.
    try world.sync(ana)
    try ana.edit("UPDATE club SET city = 'Quito' WHERE id = 'c1'")
    try world.sync(ana)
    try ana.store.write {
      _ = try ana.store.goBack("commons", to: .start)
      try ana.store.withConnection { try $0.execute("DELETE FROM cordee_adrift") }
      try ana.store.setMeta("checkpoint.commons", .null)
      try ana.store.setMeta(
        "cursor.commons", .text(Cursor(instance: world.central.instance, seq: 0, hash: .zero).text))
    }
    try world.restore(backup)
    try world.central.accept(at: world.loop.at)
    try world.sync(ana)
    #expect(try world.merge().waiting == 1)
    let awaited = try world.central.awaited()
    #expect(awaited.map(\.actor) == [lost.actor] && awaited.map(\.to) == [1])
    #expect {
      try world.central.declareLost("\(ana.identity.actor):7", at: world.loop.at)
    } throws: {
      ($0 as? Problem)?.code == "lost.unknown"
    }
    #expect(try world.central.declareLost("\(lost)", at: world.loop.at) == ["commons"])
    let report = try world.merge()
    #expect(report.applied == 1 && report.waiting == 0)
    #expect(
      try world.central.store.state(of: RowKey(table: "club", id: "c1")).shown("city").text
        == "Quito")
    // Too late: kept aside on its device, refused by name.
    for _ in 0..<2 {
      let report = try world.sync(ben)
      #expect(report.refused.count == 1 && report.refused[0].contains("declared lost"))
    }
    #expect(try ben.cell("city", of: "c1") == "Quito")
    // What it writes from now on goes its way.
    try ben.edit("INSERT INTO club(id, name) VALUES('c2', 'Boule')")
    try world.settle()
    #expect(try ana.cell("name", of: "c2") == "Boule")
    #expect(try world.central.inboxCount() == 0)
  }

  @Test("what follows changes declared lost is refused by that name, and never waits unseen (R16)")
  func followsLost() throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    try world.settle()
    try world.restore(try world.backUp())
    try world.central.accept(at: world.loop.at)
    try world.settle()
    let author = ben.identity.actor
    var pieces: [[UInt8]] = []
    for n in 0..<4 {
      try ben.edit("INSERT INTO club(id, name) VALUES('b\(n)', 'B\(n)')")
      pieces.append(try ben.segments(after: n))
    }
    func refusals(_ n: Int) throws -> [String] {
      let answer = try JSON.parse(try world.offer(pieces[n - 1], by: ana).bytes)
      return answer["refused"]?.array?.compactMap { $0["code"]?.string } ?? []
    }
    #expect(try refusals(1) == [] && refusals(4) == [])
    #expect(try world.merge().waiting == 1)
    #expect(try world.central.awaited().map(\.from) == [2])
    #expect(try world.central.declareLost("\(author):2", at: world.loop.at) == ["commons"])
    // Of these only the second was named, yet the others cannot stand without it.
    for n in 2...4 { #expect(try refusals(n) == ["change.lost"], "\(n)") }
    #expect(try world.central.inboxCount() == 0 && world.central.awaited().isEmpty)
    // One segment over all of them has the chain whole: nothing is missing behind what was held.
    #expect(try world.offer(try ben.segments(after: 1), by: ana).status == 200)
    try world.merge()
    #expect(try world.central.inboxCount() == 0 && world.central.awaited().isEmpty)
  }

  @Test(
    "entries by an author whose enrolment lies in a gap stop no sync, and come once it is known",
    arguments: [false, true])
  func authorInGap(isAcceptedFirst: Bool) throws {
    let (world, ana) = try World.filled(rows: 60, pieceBytes: 2_000_000)
    try world.sync(ana)
    world.central.snapshotEntriesMin = 20
    let newcomer = try world.join()
    try world.merge()
    let backup = try world.backUp()
    let zoe = try world.join()
    try world.merge()
    _ = try newcomer.sync(now: world.loop.now, at: world.loop.at, fetchesHistory: false)
    let enrolled = try world.central.store.logEnd(of: "commons").seq
    #expect(try newcomer.store.gap(in: "commons")?.upTo.seq == enrolled)
    try world.sync(zoe)
    try zoe.edit("UPDATE club SET city = 'Rabat' WHERE id = 'club-1'")
    try world.settle(with: [zoe])
    _ = try newcomer.sync(now: world.loop.now, at: world.loop.at, fetchesHistory: false)
    #expect(try newcomer.cell("city", of: "club-1") == "Rabat")
    try world.restore(backup)
    try newcomer.edit("UPDATE club SET city = 'Quito' WHERE id = 'club-2'")
    let report = try world.sync(newcomer)
    #expect(report.isCentralRestoring && report.offered + report.pushed == 1)
    #expect(try world.central.inboxCount() == 1)
    if isAcceptedFirst {
      try world.central.accept(at: world.loop.at)
      for _ in 0..<2 { try world.settle(with: [newcomer, ana]) }
    }
    // Her change comes from the newcomer alone, her enrolment from herself.
    world.loop.failsAfterRequests = 2
    #expect(throws: HTTPFailure.self) { try world.sync(zoe) }
    world.loop.failsAfterRequests = nil
    #expect(try world.sync(newcomer).offered > 0)
    if !isAcceptedFirst { try world.central.accept(at: world.loop.at) }
    for _ in 0..<2 { try world.settle(with: [newcomer, ana]) }
    for _ in 0..<2 { try world.settle() }
    #expect(try ana.cell("city", of: "club-1") == "Rabat")
    #expect(try ana.cell("city", of: "club-2") == "Quito")
    #expect(try world.digests().count == 1)
    for member in world.members { try world.audit(member) }
  }
}

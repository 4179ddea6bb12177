import Causality
import Central
import Changes
import Foundation
import HTTP
import Replica
import Seal
import Store
import Testing
import Wire

/// The orders in which a file and its twins can meet central; only hello tells them apart here, as on a machine that was
/// cloned with all its folders.
enum CloneOrder: CaseIterable {
  case copiedAtRest, copiedWhileWriting, originalFirst, copyFirst, otherRows, copyOfCopy
  case restoredTwice, restoredOlder, pushedNotMerged, betweenPushAndReceipt, adopted, silentCopy
}

@Suite("Twelve orders of a file and its twins (R2, R5, R9)")
struct CloneOrderTests {
  /// One run: a world, the files in it, and all that was ever accepted.
  private final class Run {
    let world: World
    let other: Replica
    var member: Replica
    var losses = Losses()
    var epochs = 0
    private var count = 0

    init() throws {
      world = try World()
      other = try world.join()
      member = try world.join()
      for n in 1...3 { try edit(member, "INSERT INTO club(id, name) VALUES('r\(n)', '@')") }
      try world.settle()
      try world.settle()
    }

    /// Runs SQL in which `@` stands for a text used once.
    func edit(_ file: Replica, _ sql: String) throws {
      count += 1
      try file.edit(sql.replacing("@", with: "t\(count)"))
      try losses.seal(file)
    }

    func city(_ file: Replica, _ row: Int = 1) throws {
      try edit(file, "UPDATE club SET city = '@' WHERE id = 'r\(row)'")
    }

    func sync(_ files: Replica...) throws {
      for file in files where try world.sync(file).epoch != nil { epochs += 1 }
    }

    /// Puts a copy in the member's place.
    func restore(_ copy: Replica) throws {
      try losses.lose(member, others: [copy, other], world.central)
      member = copy
    }

    func finish(_ files: [Replica]) throws {
      for file in files + [other] { try sync(file) }
      try world.agree(files + [other])
      #expect(try losses.unexplained(in: world.central) == [])
    }
  }

  @Test("nothing is lost, the fork is noticed, and all files agree", arguments: CloneOrder.allCases)
  func order(_ order: CloneOrder) throws {
    let run = try Run()
    let (world, member) = (run.world, run.member)
    switch order {
    case .copiedAtRest:
      let copy = try world.copy(of: member)
      try run.city(member)
      try run.sync(member)
      try world.merge()
      try run.city(copy)
      try run.finish([copy, member])
      #expect(try run.other.store.conflicts().count == 1)
    case .copiedWhileWriting:
      try run.city(member)
      try member.edit("UPDATE club SET city = 'half' WHERE id = 'r2'")
      let copy = try world.copy(of: member)
      try run.losses.seal(member)
      try run.losses.seal(copy)
      try run.city(member, 2)
      try run.city(copy, 2)
      try run.finish([member, copy])
    case .originalFirst:
      let copy = try world.copy(of: member)
      for _ in 0..<3 { try run.city(member) }
      try run.sync(member)
      for _ in 0..<2 { try run.city(copy) }
      try run.finish([copy, member])
    case .copyFirst:
      let copy = try world.copy(of: member)
      for _ in 0..<3 { try run.city(copy) }
      try run.sync(copy)
      for _ in 0..<5 { try run.city(member) }
      try run.finish([member, copy])
      #expect(try member.store.epochs().count == 1)
    case .otherRows:
      let copy = try world.copy(of: member)
      try run.city(member, 1)
      try run.city(copy, 2)
      try run.edit(copy, "DELETE FROM club WHERE id = 'r3'")
      try run.finish([member, copy])
      #expect(try run.other.store.conflicts().isEmpty)
    case .copyOfCopy:
      let first = try world.copy(of: member)
      try run.city(first)
      let second = try world.copy(of: first)
      try run.city(second)
      try run.city(member)
      try run.sync(first)
      try run.finish([member, second, first])
      #expect(run.epochs == 2)
    case .restoredTwice:
      let backups = [try world.copy(of: member), try world.copy(of: member)]
      for backup in backups {
        try run.city(run.member)
        try run.sync(run.member)
        try world.merge()
        try run.restore(backup)
        try run.city(run.member, 2)
      }
      try run.finish([run.member])
    case .restoredOlder:
      let older = try world.copy(of: member)
      try run.city(member)
      try run.sync(member)
      let newer = try world.copy(of: member)
      try run.city(member, 2)
      try run.sync(member)
      try world.merge()
      try run.restore(newer)
      try run.city(run.member, 3)
      try run.sync(run.member)
      try run.restore(older)
      try run.city(run.member, 3)
      try run.finish([run.member])
      #expect(run.epochs == 2)
    case .pushedNotMerged:
      try run.city(member)
      try run.sync(member)
      let copy = try world.copy(of: member)
      try run.city(member)
      try run.sync(member)
      try run.city(copy)
      try run.finish([copy, member])
    case .betweenPushAndReceipt:
      try run.city(member)
      world.loop.tamper = { request in
        if request.path.hasSuffix("/changes") { world.loop.lostReplies = 1 }
        return request
      }
      #expect(throws: HTTPFailure.self) { try world.sync(member) }
      world.loop.tamper = nil
      let copy = try world.copy(of: member)
      try run.city(member)
      try run.sync(member)
      try run.city(copy)
      try run.finish([copy, member])
    case .adopted:
      try run.city(member)
      let copy = try world.copy(of: member)
      try run.sync(member)
      try run.city(member, 2)
      try run.sync(member)
      try world.merge()
      try run.city(copy, 2)
      let adopted = try world.adopt(copy)
      run.epochs += 1
      try run.finish([adopted, member])
      // What the original had sent was not sealed again.
      #expect(try adopted.store.epochs().map(\.resealed) == [1])
    case .silentCopy:
      // The copy writes nothing, and lags behind what it wrote itself.
      let copy = try world.copy(of: member)
      try run.city(member)
      try run.sync(member)
      try run.finish([copy, member])
      #expect(try copy.store.epochs().map(\.resealed) == [0])
    }
    #expect(run.epochs >= 1)
  }
}

extension World {
  /// Gives a file a new key under a new invite.
  func adopt(_ file: Replica, invite: String? = nil, role: String = "member") throws -> Replica {
    let invite =
      try invite
      ?? central.invite(
        organisation: "club-1", role: role, expires: loop.now + 3600)
    return try Replica.adopt(
      file.store, invite: invite, origin: file.identity.origin, key: .generate(), name: nil,
      now: loop.now, at: loop.at, exchange: loop
    ).replica
  }
}

@Suite("A copy is adopted under a key of its own (R16)")
struct AdoptionTests {
  @Test("edits that were never sealed go with it, and the original goes on unharmed")
  func unsealed() throws {
    let world = try World()
    let (other, member) = (try world.join(), try world.join())
    try member.edit("INSERT INTO club VALUES('r1', 'One', NULL, NULL)")
    try world.settle()
    let copy = try world.copy(of: member)
    try copy.edit("UPDATE club SET city = 'adopted' WHERE id = 'r1'")
    let adopted = try world.adopt(copy)
    #expect(adopted.identity.actor.replica != member.identity.actor.replica)
    try member.edit("UPDATE club SET founded = 1900 WHERE id = 'r1'")
    #expect(try world.sync(member).epoch == nil)
    try world.agree([other, member, adopted])
    #expect(try other.cell("city", of: "r1") == "adopted")
    #expect(try other.cell("founded", of: "r1") == "1900")
  }

  @Test(
    "an adopted copy goes back with a restored central, though the original, whose name it once had, went on (R3)"
  )
  func goesBack() throws {
    let world = try World()
    let (other, member) = (try world.join(), try world.join())
    try member.edit("INSERT INTO club VALUES('r1', 'One', 'Oslo', 1901)")
    try world.settle()
    let adopted = try world.adopt(world.copy(of: member))
    for _ in 0..<2 { try world.settle(with: [adopted, member, other]) }
    let backup = try world.backUp()
    // The second is refused, so that its body is nobody else's.
    for set in ["city = 'Graz'", "name = NULL", "founded = 1902"] {
      try member.edit("UPDATE club SET \(set) WHERE id = 'r1'")
      try world.settle(with: [member, adopted, other])
    }
    try adopted.edit("UPDATE club SET city = 'Rome' WHERE id = 'r1'")
    try world.settle(with: [adopted, member, other])
    try world.restore(backup)
    try world.central.accept(at: world.loop.at)
    let report = try world.sync(adopted)
    #expect(report.offered > 0)
    try world.agree([adopted, member, other])
    for file in [adopted, member, other] {
      #expect(try file.cell("city", of: "r1") == "Rome")
      #expect(try file.cell("founded", of: "r1") == "1902")
      #expect(try file.store.conflicts().isEmpty)
    }
  }

  @Test("an invite of another network, a used one and a strange one change nothing")
  func refusals() throws {
    let (world, elsewhere) = (try World(), try World())
    let member = try world.join()
    try member.edit("INSERT INTO club VALUES('r1', 'One', NULL, NULL)")
    let before = member.identity.actor
    let foreign = try elsewhere.central.invite(
      organisation: "club-1", role: "member", expires: world.loop.now + 3600)
    let used = try world.central.invite(
      organisation: "club-1", role: "member", expires: world.loop.now + 3600)
    let first = try world.copy(of: member)
    _ = try world.adopt(first, invite: used)
    for (invite, code) in [
      (foreign, "adopt.network"), (used, "invite.used"), ("x", "invite.shape"),
    ] {
      world.loop.sent = []
      #expect { try world.adopt(member, invite: invite) } throws: {
        ($0 as? SyncError)?.code == code
      }
      // The invite of another network is not even shown to anybody.
      #expect(world.loop.sent.isEmpty == (code != "invite.used"))
      #expect(try Identity(member.store).actor == before)
      #expect(try member.store.epochs().isEmpty)
    }
    try world.settle(with: [member])
    #expect(try world.central.inboxCount() == 0)
  }

  @Test("an adoption whose answers are lost goes on with the same key")
  func cut() throws {
    let world = try World()
    let member = try world.join()
    let copy = try world.copy(of: member)
    try copy.edit("INSERT INTO club VALUES('r9', 'Nine', NULL, NULL)")
    let invite = try world.central.invite(
      organisation: "club-1", role: "member", expires: world.loop.now + 3600)
    let key = SigningKey.generate()
    var tries = 0
    var adopted: Replica?
    while adopted == nil, tries < 5 {
      world.loop.lostReplies = tries < 2 ? 1 : 0
      if tries == 1 {
        world.loop.failsAfterRequests = 1
      } else {
        world.loop.failsAfterRequests = nil
      }
      tries += 1
      adopted = try? Replica.adopt(
        copy.store, invite: invite, origin: copy.identity.origin, key: key, name: nil,
        now: world.loop.now, at: world.loop.at, exchange: world.loop
      ).replica
    }
    #expect(tries == 3)
    try world.agree([try #require(adopted), member])
    #expect(try member.cell("name", of: "r9") == "Nine")
  }

  @Test("of another device's actor central tells only whether it holds what the asker holds")
  func foreignHello() throws {
    let world = try World()
    let (a, b) = (try world.join(), try world.join())
    try a.edit("INSERT INTO club VALUES('r1', 'One', NULL, NULL)")
    try world.sync(a)
    let head = try a.store.head(of: a.identity.actor, in: "commons")
    let cursor = Cursor(instance: world.central.instance, seq: 0, hash: .zero)
    for (hash, holds) in [(head.hash, true), (Hash.zero, false)] {
      let hello = Hello(
        actor: a.identity.actor,
        spaces: [.init(name: "commons", n: 1, hash: hash, cursor: cursor)])
      let answer = try HelloAnswer.parse(
        world.ask("POST", "/v1/hello", body: hello.bytes, by: b).bytes)
      #expect(answer.spaces.map(\.heldN) == [0])
      #expect(answer.spaces.map(\.heldHash) == [.zero])
      #expect(answer.spaces.map(\.holdsHead) == [holds])
    }
  }
}

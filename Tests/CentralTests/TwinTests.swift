import Causality
import Central
import Changes
import Foundation
import HTTP
import Replica
import SQLite
import Seal
import Session
import Store
import Testing
import Wire

extension World {
  /// A second file with the same key, as of now: what copying a replica makes.
  func copy(of member: Replica) throws -> Replica {
    let path = folder.appending(path: "copy-\(UUID().uuidString).sqlite").path
    try member.store.backup(to: path)
    return try reopen(path, like: member)
  }

  /// Opens a member's file anew.
  func reopen(_ path: String, like member: Replica) throws -> Replica {
    let store = try Store(path: path, schema: member.store.schema, use: .replica)
    return try Replica(store: store, key: member.key, exchange: loop)
  }

  /// Everything merged everywhere among these, each audited; equal content.
  func agree(_ files: [Replica]) throws {
    for _ in 0..<4 { try settle(with: files) }
    var digests = try Set(files.map { try $0.store.digest("commons") })
    digests.insert(try central.store.digest("commons"))
    #expect(digests.count == 1)
    for file in files {
      #expect(try file.store.waiting() == (0, 0))
      try audit(file)
    }
    #expect(try central.inboxCount() == 0)
    #expect(try central.asideCount() == 0)
  }
}

@Suite("Two files that write under one name (R9)")
struct TwinTests {
  /// A member with ten merged changes, a witness member, and nothing waiting.
  private func begin() throws -> (World, Replica, Replica) {
    let world = try World()
    let (other, member) = (try world.join(), try world.join())
    for n in 1...5 {
      try member.edit("INSERT INTO club VALUES('r\(n)', 'n\(n)', 'c\(n)', \(n))")
      try world.sync(member)
    }
    try world.settle()
    try world.settle()
    return (world, other, member)
  }

  @Test(
    "both write the same row: both values stand, as a conflict, and the second file goes on anew")
  func sameRow() throws {
    let (world, other, member) = try begin()
    let copy = try world.copy(of: member)
    try member.edit("UPDATE club SET city = 'original' WHERE id = 'r1'")
    try copy.edit("UPDATE club SET city = 'copied' WHERE id = 'r1'")
    #expect(try world.sync(member).epoch == nil)
    let epoch = try #require(try world.sync(copy).epoch)
    #expect(epoch.reason == "forked" && epoch.resealed == 1)
    try world.agree([other, member, copy])
    let conflict = try #require(try other.store.conflicts().first)
    #expect(Set(conflict.siblings.map(\.value)) == [.text("original"), .text("copied")])
    #expect(try copy.store.epochs().count == 1)
    #expect(try member.store.epochs().isEmpty)
  }

  @Test(
    "R5: while central takes back what it forgot, the second file's changes wait, and no sync fails"
  )
  func whileRestoring() throws {
    let world = try World()
    let (other, member) = (try world.join(), try world.join())
    try world.restore(try world.backUp())
    // The new life's epoch has begun when the file is copied.
    try world.sync(member)
    let copy = try world.copy(of: member)
    for file in [member, copy] {
      for n in 1...2 {
        try file.edit(
          "INSERT INTO club VALUES('\(file === member ? "m" : "c")\(n)', 'n', 'c', \(n))")
        _ = try file.store.write { try file.store.seal(as: file.author) }
      }
    }
    try world.sync(member)
    try copy.edit("INSERT INTO club VALUES('c3', 'n', 'c', 3)")
    for _ in 0..<2 {
      let report = try world.sync(copy)
      #expect(report.isCentralRestoring && report.pushed == 0)
    }
    _ = try world.central.accept(at: world.loop.at)
    try world.agree([other, member, copy])
    for id in ["m1", "m2", "c1", "c2", "c3"] {
      #expect(try other.cell("name", of: id) == "n")
    }
    #expect(try copy.store.epochs().last?.resealed == 3)
  }

  @Test(
    "an old state that writes before its first contact is noticed then, and nothing is overwritten")
  func lateNotice() throws {
    let (world, other, member) = try begin()
    let old = try world.copy(of: member)
    for n in 0..<9 {
      try member.edit("UPDATE club SET city = 'new\(n)' WHERE id = 'r2'")
      try world.sync(member)
    }
    try world.settle()
    for n in 0..<20 {
      try old.edit("UPDATE club SET name = 'late\(n)' WHERE id = 'r2'")
      _ = try old.store.write { try old.store.seal(as: old.author) }
    }
    let report = try world.sync(old)
    #expect(report.epoch?.resealed == 20)
    try world.agree([other, old])
    #expect(try other.cell("city", of: "r2") == "new8")
    #expect(try other.cell("name", of: "r2") == "late19")
    #expect(try other.store.conflicts().isEmpty)
  }

  @Test("the point both have is found among thousands in some ten round trips")
  func halving() throws {
    let (world, other, member) = try begin()
    // A thousand changes that only the files have, then a copy; each sends what the other does not have.
    for n in 0..<700 {
      try member.store.write {
        try member.store.seal(
          [
            Write(
              RowKey(table: "club", id: "r1"), .set([FieldValue("founded", .integer(Int64(n)))]))
          ],
          space: "commons", author: member.author)
      }
    }
    let copy = try world.copy(of: member)
    // The same edit at the same second would be the same change in both.
    for (file, first) in [(member, 0), (copy, 1000)] {
      for n in first..<first + 300 {
        try file.store.write {
          try file.store.seal(
            [
              Write(
                RowKey(table: "club", id: "r3"), .set([FieldValue("founded", .integer(Int64(n)))]))
            ],
            space: "commons", author: file.author)
        }
      }
    }
    try world.sync(member)
    world.loop.sent = []
    let epoch = try #require(try world.sync(copy).epoch)
    #expect(epoch.resealed == 300)
    let hellos = world.loop.sent.filter { $0.path == "/v1/hello" }.count
    #expect((8...13).contains(hellos))
    try world.agree([other, member, copy])
  }

  @Test("a twin that is faster between hello and push is noticed by the push, and by the pull")
  func race() throws {
    for mergesMeanwhile in [false, true] {
      let (world, other, member) = try begin()
      let copy = try world.copy(of: member)
      try member.edit("UPDATE club SET city = 'original' WHERE id = 'r1'")
      if !mergesMeanwhile { try copy.edit("UPDATE club SET city = 'copied' WHERE id = 'r1'") }
      var isFirst = true
      world.loop.tamper = { request in
        guard isFirst, request.path != "/v1/hello" || mergesMeanwhile else { return request }
        isFirst = false
        world.loop.tamper = nil
        _ = try? world.sync(member)
        if mergesMeanwhile { _ = try? world.merge() }
        return request
      }
      let report = try world.sync(copy)
      #expect(report.epoch != nil)
      try world.agree([other, member, copy])
      let shown = try Set(other.store.conflicts().flatMap { $0.siblings.map(\.value) })
      #expect(shown == (mergesMeanwhile ? [] : [.text("original"), .text("copied")]))
    }
  }

  @Test("central refuses whatever does not fit the chain it holds, wherever they part")
  func refusals() throws {
    let (world, _, member) = try begin()
    let copy = try world.copy(of: member)
    func edit(_ file: Replica, _ text: String, times: Int) throws {
      for n in 0..<times {
        try file.store.write {
          try file.store.seal(
            [
              Write(
                RowKey(table: "club", id: "r1"), .set([FieldValue("city", .text("\(text)\(n)"))]))
            ],
            space: "commons", author: file.author)
        }
      }
    }
    try edit(member, "a", times: 3)
    try world.sync(member)
    // Longer, shorter and as long as what waits; then what follows something else.
    for count in [1, 2, 2] {
      try edit(copy, "b", times: count)
      let answer = try world.ask(
        "POST", "/v1/spaces/commons/changes", body: copy.segments(after: 5), by: copy)
      #expect(answer.status == 409)
      #expect(Problem.parse(answer.bytes, status: 409)?.code == "segment.fork")
    }
    let follows = try world.ask(
      "POST", "/v1/spaces/commons/changes", body: copy.segments(after: 8), by: copy)
    #expect(follows.status == 409)
    try world.merge()
    for after in [5, 7, 8] {
      let answer = try world.ask(
        "POST", "/v1/spaces/commons/changes", body: copy.segments(after: after), by: copy)
      #expect(answer.status == 409)
    }
    // What it holds already, cut otherwise, is received again.
    let again = try world.ask(
      "POST", "/v1/spaces/commons/changes", body: member.segments(after: 6), by: member)
    #expect(again.status == 200)
    #expect(try world.central.inboxCount() == 0)
  }

  /// Puts a file's changes above `n` into the inbox past all checks, as nothing does any more.
  private func smuggle(_ file: Replica, after n: Int, into world: World) throws {
    let changes = try file.store.ownChanges(of: file.identity.actor, in: "commons", after: n)
    let last = try #require(changes.last)
    let before = Dot(actor: last.dot.actor, n: n)
    let previous = try file.store.changeHash(before, in: "commons") ?? .zero
    let message = Preimage.segment(
      network: file.identity.network, space: "commons", head: last.dot, hash: last.hash)
    let signature = Signature(key: last.dot.actor.replica, value: file.key.sign(message))
    let lines = changes.map { ChangeEncoding.line(of: $0) }.joined(separator: [UInt8(ascii: "\n")])
    try world.central.store.write {
      try world.central.store.withConnection {
        try $0.run(
          """
          INSERT INTO cordee_inbox(space, actor, n_from, n_to, previous, head, signatures, lines, runs, received_at)
          VALUES('commons', ?, ?, ?, ?, ?, ?, ?, '[]', '2027-01-15T08:00:00Z')
          """, .blob(last.dot.actor.bytes), .int(n + 1), .int(last.dot.n), .blob(previous.bytes),
          .blob(last.hash.bytes), .textBytes(JSON.array([signature.json]).bytes()),
          .blob(Array(lines)))
      }
    }
  }

  @Test(
    "one dot that meets with two hashes all the same: both edits stand, with what each had seen (R5)"
  )
  func secondHash() throws {
    for isMergedBefore in [true, false] {
      let (world, other, member) = try begin()
      let copy = try world.copy(of: member)
      var losses = Losses()
      try member.edit("UPDATE club SET city = 'original' WHERE id = 'r1'")
      try losses.seal(member)
      try world.sync(member)
      if isMergedBefore { try world.merge() }
      try copy.edit("UPDATE club SET city = 'copied' WHERE id = 'r1'")
      try losses.seal(copy)
      try copy.edit("UPDATE club SET city = 'again' WHERE id = 'r1'")
      try losses.seal(copy)
      try copy.edit("UPDATE club SET name = NULL WHERE id = 'r2'")
      try losses.seal(copy)
      try smuggle(copy, after: 5, into: world)
      let report = try world.merge()
      #expect(report.twins.map(\.was.n) == [6, 7, 8])
      #expect(report.aside.isEmpty && report.quarantined.count == 1)
      try world.sync(other)
      let sides = try #require(try other.store.conflicts().first).siblings
      #expect(Set(sides.map(\.value)) == [.text("original"), .text("again")])
      try world.audit(other)
      // Its author's file finds out at hello; what it seals again is the same edit once more.
      #expect(try world.sync(copy).epoch?.resealed == 3)
      try world.agree([other, member, copy])
      #expect(try losses.unexplained(in: world.central) == [])
      let shown = try Set(other.store.conflicts().flatMap { $0.siblings.map(\.value) })
      #expect(shown == [.text("original"), .text("again")])
    }
  }

  @Test("what follows a parted chain later goes on beside it, as often as it comes (R5)")
  func secondSegments() throws {
    let (world, other, member) = try begin()
    let copy = try world.copy(of: member)
    var losses = Losses()
    for city in ["one", "two", "three"] {
      try member.edit("UPDATE club SET city = '\(city)' WHERE id = 'r1'")
      try losses.seal(member)
    }
    try world.sync(member)
    for (n, city) in ["uno", "dos", "tres", "cuatro"].enumerated() {
      try copy.edit("UPDATE club SET city = '\(city)' WHERE id = 'r1'")
      try losses.seal(copy)
      if n == 1 { try copy.edit("UPDATE club SET name = 'copied' WHERE id = 'r2'") }
      // The first alone, the second with what waits, the third after a merge; each of them twice.
      for _ in 0..<2 { try smuggle(copy, after: 5 + n, into: world) }
      if n == 1 || n == 3 {
        let report = try world.merge()
        #expect(report.aside.isEmpty && report.quarantined.isEmpty && report.waiting == 0)
        #expect(report.twins.map(\.was.n) == (n == 1 ? [6, 7] : [8, 9, 10]))
        #expect(Set(report.twins.map(\.as.actor)).count == 1)
      }
    }
    try world.sync(other)
    let sides = try #require(try other.store.conflicts().first).siblings
    #expect(Set(sides.map(\.value)) == [.text("three"), .text("cuatro")])
    #expect(try other.cell("name", of: "r2") == "copied")
    #expect(try losses.unexplained(in: world.central) == [])
    try world.audit(other)
    try world.sync(copy)
    try world.agree([other, member, copy])
  }

  @Test("the common point is where the hashes part, whatever is held", arguments: 0...9)
  func points(parting: Int) throws {
    func hash(_ n: Int, _ twin: Bool) -> Hash? {
      Hash(bytes: [UInt8](repeating: UInt8(n) + (twin && n > parting ? 100 : 0), count: 32))
    }
    let cursor = Cursor(instance: InstanceID(high: 0, low: 0), seq: 0, hash: .zero)
    for n in parting...9 {
      for held in parting...9 {
        for logged in 0...parting {
          for isForeign in [false, true] {
            func holds(_ n: Int) -> Bool { n == 0 || n <= min(parting, held) }
            let space = Hello.Space(name: "s", n: n, hash: hash(n, false) ?? .zero, cursor: cursor)
            let answer = HelloAnswer.Space(
              name: "s", heldN: isForeign ? 0 : held,
              heldHash: isForeign ? .zero : hash(held, true) ?? .zero, holdsHead: holds(n), seq: 0,
              knowsCursor: true)
            var point = CommonPoint(
              space, answer, isForeign: isForeign, logged: logged, ownHash: { hash($0, false) })
            var trips = 0
            while let probe = point.probe {
              #expect(probe > 0 && probe < n)
              point.take(holds: holds(probe))
              trips += 1
            }
            #expect(point.known == parting)
            #expect(trips <= 4)
          }
        }
      }
    }
  }
}

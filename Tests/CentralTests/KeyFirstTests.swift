import Causality
import Central
import Changes
import HTTP
import Replica
import Seal
import Store
import Testing
import Wire

/// Bodies that say what others say, but do not begin with their key member.
enum OddForm: String, CaseIterable {
  case atFirst, keyLast, blank, escaped

  /// The body in this form.
  func bytes(of body: Body) -> [UInt8] {
    let plain = String(decoding: ChangeEncoding.bytes(of: body), as: UTF8.self)
    let key = "\"key\":\"\(Base64URL.encode(body.key))\","
    let rest = plain.dropFirst(1 + key.utf8.count)
    let text =
      switch self {
      case .atFirst:
        "{" + rest.replacing(",\"writes\":", with: "," + key + "\"writes\":", maxReplacements: 1)
      case .keyLast: "{" + rest.dropLast() + "," + key.dropLast() + "}"
      case .blank: "{ " + key + rest
      case .escaped: "{\"\\u006bey\"" + key.dropFirst(5) + rest
      }
    return Array(text.utf8)
  }
}

/// Three signed changes of an enrolled member, of which the second has a body in an odd form.
private struct OddSegment {
  let segment: Segment
  let changes: [Change]

  init(by replica: Replica, _ form: OddForm, _ world: World) throws {
    let actor = replica.identity.actor
    var changes: [Change] = []
    for n in 1...3 {
      let header = Header(
        network: world.central.network, space: "commons", dot: Dot(actor: actor, n: n),
        context: VersionVector())
      let fields = [
        FieldValue("name", .text("Odd \(n)")), FieldValue("city", .null),
        FieldValue("founded", .null),
      ]
      let body = Body(
        key: Randomness.bytes(16), at: world.loop.at,
        writes: [Write(RowKey(table: "club", id: "odd-\(n)"), .insert(fields))])
      let bytes = n == 2 ? form.bytes(of: body) : ChangeEncoding.bytes(of: body)
      #expect(try ChangeDecoding.body(bytes) == body, "only the form is odd")
      let line = ChangeDecoding.Line(
        header: header, headerBytes: ChangeEncoding.bytes(of: header), bodyBytes: bytes,
        bodyHash: nil, body: nil)
      changes.append(Store.change(line, previous: changes.last?.hash ?? .zero))
    }
    let head = changes[2]
    let signature = replica.key.sign(
      Preimage.segment(
        network: world.central.network, space: "commons", head: head.dot, hash: head.hash))
    self.changes = changes
    segment = Segment(
      actor: actor, from: 1, to: 3, previous: .zero, head: head.hash,
      signatures: [Signature(key: actor.replica, value: signature)])
  }

  var signatures: [UInt8] { JSON.array(segment.signatures.map(\.json)).bytes() }

  /// As it is pushed: in full, or short behind a secret that gives no key of it.
  func lines(short: Bool) -> [UInt8] {
    var lines = [segment.line]
    if short { lines.append(Array("{\"run\":\"\(Base64URL.encode(Randomness.bytes(16)))\"}".utf8)) }
    for (place, change) in changes.enumerated() {
      let body = change.bodyBytes ?? []
      lines.append(
        short && place > 0
          ? Array("{\"body\":".utf8) + body + [UInt8(ascii: "}")] : ChangeEncoding.line(of: change))
    }
    return Array((lines + [[]]).joined(separator: [10]))
  }

  /// As the end of a log that central signed up to `checkpoint`.
  func tail(after checkpoint: [UInt8], withholding withheld: Int?) -> [UInt8] {
    var lines = [TailHead(marks: []).line, checkpoint]
    for (place, change) in changes.enumerated() {
      lines.append(
        LogLine.entryLine(
          seq: 1_000 + place, change: change, verdict: .applied,
          signatures: place == 2 ? signatures : nil, withholdsBody: place == withheld))
    }
    return Array((lines + [[]]).joined(separator: [10]))
  }
}

@Suite(
  "A body begins with its key [SP-303]: what does not comes into no log", .timeLimit(.minutes(15)))
struct KeyFirstTests {
  private func checkpoint(of replica: Replica) throws -> [UInt8] {
    guard case .blob(let line)? = try replica.store.meta("checkpoint.commons") else { return [] }
    return line
  }

  /// A world with one club everybody has.
  private func begun() throws -> (World, author: Replica, carrier: Replica) {
    let world = try World()
    let (author, carrier) = (try world.join(), try world.join())
    try carrier.edit("INSERT INTO club(id, name) VALUES('c1', 'Alpins')")
    try world.settle()
    return (world, author, carrier)
  }

  /// All but the odd author go on, and read the same.
  private func goesOn(_ world: World, shows shown: [String], hides hidden: [String]) throws {
    try world.members[1].edit("UPDATE club SET city = 'Quito' WHERE id = 'c1'")
    try world.join()
    let honest = Array(world.members.dropFirst())
    for _ in 0..<2 { try world.settle(with: honest) }
    for member in honest {
      #expect(try member.store.digest("commons") == world.central.store.digest("commons"))
      #expect(try member.cell("city", of: "c1") == "Quito")
      for id in shown { #expect(try member.cell("name", of: id) != nil) }
      for id in hidden { #expect(try member.cell("name", of: id) == nil) }
      try world.audit(member)
    }
  }

  @Test("a push in either form is refused whole", arguments: OddForm.allCases, [false, true])
  func pushed(form: OddForm, short: Bool) throws {
    let (world, author, _) = try begun()
    let odd = try OddSegment(by: author, form, world)
    let answer = try world.ask(
      "POST", "/v1/spaces/commons/changes", body: odd.lines(short: short), by: author)
    #expect(answer.status == 400)
    #expect(Problem.parse(answer.bytes, status: 400)?.code.hasPrefix("wire.") == true)
    #expect(try world.central.inboxCount() == 0)
    try goesOn(world, shows: [], hides: ["odd-1", "odd-2", "odd-3"])
  }

  @Test(
    "an offer is refused alone, and so is what a member's bundle brought",
    arguments: OddForm.allCases)
  func offered(form: OddForm) throws {
    let (world, author, carrier) = try begun()
    let odd = try OddSegment(by: author, form, world)
    for short in [false, true] {
      let answer = try world.offer(odd.lines(short: short), by: carrier)
      let refused = try JSON.parse(answer.bytes)["refused"]?.array ?? []
      #expect(answer.status == 200 && refused.count == 1)
      #expect(refused.first?["code"]?.string?.hasPrefix("wire.") == true)
    }
    var writer = try BundleWriter(
      world.path("odd"),
      Bundle(
        kind: .changes, network: world.central.network, maker: author.identity.actor.replica,
        reader: nil, at: world.loop.at,
        sections: [Bundle.Section(space: "commons", from: "0", to: "3")]), plain: true)
    try writer.write(BundleLine.section("commons"))
    try writer.write(whole: odd.lines(short: false))
    try writer.finish()
    _ = try carrier.importBundle(world.path("odd"), at: world.loop.at)
    for _ in 0..<2 { try world.sync(carrier) }
    #expect(try world.central.inboxCount() == 0)
    try goesOn(world, shows: [], hides: ["odd-1", "odd-2", "odd-3"])
  }

  @Test(
    "in a tail that is judged anew it is quarantined alone, whether its body came with it or later",
    arguments: OddForm.allCases, [false, true])
  func restored(form: OddForm, later: Bool) throws {
    let (world, author, carrier) = try begun()
    try world.restore(try world.backUp())
    let odd = try OddSegment(by: author, form, world)
    let tail = odd.tail(after: try checkpoint(of: carrier), withholding: later ? 1 : nil)
    let answer = try world.offer(tail, by: author)
    #expect(answer.status == 200, "\(String(decoding: answer.bytes, as: UTF8.self))")
    if later {
      #expect(try TailAnswer.parse(world.offer(tail, by: author).bytes).wants.map(\.n) == [2])
      let lines = [BodiesHead.line, ChangeEncoding.line(of: odd.changes[1]), []]
      #expect(
        try world.offer(Array(lines.joined(separator: [10])), by: author).status == 200)
    }
    #expect(try world.central.accept(at: world.loop.at).judgedAnew == 3)
    let report = try world.merge()
    #expect(report.applied == 2)
    #expect(report.quarantined.map(\.dot.n) == [2])
    #expect(report.quarantined.allSatisfy { $0.reason.hasPrefix("body.unreadable") })
    try goesOn(world, shows: ["odd-1", "odd-3"], hides: ["odd-2"])
  }

  @Test(
    "a log that holds one all the same is read by everybody, in every form it travels in",
    arguments: OddForm.allCases)
  func heldAlready(form: OddForm) throws {
    let (world, author, carrier) = try begun()
    let backup = try world.backUp()
    let odd = try OddSegment(by: author, form, world)
    let store = world.central.store
    try store.write {
      for (place, change) in odd.changes.enumerated() {
        let (seq, end) = (try store.lastSeq() + 1, try store.logEnd(of: "commons"))
        let hash = Store.hash(
          Preimage.log(
            previous: end.hash, seq: seq, dot: change.dot, verdict: .applied, hash: change.hash))
        try store.integrate(
          LogEntry(
            seq: seq, change: change, verdict: .applied, hash: hash,
            signatures: place == 2 ? odd.signatures : nil))
      }
    }
    try goesOn(world, shows: ["odd-1", "odd-2", "odd-3"], hides: [])
    // A bundle of it, and a central that learns it again.
    let late = try world.join()
    try world.merge()
    try world.sync(carrier)
    _ = try carrier.exportLog(
      to: world.path("log"), for: late.identity.actor.replica, since: 0, plain: true,
      at: world.loop.at)
    _ = try late.importBundle(world.path("log"), at: world.loop.at)
    #expect(try late.cell("name", of: "odd-2") == "Odd 2")
    try world.restore(backup)
    for _ in 0..<2 { try world.sync(carrier) }
    #expect(try world.central.accept(at: world.loop.at).takenOver > 0)
    for _ in 0..<2 { try world.settle(with: [carrier, late, world.members[2]]) }
    #expect(try world.central.store.digest("commons") == carrier.store.digest("commons"))
    #expect(try late.store.digest("commons") == carrier.store.digest("commons"))
  }
}

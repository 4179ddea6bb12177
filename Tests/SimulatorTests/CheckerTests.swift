import Causality
import Changes
import Store
import Testing

@testable import Simulator

/// A small history of two members and central, into which each test plants one violation.
private struct Story {
  var events: [Event] = []
  let row = RowKey(table: "place", id: "pl-1")
  private var seq = 0

  static func actor(_ node: Int) -> ActorID {
    ActorID(replica: ID128(high: 0, low: UInt64(node)), epoch: 1)
  }

  static func hash(_ byte: UInt8) -> Hash {
    Hash(bytes: [UInt8](repeating: byte, count: 32)) ?? .zero
  }

  /// A member's change, accepted; `seen` is the place of the log its author had reached.
  @discardableResult
  mutating func accept(
    _ node: Int, _ n: Int, seen: Int, _ verb: Verb, name: UInt8, role: String = "member",
    row: RowKey? = nil, claims: [ActorID: Int] = [:]
  ) -> Accepted {
    let change = Accepted(
      node: "r\(node)", role: role, space: "commons", dot: Dot(actor: Self.actor(node), n: n),
      hash: Self.hash(name), writes: [Write(row ?? self.row, verb)],
      sight: Self.sight(seen, line: node, order: n - 1), claims: claims)
    events.append(.accepted(change))
    return change
  }

  /// What was seen at a place of the log.
  static func sight(_ seen: Int, line: Int, order: Int) -> Sight {
    Sight(head: seen == 0 ? .zero : hash(UInt8(100 + seen)), line: line, order: order)
  }

  @discardableResult
  mutating func merge(_ change: Accepted, reason: String? = nil) -> LoggedEntry {
    seq += 1
    let entry = LoggedEntry(
      seq: seq, space: "commons", dot: change.dot, hash: change.hash,
      logHash: Self.hash(UInt8(100 + seq)), reason: reason)
    events.append(.merged(entry, schema: 2))
    return entry
  }

  static func label(_ text: String) -> Verb { .set([FieldValue("label", .text(text))]) }
  static func made(_ text: String) -> Verb {
    .insert([FieldValue("label", .text(text)), FieldValue("note", .null)])
  }

  /// The dump line of the row with these labels, each with its writer and count.
  func line(
    _ labels: [(Int, Int, String)], alive: [(Int, Int, Int)] = [(1, 1, 1)], shown: Bool = true
  )
    -> String
  {
    func dot(_ node: Int, _ n: Int) -> String { Dot(actor: Self.actor(node), n: n).description }
    let living = alive.map { "[\"\(dot($0.0, $0.1))\",\($0.2)]" }.joined(separator: ",")
    let values = labels.map { "[\"\(dot($0.0, $0.1))\",\"\($0.2)\"]" }.joined(separator: ",")
    return "{\"table\":\"place\",\"id\":\"pl-1\",\"shown\":\(shown),\"alive\":[\(living)],"
      + "\"fields\":{\"label\":[\(values)],\"note\":[[\"\(dot(1, 1))\",null]]}}"
  }

  mutating func dump(_ lines: [String], node: String = "central") {
    events.append(.finalDump(node: node, space: "commons", lines: lines))
  }
}

@Suite("Every checker sees a planted violation, and nothing in an honest history")
struct CheckerTests {
  /// r1 makes a row; r1 and r2 write its label without having seen each other.
  private func conflict() -> Story {
    var story = Story()
    story.merge(story.accept(1, 1, seen: 0, Story.made("a"), name: 1))
    story.merge(story.accept(1, 2, seen: 1, Story.label("b"), name: 2))
    story.merge(story.accept(2, 1, seen: 1, Story.label("c"), name: 3))
    return story
  }

  private func rules(_ violations: [Violation]) -> Set<String> { Set(violations.map(\.rule)) }

  @Test("content: both concurrent values have to stand")
  func siblings() {
    var story = conflict()
    story.dump([story.line([(1, 2, "b"), (2, 1, "c")])])
    #expect(ContentChecker.check(story.events, with: ContentChecker()).isEmpty)
  }

  @Test("content: a value that nobody who replaced it had seen is missed: a lost update")
  func lostUpdate() {
    var story = conflict()
    story.dump([story.line([(2, 1, "c")])])
    #expect(
      rules(ContentChecker.check(story.events, with: ContentChecker())).contains("lost update"))
  }

  @Test("content: a value that its successor had seen may not come back")
  func resurrection() {
    var story = conflict()
    story.merge(story.accept(2, 2, seen: 3, Story.label("d"), name: 4))
    story.dump([story.line([(2, 2, "d")])])
    #expect(ContentChecker.check(story.events, with: ContentChecker()).isEmpty)
    story.events.removeLast()
    story.dump([story.line([(1, 2, "b"), (2, 2, "d")])])
    #expect(
      rules(ContentChecker.check(story.events, with: ContentChecker())).contains("resurrection"))
  }

  @Test(
    "content: a row deleted by one who had seen all of it stays away; one edited meanwhile stays")
  func deletes() {
    var story = conflict()
    story.merge(story.accept(2, 2, seen: 3, .delete, name: 4))
    let right = story.line([(1, 2, "b"), (2, 1, "c")], alive: [(2, 2, 0)], shown: false)
    story.dump([right])
    #expect(ContentChecker.check(story.events, with: ContentChecker()).isEmpty)
    story.merge(story.accept(1, 3, seen: 2, Story.label("e"), name: 5))
    story.dump([story.line([(1, 3, "e"), (2, 1, "c")], alive: [(2, 2, 0)], shown: true)])
    #expect(ContentChecker.check(story.events, with: ContentChecker()).isEmpty)
    story.dump([story.line([(1, 3, "e"), (2, 1, "c")], alive: [(2, 2, 0)], shown: false)])
    #expect(!ContentChecker.check(story.events, with: ContentChecker()).isEmpty)
  }

  @Test(
    "content: people see the value of whoever had seen most, and a change nobody made is forged")
  func shownAndForged() {
    let story = conflict()
    let fields = ["label", "note"]
    func table(_ label: String) -> Event {
      .finalTable(
        node: "r1", table: "place", fields: fields, rows: [story.row: [.text(label), .null]])
    }
    // r1 had seen nothing of others but counts two own changes, r2 had seen one of r1 and counts one: equal weight, so
    // the higher name wins.
    #expect(ContentChecker.check(story.events + [table("c")], with: ContentChecker()).isEmpty)
    #expect(
      rules(ContentChecker.check(story.events + [table("b")], with: ContentChecker()))
        == ["what people see"])
    var forged = story
    let stranger = Accepted(
      node: "x", role: "member", space: "commons", dot: Dot(actor: Story.actor(9), n: 1),
      hash: Story.hash(9), writes: [], sight: Story.sight(0, line: 9, order: 0))
    forged.merge(stranger)
    #expect(rules(ContentChecker.check(forged.events, with: ContentChecker())) == ["forged"])
  }

  @Test("content: after an epoch a change sealed again has not seen the one it was")
  func branches() {
    var story = Story()
    story.merge(story.accept(1, 1, seen: 0, Story.made("a"), name: 1))
    story.merge(story.accept(1, 2, seen: 1, Story.label("b"), name: 2))
    story.events.append(.branched(line: 7, from: 1, order: 1, keepsContext: false))
    let again = Accepted(
      node: "r1", role: "member", space: "commons", dot: Dot(actor: Story.actor(7), n: 1),
      hash: Story.hash(3), writes: [Write(story.row, Story.label("b"))],
      sight: Story.sight(1, line: 7, order: 0))
    story.events.append(.accepted(again))
    story.merge(again)
    story.dump([story.line([(1, 2, "b"), (7, 1, "b")])])
    #expect(ContentChecker.check(story.events, with: ContentChecker()).isEmpty)
  }

  @Test("content: a line of two pasts has seen both, and nothing that came later in either")
  func joins() {
    var story = Story()
    story.merge(story.accept(1, 1, seen: 0, Story.made("a"), name: 1))
    story.merge(story.accept(1, 2, seen: 1, Story.label("b"), name: 2))
    story.merge(story.accept(2, 1, seen: 1, Story.label("c"), name: 3))
    for (line, order) in [(1, 1), (2, 1)] {
      story.events.append(.branched(line: 7, from: line, order: order, keepsContext: false))
    }
    story.merge(story.accept(7, 1, seen: 1, Story.label("d"), name: 4))
    // It had seen all of r2's past, and of r1's not the second change.
    var right = story
    right.dump([story.line([(1, 2, "b"), (7, 1, "d")])])
    #expect(ContentChecker.check(right.events, with: ContentChecker()).isEmpty)
    for labels in [[(7, 1, "d")], [(1, 2, "b"), (2, 1, "c"), (7, 1, "d")]] {
      var wrong = story
      wrong.dump([story.line(labels)])
      #expect(!ContentChecker.check(wrong.events, with: ContentChecker()).isEmpty)
    }
  }

  @Test("verdicts: what may not stand may not be applied, what may stand may not be refused")
  func verdicts() {
    let checker = VerdictChecker()
    #expect(VerdictChecker.check(conflict().events, with: checker).isEmpty)
    var refused = Story()
    refused.merge(refused.accept(1, 1, seen: 0, Story.made("a"), name: 1), reason: "value.form")
    #expect(rules(VerdictChecker.check(refused.events, with: checker)) == ["verdict"])
    var observer = Story()
    observer.merge(
      observer.accept(1, 1, seen: 0, Story.made("a"), name: 1, role: "observer"))
    #expect(rules(VerdictChecker.check(observer.events, with: checker)) == ["verdict"])
    var unknown = Story()
    unknown.merge(unknown.accept(1, 1, seen: 0, Story.label("a"), name: 1))
    #expect(rules(VerdictChecker.check(unknown.events, with: checker)) == ["verdict"])
    var central = Story()
    central.merge(
      central.accept(
        1, 1, seen: 0, .set([FieldValue("role", .text("chair"))]), name: 1,
        row: RowKey(table: "replica", id: "x")))
    #expect(rules(VerdictChecker.check(central.events, with: checker)) == ["verdict"])
    var wrong = Story()
    wrong.merge(
      wrong.accept(
        1, 1, seen: 0,
        .insert([FieldValue("name", .null)]), name: 1, row: RowKey(table: "person", id: "p")))
    #expect(rules(VerdictChecker.check(wrong.events, with: checker)) == ["verdict"])
    var revoked = Story()
    revoked.events.append(.revoked(Story.actor(1).replica))
    revoked.merge(revoked.accept(1, 1, seen: 0, Story.made("a"), name: 1))
    #expect(rules(VerdictChecker.check(revoked.events, with: checker)) == ["verdict"])
  }

  @Test("verdicts: a claim of what is to come stands once it came, and excuses nothing else")
  func claims() {
    func found(claimed: Int, role: String = "member", reason: String? = nil) -> Set<String> {
      var story = Story()
      story.merge(story.accept(1, 1, seen: 0, Story.made("a"), name: 1))
      let claims = [Story.actor(1): claimed]
      story.merge(
        story.accept(2, 1, seen: 0, Story.label("b"), name: 2, role: role, claims: claims),
        reason: reason)
      return rules(VerdictChecker.check(story.events, with: VerdictChecker()))
    }
    #expect(found(claimed: 1).isEmpty)
    #expect(found(claimed: 1, reason: "context.unknown") == ["verdict"])
    #expect(found(claimed: 1, role: "observer") == ["verdict"])
    #expect(found(claimed: 2) == ["verdict"])
    #expect(found(claimed: 2, reason: "context.unknown").isEmpty)
  }

  @Test("the log: an entry that changes, a verdict that changes, a log that is shorter in the end")
  func logs() {
    var story = Story()
    let entry = story.merge(story.accept(1, 1, seen: 0, Story.made("a"), name: 1))
    func ends(_ node: String, _ entries: [LoggedEntry]) -> [Violation] {
      LogChecker.check(story.events + [.finalLog(node: node, entries)], with: LogChecker())
    }
    #expect(ends("central", [entry]).isEmpty)
    #expect(ends("r1", []).isEmpty)
    #expect(rules(ends("central", [])) == ["log"])
    var other = entry
    other.reason = "member.revoked"
    #expect(rules(ends("r1", [other])) == ["verdict changed"])
    other = entry
    other.logHash = Story.hash(9)
    #expect(rules(ends("r1", [other])) == ["log"])
  }

  @Test("receipts: an acknowledged change that is missing, or another in its place")
  func receipts() {
    var story = Story()
    let change = story.accept(1, 1, seen: 0, Story.made("a"), name: 1)
    story.events.append(
      .acknowledged(node: "r1", space: "commons", dot: change.dot, hash: change.hash))
    let lacking = story.events + [.finalLog(node: "central", [])]
    #expect(rules(ReceiptChecker.check(lacking, with: ReceiptChecker())) == ["acknowledged"])
    let entry = story.merge(change)
    let held = story.events + [.finalLog(node: "central", [entry])]
    #expect(ReceiptChecker.check(held, with: ReceiptChecker()).isEmpty)
  }

  @Test("receipts: one given for a change sealed again is kept by the next that seals it again")
  func receiptsOfSealedAgain() {
    var story = Story()
    let once = story.accept(1, 1, seen: 0, Story.made("a"), name: 1)
    var twice = once
    (twice.hash, twice.dot, twice.again) = (
      Story.hash(2), Dot(actor: Story.actor(7), n: 1), once.hash
    )
    var thrice = twice
    (thrice.hash, thrice.dot) = (Story.hash(3), Dot(actor: Story.actor(8), n: 1))
    story.events += [.accepted(twice), .accepted(thrice)]
    story.events.append(
      .acknowledged(node: "r1", space: "commons", dot: twice.dot, hash: twice.hash))
    let other = story.accept(2, 1, seen: 0, Story.made("b"), name: 4)
    for (change, rules) in [(thrice, []), (other, ["acknowledged"])] as [(Accepted, [String])] {
      var ended = story
      let entry = ended.merge(change)
      ended.events.append(.finalLog(node: "central", [entry]))
      #expect(self.rules(ReceiptChecker.check(ended.events, with: ReceiptChecker())) == Set(rules))
    }
  }

  @Test(
    "accepted: what stands nowhere is missed, but where every file that has it last has it as a device that was shut out"
  )
  func accepted() {
    var story = Story()
    let change = story.accept(1, 1, seen: 0, Story.made("a"), name: 1)
    var again = change
    (again.hash, again.dot, again.again) = (
      Story.hash(2), Dot(actor: Story.actor(7), n: 1), change.hash
    )
    let twin = {
      var twin = again
      (twin.node, twin.hash, twin.dot) = ("r2", Story.hash(3), Dot(actor: Story.actor(8), n: 1))
      return twin
    }()
    let shutOut = { (node: Int) in Event.revoked(Story.actor(node).replica) }
    let cases: [([Event], Set<String>)] = [
      ([], ["accepted"]), ([shutOut(1)], []),
      ([.accepted(again), shutOut(7)], []),
      // The name it had before counts no more, nor does one file of two.
      ([.accepted(again), shutOut(1)], ["accepted"]),
      ([.accepted(again), .accepted(twin), shutOut(7)], ["accepted"]),
    ]
    for (more, expected) in cases {
      let events = [.accepted(change)] + more + [.finalLog(node: "central", [])]
      #expect(rules(AcceptanceChecker.check(events, with: AcceptanceChecker())) == expected)
    }
  }

  @Test("vectors and cursors: neither goes back, but by a restore; an old actor's may by an epoch")
  func monotony() {
    func standing(_ seq: Int, _ n: Int) -> Event {
      .standing(
        node: "r1", space: "commons", life: "one", seq: seq, vector: [Story.actor(2): n])
    }
    func check(_ events: [Event]) -> Set<String> {
      rules(MonotonyChecker.check(events, with: MonotonyChecker()))
    }
    #expect(check([standing(1, 1), standing(1, 2), standing(4, 2)]).isEmpty)
    #expect(check([standing(4, 2), standing(3, 2)]) == ["went back"])
    #expect(check([standing(4, 2), standing(4, 1)]) == ["went back"])
    #expect(check([standing(4, 2), .restored(node: "r1"), standing(1, 1)]).isEmpty)
    func accepted(_ life: String) -> Event {
      .lifeAccepted(life: life, given: [], mayBeEarly: true)
    }
    #expect(check([standing(4, 2), accepted("one"), standing(1, 1)]).isEmpty)
    #expect(check([standing(4, 2), accepted("two"), standing(1, 1)]) == ["went back"])
    #expect(check([accepted("one"), standing(4, 2), standing(1, 1)]) == ["went back"])
    let renewed = Event.renewed(node: "r1", space: "commons", actor: Story.actor(2))
    #expect(check([standing(4, 2), renewed, standing(4, 1)]).isEmpty)
  }

  @Test("the end: files that differ, changes that wait, bodies and damage where none may be")
  func ends() {
    func check<C: Checker>(_ checker: C, _ events: Event...) -> Set<String> {
      rules(C.check(events, with: checker))
    }
    func dump(_ node: String, _ line: String) -> Event {
      .finalDump(node: node, space: "commons", lines: [line])
    }
    #expect(check(ConvergenceChecker(), dump("central", "a"), dump("r1", "a")).isEmpty)
    #expect(check(ConvergenceChecker(), dump("central", "a"), dump("r1", "b")) == ["converge"])
    #expect(check(ConvergenceChecker(), .waiting(node: "r1", count: 1)) == ["quiet"])
    #expect(check(ConvergenceChecker(), .inbox(count: 1)) == ["quiet"])
    #expect(check(SecrecyChecker(), .foreignRefusedBodies(node: "r1", count: 1)) == ["quarantine"])
    #expect(check(SecrecyChecker(), .foreignRefusedBodies(node: "r1", count: 0)).isEmpty)
    #expect(check(AuditChecker(), .audited(node: "r1", damage: ["row.state"])) == ["audit"])
    #expect(check(AuditChecker(), .audited(node: "r1", damage: [])).isEmpty)
  }
}

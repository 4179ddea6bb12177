import Causality
import Central
import Changes
import Files
import HTTP
import Replica
import Seal
import Store
import Testing
import Wire

extension World {
  func ask(_ members: [(String, JSON)]) throws -> JSON {
    try central.administer(.object(members), now: loop.now, at: loop.at)
  }

  /// Central's bundle for a member, as its keeper makes it: its lines, without the last.
  func bundleLines(for member: Replica, since: Int = 0) throws -> [[UInt8]] {
    let reader = member.identity.actor.replica
    let head = try ask([
      ("do", .string("bundle")), ("for", .string(reader.description)),
      ("since", .integer(Int64(since))),
    ])
    let sections = try #require(head["sections"]?.array)
    var lines = [
      Bundle(
        kind: .log, network: central.network, maker: central.keyID, reader: reader, at: loop.at,
        sections: sections.map {
          .init(
            space: $0["space"]?.string ?? "", from: $0["from"]?.string ?? "",
            to: $0["to"]?.string ?? "")
        }
      ).line
    ]
    if let lives = head["lives"]?.string, !lives.isEmpty { lines.append(Array(lives.utf8)) }
    for section in sections {
      let space = try #require(section["space"]?.string)
      lines.append(BundleLine.section(space))
      if let receipt = section["receipt"]?.string, !receipt.isEmpty {
        lines.append(Array(receipt.utf8))
      }
      var after = section["after"] ?? .integer(0)
      while true {
        let piece = try ask([
          ("do", .string("log")), ("for", .string(reader.description)), ("space", .string(space)),
          ("after", after),
        ])
        let more = Lines.split(Array((piece["lines"]?.string ?? "").utf8))
        lines += more
        guard let last = more.last, case .entry(let seq, _, _, _, _) = try LogLine.parse(last)
        else { break }
        after = .integer(Int64(seq))
      }
    }
    return lines
  }

  func file(_ lines: [[UInt8]], _ name: String) throws -> String {
    let end = BundleLine.end(after: lines.count - 1)
    return try write((lines + [end]).flatMap { $0 + [UInt8(ascii: "\n")] }, to: name)
  }

  /// Central's bundle for a member, into that member.
  func hand(to member: Replica) throws -> BundleReport {
    try member.importBundle(file(bundleLines(for: member), "back"), at: member.at)
  }

  /// A member's changes by a file into central's inbox; gives how many heads it received.
  @discardableResult
  func carry(from member: Replica) throws -> Int {
    _ = try member.exportChanges(to: path("out"), plain: true, at: member.at)
    var reader = try BundleReader(path("out"))
    var parts: [(space: String, lines: [UInt8])] = []
    while let (kind, bytes) = try reader.next() {
      if case .space(let name) = kind {
        parts.append((name, []))
      } else {
        parts[parts.count - 1].lines += bytes + [UInt8(ascii: "\n")]
      }
    }
    var received = 0
    for part in parts where !part.lines.isEmpty {
      let answer = try ask([
        ("do", .string("offer")), ("space", .string(part.space)),
        ("lines", .string(String(decoding: part.lines, as: UTF8.self))),
      ])
      #expect(answer["refused"] == nil, "\(answer.text())")
      received += answer["receipt"]?["heads"]?.array?.count ?? 0
    }
    return received
  }
}

/// What a file stands on: where it has read, and who writes in it.
func standing(_ member: Replica) throws -> [String] {
  try member.identity.spaces.map { try #require(try member.store.meta("cursor.\($0)")?.text) }
    + [Identity(member.store).actor.description]
}

/// A central that was rewound unnoticed, shown so by Ben, and accepted; Gus heard nothing of it.
func rewound() throws -> (World, gus: Replica, ben: Replica) {
  let world = try World()
  let (gus, ben) = (try world.join(), try world.join())
  try gus.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
  try world.settle()
  let backup = try world.backUp()
  try ben.edit("UPDATE club SET city = 'Rabat' WHERE id = 'c1'")
  try world.settle(with: [ben])
  try world.rewind(to: backup)
  try world.sync(ben)
  try world.central.accept(at: world.loop.at)
  try world.sync(ben)
  return (world, gus, ben)
}

@Suite("Bundles across central's lives")
struct BundleLivesTests {
  @Test(
    "[SP-1509] R9: a member of an earlier life goes on by bundles alone: a new epoch, what was merged settled, round after round"
  )
  func onByBundles() throws {
    let (world, gus, ben) = try rewound()
    let before = gus.identity.actor
    try gus.edit("UPDATE club SET founded = 1921 WHERE id = 'c1'")
    #expect(try world.carry(from: gus) == 1)
    try world.merge()
    #expect(try gus.store.waiting() == (1, 0))
    let report = try world.hand(to: gus)
    #expect(report.notes.isEmpty && report.applied == 2 && report.received == 1)
    #expect(report.epoch?.reason == "central" && report.epoch?.resealed == 0)
    #expect(report.restored.count == 1 && gus.identity.actor != before)
    #expect(try gus.store.waiting() == (0, 0))
    #expect(try gus.cell("city", of: "c1") == "Rabat")
    // The same file again is harmless.
    let again = try gus.importBundle(world.path("back"), at: gus.at)
    #expect(again.notes.isEmpty && again.applied == 0 && again.epoch == nil)

    try gus.edit("UPDATE club SET name = 'Alpinistes' WHERE id = 'c1'")
    #expect(try world.carry(from: gus) == 1)
    try world.merge()
    let second = try world.hand(to: gus)
    #expect(second.notes.isEmpty && second.applied == 1 && second.epoch == nil)
    #expect(try gus.store.waiting() == (0, 0))
    let synced = try world.sync(gus)
    #expect(synced.epoch == nil && synced.notes.isEmpty && synced.pushed == 0)
    try world.settle()
    #expect(try world.digests().count == 1)
    #expect(try gus.store.conflicts().isEmpty)
    for member in [gus, ben] { try world.audit(member) }
    #expect(try gus.store.evidence().isEmpty)
  }

  @Test(
    "[SP-1507, SP-1509] receipts of the new life settle what is not merged yet, and the log the rest"
  )
  func receiptsFirst() throws {
    let (world, gus, _) = try rewound()
    try gus.edit("UPDATE club SET founded = 1921 WHERE id = 'c1'")
    try world.carry(from: gus)
    let report = try world.hand(to: gus)
    #expect(report.notes.isEmpty && report.received == 1 && report.epoch?.resealed == 0)
    #expect(try gus.store.waiting() == (0, 1))
    try world.merge()
    #expect(try world.hand(to: gus).notes.isEmpty)
    #expect(try gus.store.waiting() == (0, 0))
    #expect(try world.central.store.digest("commons") == gus.store.digest("commons"))
  }

  @Test(
    "[SP-1509] what central never received is sealed again under the new epoch, with its context")
  func sealedAgain() throws {
    let (world, gus, _) = try rewound()
    try gus.edit("UPDATE club SET founded = 1921 WHERE id = 'c1'")
    _ = try gus.exportChanges(to: world.path("lost"), plain: true, at: gus.at)
    let report = try world.hand(to: gus)
    #expect(report.notes.isEmpty && report.epoch?.resealed == 1)
    #expect(try world.carry(from: gus) == 1)
    try world.merge()
    _ = try world.hand(to: gus)
    #expect(try gus.store.waiting() == (0, 0) && gus.store.conflicts().isEmpty)
    #expect(try gus.cell("founded", of: "c1") == "1921")
  }

  @Test(
    "[SP-1503, SP-1509] R2: entries that the new life lacks are gone back over, in every space, carried by the next bundle, and judged anew",
    arguments: [false, true])
  func goesBack(mergesOn: Bool) throws {
    let world = try World()
    let (gus, ben) = (try world.join("chair"), try world.join("chair"))
    try gus.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try gus.edit("INSERT INTO draft VALUES('d1', 'Entre nous')")
    try world.settle()
    let backup = try world.backUp()
    try ben.edit("UPDATE club SET city = 'Rabat' WHERE id = 'c1'")
    try ben.edit("UPDATE draft SET text = 'Chut' WHERE id = 'd1'")
    try world.settle()
    try gus.edit("UPDATE club SET founded = 1921 WHERE id = 'c1'")
    try world.settle()
    try world.restore(backup)
    try world.central.accept(at: world.loop.at)
    let stranger = try world.join()
    if mergesOn {
      try stranger.edit("INSERT INTO club VALUES('c2', 'Marins', 'Paimpol', 1950)")
      try world.settle(with: [stranger])
    }
    let report = try world.hand(to: gus)
    #expect(report.notes.isEmpty && report.epoch?.reason == "central")
    #expect(report.restored.count == 2)
    #expect(try gus.store.adriftCount().all > 0)
    #expect(try gus.cell("city", of: "c1") == "Chamonix")
    #expect(try gus.cell("founded", of: "c1") == "1921")
    #expect(try world.carry(from: gus) > 1)
    try world.merge()
    #expect(try world.hand(to: gus).notes.isEmpty)
    #expect(try gus.store.adriftCount().all == 0)
    #expect(try gus.store.waiting() == (0, 0))
    #expect(try gus.cell("city", of: "c1") == "Rabat")
    #expect(try gus.cell("text", of: "d1", table: "draft") == "Chut")
    try world.audit(gus)
    for _ in 0..<2 { try world.settle() }
    #expect(try world.digests().count == 1)
    for member in [gus, ben] {
      #expect(try member.store.conflicts().isEmpty && member.store.evidence().isEmpty)
    }
  }

  @Test("R8: no stranger's, altered, cut or older bundle makes a member go over or back")
  func strangers() throws {
    let (world, gus, ben) = try rewound()
    try gus.edit("UPDATE club SET founded = 1921 WHERE id = 'c1'")
    let good = try world.bundleLines(for: gus)
    let before = try standing(gus)
    func refuses(_ lines: [[UInt8]], _ what: Comment) throws {
      let report = try? gus.importBundle(world.file(lines, "bad"), at: gus.at)
      #expect(report.map { !$0.notes.isEmpty && $0.applied == 0 && $0.epoch == nil } ?? true, what)
      #expect(try standing(gus) == before, what)
    }
    #expect(try BundleLine.parse(good[1]) == .lives)
    try refuses([good[0]] + good[2...], "without the list")
    let (note, _, signatures) = try LivesNote.parse(line: good[1])
    let turned = LivesNote(network: note.network, lives: note.lives.reversed())
    try refuses([good[0], turned.line(signatures: signatures)] + good[2...], "a list turned round")
    let other = SigningKey.generate()
    let forged = Signature(
      key: world.central.keyID, value: other.sign(Preimage.lives(note.bytes)))
    try refuses([good[0], note.line(signatures: [forged])] + good[2...], "signed by a stranger")
    try refuses(Array(good.dropLast()), "without its checkpoint")
    try refuses(Array(good[..<2]), "without its log")
    for place in good.indices.dropFirst(3) {
      var bad = good
      bad.remove(at: place)
      if (try? LogLine.parse(good[place]))?.isEntry == true {
        try refuses(bad, "without line \(place)")
      }
    }
    // What another member hands on has no list.
    try world.settle(with: [ben])
    _ = try ben.exportLog(to: world.path("log"), for: nil, since: 0, plain: true, at: ben.at)
    let handed = try gus.importBundle(world.path("log"), at: gus.at)
    #expect(handed.notes.count == 1 && handed.notes[0].contains("bundle export --data"))
    #expect(try standing(gus) == before)

    // An older bundle of central's own, once the file lives in a later life.
    let old = try world.file(good, "old")
    try world.restore(try world.backUp())
    try world.central.accept(at: world.loop.at)
    #expect(try world.hand(to: gus).epoch != nil)
    let later = try standing(gus)
    let replayed = try gus.importBundle(old, at: gus.at)
    #expect(replayed.notes.count == 1 && replayed.epoch == nil && replayed.applied == 0)
    #expect(try standing(gus) == later)
  }

  @Test(
    "[SP-1507] an honest log with a receipt of an earlier life is taken without a word; a forged one and another network's are named"
  )
  func receiptsOfAnotherLife() throws {
    let world = try World()
    let (gus, ben) = (try world.join(), try world.join())
    try ben.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    try world.restore(try world.backUp())
    for member in world.members { try world.sync(member) }
    try world.central.accept(at: world.loop.at)
    try gus.edit("UPDATE club SET founded = 1921 WHERE id = 'c1'")
    try world.settle()
    _ = try ben.exportLog(to: world.path("log"), for: nil, since: 0, plain: true, at: ben.at)
    let lines = Lines.split(try world.bytes("log")).dropLast()
    let place = try #require(lines.firstIndex { (try? BundleLine.parse($0)) == .receipt })
    let (note, _, signatures) = try ReceiptNote.parse(line: lines[place])
    #expect(note.instance != world.central.instance)
    #expect(try gus.importBundle(world.path("log"), at: gus.at).notes.isEmpty)

    func told(_ network: NetworkID) throws -> [String] {
      let bad = ReceiptNote(
        network: network, instance: note.instance, space: note.space, at: "x", heads: note.heads)
      var altered = Array(lines)
      altered[place] = bad.line(signatures: signatures)
      return try gus.importBundle(world.file(altered, "bad"), at: gus.at).notes
    }
    let forged = try told(note.network)
    #expect(forged.count == 1 && forged[0].contains("did not sign"))
    let foreign = try told(World().central.network)
    #expect(foreign.count == 1 && foreign[0].contains("another network"))
  }
}

extension LogLine {
  var isEntry: Bool { if case .entry = self { true } else { false } }
}

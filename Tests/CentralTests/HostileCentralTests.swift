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

@Suite("R8: a central that lies is found out at the next contact, and an honest one never accused")
struct HostileCentralTests {
  @Test("forged: another value under a member's name, the log signed by central")
  func forged() throws {
    let scene = try HostileScene()
    let start = try scene.cursor()
    scene.link.alter = { request, bytes in
      guard request.path.hasSuffix("/log") else { return bytes }
      let text = String(decoding: bytes, as: UTF8.self).replacing("Quito", with: "Lima!")
      return (try? scene.resigned(Array(text.utf8), after: start) { $0 }) ?? bytes
    }
    // Who spoiled the signature cannot be told yet; that central signed two logs can, once the other one is here.
    try scene.refused("log.forged", .suspicion)
    scene.link.alter = nil
    #expect(try scene.sync().pulled == 2)
    func open() throws -> [Evidence] {
      try scene.victim.store.evidence().filter { $0.settledAt == nil }
    }
    #expect(try open().map(\.code) == ["checkpoint.split"])
    #expect(try open().map(\.kind) == [.proof])
    // A proof stays, whatever central says later.
    _ = try scene.sync()
    #expect(try open().count == 1)
  }

  @Test("dropped: a change left out of the log, the rest signed anew")
  func dropped() throws {
    let scene = try HostileScene()
    let start = try scene.cursor()
    scene.link.alter = { request, bytes in
      guard request.path.hasSuffix("/log") else { return bytes }
      return (try? scene.resigned(bytes, after: start) { Array($0.dropFirst()) }) ?? bytes
    }
    try scene.refused("log.forged", .proof)
  }

  @Test("dropped: entries left out, and the checkpoint as it was")
  func droppedPlainly() throws {
    let scene = try HostileScene()
    scene.link.alter = { request, bytes in
      guard request.path.hasSuffix("/log") else { return bytes }
      return Array(Lines.split(bytes).dropFirst().joined(separator: [10]))
    }
    try scene.refused("log.checkpoint", .suspicion)
    scene.link.alter = nil
    _ = try scene.sync()
    #expect(try scene.victim.store.evidence().allSatisfy { $0.settledAt != nil })
  }

  @Test(
    "strange: the log as it is, under a checkpoint that another key signed")
  func strange() throws {
    let scene = try HostileScene()
    let stranger = SigningKey.generate()
    scene.link.alter = { request, bytes in
      guard request.path.hasSuffix("/log") else { return bytes }
      let lines = Lines.split(bytes).map { line -> [UInt8] in
        guard case .checkpoint(let signed, _, let signatures)? = try? LogLine.parse(line) else {
          return line
        }
        let value = stranger.sign(Preimage.checkpoint(signed))
        return LogLine.checkpointLine(
          signed, signatures: signatures.map { Signature(key: $0.key, value: value) })
      }
      return Array(lines.joined(separator: [10]))
    }
    try scene.refused("log.checkpoint", .suspicion)
    #expect(try scene.victim.cell("city", of: "c1") == "Chamonix")
    scene.link.alter = nil
    #expect(try scene.sync().pulled == 2)
  }

  @Test("reordered: two entries in each other's place")
  func reordered() throws {
    let scene = try HostileScene()
    scene.link.alter = { request, bytes in
      guard request.path.hasSuffix("/log") else { return bytes }
      var lines = Lines.split(bytes)
      lines.swapAt(0, 1)
      return Array(lines.joined(separator: [10]))
    }
    try scene.refused("log.order", .suspicion)
  }

  @Test("rewound: the cursor central gave is unknown to it")
  func rewound() throws {
    let scene = try HostileScene()
    _ = try scene.sync()
    scene.link.alter = { request, bytes in
      guard request.path.hasSuffix("/hello"), let answer = try? HelloAnswer.parse(bytes) else {
        return bytes
      }
      return HelloAnswer(
        instance: answer.instance,
        spaces: answer.spaces.map {
          .init(
            name: $0.name, heldN: $0.heldN, heldHash: $0.heldHash, seq: $0.seq - 1,
            knowsCursor: false)
        }
      ).bytes
    }
    #expect(throws: SyncError.self) { _ = try scene.sync() }
    #expect(try scene.victim.store.evidence().map(\.code) == ["log.rewound"])
  }

  @Test("replayed: an old checkpoint and an older end than central signed before")
  func replayed() throws {
    let scene = try HostileScene()
    let old = try scene.cursor()
    _ = try scene.sync()
    scene.link.alter = { request, bytes in
      guard request.path.hasSuffix("/hello"), let answer = try? HelloAnswer.parse(bytes) else {
        return bytes
      }
      return HelloAnswer(
        instance: answer.instance,
        spaces: answer.spaces.map {
          .init(
            name: $0.name, heldN: $0.heldN, heldHash: $0.heldHash, seq: old.seq, knowsCursor: true)
        }
      ).bytes
    }
    try scene.refused("log.shortened", .suspicion)
  }

  @Test("an end that was told too early is settled by the next honest answer, with nothing to pull")
  func shortenedForOnce() throws {
    let scene = try HostileScene()
    _ = try scene.sync()
    scene.link.alter = { request, bytes in
      guard request.path.hasSuffix("/hello"), let answer = try? HelloAnswer.parse(bytes) else {
        return bytes
      }
      return HelloAnswer(
        instance: answer.instance,
        spaces: answer.spaces.map {
          .init(name: $0.name, heldN: $0.heldN, heldHash: $0.heldHash, seq: 1, knowsCursor: true)
        }
      ).bytes
    }
    #expect(throws: SyncError.self) { _ = try scene.sync() }
    #expect(try scene.victim.store.evidence().map(\.settledAt) == [nil])
    scene.link.alter = nil
    #expect(try scene.sync().pulled == 0)
    let evidence = try scene.victim.store.evidence()
    #expect(evidence.map(\.code) == ["log.shortened"])
    #expect(evidence.allSatisfy { $0.settledAt != nil })
  }

  @Test(
    "withheld: central announces an end and gives an older one, or lines that lead nowhere",
    arguments: ["", "{\"run\":\"AAECAwQFBgcICQoLDA0ODw\"}\n"])
  func withheld(_ given: String) throws {
    let scene = try HostileScene()
    scene.link.alter = { request, bytes in
      request.path.hasSuffix("/log") ? Array(given.utf8) : bytes
    }
    #expect(throws: SyncError.self) { _ = try scene.sync() }
    #expect(try scene.victim.store.evidence().map(\.code) == ["log.short"])
  }

  @Test(
    "split view: two signed histories meet in a bundle, and the proof can be checked by anybody")
  func splitView() throws {
    let scene = try HostileScene()
    // A second node with the same key and life, that goes on otherwise for one member.
    let second = try scene.world.forkedCentral(key: scene.key)
    try scene.author.edit("UPDATE club SET founded = 1950 WHERE id = 'c1'")
    try scene.world.sync(scene.author)
    try scene.world.merge()
    try scene.world.sync(scene.author)
    scene.link.other = second
    try scene.victim.edit("UPDATE club SET founded = 1949 WHERE id = 'c1'")
    _ = try scene.sync()
    try second.routes.central.merge(at: second.at)
    _ = try scene.sync()
    #expect(try scene.victim.store.evidence().isEmpty)

    let path = scene.world.path("from-author")
    _ = try scene.author.exportLog(to: path, for: nil, since: 0, plain: false, at: scene.author.at)
    let report = try scene.victim.importBundle(path, at: scene.victim.at)
    #expect(report.applied == 0 && report.notes.count == 1)
    let proof = try #require(try scene.victim.store.evidence().first)
    #expect(proof.kind == .proof && proof.code == "checkpoint.split")
    let central = scene.world.central.publicKey
    let checkpoints = try proof.statements.map { line -> Checkpoint in
      guard case .checkpoint(let bytes, let checkpoint, let signatures) = try LogLine.parse(line)
      else { throw WireError(.shape, "no checkpoint") }
      #expect(signatures.contains { central.verifies($0.value, of: Preimage.checkpoint(bytes)) })
      return checkpoint
    }
    #expect(Set(checkpoints.map(\.seq)).count == 1 && Set(checkpoints.map(\.hash)).count == 2)
    #expect(Set(checkpoints.map(\.instance)).count == 1)
  }

  @Test("frozen: the age of central's last signed word stays to be seen")
  func frozen() throws {
    let scene = try HostileScene()
    _ = try scene.sync()
    let word = try #require(try scene.victim.store.checkpoints(of: "commons").last)
    try scene.author.edit("UPDATE club SET founded = 1950 WHERE id = 'c1'")
    for _ in 0..<3 {
      try scene.world.sync(scene.author)
      _ = try scene.sync()
    }
    #expect(try scene.victim.store.checkpoints(of: "commons").last?.line == word.line)
    #expect(try scene.author.store.waiting().received == 1)
    #expect(word.checkpoint.at == scene.world.loop.at)
  }

  @Test("R1: a receipt that is missing, unsigned or broken is noticed, and nothing is lost")
  func receipts() throws {
    let scene = try HostileScene()
    try scene.victim.edit("INSERT INTO club VALUES('c9', 'Mine', 'Fez', 1930)")
    scene.link.alter = { request, bytes in
      request.path.hasSuffix("/changes") ? Array("{}".utf8) : bytes
    }
    #expect(throws: SyncError.self) { _ = try scene.sync() }
    #expect(try scene.victim.store.evidence().map(\.code) == ["receipt.missing"])
    #expect(try scene.victim.store.waiting() == (1, 0))
    scene.link.alter = nil
    // Hello tells that it was received after all; central signs for it as it should.
    _ = try scene.sync()
    #expect(try scene.victim.store.waiting() == (0, 1))
    try scene.victim.edit("UPDATE club SET city = 'Meknes' WHERE id = 'c9'")
    _ = try scene.sync()
    #expect(try scene.victim.store.receipt(of: scene.victim.identity.actor, in: "commons")?.n == 2)

    // Central's inbox is gone, as after a crash without fsync.
    try scene.world.central.store.write {
      try scene.world.central.store.withConnection { try $0.execute("DELETE FROM cordee_inbox") }
    }
    let report = try scene.sync()
    #expect(report.pushed == 2)
    let broken = try scene.victim.store.evidence().last
    #expect(broken?.code == "receipt.broken" && broken?.settledAt == nil)
    _ = try scene.sync()
    #expect(try scene.victim.store.evidence().allSatisfy { $0.settledAt != nil })
    try scene.world.settle()
    _ = try scene.sync()
    #expect(try scene.author.cell("city", of: "c9") == "Meknes")
  }

  @Test("R1: a signed receipt for another change than was sent is none")
  func otherReceipt() throws {
    let scene = try HostileScene()
    try scene.victim.edit("INSERT INTO club VALUES('c9', 'Mine', 'Fez', 1930)")
    scene.link.alter = { request, bytes in
      scene.receipt(bytes, to: request) { $0.map { .init(dot: $0.dot, hash: .zero) } }
    }
    #expect(throws: SyncError.self) { _ = try scene.sync() }
    #expect(try scene.victim.store.evidence().map(\.code) == ["receipt.missing"])
    #expect(try scene.victim.store.waiting() == (1, 0))
  }

  @Test(
    "no false alarm: fifty honest rounds with lost replies, revocation, quarantine and snapshots")
  func honest() throws {
    let world = try World()
    let (a, b, c) = (try world.join(), try world.join("chair"), try world.join())
    try world.settle()
    for round in 0..<50 {
      let who = [a, b, c][round % 3]
      try who.edit("INSERT INTO club VALUES('r\(round)', 'R', 'Quito', \(round))")
      if round % 5 == 0 { try who.edit("UPDATE club SET name = NULL WHERE id = 'r\(round)'") }
      world.loop.lostReplies = round % 4 == 0 ? 1 : 0
      _ = try? world.sync(who)
      world.loop.lostReplies = 0
      if round % 2 == 0 { try world.merge() }
      try world.sync(who)
    }
    try world.settle()
    #expect(try world.digests().count == 1)
    for member in world.members { #expect(try member.store.evidence().isEmpty) }
    let kept = try a.store.checkpoints(of: "commons").count
    #expect(kept > 5 && kept <= 40)
  }
}

import Causality
import Changes
import Files
import Foundation
import HTTP
import Replica
import SQLite
import Seal
import Store
import Testing
import Wire

@testable import Central

@Suite("Snapshots that central keeps beside its file", .timeLimit(.minutes(15)))
struct KeptSnapshotTests {
  private let world: World
  private let ana: Replica

  init() throws {
    world = try World()
    ana = try world.join()
    world.central.snapshotEntriesMin = 20
    try ana.edit(
      """
      WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 70)
      INSERT INTO club(id, name, city) SELECT printf('club-%06d', n), 'Club ' || n, 'City ' || n FROM i
      """)
    try world.settle()
    // It makes the first snapshot.
    try world.sync(try world.join())
  }

  private func kept() throws -> KeptSnapshot {
    try #require(
      try world.central.store.notedSnapshot(of: "commons", beside: world.central.store.path))
  }

  /// Spoils one byte of a form; its date stays as it was when `isQuiet`, as where a disk forgets.
  private func spoil(isPacked: Bool, at place: (Int) -> Int, isQuiet: Bool = false) throws {
    let path = try kept().path(isPacked: isPacked)
    let url = URL(filePath: path)
    var data = try Data(contentsOf: url)
    data[place(data.count)] ^= 0x10
    let file = try FileHandle(forWritingTo: url)
    try file.write(contentsOf: data)
    try file.close()
    if isQuiet { try setDate() }
  }

  /// Gives the compressed form a date that can be given again.
  private func setDate() throws {
    let date = Date(timeIntervalSince1970: 1_700_000_000)
    try FileManager.default.setAttributes(
      [.modificationDate: date], ofItemAtPath: kept().path(isPacked: true))
  }

  private func ask() throws -> KeptSnapshot? {
    try world.central.snapshot(of: "commons", isPacked: true, at: world.loop.at)
  }

  private func reports() throws -> [JSON] {
    try world.central.reports(limit: 100).filter { $0["snapshot"] != nil }
  }

  @Test(
    "R11: one spoilt byte keeps nobody out, whichever it is: the file is made anew and told once",
    arguments: [0.0, 0.01, 0.3, 0.6, 0.999])
  func spoilt(part: Double) throws {
    try spoil(isPacked: true) { min($0 - 1, Int(Double($0) * part)) }
    let newcomer = try world.join()
    let report = try world.sync(newcomer)
    #expect(report.snapshotRows >= 70 && report.notes.isEmpty)
    #expect(try world.digests().count == 1)
    #expect(try reports().count == 1)
    let status = try world.central.administer(
      .object([("do", .string("status"))]), now: world.loop.now, at: world.loop.at)
    #expect(status["untold"]?["snapshots"]?.integer == 1)
    let next = try world.join()
    #expect(try world.sync(next).snapshotRows >= 70)
    #expect(try reports().count == 1)
  }

  @Test("R11: the plain form is held against its hash like the compressed one")
  func plain() throws {
    for isPacked in [false, true] {
      try spoil(isPacked: isPacked) { $0 / 2 }
      let spoilt = try Data(contentsOf: URL(filePath: kept().path(isPacked: isPacked)))
      let snapshot = try #require(
        try world.central.snapshot(of: "commons", isPacked: isPacked, at: world.loop.at))
      let now = try Data(contentsOf: URL(filePath: snapshot.path(isPacked: isPacked)))
      #expect(now != spoilt)
      #expect(
        snapshot.isWhole(
          isPacked: isPacked, key: world.central.publicKey, network: world.central.network))
    }
    #expect(try reports().count == 2)
  }

  @Test(
    "what cannot be written whole leaves nothing on the disk, and what one before it left is written over"
  )
  func unwritten() throws {
    try spoil(isPacked: true) { $0 / 2 }
    let part = "\(world.central.store.path).snapshot.commons.part"
    let files = FileManager.default
    try files.createDirectory(atPath: part + ".zst", withIntermediateDirectories: false)
    #expect(throws: (any Error).self) { try ask() }
    #expect(Files.size(part) == nil)
    try files.removeItem(atPath: part + ".zst")
    try Data("what a killed one left".utf8).write(to: URL(filePath: part))
    let made = try #require(try ask())
    let folder = URL(filePath: part).deletingLastPathComponent()
    let kept = try files.contentsOfDirectory(atPath: folder.path).filter {
      $0.contains(".snapshot.")
    }
    let right = [false, true].map { URL(filePath: made.path(isPacked: $0)).lastPathComponent }
    #expect(Set(kept) == Set(right))
  }

  @Test("a file that stands as it was is read no second time, and one that was touched is")
  func identity() throws {
    let before = try kept()
    try setDate()
    #expect(try ask()?.tag == before.tag)
    // With the date put back nothing shows it, and nothing is read: a range costs no look at the bytes.
    try spoil(isPacked: true, at: { $0 / 2 }, isQuiet: true)
    _ = try ask()
    #expect(try reports().isEmpty)
    // Another inode under the same name.
    let path = before.path(isPacked: true)
    try Files.copy(path, to: path + ".other")
    try Files.rename(path + ".other", to: path)
    _ = try ask()
    #expect(try reports().count == 1)
  }

  @Test("R11: damage that shows in no date is found when the device that met it begins again")
  func quiet() throws {
    try setDate()
    _ = try ask()
    try spoil(isPacked: true, at: { $0 / 2 }, isQuiet: true)
    let newcomer = try world.join()
    let report = try world.sync(newcomer)
    #expect(report.snapshotRows >= 70)
    #expect(try reports().count == 1)
    #expect(try world.digests().count == 1)
  }

  @Test("whoever begins a snapshot over and over has central read it once more, not each time")
  func beginsOften() throws {
    var held = HeldSnapshots()
    let kept = try kept()
    held.hold(kept, isPacked: true, as: [1])
    let device = ID128(high: 1, low: 2)
    held.note(device, of: kept)
    #expect(held.isHeld(kept, isPacked: true, as: [1]))
    held.note(device, of: kept)
    #expect(!held.isHeld(kept, isPacked: true, as: [1]))
    held.hold(kept, isPacked: true, as: [1])
    for _ in 0..<9 { held.note(device, of: kept) }
    #expect(held.isHeld(kept, isPacked: true, as: [1]))
  }

  @Test("R11: who is given two damaged snapshots in a row reads the log, and says so")
  func readsTheLog() throws {
    let newcomer = try world.join()
    world.loop.flipsSnapshots = true
    world.loop.sent = []
    let report = try world.sync(newcomer)
    #expect(report.snapshotRows == 0 && report.pulled >= 70)
    #expect(report.notes.count == 1)
    #expect(world.loop.sent.count { $0.path.hasSuffix("/snapshot") } == 2)
    #expect(try world.digests().count == 1)
    try world.audit(newcomer)
  }

  @Test("R11: an audit of central's file finds a spoilt snapshot beside it, in either form")
  func audit() throws {
    func findings() throws -> [Finding] {
      let copy = try world.backUp()
      let store = try Store(path: copy, schema: clubs, use: .reader)
      var audit = try CentralAudit(
        of: store, key: world.central.publicKey, beside: world.central.store.path)
      try audit.run()
      return audit.findings
    }
    #expect(try findings() == [])
    for isPacked in [false, true] {
      try spoil(isPacked: isPacked) { $0 - 2 }
      #expect(try findings().map(\.code) == ["snapshot.file"])
      #expect(try findings().map(\.kind) == [.damage])
      try spoil(isPacked: isPacked) { $0 - 2 }
    }
    // One that a serving node has just taken away is no damage.
    try kept().remove()
    #expect(try findings() == [])
  }
}

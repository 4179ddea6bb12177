import Causality
import Central
import Changes
import Files
import Foundation
import HTTP
import Replica
import SQLite
import Store
import Testing
import Wire

@Suite("Two syncs of one replica", .timeLimit(.minutes(15)))
struct TwoSyncTests {
  /// How the log comes to a member that is behind.
  enum Way: String, CaseIterable { case onePiece, pieces, snapshot }

  /// Ana wrote what Ben has not read yet.
  private func behind(_ way: Way) throws -> (World, ana: Replica, ben: Replica) {
    let world = try World()
    let ana = try world.join()
    try ana.edit("INSERT INTO club(id, name) VALUES('club-0', 'Club')")
    let ben = try world.join()
    try world.settle()
    if way == .pieces { world.loop.routes.logPieceBytes = 2_000 }
    if way == .snapshot { world.central.snapshotEntriesMin = 20 }
    try ana.edit(
      """
      WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 60)
      INSERT INTO club(id, name) SELECT 'club-' || n, 'Club ' || n FROM i
      """)
    try world.sync(ana)
    try world.merge()
    try world.sync(ana)
    return (world, ana, ben)
  }

  /// A second program that has the same file open.
  private func second(_ replica: Replica) throws -> Replica {
    let store = try Store(path: replica.store.path, schema: clubs, use: .replica)
    return try Replica(store: store, key: replica.key, exchange: replica.exchange)
  }

  /// Runs `body` once, while the first request to `path` is on its way.
  private func during(_ path: String, _ world: World, _ body: @escaping () -> Void) {
    world.loop.tamper = { request in
      guard request.path.hasSuffix(path) else { return request }
      world.loop.tamper = nil
      body()
      return request
    }
  }

  @Test("The second is told which process syncs; it may edit and read, and syncs afterwards")
  func told() throws {
    let (world, _, ben) = try behind(.onePiece)
    let other = try second(ben)
    var refusal: (any Error)?
    during("/hello", world) {
      do { _ = try world.sync(other) } catch { refusal = error }
      try? other.edit("UPDATE club SET city = 'meanwhile' WHERE id = 'club-0'")
      #expect(throws: Never.self) { try other.store.conflicts() }
    }
    #expect(try world.sync(ben).pulled == 60)
    let error = try #require(refusal as? SyncError)
    #expect(error.code == "sync.under_way")
    #expect(error.message.contains("process \(ProcessInfo.processInfo.processIdentifier)"))
    #expect(!FileManager.default.fileExists(atPath: ben.store.path + ".sync-lock"))
    #expect(try world.sync(other).pushed == 1)
    try world.settle()
    #expect(try other.cell("city", of: "club-0") == "meanwhile")
    #expect(try world.digests().count == 1)
  }

  @Test(
    "R13: no request is on its way while the file is locked: another program writes during each",
    arguments: Way.allCases)
  func unlocked(_ way: Way) throws {
    let (world, _, ben) = try behind(way)
    try ben.edit("INSERT INTO club(id, name) VALUES('own', '0')")
    var count = 0
    world.loop.tamper = { request in
      count += 1
      #expect(throws: Never.self, "\(request.path)") {
        try ben.edit("UPDATE club SET name = '\(count)' WHERE id = 'own'")
      }
      return request
    }
    try world.sync(ben)
    #expect(count >= 3)
    #expect(try ben.cell("name", of: "own") == "\(count)")
    world.loop.tamper = nil
    try world.settle()
    #expect(try world.digests().count == 1)
    #expect(try ben.cell("name", of: "own") == "\(count)")
  }

  @Test("The second waits as long as its patience lasts")
  func waits() throws {
    let (world, _, ben) = try behind(.onePiece)
    let lock = try #require(try FileLock.take(Files.resolved(ben.store.path) + ".sync-lock"))
    var waited = 0
    ben.patience = Patience(attemptsMax: 3) { _ in
      waited += 1
      if waited == 5 { lock.release() }
    }
    #expect(try world.sync(ben).pulled == 60)
    #expect(waited == 5)
  }

  @Test("Bundles and joins are conversations, too")
  func others() throws {
    let (world, _, ben) = try behind(.onePiece)
    let lock = try #require(try FileLock.take(Files.resolved(ben.store.path) + ".sync-lock"))
    let path = world.folder.appending(path: "bundle").path
    func isRefused(_ body: () throws -> Void) -> Bool {
      do { try body() } catch { return (error as? SyncError)?.code == "sync.under_way" }
      return false
    }
    #expect(isRefused { _ = try ben.exportChanges(to: path, plain: true, at: world.loop.at) })
    #expect(
      isRefused {
        _ = try ben.exportLog(to: path, for: nil, since: 0, plain: true, at: world.loop.at)
      })
    #expect(isRefused { _ = try ben.importBundle(path, at: world.loop.at) })
    lock.release()
    #expect(throws: Never.self) {
      try ben.exportChanges(to: path, plain: true, at: world.loop.at)
    }
  }

  @Test(
    "R8, R16: where locks do not hold, what one took is not lost by the other, and central is not accused",
    arguments: Way.allCases)
  func unlocked(way: Way) throws {
    let (world, ana, ben) = try behind(way)
    let other = try second(ben)
    during(way == .snapshot ? "/snapshot" : "/log", world) {
      // As on a file system without locks.
      Files.remove(Files.resolved(ben.store.path) + ".sync-lock")
      #expect(throws: Never.self) { try world.sync(other) }
    }
    do {
      _ = try world.sync(ben)
    } catch let error as SyncError {
      #expect(error.code == "sync.overtaken")
    } catch let error as StoreError {
      #expect(error.code == .cursor)
    }
    _ = try world.sync(ben)
    #expect(try ben.store.evidence().isEmpty)
    let end = try ben.store.logEnd(of: "commons")
    #expect(try ben.store.meta("cursor.commons")?.text?.contains(".\(end.seq).") == true)
    try ana.edit("UPDATE club SET city = 'later' WHERE id = 'club-9'")
    try world.settle()
    #expect(try ben.cell("city", of: "club-9") == "later")
    #expect(try world.digests().count == 1)
    try world.audit(ben)
  }

  @Test(
    "A spool altered under way is fetched again, and nobody is accused",
    arguments: ["flip", "shorten", "remove"])
  func altered(how: String) throws {
    let (world, _, ben) = try behind(.pieces)
    let spool = "\(ben.store.path).cordee-pull-commons"
    var asked = 0
    world.loop.tamper = { request in
      guard request.path.hasSuffix("/log") else { return request }
      asked += 1
      guard asked == 4, var reader = try? FileReader(spool), var bytes = try? reader.read(1 << 20)
      else { return request }
      switch how {
      case "flip": bytes[bytes.count / 2] ^= 1
      case "shorten": bytes.removeLast(100)
      default:
        Files.remove(spool)
        return request
      }
      var writer = try? FileWriter(spool)
      try? writer?.write(bytes)
      return request
    }
    #expect(try world.sync(ben).pulled == 60)
    #expect(asked > 8)
    #expect(try ben.store.evidence().isEmpty)
    world.loop.tamper = nil
    try world.settle()
    #expect(try world.digests().count == 1)
    try world.audit(ben)
  }

  @Test("A spool that ends at an older checkpoint is read on from, and central is not doubted")
  func older() throws {
    let (world, ana, ben) = try behind(.pieces)
    // The whole log came, but could not be taken: the file was held by another program.
    let other = try second(ben)
    var holds = false
    world.loop.tamper = { request in
      let size = Files.size("\(ben.store.path).cordee-pull-commons") ?? 0
      if request.path.hasSuffix("/log"), !holds, size > 9_000 {
        holds = true
        try? other.store.withConnection { try $0.execute("BEGIN IMMEDIATE") }
      }
      return request
    }
    #expect(throws: StoreError.self) { try world.sync(ben) }
    try other.store.withConnection { try $0.execute("ROLLBACK") }
    #expect(holds)
    world.loop.tamper = nil
    try ana.edit("UPDATE club SET city = 'later' WHERE id = 'club-9'")
    try world.sync(ana)
    try world.merge()
    #expect(try world.sync(ben).pulled == 61)
    #expect(try ben.store.evidence().isEmpty)
    try world.sync(ana)
    #expect(try world.digests().count == 1)
  }

  @Test("R10: a cursor is never set beyond what was applied")
  func invariant() throws {
    let (world, _, ben) = try behind(.onePiece)
    try world.sync(ben)
    let end = try ben.store.logEnd(of: "commons")
    let instance = world.central.instance
    func set(_ seq: Int, _ hash: Hash) throws {
      try ben.store.write {
        try ben.store.setCursor(Cursor(instance: instance, seq: seq, hash: hash), of: "commons")
      }
    }
    #expect(throws: Never.self) { try set(end.seq, end.hash) }
    let before = try ben.store.logHash(of: "commons", at: end.seq - 1)
    for (seq, hash) in [
      (end.seq + 1, end.hash), (end.seq, Hash.zero), (0, Hash.zero), (end.seq - 1, before ?? .zero),
    ] {
      do {
        try set(seq, hash)
        Issue.record("\(seq) was taken")
      } catch let error as StoreError {
        #expect(error.code == .cursor)
      }
    }
    try world.audit(ben)
  }

  @Test("History fetched by two at once is taken once")
  func history() throws {
    let (world, _, _) = try behind(.snapshot)
    world.loop.routes.logPieceBytes = 2_000
    let late = try world.join()
    _ = try late.sync(now: world.loop.now, at: world.loop.at, fetchesHistory: false)
    #expect(try late.store.gap(in: "commons") != nil)
    let other = try second(late)
    during("/log", world) {
      Files.remove(Files.resolved(late.store.path) + ".sync-lock")
      #expect(throws: Never.self) { try world.sync(other) }
    }
    #expect(throws: StoreError.self) { try world.sync(late) }
    try world.settle()
    #expect(try late.store.gap(in: "commons") == nil)
    try world.audit(late)
  }
}

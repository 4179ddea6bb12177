import Disk
import Foundation
import SQLite
import Testing

@Suite("A disk in memory that can fail")
struct DiskTests {
  let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
    .appending(path: "cordee-disk-\(UUID().uuidString)").path

  private func open(_ path: String, mode: Connection.Mode = .create) throws -> Connection {
    let connection = try Connection(path: path, mode: mode, busyTimeoutMilliseconds: 0)
    try connection.execute("PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL")
    return connection
  }

  private func count(_ path: String) throws -> Int? {
    try open(path).first("SELECT count(*) FROM t") { $0.int(0) }
  }

  @Test("databases lie in memory, and two connections see each other's commits and locks")
  func shares() throws {
    let disk = try #require(Disk(folder: folder))
    defer { withExtendedLifetime(disk) {} }
    let path = "\(folder)/a.sqlite"
    let one = try open(path)
    try one.execute("CREATE TABLE t(x); INSERT INTO t VALUES(1)")
    let other = try open(path)
    #expect(try other.first("SELECT count(*) FROM t") { $0.int(0) } == 1)
    try one.execute("BEGIN IMMEDIATE; INSERT INTO t VALUES(2)")
    let refused = #expect(throws: SQLiteError.self) { try other.execute("BEGIN IMMEDIATE") }
    #expect(refused?.isBusy == true)
    try one.execute("COMMIT")
    #expect(try other.first("SELECT count(*) FROM t") { $0.int(0) } == 2)
    #expect(disk.size(path) ?? 0 > 0)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test(
    "a crash at any write, with or without the power, leaves all of a transaction or nothing, and committed rows always",
    arguments: [false, true])
  func crashes(losesPower: Bool) throws {
    let disk = try #require(Disk(folder: folder))
    defer { withExtendedLifetime(disk) {} }
    let path = "\(folder)/a.sqlite"
    var struck = 0
    for after in 1...60 {
      disk.remove(path)
      var acknowledged = 0
      do {
        let connection = try open(path)
        try connection.execute("CREATE TABLE t(x)")
        disk.arm(.crash, after: after, prefix: path)
        for _ in 0..<5 {
          try connection.transaction { () throws in
            for _ in 0..<3 { try connection.run("INSERT INTO t VALUES(randomblob(2000))") }
          }
          acknowledged += 3
        }
      } catch {
        struck += 1
      }
      disk.disarm()
      if losesPower { disk.cutPower(prefix: path, seed: UInt64(after)) }
      let rows = try #require(try count(path))
      #expect(rows == acknowledged || rows == acknowledged + 3)
      #expect(try open(path).first("PRAGMA integrity_check") { $0.text(0) } == "ok")
    }
    #expect(struck > 20)
  }

  @Test(
    "with synchronous off, a power cut loses what was acknowledged: the disk does keep syncs apart")
  func controls() throws {
    let disk = try #require(Disk(folder: folder))
    defer { withExtendedLifetime(disk) {} }
    let path = "\(folder)/a.sqlite"
    var lost = 0
    for seed in 1...20 {
      disk.remove(path)
      do {
        let connection = try open(path)
        try connection.execute("CREATE TABLE t(x); PRAGMA synchronous=OFF; INSERT INTO t VALUES(1)")
      }
      disk.cutPower(prefix: path, seed: UInt64(seed))
      if (try? count(path)) != 1 { lost += 1 }
    }
    #expect(lost > 0)
  }

  @Test(
    "a full disk refuses growth and works again with room; one failed call is one failed transaction"
  )
  func fills() throws {
    let disk = try #require(Disk(folder: folder))
    defer { withExtendedLifetime(disk) {} }
    let path = "\(folder)/a.sqlite"
    let connection = try open(path)
    try connection.execute("CREATE TABLE t(x)")
    for fault in [Disk.Fault.full, .error] {
      disk.arm(fault, after: 1, prefix: path)
      let error = #expect(throws: SQLiteError.self) {
        try connection.run("INSERT INTO t VALUES(zeroblob(100000))")
      }
      #expect(fault == .full ? error?.isFull == true : error?.isIOError == true)
      #expect(disk.hasStruck)
      disk.disarm()
      try connection.run("INSERT INTO t VALUES(zeroblob(100000))")
    }
    #expect(try connection.first("SELECT count(*) FROM t") { $0.int(0) } == 2)
  }

  @Test("R13: a disk that is full while a gathered journal is written leaves every row as it was")
  func fullUnderJournal() throws {
    let disk = try #require(Disk(folder: folder))
    defer { withExtendedLifetime(disk) {} }
    let connection = try Connection(path: "\(folder)/a.sqlite", mode: .create, gathersJournal: true)
    try connection.execute(
      "PRAGMA journal_mode=TRUNCATE; CREATE TABLE t(id INTEGER PRIMARY KEY, x)")
    for id in 1...60 { try connection.run("INSERT INTO t VALUES(?, zeroblob(3000))", .int(id)) }
    for rows in [3, 60] {
      for fault in [Disk.Fault.full, .error] {
        disk.arm(fault, after: 1, prefix: folder)
        let error = #expect(throws: SQLiteError.self) {
          try connection.run("UPDATE t SET x = zeroblob(2000) WHERE id <= ?", .int(rows))
        }
        #expect(error?.isFull == true || error?.isIOError == true)
        #expect(disk.hasStruck)
        disk.disarm()
        #expect(try connection.first("SELECT sum(length(x)) FROM t") { $0.int(0) } == 180_000)
        #expect(try connection.first("PRAGMA integrity_check") { $0.text(0) } == "ok")
      }
    }
  }

  @Test(
    "a sync that lies costs what was acknowledged when the power is cut, and nothing while it is not"
  )
  func lyingSync() throws {
    let disk = try #require(Disk(folder: folder))
    defer { withExtendedLifetime(disk) {} }
    let path = "\(folder)/a.sqlite"
    var lost = 0
    for seed in 1...20 {
      disk.remove(path)
      do {
        let connection = try open(path)
        try connection.execute("CREATE TABLE t(x)")
        disk.arm(.lyingSync, after: 1, prefix: path)
        try connection.execute("INSERT INTO t VALUES(1)")
        #expect(disk.hasStruck)
        #expect(try count(path) == 1)
      }
      disk.disarm()
      if disk.cutPower(prefix: path, seed: UInt64(seed)) > 0, (try? count(path)) != 1 { lost += 1 }
    }
    #expect(lost > 0)
  }

  @Test(
    "a lost write leaves one page as it was, a misdirected one spoils another page; nobody is told",
    arguments: [Disk.Fault.lostWrite, .misdirectedWrite])
  func falseWrites(fault: Disk.Fault) throws {
    let disk = try #require(Disk(folder: folder))
    defer { withExtendedLifetime(disk) {} }
    let path = "\(folder)/a.sqlite"
    var differing = 0
    for after in stride(from: 1, through: 46, by: 5) {
      disk.remove(path)
      do {
        let connection = try open(path)
        try connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x)")
        for id in 1...12 {
          try connection.run("INSERT INTO t VALUES(?, zeroblob(3000))", .int(id))
        }
        disk.arm(fault, after: after, prefix: path, salt: UInt64(after))
        try connection.execute("UPDATE t SET x = zeroblob(2999) WHERE id < 12")
        #expect(disk.hasStruck)
        disk.disarm()
      }
      let sum = try? open(path).first("SELECT sum(length(x)) FROM t") { $0.int(0) }
      let sound = try? open(path).first("PRAGMA integrity_check") { $0.text(0) }
      if sum != 35_989 || sound != "ok" { differing += 1 }
    }
    // A write to the journal is not missed as long as nothing else happens.
    #expect((1...9).contains(differing))
  }

  @Test("an interrupt stops a statement in its midst, and never one that has taken effect")
  func interrupts() throws {
    let disk = try #require(Disk(folder: folder))
    defer { withExtendedLifetime(disk) {} }
    let path = "\(folder)/a.sqlite"
    let connection = try open(path)
    try connection.execute("CREATE TABLE t(x)")
    var (rows, stopped) = (0, 0)
    for after in 1...600 {
      disk.arm(.interrupt, after: after, prefix: path)
      do {
        try connection.transaction { () throws in
          for _ in 0..<3 { try connection.run("INSERT INTO t VALUES(1)") }
        }
        rows += 3
      } catch {
        stopped += 1
      }
      disk.disarm()
      let isOpen = connection.isInTransaction
      #expect(!isOpen)
      #expect(try connection.first("SELECT count(*) FROM t") { $0.int(0) } == rows)
    }
    #expect(stopped > 20)
    #expect(rows > 0)
  }

  @Test("what is open lives on when the owner lets its disk go, and what is not fails in words")
  func outlives() throws {
    var disk = Disk(folder: folder)
    try #require(disk != nil)
    let connection = try open("\(folder)/a.sqlite")
    try connection.execute("CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(100000))")
    disk = nil
    #expect(try connection.first("SELECT sum(length(x)) FROM t") { $0.int(0) } == 100_000)
    #expect(throws: SQLiteError.self) {
      try connection.execute("INSERT INTO t VALUES(zeroblob(100000))")
    }
  }
}

import Causality
import Changes
import Disk
import Foundation
import SQLite
import Seal
import Testing
import Wire

@testable import Store

@Suite("A commit that fails, whether or not it stands after all")
struct FailedCommitTests {
  private static let schema = Schema(
    number: 1, spaces: ["commons"], roles: [],
    tables: [
      Table(
        "club", space: "commons", label: Label("Club", fr: "Club"),
        fields: [Field("name", label: Label("Name", fr: "Nom"))]),
      Table.replica(space: "commons"),
    ])

  private static let author = Author(
    network: ID128(high: 1, low: 2), actor: ActorID(replica: ID128(high: 3, low: 4), epoch: 5),
    at: "2027-01-15T08:00:00Z")

  private static func makeDisk() throws -> (disk: Disk, folder: String) {
    let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
      .appending(path: "cordee-commit-\(UUID().uuidString)").path
    return (try #require(Disk(folder: folder)), folder)
  }

  private static func write(_ id: String, into store: Store) throws {
    try store.write {
      try store.seal(
        [Write(RowKey(table: "club", id: id), .insert([FieldValue("name", .text(id))]))],
        space: "commons", author: author)
    }
  }

  private static func held(in store: Store) throws -> Int {
    try store.withConnection {
      try $0.first("SELECT count(*) FROM cordee_change") { $0.int(0) } ?? 0
    }
  }

  @Test(
    "leaves a program that goes on with what the file holds",
    arguments: [Store.Use.replica, .central])
  func goesOn(use: Store.Use) throws {
    let (disk, folder) = try Self.makeDisk()
    defer { withExtendedLifetime(disk) {} }
    var (struck, stood) = (0, 0)
    for after in 1...80 {
      let path = "\(folder)/\(after).sqlite"
      let store = try Store(path: path, schema: Self.schema, use: use, create: true)
      try Self.write("first", into: store)
      disk.arm(.error, after: after, prefix: path)
      var hasFailed = false
      do { try Self.write("second", into: store) } catch { hasFailed = true }
      let hasStruck = disk.hasStruck
      disk.disarm()
      guard hasStruck else { break }
      struck += 1
      let count = try Self.held(in: store)
      if hasFailed, count == 2 { stood += 1 }
      #expect(try store.head(of: Self.author.actor, in: "commons").n == count, "call \(after)")
      try Self.write("third", into: store)
      #expect(try Self.held(in: store) == count + 1, "call \(after)")
    }
    #expect(struck > 5)
    // With a write-ahead log nothing fails behind the mark that makes a commit stand.
    #expect(use == .central || stood > 0)
  }

  @Test("of a process that was killed is on the disk before central's next one speaks of it")
  func reopens() throws {
    let (disk, folder) = try Self.makeDisk()
    defer { withExtendedLifetime(disk) {} }
    /// Opens the file, does something, and is killed at once.
    func killed(_ path: String, _ body: (Store) throws -> Int) throws -> Int {
      let store = try Store(path: path, schema: Self.schema, use: .central, create: true)
      let count = try body(store)
      disk.arm(.crash, after: 0, prefix: path)
      return count
    }
    var shown = 0
    for after in 1...80 {
      let path = "\(folder)/\(after).sqlite"
      var hasFailed = false
      _ = try killed(path) { store in
        try Self.write("first", into: store)
        disk.arm(.crash, after: after, prefix: path)
        do { try Self.write("second", into: store) } catch { hasFailed = true }
        return 0
      }
      disk.disarm()
      let count = try killed(path) { try Self.held(in: $0) }
      disk.disarm()
      if hasFailed, count == 2 { shown += 1 }
      disk.cutPower(prefix: path, seed: UInt64(after))
      #expect(try killed(path) { try Self.held(in: $0) } == count, "call \(after)")
      disk.disarm()
      if !hasFailed { break }
    }
    #expect(shown > 0)
  }

  @Test(
    "leaves no hole in central's log of writes: what is committed later outlives a power cut",
    arguments: [false, true])
  func holes(isSpoken: Bool) throws {
    let (disk, folder) = try Self.makeDisk()
    defer { withExtendedLifetime(disk) {} }
    var struck = 0
    for after in 1...80 {
      let path = "\(folder)/\(after).sqlite"
      func open() throws -> Store {
        try Store(path: path, schema: Self.schema, use: .central, create: true)
      }
      let count = try {
        let store = try open()
        try Self.write("first", into: store)
        // Not awaited, as a nonce is.
        try store.write(awaitsDisk: false) { try store.setMeta("note", .integer(Int64(after))) }
        disk.arm(.error, after: after, prefix: path)
        do { try Self.write("second", into: store) } catch { struck += 1 }
        disk.disarm()
        if isSpoken { try store.write(awaitsDisk: false) { try store.setMeta("note", .null) } }
        try Self.write("third", into: store)
        let count = try Self.held(in: store)
        disk.arm(.crash, after: 0, prefix: path)
        return count
      }()
      disk.disarm()
      disk.cutPower(prefix: path, seed: UInt64(after))
      #expect(try Self.held(in: try open()) == count, "call \(after)")
      if count == 3 { break }
    }
    #expect(struck > 5)
  }

  @Test("in the midst of copying central's log into the file leaves no hole either")
  func copies() throws {
    let (disk, folder) = try Self.makeDisk()
    defer { withExtendedLifetime(disk) {} }
    /// A file with a change, and so many notes that were not awaited.
    func begun(_ name: String, notes: Int) throws -> Store {
      let store = try Store(
        path: "\(folder)/\(name).sqlite", schema: Self.schema, use: .central, create: true)
      try Self.write("first", into: store)
      for number in 0..<notes { try note(number, store) }
      return store
    }
    func note(_ number: Int, _ store: Store) throws {
      try store.write(awaitsDisk: false) { try store.setMeta("note", .integer(Int64(number))) }
    }
    let probe = try begun("probe", notes: 0)
    let before = disk.writes(probe.path)
    var (last, calls) = (0, 0)
    while disk.writes(probe.path) == before {
      calls = disk.calls
      try note(last, probe)
      last += 1
    }
    for after in 1...(disk.calls - calls) {
      let path = "\(folder)/\(after).sqlite"
      try {
        let store = try begun("\(after)", notes: last - 1)
        disk.arm(.error, after: after, prefix: path)
        try? note(last, store)
        #expect(disk.hasStruck)
        disk.disarm()
        try Self.write("second", into: store)
        disk.arm(.crash, after: 0, prefix: path)
      }()
      disk.disarm()
      disk.cutPower(prefix: path, seed: UInt64(after))
      let again = try Store(path: path, schema: Self.schema, use: .central)
      #expect(try Self.held(in: again) == 2, "call \(after)")
      #expect(
        try again.withConnection { try $0.first("PRAGMA quick_check") { $0.text(0) } } == "ok")
    }
  }

  @Test("and whatever cuts the mending of it, what was acknowledged stands in a sound file")
  func mends() throws {
    let (disk, folder) = try Self.makeDisk()
    defer { withExtendedLifetime(disk) {} }
    var isCut = true
    for failing in [8, 9, 10, 11, 12, 14, 16, 18, 20] {
      isCut = true
      for after in 1...200 where isCut {
        let path = "\(folder)/\(failing)-\(after).sqlite"
        let count = try {
          let store = try Store(path: path, schema: Self.schema, use: .central, create: true)
          try Self.write("first", into: store)
          try store.write(awaitsDisk: false) { try store.setMeta("note", .integer(1)) }
          disk.arm(.error, after: failing, prefix: path)
          try? Self.write("second", into: store)
          disk.disarm()
          let count = try Self.held(in: store)
          disk.arm(.crash, after: after, prefix: path)
          do { try Self.write("third", into: store) } catch {}
          isCut = disk.hasStruck
          disk.arm(.crash, after: 0, prefix: path)
          return count + (isCut ? 0 : 1)
        }()
        disk.disarm()
        disk.cutPower(prefix: path, seed: UInt64(after * 31 + failing))
        let again = try Store(path: path, schema: Self.schema, use: .central)
        #expect(try Self.held(in: again) >= count, "call \(failing), then \(after)")
        #expect(
          try again.withConnection { try $0.first("PRAGMA quick_check") { $0.text(0) } } == "ok")
      }
    }
  }

  @Test(
    "A transaction that an earlier call could not end swallows no later one",
    arguments: [Store.Use.replica, .central])
  func stuck(use: Store.Use) throws {
    let (disk, folder) = try Self.makeDisk()
    defer { withExtendedLifetime(disk) {} }
    let path = "\(folder)/stuck.sqlite"
    do {
      let store = try Store(path: path, schema: Self.schema, use: use, create: true)
      try store.withConnection { try $0.execute("BEGIN; DELETE FROM cordee_meta") }
      try Self.write("first", into: store)
    }
    let store = try Store(path: path, schema: Self.schema, use: use)
    #expect(try Self.held(in: store) == 1)
  }
}

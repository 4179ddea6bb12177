import Changes
import Foundation
import HTTPServer
import SQLite
import Store
import Testing

@testable import cordee_bench

/// The bench on a small registry, in this process: relations that no clock can spoil.
@Suite("The bench", .timeLimit(.minutes(15)))
struct BenchTests {
  @Test("an idle sync is one round trip under 1,600 bytes, TCP and IP included")
  func idle() throws {
    let bench = try Bench(records: 200)
    let figures = try bench.cordee().idle()
    #expect(figures.requests == 1)
    #expect(figures.bytes <= 1600)
    #expect(figures.bytes > Link.connectionBytes)
  }

  @Test("100 edits reach another member; both sides and the plain table hold the same")
  func behind() throws {
    let bench = try Bench(records: 400)
    let figures = try bench.cordee().behind(100)
    #expect(figures.statements > 0)
    _ = try bench.reference().behind(100)
    try bench.stop()
    let digests = try ["central", "reader"].map { name in
      try Store(path: "\(bench.folder)/\(name).sqlite", schema: .bench, use: .reader)
        .digest("commons")
    }
    #expect(Set(digests).count == 1)
    let tables = try ["reader", "plain-reader", "plain-author"].map(bench.rows)
    #expect(tables[0].count == 400)
    #expect(Set(tables).count == 1)
    // The edits did happen: the first rows are not those the registry began with.
    #expect(try bench.rows("plain") != tables[0])
  }

  @Test("what two sides edited alike is listed once a record, what they edited apart not at all")
  func meetings() throws {
    let bench = try Bench(records: 400)
    #expect(try bench.cordee().meeting(40, sameField: false).conflicts == 0)
    let apart = try ["author", "reader"].map(bench.rows)
    #expect(Set(apart).count == 1)
    for edit in Generator.meetings(40, records: 400, round: 0, sameField: false).reader {
      let row = try #require(apart[0].first { $0[0] == .text(edit.id) })
      #expect(row.contains(edit.value))
    }
    let alike = try Bench(records: 400)
    #expect(try alike.cordee().meeting(40, sameField: true).conflicts == 40)
    _ = try alike.reference().meeting(40, sameField: false)
    try alike.stop()
    #expect(try alike.rows("plain-central") != alike.rows("plain"))
    #expect(try alike.rows("author") == alike.rows("reader"))
  }

  @Test("fifty replicas pull what one pulls, fifty times, and leave no copy behind")
  func members() throws {
    let bench = try Bench(records: 200)
    let crowd = try bench.cordee().members(20)
    let other = try Bench(records: 200)
    let one = try other.cordee().behind(20)
    #expect(crowd.requests == one.requests * Crowd.count)
    #expect(abs(crowd.bytes - one.bytes * Crowd.count) * 20 <= crowd.bytes)
    #expect(try bench.reference().members(20).requests == Crowd.count)
    let files = try FileManager.default.contentsOfDirectory(atPath: bench.folder)
    #expect(!files.contains { $0.contains(".copy") })
  }

  @Test("edits pushed and merged stand at central; a new member reads what a changeset brings")
  func push() throws {
    let bench = try Bench(records: 200)
    _ = try bench.cordee().push(50)
    _ = try bench.reference().push(50)
    _ = try bench.cordee().coldStart()
    _ = try bench.reference().coldStart()
    try bench.stop()
    #expect(try bench.rows("central") == bench.rows("plain-central"))
    #expect(try bench.rows("new0") == bench.rows("central"))
    #expect(try bench.rows("new-plain0") == bench.rows("plain"))
  }

  @Test("a pull costs the same in bytes and statements when the registry is ten times larger")
  func flat() throws {
    let (tenth, whole) = (try Bench(records: 150), try Bench(records: 1500))
    let (small, large) = (try tenth.cordee().behind(20), try whole.cordee().behind(20))
    #expect(abs(large.bytes - small.bytes) * 5 <= small.bytes)
    #expect(abs(large.statements - small.statements) * 5 <= small.statements)
  }

  @Test("what is captured and sealed on a replica is what the plain table took")
  func edits() throws {
    let bench = try Bench(records: 200)
    _ = try bench.cordee().edits(40, grouping: .eachItsOwn)
    _ = try bench.reference().edits(40, grouping: .eachItsOwn)
    #expect(try bench.rows("author") == bench.rows("plain-author"))
    let store = try Store(path: "\(bench.folder)/author.sqlite", schema: .bench, use: .replica)
    #expect(try store.touchedRows() == 40)
  }

  @Test("options: numbers in range, known names, or a usage error")
  func options() throws {
    let options = try Options(["idle", "--records=500", "--rounds", "1", "--json"])
    #expect(options.workloads.map(\.name) == ["idle"])
    #expect((options.records, options.rounds, options.wantsJSON) == (500, 1, true))
    #expect(try Options([]).workloads.count == Workload.all.count)
    for wrong in [["--records"], ["--records", "7"], ["--rounds", "x"], ["nap"], ["--fast"]] {
      #expect(throws: UsageError.self) { try Options(wrong) }
    }
    for workload in Workload.all { #expect(CordeeBench.help.contains("  \(workload.name) ")) }
  }

  @Test("a goal that is not reached is named, one that is reached is not")
  func goals() {
    var slow = Figures()
    slow.wall = 2
    slow.bytes = 7000
    var reference = Figures()
    reference.wall = 1.5
    let workload = Workload(
      name: "x", title: "x", references: [], goal: .init(wallMax: 1, cpuMax: 1, bytesMax: 6000))
    let outcome = Outcome(
      workload: workload, records: 1, edits: 1, cordee: slow, references: [("r", reference)])
    // Without a processor time to stand beside there is no ratio, and no goal is met.
    #expect(outcome.misses == ["wall", "cpu", "bytes"])
    slow.wall = 1
    slow.bytes = 6000
    reference.cpu = 1
    let better = Outcome(
      workload: workload, records: 1, edits: 1, cordee: slow, references: [("r", reference)])
    #expect(better.misses.isEmpty)
  }
}

/// Files and both servers in this process.
private final class Bench {
  let folder: String
  private let records: Int
  private var servers: [ServerBox] = []

  private struct ServerBox {
    let port: UInt16
    let stop: () -> Void
  }

  init(records: Int) throws {
    self.records = records
    let root = FileManager.default.temporaryDirectory.appending(
      path: "cordee-bench-test-\(UUID().uuidString)")
    folder = root.appending(path: "work").path
    let base = Base(folder: root.appending(path: "base").path, records: records)
    try FileManager.default.createDirectory(
      atPath: base.folder, withIntermediateDirectories: true)
    try base.make()
    try base.copy(to: folder)
    let central = CentralService(try CentralService.open(folder))
    let reference = try ReferenceService(
      path: "\(folder)/plain-central.sqlite",
      keeping: Array(try Data(contentsOf: URL(filePath: "\(folder)/changeset.zst"))))
    for handler in [central.answer, reference.answer] {
      let server = try Service.serve(handler)
      servers.append(ServerBox(port: server.port, stop: { server.stop() }))
    }
  }

  deinit {
    for server in servers { server.stop() }
    let root = URL(filePath: folder).deletingLastPathComponent()
    try? FileManager.default.removeItem(at: root)
  }

  /// Lets go of the files, so that they can be read.
  func stop() throws {
    for server in servers { server.stop() }
    servers = []
  }

  func cordee() -> CordeeSide {
    CordeeSide(folder: folder, port: servers.first?.port ?? 1, records: records, round: 0)
  }

  func reference() -> ReferenceSide {
    ReferenceSide(folder: folder, port: servers.last?.port ?? 1, records: records, round: 0)
  }

  func rows(_ file: String) throws -> [[Value]] {
    let db = try Connection(path: "\(folder)/\(file).sqlite", mode: .readOnly)
    return try db.all("SELECT * FROM record ORDER BY id") { row in
      (0..<row.columnCount).map { column in
        switch row.kind(column) {
        case .null: .null
        case .integer: .integer(row.integer(column))
        case .real: .real(row.real(column))
        case .text: .text(row.text(column))
        case .blob: .blob(row.bytes(column))
        }
      }
    }
  }
}

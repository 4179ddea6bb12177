import Changes
import Foundation
import Registry
import Replica
import SQLite
import Seal
import Store
import Testing

/// Replicas that earlier versions wrote, kept in `Fixtures/files`.
@Suite("Files of earlier versions", .timeLimit(.minutes(15)))
struct OldFileTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Fixtures/files").standardizedFileURL

  /// The layouts there is a file of.
  static let layouts =
    (try? FileManager.default.contentsOfDirectory(atPath: folder.path))
    .map { $0.filter { $0.hasSuffix(".zst") }.sorted() } ?? []

  @Test("there is a file of every layout up to this one")
  func complete() throws {
    let scratch = FileManager.default.temporaryDirectory.appending(path: "cordee-\(UUID())")
    defer {
      for end in ["", "-journal"] {
        try? FileManager.default.removeItem(atPath: scratch.path + end)
      }
    }
    let store = try Store(path: scratch.path, schema: .registry, use: .replica, create: true)
    let layout = Int(try store.meta("layout")?.integer ?? 0)
    #expect(layout >= 1)
    #expect(Self.layouts == (1...layout).map { "replica-layout-\($0).zst" }.sorted())
  }

  @Test(
    "R14, R16: opened, read, edited, sealed and audited; what waited in it still waits",
    arguments: layouts)
  func opens(_ name: String) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "cordee-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "replica.sqlite").path
    let packed = Array(try Data(contentsOf: Self.folder.appending(path: name)))
    try Data(Zstd.decompress(packed, limit: 1 << 26)).write(to: URL(filePath: path))

    // The upgrade makes triggers anew; what was edited while one was gone is found all the same.
    let copy = folder.appending(path: "lost.sqlite").path
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    try Connection(path: copy, mode: .readWrite).execute(
      "DROP TRIGGER cordee_organisation_set_note; UPDATE organisation SET note = 'unseen' WHERE slug = 'ecuador'"
    )
    #expect(try Store(path: copy, schema: .registry, use: .replica).mended?.rows == 1)

    let store = try Store(path: path, schema: .registry, use: .replica)
    #expect(store.mended == nil)
    let identity = try Identity(store)
    #expect(try OfficialList(store, on: "2014-09-17").entries?.count == 12)
    #expect(try store.waiting().local == 1)
    #expect(try store.touchedRows() == 1)
    let conflicts = try store.conflicts()
    #expect(conflicts.map(\.field).sorted { ($0 ?? "") < ($1 ?? "") } == [nil, "contact"])
    let contact = conflicts.first { $0.field == "contact" }
    #expect(Set(contact?.siblings.map(\.value) ?? []) == [.text("A"), .text("B")])
    func shown(_ reference: String, _ field: String) throws -> Value {
      try store.state(of: store.resolve(reference)).shown(field)
    }
    #expect(try shown("organisation/ecuador", "contact") == .text("unsent"))
    #expect(try shown("place/rio", "un_locode") == .text("BR RIO"))
    #expect(try !store.state(of: store.resolve("place/paris")).isShown)

    try Connection(path: path, mode: .readWrite).execute(
      "UPDATE organisation SET note = 'later' WHERE slug = 'ecuador'")
    let author = Author(
      network: identity.network, actor: identity.actor, at: "2027-01-15T08:00:00Z")
    #expect(try store.write { try store.seal(as: author) } == 2)
    #expect(try store.waiting().local == 3)
    #expect(try shown("organisation/fmdv", "website") == .text("https://www.example.org/"))
    #expect(try shown("organisation/ecuador", "note") == .text("later"))

    let reader = try Store(path: path, schema: .registry, use: .reader)
    let report = try Audit(
      of: reader, centralKey: identity.centralKey,
      scratchPath: folder.appending(path: "scratch").path
    ).run()
    // Layout 1 did not keep what central signed at the file's place; its next news are kept.
    #expect(report.findings.map(\.code) == (name == "replica-layout-1.zst" ? ["kept.missing"] : []))
    #expect(!report.has(.damage))
  }
}

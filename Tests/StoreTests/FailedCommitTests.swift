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

  @Test(
    "leaves a program that goes on with what the file holds",
    arguments: [Store.Use.replica, .central])
  func goesOn(use: Store.Use) throws {
    let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
      .appending(path: "cordee-commit-\(UUID().uuidString)").path
    let disk = try #require(Disk(folder: folder))
    defer { withExtendedLifetime(disk) {} }
    let author = Author(
      network: ID128(high: 1, low: 2), actor: ActorID(replica: ID128(high: 3, low: 4), epoch: 5),
      at: "2027-01-15T08:00:00Z")
    var (struck, stood) = (0, 0)
    for after in 1...80 {
      let path = "\(folder)/\(after).sqlite"
      let store = try Store(path: path, schema: Self.schema, use: use, create: true)
      func write(_ id: String) throws {
        try store.write {
          try store.seal(
            [Write(RowKey(table: "club", id: id), .insert([FieldValue("name", .text(id))]))],
            space: "commons", author: author)
        }
      }
      func held() throws -> Int {
        try store.withConnection {
          try $0.first("SELECT count(*) FROM cordee_change") { $0.int(0) } ?? 0
        }
      }
      try write("first")
      disk.arm(.error, after: after, prefix: path)
      var hasFailed = false
      do { try write("second") } catch { hasFailed = true }
      let hasStruck = disk.hasStruck
      disk.disarm()
      guard hasStruck else { break }
      struck += 1
      let count = try held()
      if hasFailed, count == 2 { stood += 1 }
      #expect(try store.head(of: author.actor, in: "commons").n == count, "call \(after)")
      try write("third")
      #expect(try held() == count + 1, "call \(after)")
    }
    #expect(struck > 5)
    // With a write-ahead log nothing fails behind the mark that makes a commit stand.
    #expect(use == .central || stood > 0)
  }
}

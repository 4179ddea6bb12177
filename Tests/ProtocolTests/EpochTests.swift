import Causality
import Changes
import Foundation
import Registry
import Seal
import Testing
import Wire

@testable import Store

/// Chapter 13, run from `epochs.json`.
@Suite("Vectors: changes sealed again", .timeLimit(.minutes(15)))
struct EpochVectorTests {
  private let file: JSON
  private let network: NetworkID
  private let space: String

  init() throws {
    file = try Specification.vectors("epochs")
    network = try #require(NetworkID(try file.text("network")))
    space = try file.text("space")
  }

  private func lines(_ actor: ActorID, of store: Store) throws -> [String] {
    try store.ownChanges(of: actor, in: space).map {
      String(decoding: ChangeEncoding.line(of: $0), as: UTF8.self)
    }
  }

  /// A file that sealed the changes of the vectors, with what it had heard before each.
  private func store(_ actor: ActorID, in folder: URL) throws -> (Store, Author) {
    let store = try Store(
      path: folder.appending(path: UUID().uuidString).path, schema: .registry, use: .replica,
      create: true)
    let author = try Author(network: network, actor: actor, at: file.text("at"))
    let heard = try file.cases("heard").compactMap { $0.integer.map(Int.init) }
    let others = try file.cases("others").map { Array(try #require($0.string).utf8) }
    var (known, head) = (0, Hash.zero)
    for (change, upTo) in zip(try file.cases("changes"), heard) {
      for bytes in others[known..<upTo] {
        known += 1
        let entry = LogEntry(
          seq: known, change: Store.change(try ChangeDecoding.line(bytes), previous: head),
          verdict: .applied, hash: .zero, signatures: nil)
        head = entry.change.hash
        try store.write { try store.integrate(entry) }
      }
      let line = try ChangeDecoding.line(Array(try #require(change.string).utf8))
      let body = try ChangeDecoding.body(try #require(line.bodyBytes))
      try store.write {
        try store.seal(body.writes, space: space, author: author, was: body.was)
      }
    }
    return (store, author)
  }

  @Test(
    "above the common point they have these bytes, with their contexts, weights and first names")
  func again() throws {
    let secret = try #require(Base64URL.decode(try file.text("secret")))
    let source = Randomness.Source { Array(secret.prefix($0)) }
    let old = try #require(ActorID(try file.text("old")))
    let new = try #require(ActorID(try file.text("new")))
    let changes = try file.cases("changes").compactMap(\.string)
    let folder = FileManager.default.temporaryDirectory.appending(path: "cordee-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Randomness.$source.withValue(source) {
      for item in try file.cases("epochs") {
        let (store, author) = try store(old, in: folder)
        #expect(try lines(old, of: store) == changes)
        let point = try item.number("point")
        _ = try store.write {
          try store.beginEpoch(.copied, as: new, author: author, standing: [space: point])
        }
        #expect(try lines(new, of: store) == item.cases("lines").compactMap(\.string))
        #expect(try lines(old, of: store) == Array(changes.prefix(point)))
        #expect(try store.head(of: old, in: space).n == point)
        guard point == 1 else { continue }
        let next = try file.cases("twice")[0]
        let last = try #require(ActorID(try next.text("actor")))
        let present = Author(network: network, actor: new, at: author.at)
        _ = try store.write {
          try store.beginEpoch(.copied, as: last, author: present, standing: [:])
        }
        #expect(try lines(last, of: store) == next.cases("lines").compactMap(\.string))
      }
    }
  }
}

import Causality
import Changes
import Seal
import Testing
import Wire

@testable import Store

/// Chapters 8, 10, 11 and 16, run from `log.json` and `file.json`.
@Suite("Vectors: the log, checkpoints, snapshots, packed numbers", .timeLimit(.minutes(15)))
struct LogVectorTests {
  @Test("a log has these lines and these hashes")
  func entries() throws {
    let file = try Specification.vectors("log")
    let key = try #require(PublicKey(bytes: Base64URL.decode(try file.text("key")) ?? []))
    let network = try #require(NetworkID(try file.text("network")))
    let space = try file.text("space")
    var (previous, chain) = (Hash.zero, Hash.zero)
    for item in try file.cases("entries") {
      let bytes = Array(try item.text("line").utf8)
      guard
        case .entry(let seq, let line, let verdict, let signatures, let raw) =
          try LogLine.parse(bytes)
      else {
        Issue.record("no entry")
        continue
      }
      let change = Store.change(line, previous: chain)
      chain = change.hash
      previous = Store.hash(
        Preimage.log(
          previous: previous, seq: seq, dot: change.dot, verdict: verdict, hash: chain))
      #expect(try seq == item.number("seq"))
      #expect(try verdict.text == item.text("verdict"))
      #expect((line.bodyBytes == nil) == item.isTrue("withheld"))
      #expect(chain.description == (try item.text("change_hash")))
      #expect(previous.description == (try item.text("log_hash")))
      let written = LogLine.entryLine(
        seq: seq, change: change, verdict: verdict, signatures: raw, withholdsBody: false)
      #expect(written == bytes)
      let message = Preimage.segment(
        network: network, space: space, head: change.dot, hash: change.hash)
      #expect(signatures.allSatisfy { key.verifies($0.value, of: message) })
    }
    for item in try file.cases("checkpoints") {
      let bytes = Array(try item.text("line").utf8)
      guard case .checkpoint(let signed, let checkpoint, let signatures) = try LogLine.parse(bytes)
      else {
        Issue.record("no checkpoint")
        continue
      }
      #expect(try signed == Array(item.text("signed").utf8))
      #expect(checkpoint.bytes == signed)
      #expect(checkpoint.hash == previous)
      #expect(try checkpoint.seq == item.number("seq"))
      #expect(
        !signatures.isEmpty
          && signatures.allSatisfy { key.verifies($0.value, of: Preimage.checkpoint(signed)) })
      #expect(LogLine.checkpointLine(signed, signatures: signatures) == bytes)
    }
  }

  @Test("lines that are no part of a log are refused")
  func refused() throws {
    for item in try Specification.vectors("log").cases("refused") {
      let text = try item.text("line")
      #expect(throws: WireError.self, "\(text)") { try LogLine.parse(Array(text.utf8)) }
    }
  }

  @Test("a snapshot's first line is signed over its exact bytes")
  func snapshots() throws {
    let file = try Specification.vectors("log")
    let key = try #require(PublicKey(bytes: Base64URL.decode(try file.text("key")) ?? []))
    for item in try file.cases("snapshots") {
      let (snapshot, signed, signatures) = try Snapshot.parse(
        line: Array(try item.text("line").utf8))
      #expect(try signed == Array(item.text("signed").utf8))
      #expect(snapshot.encoded == signed)
      #expect(signatures.allSatisfy { key.verifies($0.value, of: Preimage.snapshot(signed)) })
      let image = bytes(hex: try item.text("image_hex"))
      #expect(Store.hash([Preimage.image, image]) == snapshot.hash)
    }
    for item in try file.cases("no_snapshots") {
      let text = try item.text("line")
      #expect(throws: WireError.self, "\(text)") { try Snapshot.parse(line: Array(text.utf8)) }
    }
  }

  @Test("a short form stands for these full lines")
  func short() throws {
    let file = try Specification.vectors("short")
    for item in try file.cases("keys") {
      let secret = try #require(Base64URL.decode(try item.text("secret")))
      let key = Run.key(secret: secret, n: try item.number("n"))
      #expect(try Base64URL.encode(key) == item.text("key"))
    }
    func expand(_ item: JSON) throws -> [String] {
      var reader = ShortReader(isLog: item.isTrue("log"), bytesMax: 1 << 20)
      return try item.cases("short").compactMap { line in
        try reader.full(Array(#require(line.string).utf8))
          .map { String(decoding: $0, as: UTF8.self) }
      }
    }
    for item in try file.cases("streams") {
      #expect(try expand(item) == item.cases("full").compactMap(\.string))
    }
    for item in try file.cases("refused") {
      let error = #expect(throws: WireError.self) { try expand(item) }
      #expect(try error?.code.rawValue == item.text("code"))
    }
  }

  @Test("numbers are packed seven bits a byte")
  func packed() throws {
    let file = try Specification.vectors("file")
    for item in try file.cases("numbers") {
      var (out, place): ([UInt8], Int) = ([], 0)
      let number = Int(try #require(item["number"]?.integer))
      Varint.append(number, to: &out)
      #expect(out == bytes(hex: try item.text("hex")))
      #expect(Varint.read(out, &place) == number && place == out.count)
    }
    for item in try file.cases("exceptions") {
      let packed = bytes(hex: try item.text("hex"))
      var place = 0
      for group in try item.cases("groups") {
        for number in try #require(group.array) {
          #expect(Varint.read(packed, &place) == Int(try #require(number.integer)))
        }
      }
      #expect(place == packed.count)
    }
    for item in try file.cases("lines") {
      let stamp = try item.cases("stamp").map { Int(try #require($0.integer)) }
      let check = RecentStamps.check(
        actor: stamp[0], n: stamp[1], weight: stamp[2], width: stamp[3],
        exceptions: item["exceptions"]?.string.map { bytes(hex: $0) })
      #expect(check == Int(try #require(item["line"]?.integer)))
    }
  }
}

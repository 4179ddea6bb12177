import Causality
import Changes
import Seal
import Testing
import Wire

/// Chapter 1, run from `names.json` and `vectors.json`.
@Suite("Vectors: names and version vectors", .timeLimit(.minutes(15)))
struct NamesTests {
  @Test("identifiers, actors and dots are read strictly")
  func names() throws {
    let vectors = try Specification.vectors("names")
    let readers: [(String, (String) -> String?)] = [
      ("identifiers", { ID128($0)?.description }), ("actors", { ActorID($0)?.description }),
      ("dots", { ChangeDecoding.dot($0)?.description }),
      ("names", { isIdentifier($0) ? $0 : nil }), ("tables", { isTableName($0) ? $0 : nil }),
    ]
    for (group, read) in readers {
      for item in try vectors.cases(group) {
        let text = try item.text("text")
        let isAccepted = try item.text("verdict") == "accepted"
        #expect(read(text) == (isAccepted ? text : nil), "\(group) \(text)")
      }
    }
  }

  @Test("bytes have one text, hashes are BLAKE2b-256")
  func bytesInText() throws {
    let vectors = try Specification.vectors("names")
    for item in try vectors.cases("bytes") {
      #expect(Base64URL.encode(bytes(hex: try item.text("hex"))) == (try item.text("text")))
      #expect(Base64URL.decode(try item.text("text")) == bytes(hex: try item.text("hex")))
    }
    for item in try vectors.cases("no_bytes") {
      #expect(Base64URL.decode(try item.text("text")) == nil)
    }
    for item in try vectors.cases("hashes") {
      let digest = Blake2b.hash(bytes(hex: try item.text("hex")))
      #expect(Hash(bytes: digest)?.description == (try item.text("hash")))
    }
  }

  @Test("a key names its replica; a key under which anyone could sign is none")
  func keys() throws {
    let vectors = try Specification.vectors("names")
    for item in try vectors.cases("keys") {
      let key = try #require(SigningKey(seed: bytes(hex: try item.text("seed")))).publicKey
      #expect(Base64URL.encode(key.bytes) == (try item.text("key")))
      #expect(ReplicaID(bytes: key.fingerprint)?.description == (try item.text("replica")))
    }
    for item in try vectors.cases("no_keys") {
      #expect(PublicKey(bytes: bytes(hex: try item.text("hex"))) == nil)
    }
  }

  private func vector(_ json: JSON) throws -> VersionVector {
    try ChangeDecoding.vector(json, "vector")
  }

  @Test("two vectors compare, merge and exceed each other")
  func vectors() throws {
    let file = try Specification.vectors("vectors")
    for item in try file.cases("pairs") {
      let left = try vector(item.member("left"))
      let right = try vector(item.member("right"))
      #expect(left.compare(right).rawValue == (try item.text("order")))
      var merged = left
      merged.merge(right)
      #expect(ChangeEncoding.json(merged).text() == (try item.member("merged").text()))
      #expect(
        ChangeEncoding.json(left.exceeding(right)).text() == (try item.member("exceeding").text()))
      #expect(left.sum == (try item.number("sum")))
    }
    for item in try file.cases("read") {
      let text = try item.text("text")
      let said = verdict { () throws(WireError) in
        _ = try ChangeDecoding.vector(try JSON.parse(Array(text.utf8)), "vector")
      }
      #expect((said == "accepted") == (try item.text("verdict") == "accepted"), "\(text)")
    }
  }

  @Test("what a change's author had seen")
  func sees() throws {
    for item in try Specification.vectors("vectors").cases("sees") {
      let author = Authorship(
        dot: try #require(ChangeDecoding.dot(try item.text("author"))),
        context: try vector(item.member("context")))
      let other = try #require(ChangeDecoding.dot(try item.text("other")))
      #expect(author.supersedes(other) == item.isTrue("seen"))
    }
  }
}

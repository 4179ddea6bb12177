import Changes
import Foundation
import HTTP
import Seal
import Testing
import Wire

/// Chapters 5 and 6, run from `requests.json`.
@Suite("Vectors: signed requests and problems", .timeLimit(.minutes(15)))
struct RequestVectorTests {
  private func request(_ item: JSON) throws -> Request {
    Request(
      method: try item.text("method"), target: try item.text("target"),
      headers: [
        "Content-Digest": try item.text("content_digest"),
        "Signature-Input": try item.text("signature_input"),
        "Signature": try item.text("signature"),
      ], body: Array(try item.text("body").utf8), authority: try item.text("authority"))
  }

  @Test("signatures cover these bytes, and our own are the same")
  func signed() throws {
    let file = try Specification.vectors("requests")
    let key = try #require(SigningKey(seed: bytes(hex: try file.text("seed"))))
    for item in try file.cases("signed") {
      let request = try request(item)
      let parsed = try MessageSignature.parse(request)
      #expect(parsed.base == Array(try item.text("base").utf8))
      #expect(try parsed.keyID == file.text("key_id"))
      #expect(try parsed.nonce == file.text("nonce"))
      #expect(parsed.created == (try file.number("created")))
      #expect(key.publicKey.verifies(parsed.signature, of: parsed.base))
      #expect(MessageSignature.digestMatches(request, sha256: { SHA256.hash($0) }))
      guard item.isTrue("canonical") else { continue }
      var plain = request
      plain.headers = Headers()
      let ours = MessageSignature.sign(
        plain, keyID: parsed.keyID, created: parsed.created, nonce: parsed.nonce,
        sha256: { SHA256.hash($0) }, sign: key.sign)
      #expect(ours == request)
    }
  }

  @Test("requests are refused before a key is looked at")
  func refused() throws {
    for item in try Specification.vectors("requests").cases("refused") {
      let request = try request(item)
      let refusal = #expect(throws: MessageSignature.Refusal.self) {
        try MessageSignature.parse(request)
      }
      #expect(try refusal.map(name) == item.text("refusal"))
    }
  }

  private func name(_ refusal: MessageSignature.Refusal) -> String {
    switch refusal {
    case .unsigned: "unsigned"
    case .malformed: "malformed"
    case .uncovered: "uncovered"
    case .unsupportedComponent: "unsupportedComponent"
    case .missingParameter: "missingParameter"
    case .unsupportedParameter: "unsupportedParameter"
    }
  }

  @Test("an invite is kept by its hash")
  func invites() throws {
    for item in try Specification.vectors("requests").cases("invites") {
      let secret = try #require(Base64URL.decode(try item.text("secret")))
      #expect(
        Blake2b.hash([Array("cordee.invite.1\n".utf8), secret])
          == bytes(hex: try item.text("hash_hex")))
    }
  }

  @Test("problems are one object each")
  func problems() throws {
    for item in try Specification.vectors("requests").cases("problems") {
      let text = Array(try item.text("text").utf8)
      let problem = try #require(Problem.parse(text, status: 409))
      #expect(try problem.code == item.text("code"))
      #expect(problem.json.bytes() == text)
    }
  }
}

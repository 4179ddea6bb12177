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

  @Test("every problem that the sources name is in the table, with its status [SP-510]")
  func table() throws {
    let table = try String(
      contentsOf: Specification.folder.appending(path: "problems.md"), encoding: .utf8)
    let rows = table.split(separator: "\n").filter { $0.hasPrefix("| `") }
      .map { $0.split(separator: "|", omittingEmptySubsequences: false) }
    let expression = try NSRegularExpression(
      pattern: #"Problem\(\s*"([a-z_.-]+)",\s*status: ([0-9]+)"#)
    var found = 0
    for file in try Specification.files(below: "Sources", [".swift"]) {
      let text = try String(contentsOf: file, encoding: .utf8)
      for match in expression.matches(in: text, range: NSRange(text.startIndex..., in: text)) {
        let code = try String(text[#require(Range(match.range(at: 1), in: text))])
        let status = try String(text[#require(Range(match.range(at: 2), in: text))])
        found += 1
        let row = rows.first { $0[1].contains("`\(code)`") }
        #expect(row != nil, "\(code) of \(file.lastPathComponent) is in no row")
        let isTold = row?[2].contains(status) == true || row?[2].contains("refused") == true
        #expect(isTold, "\(code) has status \(status) in \(file.lastPathComponent)")
      }
    }
    #expect(found > 20)
  }
}

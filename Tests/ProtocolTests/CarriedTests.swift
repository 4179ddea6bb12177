import Causality
import Changes
import Seal
import Store
import Testing
import Wire

/// Chapters 12 and 15, run from `healing.json` and `bundles.json`.
@Suite("Vectors: what heals, and bundles", .timeLimit(.minutes(15)))
struct CarriedVectorTests {
  /// Reads every line of a group; what was taken is written again as the same bytes.
  private func run(
    _ file: String, _ group: String, _ again: ([UInt8]) throws(WireError) -> [UInt8]?
  ) throws {
    let cases = try Specification.vectors(file).cases(group)
    #expect(cases.count > 3)
    for item in cases {
      let line = Array(try item.text("line").utf8)
      var written: [UInt8]?
      let said = verdict { () throws(WireError) in written = try again(line) }
      #expect(try (said == "accepted") == (item.text("verdict") == "accepted"), "\(item.text())")
      if said == "accepted", let written { #expect(written == line, "\(item.text())") }
    }
  }

  @Test("tails, what is answered, and heads asked for")
  func tails() throws {
    try run("healing", "tails") { (line) throws(WireError) in try TailHead.parse(line)?.line }
    try run("healing", "answers") { (line) throws(WireError) in try TailAnswer.parse(line).bytes }
    try run("healing", "held") { (line) throws(WireError) in try HeldHeads.parse(line)?.line }
    for item in try Specification.vectors("healing").cases("bodies") {
      #expect(try BodiesHead.line == Array(item.text("line").utf8))
      #expect(BodiesHead.matches(BodiesHead.line))
    }
  }

  @Test("central's lives stand in the answer to hello")
  func lives() throws {
    for item in try Specification.vectors("healing").cases("lives") {
      let bytes = Array(try item.text("answer").utf8)
      let answer = try HelloAnswer.parse(bytes)
      #expect(answer.bytes == bytes && answer.isRestoring)
      #expect(
        try answer.starts.map(\.instance.description)
          == item.cases("instances").compactMap(\.string))
      #expect(try answer.starts.last?.places["commons"]?.seq == item.number("seq"))
    }
  }

  @Test("a device shows the change that enrolled it, under central's signature")
  func readmission() throws {
    for item in try Specification.vectors("healing").cases("readmissions") {
      let request = try JSON.parse(Array(item.text("request").utf8))
      let key = try #require(PublicKey(bytes: Base64URL.decode(try request.text("key")) ?? []))
      let entry = try request.member("entry")
      let line = try ChangeDecoding.line(try entry.member("change").bytes())
      let change = Store.change(line, previous: try #require(Hash(try entry.text("previous"))))
      let message = Preimage.segment(
        network: change.header.network, space: change.header.space, head: change.dot,
        hash: change.hash)
      #expect(message == Array(try item.text("message").utf8))
      let signatures = try Signature.list(entry.member("signatures"))
      #expect(!signatures.isEmpty && signatures.allSatisfy { key.verifies($0.value, of: message) })
    }
  }

  @Test("bundles line by line, and lines that are none")
  func bundles() throws {
    try run("bundles", "heads") { (line) throws(WireError) in try Bundle.parse(line).line }
    try run("bundles", "lines") { (line) throws(WireError) in
      _ = try BundleLine.parse(line)
      return nil
    }
    for item in try Specification.vectors("bundles").cases("bundles") {
      let lines = try item.cases("lines").map { Array(try #require($0.string).utf8) }
      let kinds = try item.cases("kinds").compactMap(\.string)
      let head = try Bundle.parse(lines[0])
      #expect(try head.line == lines[0] && head.kind.rawValue == item.text("kind"))
      for (line, kind) in zip(lines.dropFirst(), kinds) {
        switch try BundleLine.parse(line) {
        case .space(let name):
          #expect(kind == "space" && line == BundleLine.section(name))
        case .receipt: #expect(kind == "receipt")
        case .lives: #expect(kind == "lives")
        case .wire: #expect(kind == "wire")
        case .end(let count):
          #expect(kind == "end" && line == BundleLine.end(after: count))
          #expect(count == lines.count - 2)
        }
      }
    }
  }

  @Test("central's signed list of its lives, and lists that are none")
  func listOfLives() throws {
    try run("bundles", "lists") { (line) throws(WireError) in
      let (note, _, signatures) = try LivesNote.parse(line: line)
      return note.line(signatures: signatures)
    }
    for item in try Specification.vectors("bundles").cases("lives") {
      let (note, signed, _) = try LivesNote.parse(line: Array(item.text("line").utf8))
      #expect(try Preimage.lives(signed) == Array(item.text("message").utf8))
      #expect(signed == note.bytes)
      #expect(
        try note.lives.map(\.instance.description)
          == item.cases("instances").compactMap(\.string))
    }
  }
}

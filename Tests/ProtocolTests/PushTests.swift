import Causality
import Changes
import Seal
import Session
import Store
import Testing
import Wire

/// Chapter 7, run from `segments.json` and `hello.json`.
@Suite("Vectors: hello, segments, receipts", .timeLimit(.minutes(15)))
struct PushVectorTests {
  @Test("segments have these lines, these hashes and these signatures")
  func segments() throws {
    let file = try Specification.vectors("segments")
    let key = try #require(SigningKey(seed: bytes(hex: try file.text("seed"))))
    let actor = try #require(ActorID(try file.text("actor")))
    let network = try #require(NetworkID(try file.text("network")))
    for item in try file.cases("segments") {
      let segment = try Segment.parse(Array(try item.text("line").utf8))
      #expect(segment.line == Array(try item.text("line").utf8))
      #expect(segment.actor == actor)
      #expect(try segment.from == item.number("from"))
      #expect(try segment.to == item.number("to"))
      var hash = try #require(Hash(try item.text("previous")))
      #expect(segment.previous == hash)
      for (offset, text) in try item.cases("changes").enumerated() {
        let line = try ChangeDecoding.line(Array(try #require(text.string).utf8))
        #expect(line.header.dot == Dot(actor: actor, n: segment.from + offset))
        #expect(offset == 0 || line.header.context.isEmpty)
        hash = Store.change(line, previous: hash).hash
      }
      #expect(try hash.description == item.text("head"))
      #expect(segment.head == hash)
      let message = Preimage.segment(
        network: network, space: try file.text("space"), head: Dot(actor: actor, n: segment.to),
        hash: hash)
      #expect(message == Array(try item.text("message").utf8))
      #expect(segment.signatures.map(\.value) == [key.sign(message)])
      #expect(segment.signatures.map(\.key) == [actor.replica])
    }
  }

  @Test("lines that head no segment are refused")
  func refused() throws {
    for item in try Specification.vectors("segments").cases("refused") {
      let text = try item.text("line")
      #expect(throws: WireError.self, "\(text)") { try Segment.parse(Array(text.utf8)) }
    }
  }

  @Test("a receipt is signed over its exact bytes")
  func receipts() throws {
    let file = try Specification.vectors("segments")
    let key = try #require(
      PublicKey(bytes: Base64URL.decode(try file.text("key")) ?? []))
    for item in try file.cases("receipts") {
      let (note, signed, signatures) = try ReceiptNote.parse(
        line: Array(try item.text("line").utf8))
      #expect(try signed == Array(item.text("signed").utf8))
      #expect(note.bytes == signed)
      #expect(note.heads.map(\.dot.n) == [try item.number("n")])
      #expect(signatures.allSatisfy { key.verifies($0.value, of: Preimage.receipt(signed)) })
    }
  }

  private func text(_ step: Step) -> String {
    let json: JSON =
      switch step {
      case .push(let space, let n):
        .object([("push", .string(space)), ("received", .integer(Int64(n)))])
      case .received(let space, let n):
        .object([("received", .string(space)), ("to", .integer(Int64(n)))])
      case .snapshot(let space): .object([("snapshot", .string(space))])
      case .pull(let space, let seq):
        .object([("pull", .string(space)), ("after", .integer(Int64(seq)))])
      case .stop(let reason): .object([("stop", .string(reason.rawValue))])
      }
    return json.text()
  }

  @Test("what both sides say decides the plan")
  func plans() throws {
    let file = try Specification.vectors("hello")
    let own = try file.member("own")
    for item in try file.cases("plans") {
      let said = Array(try item.text("hello").utf8)
      let told = Array(try item.text("answer").utf8)
      let hello = try Hello.parse(said)
      let answer = try HelloAnswer.parse(told)
      #expect(hello.bytes == said)
      #expect(try HelloAnswer.parse(answer.bytes) == answer)
      let name = try item.text("name")
      let steps = Plan.steps(hello, answer) { _, n in own["\(n)"]?.string.flatMap { Hash($0) } }
      #expect(try steps.map(text) == item.cases("steps").map { $0.text() }, "\(name)")
    }
    for item in try file.cases("refused") {
      let text = try item.text("hello")
      #expect(throws: WireError.self, "\(text)") { try Hello.parse(Array(text.utf8)) }
    }
    for item in try file.cases("cursors") {
      let text = try item.text("text")
      let isAccepted = try item.text("verdict") == "accepted"
      #expect(Cursor(text)?.text == (isAccepted ? text : nil), "\(text)")
    }
  }
}

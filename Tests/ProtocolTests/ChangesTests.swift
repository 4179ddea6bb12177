import Causality
import Changes
import Store
import Testing
import Wire

/// Chapters 3 and 4, run from `changes.json` and `rows.json`.
@Suite("Vectors: changes and rows", .timeLimit(.minutes(15)))
struct ChangeVectorTests {
  private func write(_ json: JSON) throws -> Write {
    // Read back by hand, so that the encoder under test is not asked what it should have written.
    func fields(_ json: JSON) throws -> [FieldValue] {
      try json.members.map { FieldValue($0.0, try ChangeDecoding.value($0.1)) }
    }
    let row = RowKey(table: try json.text("table"), id: try json.text("id"))
    if let given = json["insert"] { return Write(row, .insert(try fields(given))) }
    if let given = json["set"] { return Write(row, .set(try fields(given))) }
    return Write(row, json["delete"] != nil ? .delete : .undelete)
  }

  @Test("a chain of changes has these bytes and these hashes")
  func chain() throws {
    let file = try Specification.vectors("changes")
    let actor = try #require(ActorID(try file.text("actor")))
    var previous = Hash.zero
    var full = VersionVector()
    for item in try file.cases("chain") {
      let context = try ChangeDecoding.vector(item.member("context"), "context")
      let header = Header(
        network: try #require(NetworkID(try file.text("network"))), space: try file.text("space"),
        dot: Dot(actor: actor, n: try item.number("n")), context: context)
      let body = Body(
        key: try #require(Base64URL.decode(try file.text("key"))), at: try file.text("at"),
        was: item["was"]?.string.flatMap(ChangeDecoding.dot),
        writes: try item.cases("writes").map(write))
      let change = Store.change(header, body, previous: previous)
      #expect(change.headerBytes == Array(try item.text("header").utf8))
      #expect(change.bodyBytes == Array(try item.text("body").utf8))
      #expect(change.bodyHash.description == (try item.text("body_hash")))
      #expect(change.hash.description == (try item.text("hash")))
      #expect(ChangeEncoding.line(of: change) == Array(try item.text("line").utf8))
      for name in ["line", "withheld_line"] {
        let line = try ChangeDecoding.line(Array(try item.text(name).utf8))
        #expect(line.header == header)
        #expect(Store.change(line, previous: previous).hash == change.hash)
        #expect(try line.decodedBody() == (name == "line" ? body : nil))
      }
      full.merge(context)
      #expect(ChangeEncoding.json(full).text() == (try item.member("full_context").text()))
      previous = change.hash
    }
    #expect(previous != .zero)
  }

  @Test("bytes of other writers are kept as they are")
  func odd() throws {
    for item in try Specification.vectors("changes").cases("odd") {
      let line = try ChangeDecoding.line(Array(try item.text("line").utf8))
      #expect(line.headerBytes == Array(try item.text("header").utf8))
      #expect(line.bodyBytes == Array(try item.text("body").utf8))
      #expect(Store.change(line, previous: .zero).hash.description == (try item.text("hash")))
      #expect(try line.decodedBody()?.writes.count == 1)
    }
  }

  @Test("lines that are no changes are refused, each with its code")
  func refused() throws {
    for item in try Specification.vectors("changes").cases("refused") {
      let text = try item.line("line")
      let said = verdict { () throws(WireError) in
        _ = try ChangeDecoding.line(Array(text.utf8)).decodedBody()
      }
      #expect(said == (try item.text("code")), "\(text.prefix(300))")
    }
  }

  @Test(
    "a row is the same in every causal order, and shows what the rules say",
    arguments: ["by_hand", "random"])
  func rows(group: String) throws {
    let cases = try Specification.vectors("rows").cases(group)
    #expect(cases.count > 10)
    for item in cases {
      let changes = try item.cases("changes")
      for order in try item.cases("orders") {
        var state = RowState()
        for place in try #require(order.array) {
          let change = changes[Int(try #require(place.integer))]
          state.apply(try verb(change), by: try authorship(change))
        }
        try compare(state, item)
      }
    }
  }

  private func authorship(_ change: JSON) throws -> Authorship {
    Authorship(
      dot: Dot(
        actor: try #require(ActorID(try change.text("actor"))), n: try change.number("n")),
      context: try ChangeDecoding.vector(change.member("context"), "context"))
  }

  private func verb(_ change: JSON) throws -> Verb {
    let fields = try change.member("fields").members.map {
      FieldValue($0.0, try ChangeDecoding.value($0.1))
    }
    return switch try change.text("verb") {
    case "insert": .insert(fields)
    case "set": .set(fields)
    case "delete": .delete
    default: .undelete
    }
  }

  private func compare(_ state: RowState, _ item: JSON) throws {
    let name = try item.text("name")
    func sorted(_ siblings: [Sibling]) -> JSON {
      .array(siblings.map { .array([.string($0.dot.description), ChangeEncoding.json($0.value)]) })
    }
    let names = state.cells.keys.sorted()
    let content = JSON.object([
      ("table", .string("club")), ("id", .string("1")), ("shown", .bool(state.isShown)),
      ("alive", sorted(state.liveness)),
      ("fields", .object(names.map { ($0, sorted(state.cells[$0] ?? [])) })),
    ])
    #expect(content.text() == (try item.text("content")), "\(name)")
    #expect(state.isShown == item.isTrue("shown"), "\(name)")
    #expect(state.isContested == item.isTrue("contested"), "\(name)")
    #expect(
      JSON.array(state.contestedFields.map { .string($0) }).text()
        == (try item.member("contested_fields").text()), "\(name)")
    #expect(
      JSON.object(names.map { ($0, ChangeEncoding.json(state.shown($0))) }).text()
        == (try item.member("values").text()), "\(name)")
    let marked = names.flatMap { field in
      (state.cells[field] ?? []).filter(\.isSeenByDelete).map { "\(field) \($0.dot)" }
    }
    #expect(
      JSON.array(marked.sorted().map { .string($0) }).text() == (try item.member("marked").text()),
      "\(name)")
    let weights = try item.member("weights")
    for sibling in state.liveness + state.cells.values.joined() {
      #expect(weights[sibling.dot.description]?.integer == Int64(sibling.weight), "\(name)")
    }
  }
}

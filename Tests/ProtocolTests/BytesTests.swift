import Changes
import Testing
import Wire

/// Chapter 2, run from `json.json` and `values.json`.
@Suite("Vectors: JSON and values", .timeLimit(.minutes(15)))
struct BytesTests {
  private func outcome(_ data: [UInt8]) -> String {
    do throws(WireError) { return try JSON.parse(data).text() } catch { return error.code.rawValue }
  }

  @Test("texts are read strictly and written in one way")
  func texts() throws {
    let file = try Specification.vectors("json")
    for item in try file.cases("read") {
      let text = try item.text("text")
      #expect(
        outcome(Array(text.utf8)).utf8.elementsEqual(try item.text("written").utf8), "\(text)")
    }
    for item in try file.cases("refused") {
      let text = try item.line("text")
      #expect(outcome(Array(text.utf8)) == (try item.text("code")), "\(text.prefix(80))")
    }
    for item in try file.cases("refused_bytes") {
      #expect(outcome(bytes(hex: try item.text("hex"))) == (try item.text("code")))
    }
  }

  @Test("members stand where they stand, lines end at line feeds")
  func members() throws {
    let file = try Specification.vectors("json")
    for item in try file.cases("members") {
      let data = Array(try item.text("text").utf8)
      let found = try JSON.members(of: data).map {
        ($0.key, JSON.string(String(decoding: data[$0.range], as: UTF8.self)))
      }
      #expect(JSON.object(found).text() == (try item.member("members").text()))
    }
    for item in try file.cases("lines") {
      let lines = Lines.split(Array(try item.text("text").utf8))
        .map { JSON.string(String(decoding: $0, as: UTF8.self)) }
      #expect(JSON.array(lines).text() == (try item.member("lines").text()))
    }
  }

  private func value(_ item: JSON) throws -> Value {
    let content = try item.member("content")
    switch try item.text("kind") {
    case "integer": return .integer(try #require(content.integer))
    case "real": return .real(try #require(content.string.flatMap(Double.init)))
    case "text": return .text(try #require(content.string))
    case "blob": return .blob(bytes(hex: try #require(content.string)))
    case "malformed_text": return .malformedText(bytes(hex: try #require(content.string)))
    default: return .null
    }
  }

  @Test("values have one text, and come back as they were")
  func values() throws {
    let file = try Specification.vectors("values")
    for item in try file.cases("values") {
      let value = try value(item)
      let text = try item.text("text")
      #expect(ChangeEncoding.json(value).text().utf8.elementsEqual(text.utf8))
      #expect(try ChangeDecoding.value(JSON.parse(Array(text.utf8))) == value)
    }
    for item in try file.cases("read") {
      let given = try ChangeDecoding.value(JSON.parse(Array(try item.text("text").utf8)))
      #expect(
        try given == ChangeDecoding.value(JSON.parse(Array(try item.text("same_as").utf8))))
    }
    for item in try file.cases("refused") {
      let text = try item.text("text")
      #expect(throws: WireError.self, "\(text)") {
        try ChangeDecoding.value(JSON.parse(Array(text.utf8)))
      }
    }
  }
}

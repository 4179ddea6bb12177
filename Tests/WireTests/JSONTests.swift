import Testing
import Wire

@Suite("Strict JSON")
struct JSONTests {
  @Test(
    "what two readers could read differently is refused, each with its reason",
    arguments: [
      ("", "wire.truncated"), ("{", "wire.truncated"), ("\"a", "wire.truncated"),
      ("[1,]", "wire.syntax"),
      ("{\"a\":1,}", "wire.syntax"), ("[1 2]", "wire.syntax"), ("{'a':1}", "wire.syntax"),
      ("nul", "wire.truncated"),
      ("nulL", "wire.syntax"), ("1 2", "wire.syntax"), ("// x\n1", "wire.syntax"),
      ("\u{FEFF}1", "wire.syntax"),
      ("{\"a\":1,\"a\":2}", "wire.duplicate_key"),
      ("{\"a\":1,\"\\u0061\":2}", "wire.duplicate_key"),
      ("01", "wire.number"), ("-", "wire.truncated"), ("1.", "wire.number"), ("1e", "wire.number"),
      (".5", "wire.syntax"),
      ("+1", "wire.syntax"), ("1e999", "wire.number"), ("NaN", "wire.syntax"),
      ("Infinity", "wire.syntax"),
      (String(repeating: "1", count: 33), "wire.number"), ("\"\\ud800\"", "wire.not_utf8"),
      ("\"\\ud800\\u0041\"", "wire.not_utf8"), ("\"\\udc00\"", "wire.not_utf8"),
      ("\"\\x\"", "wire.syntax"),
      ("\"\\u12g4\"", "wire.syntax"), ("\"\n\"", "wire.syntax"),
      (String(repeating: "[", count: 33) + String(repeating: "]", count: 33), "wire.too_deep"),
      (String(repeating: "[", count: 100_000), "wire.too_deep"),
    ])
  func refused(text: String, code: String) {
    #expect(throws: WireError.self) { try JSON.parse(Array(text.utf8)) }
    do { _ = try JSON.parse(Array(text.utf8)) } catch { #expect(error.code.rawValue == code) }
  }

  @Test(
    "bytes that are not UTF-8 are refused",
    arguments: [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]] as [[UInt8]])
  func notUTF8(bytes: [UInt8]) {
    #expect { try JSON.parse([0x22] + bytes + [0x22]) } throws: {
      ($0 as? WireError)?.code == .notUTF8
    }
  }

  @Test(
    "what is written is read back, byte for byte",
    arguments: [
      "null", "true", "[]", "{}", "0", "-1", "9223372036854775807", "-9223372036854775808", "0.1",
      "1e+20", "5e-324",
      "{\"b\":[1,{\"a\":\"é\\n\\\"\\\\\"}]}", "\"\\u0000\\u001f\"", "\"🇨🇭\"",
    ])
  func roundTrip(text: String) throws {
    #expect(try JSON.parse(Array(text.utf8)).text() == text)
  }

  @Test("an integer beyond 64 bits is a real, a real keeps its point")
  func numbers() throws {
    #expect(try JSON.parse(Array("9223372036854775808".utf8)).integer == nil)
    #expect(JSON.real(3).text() == "3.0")
  }

  @Test("the exact bytes of a member are found whatever stands around them")
  func members() throws {
    let bytes = Array(" { \"header\" : {\"n\" : 1 } ,\"body\":[ 2 ]} ".utf8)
    let members = try JSON.members(of: bytes)
    #expect(members.map(\.key) == ["header", "body"])
    #expect(
      members.map { String(decoding: bytes[$0.range], as: UTF8.self) } == ["{\"n\" : 1 }", "[ 2 ]"])
  }
}

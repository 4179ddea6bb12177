import Testing
import Wire

private func read(_ text: String) throws(WireError) -> JSON { try JSON.parse(Array(text.utf8)) }

/// What a reader says of bytes: their own compact form, or the code it refuses them with.
private func verdict(_ bytes: [UInt8]) -> String {
  do throws(WireError) { return try JSON.parse(bytes).text() } catch { return error.code.rawValue }
}

/// The same, asked of the reader that only finds members: wrapped so that it meets any value.
private func skippedVerdict(_ bytes: [UInt8]) -> String? {
  do throws(WireError) {
    _ = try JSON.members(of: Array(#"{"x":"#.utf8) + bytes + Array("}".utf8))
    return nil
  } catch { return error.code.rawValue }
}

@Suite("Reading JSON strictly")
struct JSONReadingTests {
  @Test(
    "good texts are read as they stand",
    arguments: [
      ("null", "null"), ("true", "true"), ("false", "false"), ("0", "0"), ("-0", "0"),
      ("-1", "-1"), ("9223372036854775807", "9223372036854775807"),
      ("-9223372036854775808", "-9223372036854775808"),
      ("999999999999999999", "999999999999999999"),
      ("1000000000000000000", "1000000000000000000"),
      ("9223372036854775808", "9.223372036854776e+18"),
      ("1.0", "1.0"), ("0.1", "0.1"), ("1e3", "1000.0"), ("1E-2", "0.01"), ("5e-324", "5e-324"),
      ("1.7976931348623157e308", "1.7976931348623157e+308"), (#""""#, #""""#),
      (#""a\/b""#, #""a/b""#), (#""\u00e9""#, #""é""#), (#""\ud83d\ude00""#, #""😀""#),
      (#""\u0000\u001f""#, #""\u0000\u001f""#),
      (#""\b\f\n\r\t\"\\""#, #""\u0008\u000c\n\r\t\"\\""#),
      ("\"\u{2028}\u{FEFF}\"", "\"\u{2028}\u{FEFF}\""), ("\"🇨🇭\"", "\"🇨🇭\""), ("[]", "[]"),
      ("{}", "{}"),
      (" \t\r\n[ 1 , 2 ] \n", "[1,2]"), (#"{"b":1,"a":{"b":2}}"#, #"{"b":1,"a":{"b":2}}"#),
      ("{\"\u{E9}\":1,\"e\u{301}\":2}", "{\"\u{E9}\":1,\"e\u{301}\":2}"), (#"{"":0}"#, #"{"":0}"#),
    ])
  func good(text: String, written: String) {
    #expect(verdict(Array(text.utf8)).utf8.elementsEqual(written.utf8))
    #expect(skippedVerdict(Array(text.utf8)) == nil)
  }

  @Test(
    "bad texts are refused, each for its reason",
    arguments: [
      ("", "wire.truncated"), (" ", "wire.truncated"), ("nul", "wire.truncated"),
      ("nulL", "wire.syntax"), ("True", "wire.syntax"), ("NaN", "wire.syntax"),
      ("Infinity", "wire.syntax"), ("-Infinity", "wire.number"), ("undefined", "wire.syntax"),
      ("'a'", "wire.syntax"), ("+1", "wire.syntax"), (".5", "wire.syntax"), ("5.", "wire.number"),
      ("-", "wire.truncated"), ("-x", "wire.number"), ("01", "wire.number"), ("-01", "wire.number"),
      ("00", "wire.number"), ("1e", "wire.number"), ("1e+", "wire.number"), ("1.e1", "wire.number"),
      ("0x10", "wire.syntax"), ("1_000", "wire.syntax"), ("1e999", "wire.number"),
      ("-1e999", "wire.number"), ("1e309", "wire.number"),
      ("123456789012345678901234567890123", "wire.number"), ("[", "wire.truncated"),
      ("{", "wire.truncated"), ("[1", "wire.truncated"), ("[1,", "wire.truncated"),
      ("[1,]", "wire.syntax"), ("[,1]", "wire.syntax"), ("[1 2]", "wire.syntax"),
      ("[1}", "wire.syntax"), ("]", "wire.syntax"), (#"{"a"}"#, "wire.syntax"),
      (#"{"a":}"#, "wire.syntax"), (#"{"a":1,}"#, "wire.syntax"), (#"{,"a":1}"#, "wire.syntax"),
      (#"{a:1}"#, "wire.syntax"), (#"{1:1}"#, "wire.syntax"), (#"{"a":1 "b":2}"#, "wire.syntax"),
      (#"{"a":1"#, "wire.truncated"), ("1 2", "wire.syntax"), ("{}{}", "wire.syntax"),
      ("// x\n1", "wire.syntax"), ("[1]//", "wire.syntax"), ("[1/*x*/]", "wire.syntax"),
      ("#", "wire.syntax"),
      ("\u{FEFF}[]", "wire.syntax"), ("[]\u{0}", "wire.syntax"), ("\u{A0}1", "wire.syntax"),
      (#"{"a":1,"a":1}"#, "wire.duplicate_key"), (#"{"a":1,"\u0061":2}"#, "wire.duplicate_key"),
      (#"[{"b":{"a":1,"a":2}}]"#, "wire.duplicate_key"), ("\"", "wire.truncated"),
      ("\"abc", "wire.truncated"), ("\"é", "wire.truncated"), ("\"a\nb\"", "wire.syntax"),
      ("\"é\u{1}\"", "wire.syntax"), ("\"\\n\u{1F}\"", "wire.syntax"), (#""\x""#, "wire.syntax"),
      (#""\"#, "wire.truncated"), (#""\u12"#, "wire.truncated"), (#""\u12G4""#, "wire.syntax"),
      ("\"\\u00e\u{FF11}\"", "wire.syntax"), (#""\ud800""#, "wire.not_utf8"),
      (#""\udc00""#, "wire.not_utf8"), (#""\ud800\ud800""#, "wire.not_utf8"),
      (#""\ud800\u0041""#, "wire.not_utf8"), (#""\ud800\n""#, "wire.not_utf8"),
      (#""\ud800x""#, "wire.not_utf8"),
    ])
  func bad(text: String, code: String) {
    #expect(verdict(Array(text.utf8)) == code)
  }

  @Test(
    "the reader that only finds members refuses what the other refuses",
    arguments: [
      "[1,]", "{\"a\":1,\"a\":2}", "01", "1e999", "\"\\ud800\"", "\"\\x\"", "\"a\nb\"", "tru", "+1",
      "",
      "[{\"a\":{\"b\":1,\"\\u0062\":2}}]", "nulL", "[1 2]",
    ])
  func bothRefuse(text: String) {
    #expect(skippedVerdict(Array(text.utf8)) != nil)
  }

  @Test(
    "bytes that are not UTF-8 are refused wherever they stand",
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xC0, 0xAF, 0x22],
      [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
      [0x22, 0xE0, 0x80, 0x80, 0x22], [0x22, 0x5C, 0x6E, 0x80, 0x22],
      [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D],
    ] as [[UInt8]])
  func notUTF8(bytes: [UInt8]) {
    #expect(verdict(bytes) == "wire.not_utf8")
    #expect(skippedVerdict(bytes) == "wire.not_utf8")
  }

  @Test("thirty-two levels are read, thirty-three are not")
  func depth() {
    func nested(_ levels: Int, _ open: String, _ close: String, _ middle: String) -> [UInt8] {
      Array(
        (String(repeating: open, count: levels) + middle + String(repeating: close, count: levels))
          .utf8)
    }
    #expect(
      verdict(nested(32, "[", "]", "")) == String(repeating: "[", count: 32)
        + String(repeating: "]", count: 32))
    #expect(verdict(nested(33, "[", "]", "")) == "wire.too_deep")
    #expect(verdict(nested(33, #"{"a":"#, "}", "1")) == "wire.too_deep")
    #expect(verdict(nested(200_000, "[", "", "")) == "wire.too_deep")
    #expect(skippedVerdict(nested(31, "[", "]", "")) == nil)
    #expect(skippedVerdict(nested(32, "[", "]", "")) == "wire.too_deep")
  }

  @Test("the number of values is bounded, and the caller may set the bound")
  func nodes() throws {
    let many = Array(("[" + Array(repeating: "0", count: 99).joined(separator: ",") + "]").utf8)
    #expect(try JSON.parse(many, nodesMax: 100).array?.count == 99)
    let error = #expect(throws: WireError.self) { try JSON.parse(many, nodesMax: 99) }
    #expect(error?.code == .tooManyNodes)
    let inside = Array(#"{"a":"#.utf8) + many + Array("}".utf8)
    #expect(throws: WireError.self) { try JSON.members(of: inside, nodesMax: 99) }
  }

  @Test("a name given twice among many is noticed, near and far")
  func manyMembers() {
    func object(_ names: [String]) -> [UInt8] {
      Array(("{" + names.map { "\"\($0)\":0" }.joined(separator: ",") + "}").utf8)
    }
    let names = (0..<5_000).map { "n\($0)" }
    #expect(verdict(object(names)).hasPrefix("{"))
    for twin in ["n0", "n14", "n15", "n16", "n4999"] {
      #expect(verdict(object(names + [twin])) == "wire.duplicate_key")
    }
  }

  @Test("an error says where")
  func place() {
    let error = #expect(throws: WireError.self) { try read("[1, 2, x]") }
    #expect(error?.offset == 7)
    #expect(error?.description == "this is not JSON, at byte 7")
  }

  @Test("every cut of a good text is refused, none is read as something else")
  func cuts() {
    let text = Array(
      #"{"header":{"n":17,"x":[1.5e3,null,"é\n\ud83d\ude00"]},"body":{"k":true}}"#.utf8)
    for end in 0..<text.count {
      let isRefused = verdict(Array(text[..<end])).hasPrefix("wire.")
      #expect(isRefused, "cut at \(end)")
    }
  }

  @Test("any byte changed gives a refusal or a value that writes and reads back the same")
  func flips() throws {
    let text = Array(#"{"a":[1,-2.5e3,"é\u00e9",{"b":null}],"c":true,"d":"x\ty"}"#.utf8)
    for index in text.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = text
        changed[index] = byte
        guard let value = try? JSON.parse(changed) else { continue }
        let written = value.bytes()
        #expect(try JSON.parse(written).bytes() == written)
        #expect(try JSON.members(of: changed).count == JSON.members(of: written).count)
      }
    }
  }
}

@Suite("Finding the members of a JSON object")
struct JSONMemberTests {
  @Test("ranges give the exact bytes of each value")
  func ranges() throws {
    let text = " { \"header\" : {\"n\": 1 , \"s\":\"}\\\"{\"} ,\"body\":\t[ 1,2 ] , \"é\":\"é\"} "
    let bytes = Array(text.utf8)
    let members = try JSON.members(of: bytes)
    #expect(members.map(\.key) == ["header", "body", "é"])
    let values = members.map { String(decoding: bytes[$0.range], as: UTF8.self) }
    #expect(values == ["{\"n\": 1 , \"s\":\"}\\\"{\"}", "[ 1,2 ]", "\"é\""])
  }

  @Test(
    "anything but one object is refused", arguments: ["[]", "1", "\"a\"", "{}x", "{} {}", "null"])
  func onlyObjects(text: String) {
    #expect(throws: WireError.self) { try JSON.members(of: Array(text.utf8)) }
  }

  @Test("an object without members has none")
  func empty() throws { #expect(try JSON.members(of: Array("{}".utf8)).isEmpty) }
}

@Suite("Writing JSON")
struct JSONWritingTests {
  @Test(
    "a real reads back the same to the bit and never looks like an integer",
    arguments: [
      "0.0", "1.0", "-1.0", "0.1", "0.30000000000000004", "1e+15", "1e+16", "1e+22",
      "123456789.125",
      "5e-324", "2.2250738585072014e-308", "1.7976931348623157e+308", "9007199254740992.0",
      "-3.141592653589793",
    ])
  func reals(text: String) throws {
    let value = try #require(Double(text))
    let written = JSON.real(value).text()
    #expect(written.contains { $0 == "." || $0 == "e" })
    guard case .real(let back) = try read(written) else {
      Issue.record("\(written) reads back as something else")
      return
    }
    #expect(back.bitPattern == value.bitPattern)
  }

  @Test("what JSON cannot say becomes null", arguments: [Double.infinity, -.infinity, .nan])
  func notFinite(value: Double) { #expect(JSON.real(value).text() == "null") }

  @Test("every scalar value of Unicode survives writing and reading")
  func everyScalar() throws {
    var text = ""
    for scalar in (0...0x10FFFF).compactMap(Unicode.Scalar.init)
    where scalar.value % 7 < 2 || scalar.value < 0x3000 {
      text.unicodeScalars.append(scalar)
    }
    let written = JSON.string(text).bytes()
    #expect(!written.contains { $0 < 0x20 || $0 == 0x7F })
    #expect(try JSON.parse(written).string.map { $0.utf8.elementsEqual(text.utf8) } == true)
  }

  @Test("indented text reads back as the compact one")
  func pretty() throws {
    let value = try read(#"{"a":[1,{"b":[]},{}],"c":"x"}"#)
    #expect(
      value.text(pretty: true) == """
        {
          "a": [
            1,
            {
              "b": []
            },
            {}
          ],
          "c": "x"
        }

        """)
    #expect(try read(value.text(pretty: true)).text() == value.text())
  }

  @Test("members are found by bytes, not by look")
  func lookup() throws {
    let value = try read("{\"\u{E9}\":1,\"e\u{301}\":2,\"\u{212A}\":3}")
    #expect(value["e\u{301}"]?.integer == 2)
    #expect(value["\u{E9}"]?.integer == 1)
    #expect(value["K"] == nil)
  }
}

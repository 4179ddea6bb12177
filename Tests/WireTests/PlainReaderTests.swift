import Causality
import Changes
import Testing

@testable import Wire

/// The short way of reading must say what the strict reader says, or nothing.
@Suite("Reading the common form")
struct PlainReaderTests {
  private static let network = NetworkID(high: 0x0123_4567_89ab_cdef, low: 1)
  private static let actor = ActorID(replica: ReplicaID(high: 0xfedc, low: .max), epoch: 7)

  private static let bodies: [Body] = [
    Body(
      key: [UInt8](0..<16), at: "2027-01-15T08:00:00Z",
      writes: [
        Write(
          RowKey(table: "club", id: "né"),
          .set([
            FieldValue("name", .text("Łódź 北京")), FieldValue("n", .integer(-42)),
            FieldValue("gone", .null), FieldValue("zero", .integer(0)),
          ])), Write(RowKey(table: "club", id: "b"), .delete),
        Write(RowKey(table: "club", id: "c"), .undelete),
        Write(RowKey(table: "draft", id: "c"), .insert([FieldValue("text", .text(""))])),
      ])
  ]

  private static func line(n: Int, body: Body) -> [UInt8] {
    let header = Header(
      network: network, space: "commons", dot: Dot(actor: actor, n: n), context: VersionVector())
    return Array(#"{"header":"#.utf8) + ChangeEncoding.bytes(of: header)
      + Array(#","body":"#.utf8) + ChangeEncoding.bytes(of: body) + Array("}".utf8)
  }

  /// What the strict reader makes of a line, the short way left out.
  private static func strict(_ bytes: [UInt8]) -> (Header, Body)? {
    // A blank after the first bracket is no part of the common form and changes nothing else.
    guard let members = try? JSON.members(of: bytes),
      let header = members.first(where: { $0.key == "header" })?.range,
      let body = members.first(where: { $0.key == "body" })?.range, members.count == 2
    else { return nil }
    func spaced(_ part: Range<Int>) -> [UInt8] {
      [bytes[part.lowerBound], 0x20] + bytes[(part.lowerBound + 1)..<part.upperBound]
    }
    guard let readHeader = try? ChangeDecoding.header(spaced(header)),
      let readBody = try? ChangeDecoding.body(spaced(body))
    else { return nil }
    return (readHeader, readBody)
  }

  @Test("what is written is read back, the exact bytes kept")
  func roundTrip() throws {
    for (n, body) in Self.bodies.enumerated() {
      let bytes = Self.line(n: n + 1, body: body)
      let line = try #require(PlainReader.line(bytes))
      #expect(line.header.dot == Dot(actor: Self.actor, n: n + 1))
      #expect(line.body == body)
      let whole = Array(#"{"header":"#.utf8) + line.headerBytes + Array(#","body":"#.utf8)
      #expect(whole + (line.bodyBytes ?? []) + Array("}".utf8) == bytes)
      let strict = try #require(Self.strict(bytes))
      #expect(strict == (line.header, body))
    }
  }

  @Test("other forms are left to the strict reader")
  func leftAlone() throws {
    let plain = String(decoding: Self.line(n: 5, body: Self.bodies[0]), as: UTF8.self)
    #expect(PlainReader.line(Array(plain.utf8)) != nil)
    let changes = [
      ("北京", #"\u5317"#), (#""n":-42"#, #""n":-4.5"#), (#""n":-42"#, #""n":-042"#),
      (#""n":-42"#, #""n":"#), (#""gone":null"#, #""gone":nul"#), (#""gone":null"#, #""n":1"#),
      (#""gone":null"#, #""gone":{"blob":""}"#), (#""n":5"#, #""n":05"#), (#""n":5"#, #""n":0"#),
      (#""n":5"#, #""n":9007199254740992"#), (#""set""#, #""sett""#),
      ("delete\":true", "delete\":1"),
      (#""id":"b""#, #""id":"""#), (#""id":"b""#, #""id":"c""#), ("\"club\"", "\"Club\""),
      (#"{"header""#, #" {"header""#), ("}]}}", "}]}} "), ("}]}}", "}]}"), ("cdef", "CDEF"),
      ("commons", "com mons"), (#""at""#, #""was":"x","at""#), ("00Z", "00Z0123456789012345678901"),
      (#""zero":0"#, #""zero":1234567890123456789"#), (#""zero":0"#, #""zero":-"#),
    ]
    for (part, other) in changes {
      let text = plain.replacing(part, with: other)
      #expect(text != plain, "\(part)")
      #expect(PlainReader.line(Array(text.utf8)) == nil, "\(other)")
    }
  }

  @Test("bytes changed at random: never another meaning than the strict reader's")
  func damaged() throws {
    let plain = Self.line(n: 5, body: Self.bodies[0])
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    func draw(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let bytes = Array(#"{}[]",:0123456789abcdeftn\-. "#.utf8) + [0, 9, 0x7f, 0x80, 0xc3, 0xff]
    var read = 0
    for _ in 0..<20_000 {
      var line = plain
      for _ in 0...draw(2) {
        let place = draw(line.count)
        switch draw(3) {
        case 0: line[place] = bytes[draw(bytes.count)]
        case 1: line.remove(at: place)
        default: line.insert(bytes[draw(bytes.count)], at: place)
        }
      }
      guard let short = PlainReader.line(line) else { continue }
      read += 1
      let strict = Self.strict(line)
      #expect(strict?.0 == short.header)
      #expect(strict?.1 == short.body)
    }
    // Else nothing was compared.
    #expect(read > 1000)
  }

  @Test("an entry of the log is read like its line")
  func entry() throws {
    let line = Self.line(n: 5, body: Self.bodies[0])
    let entry = Array(#"{"seq":17,"change":"#.utf8) + line + Array("}".utf8)
    let read = try #require(PlainReader.entry(entry))
    #expect(read.seq == 17)
    #expect(read.change.body == Self.bodies[0])
    #expect(PlainReader.entry(Array(#"{"seq":0,"change":"#.utf8) + line + Array("}".utf8)) == nil)
    #expect(PlainReader.entry(entry + Array(" ".utf8)) == nil)
  }

  @Test("lines are cut at line feeds, empty ones left out")
  func lines() {
    func split(_ text: String) -> [String] {
      Lines.split(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(split("") == [])
    #expect(split("\n") == [])
    #expect(split("a") == ["a"])
    #expect(split("a\nbc\n") == ["a", "bc"])
    #expect(split("\n\na\n\nb") == ["a", "b"])
  }
}

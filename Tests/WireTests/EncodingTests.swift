import Causality
import Changes
import Testing
import Wire

@Suite("Changes as bytes")
struct EncodingTests {
  private let actor = ActorID(replica: ReplicaID(high: 1, low: 2), epoch: 3)
  private let other = ActorID(replica: ReplicaID(high: 4, low: 5), epoch: 6)

  @Test("a header and a body with every kind of value come back as they were")
  func roundTrip() throws {
    let header = Header(
      network: ID128(high: 7, low: 8), space: "commons", dot: Dot(actor: actor, n: 17),
      context: VersionVector([(other, 5)]))
    #expect(try ChangeDecoding.header(ChangeEncoding.bytes(of: header)) == header)
    let values: [Value] = [
      .null, .integer(.min), .real(0.1), .real(.infinity), .real(1), .text("é\u{0}\n"),
      .malformedText([0xFF]), .blob([]),
    ]
    let fields = values.enumerated().map { FieldValue("f\($0.offset)", $0.element) }
    let body = Body(
      key: [UInt8](repeating: 9, count: 16), at: "2027-01-15T08:00:00Z",
      was: Dot(actor: other, n: 2),
      writes: [
        Write(RowKey(table: "a", id: "1"), .insert(fields)),
        Write(RowKey(table: "a", id: "2"), .set([fields[0]])),
        Write(RowKey(table: "a", id: "3"), .delete), Write(RowKey(table: "a", id: "4"), .undelete),
      ])
    #expect(try ChangeDecoding.body(ChangeEncoding.bytes(of: body)) == body)
  }

  @Test(
    "a body that could not be applied is refused",
    arguments: [
      #"{"key":"AAAA","at":"","writes":[]}"#,
      #"{"key":"AAAAAAAAAAAAAAAAAAAAAA","at":"","writes":[]}"#,
      #"{"key":"AAAAAAAAAAAAAAAAAAAAAA","at":"","writes":[{"table":"A","id":"1","delete":true}]}"#,
      #"{"key":"AAAAAAAAAAAAAAAAAAAAAA","at":"","writes":[{"table":"a","id":"","delete":true}]}"#,
      #"{"key":"AAAAAAAAAAAAAAAAAAAAAA","at":"","writes":[{"table":"a","id":"1"}]}"#,
      #"{"key":"AAAAAAAAAAAAAAAAAAAAAA","at":"","writes":[{"table":"a","id":"1","set":{"x\"":1}}]}"#,
      #"{"key":"AAAAAAAAAAAAAAAAAAAAAA","at":"","writes":[{"table":"a","id":"1","set":{"x":[]}}]}"#,
      #"{"key":"AAAAAAAAAAAAAAAAAAAAAA","at":"","writes":[{"table":"a","id":"1","delete":true},{"table":"a","id":"1","delete":true}]}"#,
    ])
  func badBodies(text: String) {
    #expect(throws: WireError.self) { try ChangeDecoding.body(Array(text.utf8)) }
  }

  @Test(
    "base64url has one text for each byte string", arguments: ["A", "AB", "AAB", "AA==", "A+", "é"])
  func base64(text: String) {
    #expect(Base64URL.decode(text) == nil)
  }

  @Test(
    "labels are the calendar's",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"),
      (-1, "1969-12-31T23:59:59Z"), (1_800_000_000, "2027-01-15T08:00:00Z"),
      (4_102_444_799, "2099-12-31T23:59:59Z"),
    ] as [(Int64, String)])
  func timestamps(seconds: Int64, text: String) {
    #expect(Timestamp.text(unixSeconds: seconds) == text)
    #expect(Timestamp.unixSeconds(text) == seconds)
  }

  @Test(
    "a text that is no label is not read as one",
    arguments: [
      "", "2027-01-15", "2027-01-15T08:00:00", "2027-01-15T08:00:00+00:00", "2027-02-29T08:00:00Z",
      "2027-13-01T08:00:00Z", "2027-01-15T24:00:00Z", "2027-01-15T08:60:00Z",
      "2027-01-15T08:00:60Z",
      "2027-01-15 08:00:00Z", "+027-01-15T08:00:00Z", "2027-01-15T08:00:0éZ",
    ])
  func noTimestamp(text: String) {
    #expect(Timestamp.unixSeconds(text) == nil)
  }

  @Test("instants beyond the labels take the nearer end's")
  func farTimestamps() {
    #expect(Timestamp.text(unixSeconds: .max) == "9999-12-31T23:59:59Z")
    #expect(Timestamp.text(unixSeconds: .min) == "0000-01-01T00:00:00Z")
  }
}

import HTTP
import Testing

@Suite("Signed requests")
struct SignatureTests {
  /// 32 bytes that depend on every bit of the input: enough to see a change, not to stop a forger.
  static func mix(_ bytes: [UInt8]) -> [UInt8] {
    (0..<4).flatMap { lane -> [UInt8] in
      var state: UInt64 = 0xcbf2_9ce4_8422_2325 &+ UInt64(lane)
      for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
      return (0..<8).map { UInt8(truncatingIfNeeded: state >> (8 * UInt64($0))) }
    }
  }

  static func signed() -> Request {
    let request = Request(
      method: "POST", target: "/v1/hello?space=commons", headers: ["Content-Type": "text/plain"],
      body: Array("{}".utf8), authority: "Central.Example:443")
    return MessageSignature.sign(
      request, keyID: "0f", created: 1_800_000_000, nonce: "n0nce", sha256: mix, sign: mix)
  }

  static func verifies(_ request: Request) -> Bool {
    guard let parsed = try? MessageSignature.parse(request) else { return false }
    return parsed.signature == mix(parsed.base)
      && MessageSignature.digestMatches(request, sha256: mix)
  }

  @Test("A signed request tells who, when and what, and verifies")
  func roundTrip() throws {
    let request = Self.signed()
    let parsed = try MessageSignature.parse(request)
    #expect((parsed.keyID, parsed.created, parsed.nonce) == ("0f", 1_800_000_000, "n0nce"))
    #expect(Self.verifies(request))
  }

  @Test("The base is RFC 9421's, byte for byte")
  func base() throws {
    let digest = [UInt8](0..<32)
    let request = Request(
      method: "POST", target: "/foo?param=Value&Pet=dog", body: Array("x".utf8),
      authority: "Example.COM:80")
    var base: [UInt8] = []
    let signed = MessageSignature.sign(
      request, keyID: "test-key", created: 1_618_884_473, nonce: "b3k2\"pp", sha256: { _ in digest }
    ) { bytes in
      base = bytes
      return [1, 2, 3]
    }
    let input =
      #"("@method" "@authority" "@request-target" "content-digest");created=1618884473"#
      + #";nonce="b3k2\"pp";keyid="test-key""#
    let expected = #"""
      "@method": POST
      "@authority": example.com
      "@request-target": /foo?param=Value&Pet=dog
      "content-digest": sha-256=:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=:
      "@signature-params": \#(input)
      """#
    #expect(String(decoding: base, as: UTF8.self) == expected)
    #expect(signed.headers["Signature-Input"] == "cordee=\(input)")
    #expect(signed.headers["Signature"] == "cordee=:AQID:")
    #expect(try MessageSignature.parse(signed).base == base)
  }

  @Test("One changed byte anywhere that counts is noticed")
  func tampering() {
    let changes: [(inout Request) -> Void] = [
      { $0.method = "PUT" }, { $0.target = "/v1/hello?space=Commons" },
      { $0.target = "/v1/hellp?space=commons" }, { $0.authority = "central.example:8443" },
      { $0.body[0] ^= 1 }, { $0.body = [] },
      { replace("Signature-Input", "n0nce", "n1nce", in: &$0) },
      { replace("Signature-Input", "1800000000", "1800000001", in: &$0) },
      { replace("Signature-Input", "0f", "1f", in: &$0) },
      { replace("Content-Digest", "sha-256=:", "sha-256=:A", in: &$0) },
      { $0.headers.add("Signature-Input", #"cordee=("@method")"#) },
      { $0.headers.add("Content-Digest", "sha-256=:AAAA:") },
      { $0.headers.remove("Content-Digest") }, { $0.headers.remove("Signature") },
    ]
    for (index, change) in changes.enumerated() {
      var request = Self.signed()
      change(&request)
      #expect(!Self.verifies(request), "change \(index)")
    }
  }

  @Test("Another label beside ours, and a different order of ours, are both fine")
  func otherForms() throws {
    var request = Self.signed()
    request.headers.add("Signature-Input", #"proxy=("@path" "x-a";sr);expires=1"#)
    request.headers.add("Signature", "proxy=:AAAA:")
    #expect(Self.verifies(request))

    let names = #"("content-digest" "content-type" "@request-target" "@method" "@authority")"#
    let tail = #";keyid="k";alg="ed25519";nonce="n";created=1;tag="t""#
    request.headers.set("Signature-Input", "cordee=\(names)\(tail)")
    let base = String(decoding: try MessageSignature.parse(request).base, as: UTF8.self)
    #expect(base.hasSuffix("\n\"@signature-params\": \(names)\(tail)"))
    #expect(base.contains("\n\"content-type\": text/plain\n"))
  }

  @Test("What is missing, doubled or unknown in a signature is refused by name")
  func refusals() {
    let all = #"("@method" "@authority" "@request-target" "content-digest")"#
    let good = #";created=1;nonce="n";keyid="k""#
    let malformed = MessageSignature.Refusal.malformed(header: "Signature-Input")
    let cases: [(String, MessageSignature.Refusal)] = [
      ("other=\(all)\(good)", .unsigned),
      (
        #"cordee=("@method" "@authority" "@request-target")"# + good,
        .uncovered(component: "content-digest")
      ),
      (
        #"cordee=("@method";req "@authority" "@request-target" "content-digest")"# + good,
        .unsupportedComponent("@method")
      ),
      ("cordee=\(all.dropLast()) \"@path\")\(good)", .unsupportedComponent("@path")),
      ("cordee=\(all.dropLast()) \"x-absent\")\(good)", .unsupportedComponent("x-absent")),
      ("cordee=\(all.dropLast()) \"@method\")\(good)", malformed),
      (#"cordee=\#(all);nonce="n";keyid="k""#, .missingParameter("created")),
      (#"cordee=\#(all);created=1;keyid="k""#, .missingParameter("nonce")),
      (#"cordee=\#(all);created=1;nonce="n""#, .missingParameter("keyid")),
      (#"cordee=\#(all);created=1;nonce="";keyid="k""#, .missingParameter("nonce")),
      ("cordee=\(all)\(good);created=2", malformed),
      ("cordee=\(all)\(good);alg=\"rsa-v1_5-sha256\"", .unsupportedParameter("alg")),
      ("cordee=\(all)\(good);expires=9", .unsupportedParameter("expires")),
      (#"cordee=\#(all);created="1";nonce="n";keyid="k""#, .unsupportedParameter("created")),
      (#"cordee=\#(all);created=-1;nonce="n";keyid="k""#, .unsupportedParameter("created")),
      ("cordee=\(all)\(good),", malformed), ("cordee=\(all)\(good), cordee=1", malformed),
      ("cordee=(\"@method\"", malformed), ("cordee=1", malformed),
      ("cordee=\(all)\(good) x", malformed),
      ("cordee=\(all);created=9999999999999999", malformed), ("Cordee=1", malformed),
    ]
    for (input, expected) in cases {
      var request = Self.signed()
      request.headers.set("Signature-Input", input)
      #expect(throws: expected, "\(input)") { try MessageSignature.parse(request) }
    }
  }

  @Test("Signing twice replaces the first signature")
  func again() {
    let request = MessageSignature.sign(
      Self.signed(), keyID: "0f", created: 2, nonce: "m", sha256: Self.mix, sign: Self.mix)
    #expect(request.headers.fields.count == 4)
    #expect(Self.verifies(request))
  }
}

private func replace(_ header: String, _ old: String, _ new: String, in request: inout Request) {
  let value = request.headers[header] ?? ""
  request.headers.set(header, value.split(separator: old).joined(separator: new))
  if value.hasPrefix(old) { request.headers.set(header, new + value.dropFirst(old.count)) }
}

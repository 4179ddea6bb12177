import HTTP
import Testing

@Suite("Header, query and origin values")
struct ValueTests {
  @Test("Header names ignore case and keep their order")
  func order() {
    var headers: Headers = ["A": "1", "b": "2"]
    headers.add("a", " 3\t")
    #expect(headers["A"] == "1")
    #expect(headers.values("a") == ["1", "3"])
    headers.set("a", "4")
    #expect(headers.fields.map(\.name) == ["b", "a"])
    #expect(headers["c"] == nil)
  }

  @Test(
    "A header that could end its line is never taken",
    arguments: [
      ("A", "x\r\nB: y"), ("A", "x\ny"), ("A", "x\0"), ("A", "x\u{7f}"), ("A\r", "x"), ("", "x"),
      ("A:", "x"), ("A b", "x"), ("Ä", "x"),
    ])
  func injection(name: String, value: String) {
    var headers: Headers = ["A": "1"]
    let before = headers
    let (added, replaced) = (headers.add(name, value), headers.set(name, value))
    #expect(!added && !replaced)
    #expect(headers == before)
  }

  @Test("A query keeps order, repeats and blanks, and leaves out what is no text")
  func query() {
    let request = Request(method: "GET", target: "/p%20q?a=1&b=&a=%C3%A9+x&c&%zz=1&d=%ff&e=1=2")
    #expect(request.path == "/p%20q")
    #expect(request.query.values("a") == ["1", "é x"])
    #expect(request.query.pairs.map(\.name) == ["a", "b", "a", "c", "e"])
    #expect(request.query["e"] == "1=2")
    #expect(Request(method: "GET", target: "/").query.pairs.isEmpty)
    #expect(Percent.decode(Percent.encode("a/b ?é%")) == "a/b ?é%")
    #expect(Percent.encode("a/b") == "a%2Fb")
  }

  @Test(
    "An origin is scheme, host and port",
    arguments: [
      ("https://A.example", "https://a.example", UInt16(443)),
      ("HTTP://127.0.0.1:8080/", "http://127.0.0.1:8080", 8080),
      ("https://[::1]:443", "https://[::1]", 443),
    ])
  func origin(text: String, written: String, port: UInt16) throws {
    let origin = try #require(Origin(text))
    #expect("\(origin)" == written)
    #expect(origin.port == port)
  }

  @Test(
    "What is more or less than an origin is none",
    arguments: [
      "", "a.example", "ftp://a", "https://", "https://a/b", "https://u@a", "https://a:0",
      "https://a:", "https://a:99999", "https://a:+1", "https://a?b", "https://a#b", "https://[a]",
      "https://[::1", "https://a b", "https://a\r\nb", "https://ä",
    ])
  func noOrigin(text: String) {
    #expect(Origin(text) == nil)
  }

  @Test("Loopback is known by name and address, not by look")
  func loopback() {
    #expect(Origin("http://localhost:1")?.isLoopback == true)
    #expect(Origin("http://127.3.2.1")?.isLoopback == true)
    #expect(Origin("http://[::1]")?.isLoopback == true)
    #expect(Origin("http://127.0.0.1.evil.example")?.isLoopback == false)
    #expect(Origin("http://127.example")?.isLoopback == false)
  }

  @Test("Base64 gives back any bytes and refuses a second spelling")
  func base64() {
    for count in 0..<70 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 167 + 250) }
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }
    #expect(Base64.encode(Array("any carnal pleas".utf8)) == "YW55IGNhcm5hbCBwbGVhcw==")
    for text in ["YQ", "YQ=", "YR==", "Y===", "====", "YQ==YQ==", "Y Q=", "_-8=", "é==="] {
      #expect(Base64.decode(text) == nil)
    }
  }

  @Test("A failure is one line")
  func oneLine() {
    let failure = HTTPFailure(.timedOut, "a\r\nb", hint: "c\nd")
    #expect(failure.description == "a  b (c d)")
    #expect(failure.isRetryable)
    #expect(!HTTPFailure(.tls, "x").isRetryable)
  }
}

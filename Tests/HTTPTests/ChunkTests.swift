import HTTP
import HTTPClient
import HTTPServer
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite("Chunked bodies", .timeLimit(.minutes(15)))
struct ChunkTests {
  private static let head =
    "POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
  private static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

  @Test(
    "Whatever the chunks look like, nothing after them is taken for a request",
    arguments: [
      "3\r\nabc\r\n0\r\n\r\n",
      "3\nabc\n0\n\n",
      "3\r\nabc\n0\r\n\r\n",
      "3;x\ny\r\nabc\r\n0\r\n\r\n",
      "3;x=\"\r\n\"\r\nabc\r\n0\r\n\r\n",
      "3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n",
      "3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "0\n\n",
      "00000000000000000000\r\n\r\n",
    ])
  func smuggling(chunks: String) throws {
    var limits = ServerLimits.standard
    limits.body = .seconds(1)
    limits.admission = { _ in .stranger(bodyBytesMax: 1000) }
    let place = try Place(limits)
    let connection = try RawConnection(port: place.server.port)
    connection.send(Self.head + chunks + Self.smuggled)
    #expect(!connection.readToEnd().contains("/smuggled"))
  }

  @Test(
    "A chunk that is none never reaches the handler",
    arguments: [
      "0x3\r\nabc\r\n0\r\n\r\n", "-3\r\nabc\r\n0\r\n\r\n", "+3\r\nabc\r\n0\r\n\r\n",
      " 3\r\nabc\r\n0\r\n\r\n", "g\r\nabc\r\n0\r\n\r\n", "\r\nabc\r\n0\r\n\r\n",
      "3\r\nabcX0\r\n\r\n", "10000000000000003\r\nabc\r\n0\r\n\r\n",
      "ffffffffffffffff\r\nabc\r\n0\r\n\r\n", "7fffffffffffffff\r\nabc\r\n0\r\n\r\n",
    ])
  func malformed(chunks: String) throws {
    var limits = ServerLimits.standard
    limits.body = .milliseconds(300)
    limits.admission = { _ in .stranger(bodyBytesMax: 16) }
    let place = try Place(limits)
    let connection = try RawConnection(port: place.server.port)
    connection.send(Self.head + chunks + Self.smuggled)
    let answer = connection.readToEnd()
    #expect(!answer.contains(" 200 ") && !answer.contains("X-Target"))
    let good = try plainExchange().send(place.request("GET", "/"), responseBytesMax: 10)
    #expect(good.status == 200)
  }

  @Test("A body in small chunks, cut anywhere on the wire, comes back whole")
  func splits() throws {
    let place = try Place()
    let text = Self.head + "1\r\na\r\n1;e\r\nb\r\n2\r\ncd\r\n0\r\nX: y\r\n\r\n"
    let bytes = Array(text.utf8)
    for cut in stride(from: 1, to: bytes.count - 1, by: 3) {
      let connection = try RawConnection(port: place.server.port)
      connection.send(String(decoding: bytes[..<cut], as: UTF8.self))
      connection.send(String(decoding: bytes[cut...], as: UTF8.self))
      try #require(connection.readToEnd().hasSuffix("\r\n\r\nabcd"), "cut at \(cut)")
    }
  }

  @Test("A client that stops reading gives its place back")
  func nonReader() throws {
    var limits = ServerLimits.standard
    limits.idleSeconds = 1
    limits.connectionsPerAddressMax = 1
    limits.takesLoopbackForProxy = false
    let place = try Place(limits) { request in
      let count = request.path == "/long" ? 16_000_000 : 1
      return Response(status: 200, body: .bytes([UInt8](repeating: 97, count: count)))
    }
    let stuck = try RawConnection(port: place.server.port, from: "127.0.0.2")
    stuck.send("GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(stuck.read().hasPrefix("HTTP/1.1 200 "))
    let end = ContinuousClock.now + .seconds(15)
    var answer = ""
    while answer.isEmpty, ContinuousClock.now < end {
      let next = try RawConnection(port: place.server.port, from: "127.0.0.2")
      next.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      answer = next.readToEnd()
      _ = poll(nil, 0, 20)
    }
    #expect(answer.hasPrefix("HTTP/1.1 200 "))
  }
}

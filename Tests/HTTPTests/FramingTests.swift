import HTTP
import HTTPClient
import HTTPServer
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite("Hostile requests", .timeLimit(.minutes(15)))
struct FramingTests {
  private static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

  @Test(
    "A doubtful request is refused once and its connection closed",
    arguments: [
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
      (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "0\r\n\r\n", 400
      ),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
      (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked"
          + "\r\n\r\n0\r\n\r\n", 400
      ),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nabc", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nabc", 413),
      ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\n\r\n", 400),
      ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", 400),
      ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 400),
      ("GET / HTTP/1.1\nHost: a\n\n", 400),
      ("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost: a\r\nX: y\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\n", 400),
      ("GET / HTTP/1.1\r\nHost: a\nX:  y\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost: a\r\nX\0: y\r\n\r\n", 400),
      ("GET\0 / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
      ("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost: a\r\n: z\r\n\r\n", 400),
    ])
  func framing(sent: String, status: Int) throws {
    let place = try Place()
    let connection = try RawConnection(port: place.server.port)
    connection.send(sent + Self.smuggled)
    let answer = connection.readToEnd()
    #expect(answer.hasPrefix("HTTP/1.1 \(status) ") || answer.hasPrefix("HTTP/1.0 \(status) "))
    #expect(!answer.contains("/smuggled"))
    #expect(!answer.contains(" 200 "))
  }

  @Test(
    "No Host and a folded line are refused by the server's own answer, once",
    arguments: [
      "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nX: y\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n",
    ])
  func ownAnswer(sent: String) throws {
    let place = try Place()
    let connection = try RawConnection(port: place.server.port)
    connection.send(sent)
    let answer = connection.readToEnd()
    #expect(answer.split(separator: "HTTP/1.").count == 1)
    #expect(answer.hasSuffix("\r\n\r\n\(Fault.Code.badRequest)"))
  }

  @Test(
    "A target that two readers could read differently is refused",
    arguments: [
      "/%00", "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/../a", "/a/..", "/./a", "/%2e%2E/a",
      "/.%2e", "/é", "/%", "/%4", "/%zz", "/?%0", "/?a=%00", "http://a/", "*", "a", "/a#b",
      "/a\tb",
    ])
  func targets(target: String) throws {
    let place = try Place()
    let connection = try RawConnection(port: place.server.port)
    connection.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
    let answer = connection.readToEnd()
    #expect(answer.contains("400 "))
    #expect(!answer.contains("X-Target"))
  }

  @Test(
    "Methods outside the five are refused with what is allowed",
    arguments: ["OPTIONS", "TRACE", "CONNECT", "PATCH", "get", "PRI"])
  func methods(method: String) throws {
    let place = try Place()
    let connection = try RawConnection(port: place.server.port)
    connection.send("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
    let answer = connection.readToEnd()
    #expect(answer.hasPrefix("HTTP/1.1 405 "))
    #expect(answer.contains("\r\nAllow: GET, HEAD, POST, PUT, DELETE\r\n"))
  }

  @Test("Long targets and long headers each have their own status")
  func lengths() throws {
    let place = try Place()
    let long = String(repeating: "x", count: 2048)
    let header = String(repeating: "X: \(long)\r\n", count: 17)
    let huge = String(repeating: "X: \(long)\r\n", count: 40)
    for (target, headers, status) in [
      ("/\(long.dropLast())", "", 200), ("/\(long)", "", 414), ("/", header, 431), ("/", huge, 431),
    ] {
      let connection = try RawConnection(port: place.server.port)
      connection.send("GET \(target) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\(headers)\r\n")
      #expect(connection.readToEnd().hasPrefix("HTTP/1.1 \(status) "))
    }
  }

  @Test("Legal forms that few clients use are taken")
  func legal() throws {
    let place = try Place()
    for sent in [
      "GET /a HTTP/1.1\r\nHost:a\r\nConnection: close\r\n\r\n",
      "GET /a HTTP/1.1\r\nhOST:\t a \t\r\nX-Blank:\r\nX-Blank2: \r\nConnection: close\r\n\r\n",
      "GET /a?b=%2f&c=.. HTTP/1.1\r\nHost: [::1]:80\r\nCookie: a=b; c=d\r\nConnection: close\r\n\r\n",
      "POST /...?%41 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nConnection: close\r\n\r\n"
        + "0\r\nTrailer: x\r\n\r\n",
      "\r\nGET /a HTTP/1.1\r\nHost: a\r\nX: \u{e9}\r\nConnection: close\r\n\r\n",
      "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: y  \r\n\r\n",
      "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX:\r\n\r\n",
    ] {
      let connection = try RawConnection(port: place.server.port)
      connection.send(sent)
      #expect(connection.readToEnd().hasPrefix("HTTP/1.1 200 "), "\(sent)")
    }
  }

  @Test("Two requests sent in one go are answered in order")
  func pipelining() throws {
    let place = try Place()
    let connection = try RawConnection(port: place.server.port)
    connection.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
    connection.send("GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    let answer = connection.readToEnd()
    #expect(answer.split(separator: "X-Target: ").dropFirst().map { $0.prefix(2) } == ["/1", "/2"])
    #expect(!answer.lowercased().contains("server:"))
  }

  @Test("A client that drips its headers is cut off while others are served")
  func slowHeaders() throws {
    var limits = ServerLimits.standard
    limits.header = .seconds(1)
    let place = try Place(limits)
    let start = ContinuousClock.now
    let slow = try RawConnection(port: place.server.port)
    slow.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
    let exchange = plainExchange()
    while slow.send("y"), ContinuousClock.now - start < .seconds(20) {
      let response = try exchange.send(place.request("GET", "/"), responseBytesMax: 10)
      #expect(response.status == 200)
    }
    let passed = ContinuousClock.now - start
    #expect(passed >= .milliseconds(990) && passed < .seconds(10))
  }

  @Test("A client that drips its body is cut off, a patient handler's is not")
  func slowBody() throws {
    var limits = ServerLimits.standard
    (limits.header, limits.body) = (.seconds(1), .seconds(1))
    let place = try Place(limits) { request in
      if request.path == "/long" { _ = poll(nil, 0, 2_000) }
      return echo(request)
    }
    let slow = try RawConnection(port: place.server.port)
    slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")
    #expect(slow.readToEnd().isEmpty)
    let request = place.request("POST", "/long", [1])
    #expect(try plainExchange().send(request, responseBytesMax: 10).status == 200)
  }

  @Test("A silent connection is closed at the deadline")
  func silence() throws {
    var limits = ServerLimits.standard
    limits.header = .milliseconds(200)
    let place = try Place(limits)
    let silent = try RawConnection(port: place.server.port)
    #expect(silent.readToEnd().isEmpty)
  }

  @Test("One address cannot take every place")
  func perAddress() throws {
    var limits = ServerLimits.standard
    limits.connectionsPerAddressMax = 1
    limits.takesLoopbackForProxy = false
    let place = try Place(limits)
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    let first = try RawConnection(port: place.server.port, from: "127.0.0.2")
    first.send(request)
    #expect(first.read().hasPrefix("HTTP/1.1 200 "))
    let second = try RawConnection(port: place.server.port, from: "127.0.0.2")
    second.send(request)
    #expect(second.readToEnd().isEmpty)
    let other = try RawConnection(port: place.server.port, from: "127.0.0.3")
    other.send(request)
    #expect(other.read().hasPrefix("HTTP/1.1 200 "))
  }

  @Test("Slow clients take places from each other, never from one that brings its request (R15)")
  func crowd() throws {
    var limits = ServerLimits.standard
    (limits.waitingMax, limits.connectionsPerAddressMax) = (4, 100)
    let place = try Place(limits)
    let first = try RawConnection(port: place.server.port)
    first.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
    // Served, so that the first one's place is known to the server before the others come.
    #expect(try plainExchange().send(place.request("GET", "/"), responseBytesMax: 10).status == 200)
    let slow = try (0..<6).map { _ in
      let connection = try RawConnection(port: place.server.port)
      connection.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
      return Crowded(connection: connection)
    }
    #expect(try plainExchange().send(place.request("GET", "/"), responseBytesMax: 10).status == 200)
    #expect(first.readToEnd().isEmpty)
    #expect(slow.count == 6)
  }

  @Test("A connection that lost its place takes nobody's when it ends (R15)")
  func endOfTheSlow() throws {
    var limits = ServerLimits.standard
    (limits.waitingMax, limits.connectionsPerAddressMax) = (5, 100)
    let place = try Place(limits)
    func begun(_ count: Int) throws -> [Crowded] {
      try (0..<count).map { _ in
        let connection = try RawConnection(port: place.server.port)
        connection.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
        return Crowded(connection: connection)
      }
    }
    let before = try begun(5)
    #expect(try plainExchange().send(place.request("GET", "/"), responseBytesMax: 10).status == 200)
    // The one that was served may count a moment longer.
    let after = try begun(4)
    for slow in before.prefix(4) { #expect(slow.connection.readToEnd().isEmpty) }
    for honest in after {
      honest.connection.send("1\r\nConnection: close\r\n\r\n")
      #expect(honest.connection.readToEnd().hasPrefix("HTTP/1.1 200 "))
    }
  }
}

/// Keeps a connection open in an array.
private final class Crowded {
  let connection: RawConnection
  init(connection: consuming RawConnection) { self.connection = connection }
}

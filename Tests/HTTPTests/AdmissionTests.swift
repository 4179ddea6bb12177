import HTTP
import HTTPServer
import Synchronization
import Testing

/// Whoever names the key is that caller; `/refused` is answered at the head.
private func admission(_ head: Request) -> Admission {
  if head.path == "/refused" {
    return .refused(Response(status: 401, body: .bytes(Array("refused".utf8))))
  }
  if let caller = head.headers["X-Caller"] { return .caller(caller, bodyBytesMax: 1000) }
  return .stranger(bodyBytesMax: 10)
}

@Suite("Requests judged by their head (R15)", .timeLimit(.minutes(15)))
struct AdmissionTests {
  private func place(
    waiting: Int = 200, handler: @escaping @Sendable (Request) -> Response = { echo($0) }
  ) throws -> Place {
    var limits = ServerLimits.standard
    limits.admission = { admission($0) }
    limits.waitingMax = waiting
    return try Place(limits, handler: handler)
  }

  private func head(_ path: String, _ length: Int, caller: String? = nil) -> String {
    "POST \(path) HTTP/1.1\r\nHost: a\r\n" + (caller.map { "X-Caller: \($0)\r\n" } ?? "")
      + "Content-Length: \(length)\r\n"
  }

  /// A connection whose head was taken: the server has asked for the body.
  private func begun(_ place: Place, _ length: Int, caller: String? = nil) throws -> Line {
    let line = try Line(place)
    line.connection.send(
      head("/", length, caller: caller) + "Expect: 100-continue\r\n\r\n")
    #expect(line.connection.read().hasPrefix("HTTP/1.1 100 "))
    return line
  }

  @Test("A request that is refused by its head is answered while its body is still to come")
  func refused() throws {
    let asked = Atomic(0)
    let place = try place { request in
      asked.add(1, ordering: .relaxed)
      return echo(request)
    }
    let line = try Line(place)
    line.connection.send(head("/refused", 900_000) + "\r\nabc")
    let answer = line.connection.readToEnd()
    #expect(answer.hasPrefix("HTTP/1.1 401 ") && answer.hasSuffix("\r\n\r\nrefused"))
    #expect(answer.contains("Connection: close"))
    // Whoever goes on sending is not cut off in the middle of the answer, and nobody keeps what comes.
    let sent = (0..<3).map { _ in line.connection.send(String(repeating: "x", count: 1000)) }
    #expect(sent == [true, true, true])
    #expect(asked.load(ordering: .relaxed) == 0)
  }

  @Test("A body longer than its sender may bring is refused; the handler hears who is admitted")
  func sizes() throws {
    let place = try place { request in
      Response(status: 200, body: .bytes(Array((request.admitted ?? "nobody").utf8)))
    }
    for (length, caller, status, body) in [
      (10, nil, 200, "nobody"), (11, nil, 413, "http.too-large"), (11, "ana", 200, "ana"),
      (1000, "ana", 200, "ana"), (1001, "ana", 413, "http.too-large"),
    ] {
      let line = try Line(place)
      line.connection.send(head("/", length, caller: caller) + "\r\n")
      if status == 200 { line.connection.send(String(repeating: "x", count: length)) }
      let answer = line.connection.readAnswer()
      #expect(answer.hasPrefix("HTTP/1.1 \(status) ") && answer.hasSuffix("\r\n\r\n\(body)"))
    }
  }

  @Test("No header names a caller, and one without a body has none by its head")
  func headers() throws {
    let place = try place { request in
      Response(status: 200, body: .bytes(Array((request.admitted ?? "nobody").utf8)))
    }
    let line = try Line(place)
    line.connection.send("GET / HTTP/1.1\r\nHost: a\r\nadmitted: ana\r\nX-Caller: ana\r\n\r\n")
    #expect(line.connection.readAnswer().hasSuffix("\r\n\r\nnobody"))
  }

  @Test("Strangers whose bodies are to come take places from each other, not from a caller")
  func waiting() throws {
    let place = try place(waiting: 4)
    let caller = try begun(place, 3, caller: "ana")
    let strangers = try (0..<4).map { _ in try begun(place, 3) }
    let more = try begun(place, 3)
    // The one that has waited longest has ended.
    #expect(strangers[0].connection.readToEnd() == "")
    for line in [caller] + strangers[1...] + [more] {
      line.connection.send("abc")
      #expect(line.connection.readAnswer().hasSuffix("\r\n\r\nabc"))
    }
  }

  @Test("A caller that sends on all its connections is told to wait, and an idle one makes room")
  func places() throws {
    let place = try place()
    let lines = try (0..<Limits.connectionsPerCallerMax).map { _ in
      try begun(place, 3, caller: "ana")
    }
    let more = try Line(place)
    more.connection.send(head("/", 3, caller: "ana") + "\r\n")
    let answer = more.connection.readToEnd()
    #expect(answer.hasPrefix("HTTP/1.1 429 ") && answer.hasSuffix("http.too-many-connections"))
    #expect(answer.contains("\r\nRetry-After: 1\r\n"))
    let other = try begun(place, 3, caller: "ben")
    for line in lines + [other] {
      line.connection.send("abc")
      #expect(line.connection.readAnswer().hasSuffix("\r\n\r\nabc"))
    }
    _ = try begun(place, 3, caller: "ana")
    #expect(lines[0].connection.readToEnd() == "")
  }

  @Test("GET, HEAD and DELETE bring no body", arguments: ["GET", "HEAD", "DELETE"])
  func bodies(method: String) throws {
    let place = try place()
    for framing in ["Content-Length: 1\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"] {
      let line = try Line(place)
      line.connection.send("\(method) / HTTP/1.1\r\nHost: a\r\n\(framing)")
      #expect(line.connection.readToEnd().hasPrefix("HTTP/1.1 400 "))
    }
  }

  @Test("A proxy's connections are not one client's")
  func proxies() throws {
    var limits = ServerLimits.standard
    (limits.connectionsPerAddressMax, limits.takesLoopbackForProxy) = (2, false)
    limits.proxies = [try #require(Address("127.0.0.9"))]
    let place = try Place(limits)
    func served(_ line: Line) -> Bool {
      line.connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      return line.connection.readAnswer().hasPrefix("HTTP/1.1 200 ")
    }
    let behind = try (0..<6).map { _ in try Line(place, from: "127.0.0.9") }
    for line in behind { #expect(served(line)) }
    let direct = try (0..<2).map { _ in try Line(place, from: "127.0.0.8") }
    for line in direct { #expect(served(line)) }
    #expect(try Line(place, from: "127.0.0.8").connection.readToEnd() == "")
    for line in direct + behind { #expect(served(line)) }
  }

  @Test("An address is read from its text alone, and IPv4 within IPv6 is IPv4")
  func addresses() {
    #expect(Address("::ffff:192.0.2.7") == Address("192.0.2.7"))
    #expect(Address("2001:db8:0::7") == Address("2001:DB8::7"))
    #expect(Address("192.0.2.7") != Address("192.0.2.8"))
    for text in ["", "localhost", "192.0.2", "192.0.2.7:80", "192.0.2.7/24", " ::1"] {
      #expect(Address(text) == nil)
    }
  }
}

/// A connection in an array.
private final class Line {
  let connection: RawConnection

  init(_ place: Place, from address: String = "127.0.0.1") throws {
    connection = try RawConnection(port: place.server.port, from: address)
  }
}

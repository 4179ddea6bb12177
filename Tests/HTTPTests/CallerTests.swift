import HTTP
import HTTPServer
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Whoever names the key is that caller; a name alone is a stranger's.
private func answer(_ request: Request) -> Response {
  var response = Response(status: 200, body: .bytes(Array("served".utf8)))
  if request.headers["X-Key"] == "right" { response.caller = request.headers["X-Caller"] }
  return response
}

/// A connection in an array.
private final class Line {
  let connection: RawConnection

  init(_ place: Place, from address: String = "127.0.0.1") throws {
    connection = try RawConnection(port: place.server.port, from: address)
  }

  /// One request and its answer; false when the connection has ended.
  func asks(_ caller: String, key: String = "right") -> Bool {
    connection.send(head("GET", caller, key, "/") + "\r\n")
    return connection.readAnswer().hasPrefix("HTTP/1.1 200 ")
  }

  /// A request of whose answer the beginning alone is read.
  func asksForFile(_ caller: String) -> Bool {
    connection.send(head("GET", caller, "right", "/file") + "\r\n")
    return connection.read().hasPrefix("HTTP/1.1 200 ")
  }

  /// A request whose headers the server has taken, and whose body is to come.
  func begins(_ caller: String) -> Bool {
    connection.send(
      head("POST", caller, "right", "/") + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    return connection.read().hasPrefix("HTTP/1.1 100 ")
  }

  private func head(_ method: String, _ caller: String, _ key: String, _ path: String) -> String {
    "\(method) \(path) HTTP/1.1\r\nHost: a\r\nX-Caller: \(caller)\r\nX-Key: \(key)\r\n"
  }
}

@Suite("Connections of one caller (R15)", .timeLimit(.minutes(15)))
struct CallerTests {
  private func place(
    handler: @escaping @Sendable (Request) -> Response = { answer($0) }
  ) throws -> Place {
    var limits = ServerLimits.standard
    limits.admission = { head in
      answer(head).caller.map { .caller($0, bodyBytesMax: 10) } ?? .stranger(bodyBytesMax: 10)
    }
    return try Place(limits, handler: handler)
  }

  @Test("One too many takes the place of the one whose last answer is longest ago")
  func oldest() throws {
    let place = try place()
    let lines = try (0..<Limits.connectionsPerCallerMax).map { _ in try Line(place) }
    for line in lines { #expect(line.asks("ana")) }
    #expect(lines[0].asks("ana"))
    // Of no matter which address.
    let more = try Line(place, from: "127.0.0.2")
    #expect(more.asks("ana"))
    #expect(lines[1].connection.readToEnd() == "")
    for line in [lines[0]] + lines[2...] + [more] { #expect(line.asks("ana")) }
  }

  @Test("Others have their own places, and a stranger who gives a caller's name takes none")
  func others() throws {
    let place = try place()
    let ana = try (0..<Limits.connectionsPerCallerMax).map { _ in try Line(place) }
    for line in ana { #expect(line.asks("ana")) }
    let others = try (0..<12).map { _ in try Line(place) }
    for line in others[..<8] { #expect(line.asks("ana", key: "wrong")) }
    for line in others[8...] { #expect(line.asks("ben")) }
    for line in others[..<8] { #expect(line.asks("ana", key: "wrong")) }
    for line in others[8...] { #expect(line.asks("ben")) }
    for line in ana { #expect(line.asks("ana")) }
  }

  @Test(
    "A connection that is closed gives its place back, and one that changes hands takes another's")
  func places() throws {
    let place = try place()
    for _ in 0..<20 { #expect(try Line(place).asks("ana")) }
    let shared = try (0..<Limits.connectionsPerCallerMax).map { _ in try Line(place) }
    // As behind a proxy: the same connections carry one member's requests, then another's.
    for caller in ["ana", "ben", "ana"] {
      for line in shared { #expect(line.asks(caller)) }
    }
    let bens = try Line(place)
    #expect(bens.asks("ben"))
    for line in shared { #expect(line.asks("ben", key: "wrong")) }
  }

  @Test("A connection that brings a request is left alone; one too many is served and closed")
  func asking() throws {
    let place = try place()
    let lines = try (0..<Limits.connectionsPerCallerMax).map { _ in try Line(place) }
    for line in lines {
      #expect(line.asks("ana"))
      #expect(line.begins("ana"))
    }
    for _ in 0..<3 {
      let more = try Line(place)
      more.connection.send("GET / HTTP/1.1\r\nHost: a\r\nX-Caller: ana\r\nX-Key: right\r\n\r\n")
      let all = more.connection.readToEnd()
      #expect(all.hasPrefix("HTTP/1.1 200 ") && all.contains("Connection: close"))
      #expect(all.hasSuffix("served"))
    }
    for line in lines {
      line.connection.send("abc")
      #expect(line.connection.read().hasPrefix("HTTP/1.1 200 "))
    }
  }

  @Test("Strangers who do not read their answers take places from each other alone")
  func unreadByStrangers() throws {
    var limits = ServerLimits.standard
    (limits.waitingMax, limits.connectionsPerAddressMax) = (4, 100)
    let length = 32 << 20
    let place = try Place(limits) { request in
      var response = answer(request)
      if request.path == "/file" {
        response.body = .bytes([UInt8](repeating: 7, count: length))
      }
      return response
    }
    let known = try Line(place)
    #expect(known.asksForFile("ana"))
    let strangers = try (0..<6).map { _ in
      let line = try Line(place)
      line.connection.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(line.connection.read().hasPrefix("HTTP/1.1 200 "))
      return line
    }
    #expect(try Line(place).asks("ben"))
    #expect(strangers[0].connection.bytesToEnd() < length / 2)
    #expect(known.connection.bytesToEnd() > length / 2)
  }

  @Test("Answers that nobody reads do not keep a caller's places")
  func unread() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/file"
    let length = 64 << 20
    let file = unsafe open(path, O_CREAT | O_WRONLY, 0o600)
    #expect(ftruncate(file, length) == 0)
    close(file)
    let place = try place { request in
      var response = answer(request)
      if request.path == "/file" { response.body = .file(path: path, offset: 0, length: length) }
      return response
    }
    let lines = try (0..<Limits.connectionsPerCallerMax).map { _ in try Line(place) }
    for line in lines { #expect(line.asksForFile("ana")) }
    let more = try Line(place)
    #expect(more.asks("ana"))
    #expect(lines[0].connection.bytesToEnd() < length)
    #expect(more.asks("ana"))
  }
}

import HTTP
import HTTPClient
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite("Hostile servers", .timeLimit(.minutes(15)))
struct HostileServerTests {
  @Test(
    "An answer that is none fails with its kind, in one line that names the server",
    arguments: [
      ("", HTTPFailure.Code.interrupted),
      ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", .interrupted),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", .interrupted),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab", .interrupted),
      ("SSH-2.0-x\r\n", .badResponse),
      ("<html>hello</html>", .badResponse),
      ("HTTP/3.7 200 OK\r\nContent-Length: 0\r\n\r\n", .badResponse),
      ("HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", .badResponse),
      ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .badResponse),
      (
        "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + String(repeating: "x", count: 200),
        .tooLarge
      ),
      (String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 4000), .badResponse),
      ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "y", count: 200_000), .badResponse),
      ("HTTP/1.1 200 OK\r\n" + String(repeating: "X: y\r\n", count: 20_000), .badResponse),
    ])
  func answers(text: String, code: HTTPFailure.Code) throws {
    let server = try Canned([text])
    let failure = #expect(throws: HTTPFailure.self) {
      try plainExchange().send(server.request, responseBytesMax: 100)
    }
    #expect(failure?.code == code, "\(text.prefix(60)) \(String(describing: failure))")
    #expect(failure?.message.contains(server.authority) == true)
    #expect(failure?.description.utf8.contains(0x0a) == false)
  }

  @Test("What had come of an answer that was broken off is handed on, and is no answer")
  func part() throws {
    let server = try Canned([
      "HTTP/1.1 206 Partial Content\r\nETag: \"a\"\r\nContent-Length: 10\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + String(repeating: "x", count: 200),
    ])
    func failure() -> HTTPFailure? {
      #expect(throws: HTTPFailure.self) {
        try plainExchange().send(server.request, responseBytesMax: 100)
      }
    }
    let cut = failure()?.received
    #expect(cut?.status == 206 && cut?.headers["ETag"] == "\"a\"")
    #expect(cut?.bytes == Array("abc".utf8))
    #expect(failure()?.received == nil)
    // Longer than allowed is no cut that a new try could mend.
    #expect(failure()?.received == nil)
  }

  @Test("R17: a redirect is an answer, not an order, and a cookie is not kept")
  func redirects() throws {
    let server = try Canned([
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nSet-Cookie: a=b\r\n"
        + "Content-Length: 0\r\nConnection: close\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
    ])
    let exchange = plainExchange()
    let first = try exchange.send(server.request, responseBytesMax: 9)
    #expect(first.status == 302 && first.headers["location"] == "http://127.0.0.1:1/")
    let second = try exchange.send(server.request, responseBytesMax: 9)
    #expect(second.bytes == Array("ok".utf8))
    #expect(!server.heard.lowercased().contains("cookie"))
  }

  @Test("A kept connection that the server has closed meanwhile is made anew, unnoticed")
  func keptConnection() throws {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    let server = try Canned([answer, answer, answer])
    let exchange = plainExchange()
    for _ in 1...3 {
      var request = server.request
      (request.method, request.body) = ("POST", [1, 2, 3])
      #expect(try exchange.send(request, responseBytesMax: 9).status == 200)
    }
  }

  @Test("A server that takes the request and says nothing is given up")
  func silence() throws {
    let server = try Canned([nil])
    var options = CurlExchange.Options()
    options.allowsPlainHTTP = true
    options.stallSeconds = 1
    let start = ContinuousClock.now
    let failure = #expect(throws: HTTPFailure.self) {
      try CurlExchange(options).send(server.request, responseBytesMax: 9)
    }
    #expect(failure?.code == .timedOut)
    #expect(failure?.isRetryable == true)
    #expect(ContinuousClock.now - start < .seconds(10))
  }
}

/// A server that gives prepared answers, one a connection; nil holds the connection open in silence.
private final class Canned: Sendable {
  let port: UInt16
  private let listener: Int32
  private let answers: [String?]
  private let said = Mutex("")

  init(_ answers: [String?]) throws {
    self.answers = answers
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(listener, $0, size) == 0 && listen(listener, 8) == 0
          && getsockname(listener, $0, &size) == 0
      }
    }
    try #require(isBound)
    port = UInt16(bigEndian: address.sin_port)
    var thread: pthread_t = 0
    let me = unsafe Unmanaged.passRetained(self)
    let code = unsafe pthread_create(
      &thread, nil,
      { context in
        if let context = unsafe context {
          unsafe Unmanaged<Canned>.fromOpaque(context).takeRetainedValue().serve()
        }
        return nil
      }, unsafe me.toOpaque())
    try #require(code == 0)
    pthread_detach(thread)
  }

  deinit { close(listener) }

  var authority: String { "127.0.0.1:\(port)" }
  var request: Request {
    Request(method: "GET", target: "/", scheme: "http", authority: authority)
  }
  var heard: String { said.withLock { $0 } }

  private func serve() {
    for answer in answers {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { return }
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = unsafe recv(connection, &buffer, buffer.count, 0)
      said.withLock { $0 += String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) }
      if let answer {
        let bytes = Array(answer.utf8)
        _ = unsafe send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        shutdown(connection, Int32(SHUT_WR))
      }
      // To the client's end, so that no reset overtakes what was sent.
      while unsafe recv(connection, &buffer, buffer.count, 0) > 0 {}
      close(connection)
    }
  }
}

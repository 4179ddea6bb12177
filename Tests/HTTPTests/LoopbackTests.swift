import HTTP
import HTTPClient
import HTTPServer
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite("Client against server", .timeLimit(.minutes(15)))
struct LoopbackTests {
  @Test("Bodies of any size come back as they went, on one connection", arguments: ["POST", "PUT"])
  func bodies(method: String) throws {
    let place = try Place()
    let exchange = plainExchange()
    for count in [0, 1, 65_536, 1_048_576] {
      let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let request = place.request(method, "/a%20b?c=%2F", body)
      let response = try exchange.send(request, responseBytesMax: count)
      #expect(response.status == 200)
      #expect(response.bytes == body)
      #expect(response.headers["x-target"] == "/a%20b?c=%2F")
      #expect(response.headers["x-authority"] == place.authority)
    }
  }

  @Test("The client adds nothing of its own to a request")
  func bare() throws {
    let place = try Place { request in
      Response(status: 200, body: .bytes(Array("\(request.headers.fields.map(\.name))".utf8)))
    }
    let exchange = plainExchange()
    for method in ["GET", "POST", "PUT", "DELETE"] {
      var request = place.request(method, "/", ["POST", "PUT"].contains(method) ? [1] : [])
      request.headers.add("X-Empty", "")
      request.headers.add("Host", "elsewhere")
      let response = try exchange.send(request, responseBytesMax: 1000)
      #expect(String(decoding: response.bytes, as: UTF8.self) == #"["X-Empty"]"#)
    }
    #expect(exchange.bytesSent > 150 && exchange.bytesSent < 400)
    #expect(exchange.bytesReceived > 300 && exchange.bytesReceived < 800)
  }

  @Test("GET, HEAD and DELETE work, and any status is an answer")
  func methods() throws {
    let place = try Place { request in
      Response(
        status: request.path == "/missing" ? 404 : 200, contentType: "text/plain",
        bytes: Array(request.method.utf8))
    }
    let exchange = plainExchange()
    for method in ["GET", "DELETE"] {
      let response = try exchange.send(place.request(method, "/missing"), responseBytesMax: 10)
      #expect(response.status == 404)
      #expect(response.bytes == Array(method.utf8))
    }
    let head = try exchange.send(place.request("HEAD", "/"), responseBytesMax: 10)
    #expect(head.bytes.isEmpty)
    #expect(head.headers["content-length"] == "4")
    #expect(try exchange.send(place.request("GET", "/"), responseBytesMax: 10).status == 200)
  }

  @Test("A body over its route's cap is refused with 413, at the cap it is taken")
  func tooLarge() throws {
    var limits = ServerLimits.standard
    limits.admission = { .stranger(bodyBytesMax: $0.path == "/small" ? 10 : 100) }
    let place = try Place(limits)
    let exchange = plainExchange()
    let body = [UInt8](repeating: 7, count: 4_000_000)
    for (target, count, status) in [
      ("/small", 10, 200), ("/small", 11, 413), ("/large", 11, 200), ("/large", 4_000_000, 413),
      ("/large", 100, 200),
    ] {
      let request = place.request("POST", target, Array(body.prefix(count)))
      let response = try exchange.send(request, responseBytesMax: 1000)
      #expect(response.status == status)
      #expect(status == 200 || response.bytes == Array("http.too-large".utf8))
    }
  }

  @Test("A chunked body is put together, and counted against the cap")
  func chunked() throws {
    var limits = ServerLimits.standard
    limits.admission = { _ in .stranger(bodyBytesMax: 10) }
    let place = try Place(limits)
    let head =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    let fits = try RawConnection(port: place.server.port)
    fits.send(head + "4\r\nabcd\r\n")
    fits.send("3;x=y\r\nefg\r\n0\r\n\r\n")
    #expect(fits.readToEnd().hasSuffix("\r\n\r\nabcdefg"))
    let long = try RawConnection(port: place.server.port)
    long.send(head + "4\r\nabcd\r\n7\r\nefghijk\r\n0\r\n\r\n")
    #expect(long.readToEnd().hasPrefix("HTTP/1.1 413 "))
  }

  @Test("A response over the caller's cap is a failure, and the next request works")
  func responseCap() throws {
    let place = try Place()
    let exchange = plainExchange()
    let request = place.request("POST", "/", [UInt8](repeating: 1, count: 100))
    #expect(failed(exchange, request, 99)?.code == .tooLarge)
    #expect(try exchange.send(request, responseBytesMax: 100).bytes.count == 100)
  }

  @Test("A stretch of a file is sent, and a file that is not there is a fault")
  func file() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/file"
    let descriptor = unsafe open(path, O_CREAT | O_WRONLY, 0o600)
    let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
    #expect(unsafe write(descriptor, content, content.count) == content.count)
    close(descriptor)
    let place = try Place { request in
      let length = Int(request.query["length"] ?? "") ?? 0
      let name = request.path == "/file" ? path : "\(path)-not"
      return Response(status: 200, body: .file(path: name, offset: 1000, length: length))
    }
    let exchange = plainExchange()
    let whole = try exchange.send(
      place.request("GET", "/file?length=299000"), responseBytesMax: 299_000)
    #expect(whole.bytes == Array(content[1000...]))
    for target in ["/file?length=299001", "/file?length=-1", "/none?length=1"] {
      let response = try exchange.send(place.request("GET", target), responseBytesMax: 100)
      #expect(response.status == 500)
    }
  }

  @Test("A Unix socket serves its owner only, and a stale one is replaced")
  func unixSocket() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/socket"
    let server = try unixServer(path)
    var options = CurlExchange.Options()
    options.allowsPlainHTTP = true
    options.unixSocket = path
    let exchange = CurlExchange(options)
    let request = Request(method: "GET", target: "/x", scheme: "http", authority: "local")
    #expect(try exchange.send(request, responseBytesMax: 10).headers["x-authority"] == "local")
    var found = stat()
    #expect(unsafe stat(path, &found) == 0)
    #expect(found.st_mode & 0o777 == 0o600)
    #expect(server.port == 0)

    #expect(throws: ServerFailure.self) { try unixServer(path) }
    server.stop()
    let gone = failed(exchange, request, 10)
    #expect(gone?.code == .unreachable)
    #expect(gone?.message.contains(path) == true)
    try leaveStaleSocket(path)
    let second = try unixServer(path)
    #expect(try exchange.send(request, responseBytesMax: 10).status == 200)
    second.stop()

    let file = unsafe open(path, O_CREAT | O_WRONLY, 0o600)
    close(file)
    #expect(failure(of: { _ = try unixServer(path) })?.code == .badAddress)
  }

  @Test("A port that nobody serves gives one clear line that names it")
  func unreachable() throws {
    let place = try Place()
    let request = place.request("GET", "/")
    place.server.stop()
    let failure = try #require(failed(plainExchange(), request, 1))
    #expect(failure.code == .unreachable)
    #expect(failure.isRetryable)
    #expect(failure.message == "cannot connect to http://\(place.authority): Connection refused")
    #expect(!failure.description.contains("\n"))
  }

  @Test("A taken port says so")
  func takenPort() throws {
    let place = try Place()
    let failed = failure(of: {
      _ = try Server(
        listen: .tcp(host: "127.0.0.1", port: place.server.port), fault: faultResponse,
        handler: { echo($0) })
    })
    #expect(failed?.code == .addressInUse)
    #expect(failed?.description.contains(place.authority) == true)
  }

  @Test("Plain http must be allowed, and nothing but http and https is ever sent to")
  func schemes() {
    let strict = CurlExchange()
    var request = Request(method: "GET", target: "/", scheme: "http", authority: "127.0.0.1:1")
    #expect(failed(strict, request, 1)?.code == .refusedScheme)
    for scheme in ["file", "ftp", "gopher", ""] {
      request.scheme = scheme
      let refused = failed(plainExchange(), request, 1)
      #expect(refused?.code == .refusedScheme)
    }
  }

  @Test("A server that does not speak TLS is not talked to over https")
  func noTLS() throws {
    let place = try Place()
    var request = place.request("GET", "/")
    request.scheme = "https"
    let refused = failed(CurlExchange(), request, 1)
    #expect(refused?.code == .tls)
    #expect(refused?.message.contains("https://\(place.authority)") == true)
  }

  @Test(
    "A request that would not be one on the wire is not sent",
    arguments: [
      ("GET", "/a b", "h"), ("GET", "/\r\nX: y", "h"), ("GET", "", "h"), ("GET", "a", "h"),
      ("GET", "/é", "h"), ("GET /", "/", "h"), ("get", "/", "h"), ("GET", "/", "h/x"),
      ("GET", "/", "u@h"), ("GET", "/", ""),
    ])
  func badRequests(method: String, target: String, authority: String) {
    let request = Request(method: method, target: target, scheme: "http", authority: authority)
    let refused = failed(plainExchange(), request, 1)
    #expect(refused?.code == .badRequest)
    #expect(refused?.description.contains("\r") == false)
  }

  @Test("Cancelling ends the transfer in flight, and progress is told")
  func cancelling() throws {
    let holder = Mutex<CurlExchange?>(nil)
    let calls = Atomic(0)
    let place = try Place()
    let exchange = plainExchange { _ in
      calls.add(1, ordering: .relaxed)
      holder.withLock { $0?.cancel() }
    }
    holder.withLock { $0 = exchange }
    let request = place.request("POST", "/", [UInt8](repeating: 1, count: 1_000_000))
    #expect(failed(exchange, request, 2_000_000)?.code == .cancelled)
    #expect(failed(exchange, request, 2_000_000)?.code == .cancelled)
    #expect(calls.load(ordering: .relaxed) == 1)
    holder.withLock { $0 = nil }
  }

  @Test("Stopping lets the request that runs come to its end")
  func stopping() async throws {
    let (entered, enter) = AsyncStream.makeStream(of: Void.self)
    let mayEnd = Atomic(false)
    let place = try Place { _ in
      enter.yield()
      while !mayEnd.load(ordering: .acquiring) { sched_yield() }
      return Response(status: 200, body: .bytes([42]))
    }
    let request = place.request("GET", "/")
    async let response = Task.detached { try plainExchange().send(request, responseBytesMax: 9) }
      .value
    for await _ in entered { break }
    let server = place.server
    async let stopped: Void = Task.detached { server.stop() }.value
    mayEnd.store(true, ordering: .releasing)
    #expect(try await response.bytes == [42])
    await stopped
    server.stop()
  }
}

private func unixServer(_ path: String) throws -> Server {
  try Server(listen: .unix(path: path), fault: faultResponse, handler: { echo($0) })
}

/// What a server that was killed leaves behind.
private func leaveStaleSocket(_ path: String) throws {
  let made = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
  try unsafe withUnsafePointer(to: address) { pointer in
    try unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      try #require(unsafe bind(made, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0)
    }
  }
  close(made)
}

private func failed(
  _ exchange: CurlExchange, _ request: Request, _ bytesMax: Int
) -> HTTPFailure? {
  do throws(HTTPFailure) {
    _ = try exchange.send(request, responseBytesMax: bytesMax)
    return nil
  } catch { return error }
}

private func failure(of body: () throws -> Void) -> ServerFailure? {
  do {
    try body()
    return nil
  } catch { return error as? ServerFailure }
}

import HTTP
import HTTPClient
import HTTPServer
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// A server on a free port of this machine, and the ways to talk to it.
struct Place {
  let server: Server

  init(
    _ limits: ServerLimits = .standard,
    handler: @escaping @Sendable (Request) -> Response = { echo($0) }
  ) throws {
    server = try Server(
      listen: .tcp(host: "127.0.0.1", port: 0), limits: limits, fault: faultResponse,
      handler: handler)
  }

  var authority: String { "127.0.0.1:\(server.port)" }

  func request(_ method: String, _ target: String, _ body: [UInt8] = []) -> Request {
    Request(method: method, target: target, body: body, scheme: "http", authority: authority)
  }
}

/// Tells the request back: the target and body, and its headers under `x-`.
func echo(_ request: Request) -> Response {
  if request.path == "/missing" { return Response(status: 404) }
  var headers: Headers = ["X-Target": request.target, "X-Authority": request.authority]
  for field in request.headers.fields { headers.add("X-\(field.name)", field.value) }
  return Response(status: 200, headers: headers, body: .bytes(request.body))
}

@Sendable
func faultResponse(_ fault: Fault) -> Response {
  Response(
    status: fault.code.status, contentType: "text/plain", bytes: Array("\(fault.code)".utf8))
}

func plainExchange(progress: (@Sendable (Progress) -> Void)? = nil) -> CurlExchange {
  var options = CurlExchange.Options()
  options.allowsPlainHTTP = true
  return CurlExchange(options, progress: progress)
}

/// A bare TCP connection, to send what no client library would.
struct RawConnection: ~Copyable {
  private let socket: Int32

  init(port: UInt16, from: String = "127.0.0.1") throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    try unsafe Self.address(from, 0) { try #require(unsafe bind(socket, $0, $1) == 0) }
    try unsafe Self.address("127.0.0.1", port) { try #require(unsafe connect(socket, $0, $1) == 0) }
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    _ = unsafe setsockopt(
      socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(socket) }

  /// False when the other side is gone.
  @discardableResult
  func send(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return unsafe Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
      == bytes.count
  }

  /// The next bytes, empty at the end of the stream; fails the test after ten silent seconds.
  func read() -> String {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = unsafe recv(socket, &buffer, buffer.count, 0)
    if count < 0, errno == EAGAIN { Issue.record("nothing came for ten seconds") }
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
  }

  func readToEnd() -> String {
    var all = ""
    while true {
      let part = read()
      if part.isEmpty { return all }
      all += part
    }
  }

  /// One whole answer, by its own Content-Length; what came of it when the stream ends before.
  func readAnswer() -> String {
    var all = ""
    while true {
      let part = read()
      all += part
      let halves = all.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
      let length = halves[0].split(separator: "\r\n").last { $0.hasPrefix("Content-Length: ") }
        .flatMap { Int($0.dropFirst(16)) }
      if part.isEmpty || halves.count == 2 && halves[1].utf8.count >= length ?? 0 { return all }
    }
  }

  /// How many bytes are still to come.
  func bytesToEnd() -> Int {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var count = 0
    while case let more = unsafe recv(socket, &buffer, buffer.count, 0), more > 0 { count += more }
    return count
  }

  private static func address(
    _ host: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void
  ) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    unsafe inet_pton(AF_INET, host, &address.sin_addr)
    try unsafe withUnsafePointer(to: address) { pointer in
      try unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        try unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}

/// A fresh folder that is gone with the value.
struct Scratch: ~Copyable {
  let path: String

  init() throws {
    var name = Array("/tmp/cordee-http-XXXXXX".utf8CString)
    try #require(unsafe mkdtemp(&name) != nil)
    path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for name in ["socket", "file"] { _ = unsafe unlink("\(path)/\(name)") }
    _ = unsafe rmdir(path)
  }
}

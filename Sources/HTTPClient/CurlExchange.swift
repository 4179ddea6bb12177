import CCurl
import CShims
public import HTTP
import Mutants
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// How far one transfer has come, in bytes of body.
public struct Progress: Sendable, Equatable {
  /// Bytes sent.
  public let bytesUp: Int
  /// Bytes received.
  public let bytesDown: Int
  /// Bytes to be sent and received in all, those of the parts that follow in a range's answers included; nil before the
  /// answer says.
  public let bytesExpected: Int?
}

/// HTTP/1.1 over libcurl: one handle, its connections kept alive from one request to the next.
///
/// `send` blocks its caller; several callers take turns. Redirects, cookies, `.netrc`, proxies from the
/// environment and content decoding are off; nothing is sent that the request does not hold, but `Host`
/// and the body's length.
public final class CurlExchange: Exchange, Sendable {
  /// What a connection may be made with.
  public struct Options: Sendable {
    /// Whether `http` is allowed beside `https`.
    public var allowsPlainHTTP = false
    /// A PEM file of the only certificate authorities to trust, instead of the system's.
    public var authorityFile: String?
    /// libcurl's pin of the server's public key, `sha256//…`.
    public var pinnedKey: String?
    /// The path of a Unix socket to connect to, whatever the request's authority says.
    public var unixSocket: String?
    /// The one proxy to go through, as a URL.
    public var proxy: String?
    /// Seconds to wait for a connection.
    public var connectSeconds = Limits.connectSeconds
    /// Seconds under 1 KiB/s after which a transfer is given up.
    public var stallSeconds = Limits.stallSeconds

    /// Makes the strict ones: `https` only, the system's authorities, no proxy.
    public init() {}
  }

  private let options: Options
  private let report: (@Sendable (Progress) -> Void)?
  private let easy: Mutex<Easy?>
  private let cancelled = Atomic(false)
  private let sent = Atomic(0)
  private let received = Atomic(0)

  /// Makes an exchange; no connection is made yet.
  ///
  /// - Parameter progress: called at most five times a second by the thread that sends.
  public init(
    _ options: Options = Options(), progress: (@Sendable (Progress) -> Void)? = nil
  ) {
    self.options = options
    report = progress
    easy = Mutex(Easy())
  }

  /// Bytes sent so far, headers included, encryption and TCP not.
  public var bytesSent: Int { sent.load(ordering: .relaxed) }
  /// Bytes received so far, headers included, encryption and TCP not.
  public var bytesReceived: Int { received.load(ordering: .relaxed) }

  /// Ends the transfer in flight within a second and refuses every later one; callable from any thread.
  public func cancel() { cancelled.store(true, ordering: .relaxed) }

  /// Sends one request and waits for the whole response.
  public func send(_ request: Request, responseBytesMax: Int) throws(HTTPFailure) -> Response {
    let origin = try origin(of: request)
    let transfer = Transfer(
      bodyBytesMax: responseBytesMax,
      isCancelled: { [self] in cancelled.load(ordering: .relaxed) }, report: report)
    let failure = easy.withLock { easy -> HTTPFailure? in
      // Taken out while in use: a borrowed optional cannot be unwrapped in place.
      guard let handle = easy.take() else {
        return HTTPFailure(.internal, "cannot start the HTTP client: out of memory")
      }
      let failure = run(request, to: origin, transfer, on: handle)
      easy = consume handle
      return failure
    }
    sent.add(transfer.bytesSent, ordering: .relaxed)
    received.add(transfer.bytesReceived, ordering: .relaxed)
    if var failure {
      if failure.isRetryable { failure.received = transfer.part }
      throw failure
    }
    guard (200...599).contains(transfer.status) else {
      throw HTTPFailure(.badResponse, "\(origin) did not answer with HTTP/1.1")
    }
    return Response(
      status: transfer.status, headers: transfer.headers, body: .bytes(transfer.body))
  }

  private func origin(of request: Request) throws(HTTPFailure) -> Origin {
    let text = "\(request.scheme)://\(request.authority)"
    guard request.scheme == "https" || (request.scheme == "http" && options.allowsPlainHTTP) else {
      throw HTTPFailure(
        .refusedScheme, "refused to send to \(text): \(request.scheme) is not allowed",
        hint: request.scheme == "http" ? "use https, or allow plain http for this network" : "")
    }
    guard let origin = Origin(text) else {
      throw HTTPFailure(.badRequest, "\(text) is not the address of a server")
    }
    let isTarget =
      request.target.utf8.first == UInt8(ascii: "/")
      && request.target.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    guard isTarget, Self.methods.contains(request.method) else {
      throw HTTPFailure(.badRequest, "cannot send \(request.method) \(request.target) to \(origin)")
    }
    if cancelled.load(ordering: .relaxed) { throw Explanation.cancelled(origin) }
    return origin
  }

  private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "DELETE"]

  private func run(
    _ request: Request, to origin: Origin, _ transfer: Transfer, on easy: borrowing Easy
  ) -> HTTPFailure? {
    do throws(CurlError) {
      try perform(request, to: origin, transfer, on: easy)
      return nil
    } catch {
      return Explanation.of(
        error, origin: origin, options, overflow: transfer.overflow, systemError: easy.systemError,
        certificateError: easy.certificateError)
    }
  }

  private func perform(
    _ request: Request, to origin: Origin, _ transfer: Transfer, on easy: borrowing Easy
  ) throws(CurlError) {
    easy.reset()
    try configure(easy)
    try easy.set(CURLOPT_URL, "\(origin)/")
    try easy.set(CURLOPT_REQUEST_TARGET, request.target)
    let list = try headerLines(request)
    try easy.set(CURLOPT_HTTPHEADER, list)
    try transfer.attach(to: easy)
    if request.method == "HEAD" { try easy.set(CURLOPT_NOBODY, 1) }
    if request.method != "HEAD", request.method != "GET" || !request.body.isEmpty {
      try easy.set(CURLOPT_CUSTOMREQUEST, request.method)
    }
    // One spare byte gives an empty body an address too, without which libcurl asks for data.
    let body = request.body.isEmpty ? [0] : request.body
    let result = unsafe body.withUnsafeBytes { bytes -> Result<Void, CurlError> in
      Result { () throws(CurlError) in
        if let start = bytes.baseAddress, request.sendsBody {
          try easy.set(CURLOPT_POSTFIELDSIZE_LARGE, bytes: request.body.count)
          try unsafe easy.set(CURLOPT_POSTFIELDS, start)
        }
        try easy.perform()
      }
    }
    try result.get()
  }

  private func configure(_ easy: borrowing Easy) throws(CurlError) {
    try easy.set(CURLOPT_NOSIGNAL, 1)
    try easy.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    try easy.set(CURLOPT_PROTOCOLS_STR, options.allowsPlainHTTP ? "https,http" : "https")
    try easy.set(CURLOPT_FOLLOWLOCATION, mutant(61, "R17: central may send one elsewhere") ? 1 : 0)
    try easy.set(CURLOPT_NETRC, 0)
    try easy.set(CURLOPT_PROXY, options.proxy ?? "")
    try easy.set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    try easy.set(CURLOPT_SSL_VERIFYPEER, 1)
    try easy.set(CURLOPT_SSL_VERIFYHOST, 2)
    try easy.set(CURLOPT_CONNECTTIMEOUT, options.connectSeconds)
    try easy.set(CURLOPT_LOW_SPEED_LIMIT, Limits.stallBytesPerSecond)
    try easy.set(CURLOPT_LOW_SPEED_TIME, options.stallSeconds)
    if let file = options.authorityFile { try easy.set(CURLOPT_CAINFO, file) }
    if let pin = options.pinnedKey { try easy.set(CURLOPT_PINNEDPUBLICKEY, pin) }
    if let path = options.unixSocket { try easy.set(CURLOPT_UNIX_SOCKET_PATH, path) }
  }

  private func headerLines(_ request: Request) throws(CurlError) -> HeaderList {
    var list = HeaderList()
    let framing = ["host", "content-length", "transfer-encoding", "expect", "connection"]
    for field in request.headers.fields where !framing.contains(field.name.lowercased()) {
      try list.append(
        field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
    }
    // A name without a value takes libcurl's own header out.
    for name in ["Accept", "Content-Type", "Expect", "User-Agent"]
    where request.headers[name] == nil || name == "Expect" {
      try list.append("\(name):")
    }
    return list
  }
}

extension Request {
  fileprivate var sendsBody: Bool {
    method == "POST" || method == "PUT" || (method != "HEAD" && !body.isEmpty)
  }
}

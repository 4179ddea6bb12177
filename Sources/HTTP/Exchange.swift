/// Something that carries a request to a server and brings the response back.
///
/// The network is one; a test's in-memory server is another of equal rank.
public protocol Exchange {
  /// Sends one request and waits for the whole response, whose body is always `.bytes`.
  ///
  /// Any status is a response, not a failure. Redirects are not followed.
  ///
  /// - Parameter responseBytesMax: the most bytes of body to take; more is `tooLarge`.
  /// - Throws: `HTTPFailure` when there is no complete response; the request may or may not have arrived.
  func send(_ request: Request, responseBytesMax: Int) throws(HTTPFailure) -> Response
}

/// Why there is no response.
public struct HTTPFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kinds of failure, open for more.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// Stable text used in JSON, logs and tests.
    public let description: String

    /// No connection: name not found, refused, or no route.
    public static let unreachable = Code(description: "http.unreachable")
    /// The connection could not be made in time, or the transfer all but stopped.
    public static let timedOut = Code(description: "http.timed-out")
    /// The response is longer than the caller allows.
    public static let tooLarge = Code(description: "http.too-large")
    /// TLS failed: certificate, host name or handshake.
    public static let tls = Code(description: "http.tls")
    /// The scheme is not allowed here.
    public static let refusedScheme = Code(description: "http.refused-scheme")
    /// The caller asked to stop.
    public static let cancelled = Code(description: "http.cancelled")
    /// The connection broke in the middle.
    public static let interrupted = Code(description: "http.interrupted")
    /// What came back is not HTTP/1.1 as it should be.
    public static let badResponse = Code(description: "http.bad-response")
    /// The request itself cannot be sent.
    public static let badRequest = Code(description: "http.bad-request")
    /// This program's own fault or shortage.
    public static let `internal` = Code(description: "http.internal")
  }

  /// What kind of failure it is.
  public let code: Code
  /// One line that names the host.
  public let message: String
  /// What the person may do about it; may be empty.
  public let hint: String
  /// What had come of a response that was cut within its body: its headers and the first bytes.
  public var received: Response?

  /// Makes a failure; control characters become blanks.
  public init(_ code: Code, _ message: String, hint: String = "", received: Response? = nil) {
    self.received = received
    self.code = code
    self.message = oneLine(message)
    self.hint = oneLine(hint)
  }

  /// Whether the same request may succeed later with nothing changed here.
  public var isRetryable: Bool {
    [.unreachable, .timedOut, .interrupted].contains(code)
  }

  /// The message and, when there is one, the hint.
  public var description: String { hint.isEmpty ? message : "\(message) (\(hint))" }
}

private func oneLine(_ text: String) -> String {
  var out = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    out.append(scalar.properties.generalCategory == .control ? " " : scalar)
  }
  return String(out)
}

public import HTTP

/// What clients may use of one server; `standard` is the figures of `HTTP.Limits`.
public struct ServerLimits: Sendable {
  /// Connections in all; more wait in the system's queue.
  public var connectionsMax = Limits.connectionsMax
  /// Connections of one address, closed beyond it; a Unix socket and a proxy have no such limit.
  public var connectionsPerAddressMax = Limits.connectionsPerAddressMax
  /// Addresses behind which many clients are.
  public var proxies: Set<Address> = []
  /// Whether this machine's own addresses count as a proxy's: whoever is on it has 127.0.0.0/8 to choose from, so that a limit
  /// would only hit a proxy.
  public var takesLoopbackForProxy = true
  /// Connections of one caller, told by `Response.caller`; beyond it the one that has been idle longest is closed.
  public var connectionsPerCallerMax = Limits.connectionsPerCallerMax
  /// Connections that may wait for their next request, or for a stranger's body, at once; beyond it the one that has waited
  /// longest is closed.
  public var waitingMax = Limits.waitingConnectionsMax
  /// Whole seconds a connection may stand still.
  public var idleSeconds = Limits.idleSeconds
  /// From a connection's start, or a kept one's next request, to the end of the headers.
  public var header = Duration.seconds(Limits.headerSeconds)
  /// From the end of the headers to the end of the body; large bodies earn more.
  public var body = Duration.seconds(Limits.bodySeconds)
  /// From the handler's return to the end of the response; large ones earn more.
  public var response = Duration.seconds(Limits.responseSeconds)
  /// How long `stop` lets requests already running come to their end.
  public var stopping = Duration.seconds(10)
  /// What becomes of a request whose body is still to come; asked before any of it is read, never for one without a body.
  public var admission: @Sendable (_ head: Request) -> Admission = { _ in
    .stranger(bodyBytesMax: Limits.requestBodyBytesMax)
  }

  /// The figures of `HTTP.Limits`.
  public static let standard = ServerLimits()

  /// Makes the standard ones.
  public init() {}
}

/// A request that the server refuses before any handler sees it.
public struct Fault: Error, Sendable, Equatable {
  /// The kinds of refusal, open for more.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// Stable text used in problems, logs and tests.
    public let description: String
    /// The status that fits.
    public let status: Int

    /// The framing, the target or a header is not what RFC 9112 and our routes allow.
    public static let badRequest = Code(description: "http.bad-request", status: 400)
    /// A method outside GET, HEAD, POST, PUT and DELETE.
    public static let badMethod = Code(description: "http.bad-method", status: 405)
    /// The body is longer than its route allows.
    public static let tooLarge = Code(description: "http.too-large", status: 413)
    /// All connections of the caller bring requests already.
    public static let tooManyConnections = Code(
      description: "http.too-many-connections", status: 429)
    /// The target is longer than any of our routes.
    public static let targetTooLong = Code(description: "http.target-too-long", status: 414)
    /// The headers are longer than allowed.
    public static let headersTooLarge = Code(description: "http.headers-too-large", status: 431)
    /// The server could not send what its handler returned.
    public static let `internal` = Code(description: "http.internal", status: 500)
  }

  /// What kind of refusal it is.
  public let code: Code
  /// One line from constants only: nothing the client sent is in it.
  public let detail: String

  init(_ code: Code, _ detail: String) {
    self.code = code
    self.detail = detail
  }
}

/// Why a server could not start.
public struct ServerFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kinds of failure, open for more.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// Stable text used in JSON, logs and tests.
    public let description: String

    /// Somebody listens there already.
    public static let addressInUse = Code(description: "server.address-in-use")
    /// This user may not listen there.
    public static let notAllowed = Code(description: "server.not-allowed")
    /// There is no such address, or the socket's path cannot be one.
    public static let badAddress = Code(description: "server.bad-address")
    /// The system lacks something.
    public static let system = Code(description: "server.system")
  }

  /// What kind of failure it is.
  public let code: Code
  /// One line that names the address.
  public let description: String
}

import CMicrohttpd
import CShims
public import HTTP
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// An HTTP/1.1 server on two threads of libmicrohttpd, each running the handler it calls.
///
/// Every response has a handler's or the fault closure's body, but for a few that libmicrohttpd refuses
/// before it calls us, with a page of its own and a close: no `Host`, a `Content-Length` that is no number,
/// a line without a colon, headers beyond its buffer. Version 0.9.75 writes that page's head twice.
public final class Server: Sendable {
  /// Where to listen.
  public enum Listen: Sendable, Equatable {
    /// A host name or address, and a port; 0 takes a free one.
    case tcp(host: String, port: UInt16)
    /// A socket file of mode 0600; one that nobody listens on any more is replaced.
    case unix(path: String)
  }

  /// The port it listens on, 0 for a Unix socket.
  public let port: UInt16

  private let running: Mutex<Running?>
  private let core: Core
  private let deadlines: Deadlines
  private let listen: Listen
  private let stopping: Duration

  // Sendable: libmicrohttpd's daemon may be stopped from any thread, once; the Mutex sees to that.
  @safe private struct Running: @unchecked Sendable {
    let daemon: OpaquePointer
  }

  /// Listens and serves until `stop`.
  ///
  /// - Parameters:
  ///   - fault: makes the response to what is refused before the handler sees it.
  ///   - handler: answers one request; called from two threads at once, blocks only its own.
  /// - Throws: `ServerFailure` when it cannot listen there.
  public init(
    listen: Listen, limits: ServerLimits = .standard,
    fault: @escaping @Sendable (Fault) -> Response,
    handler: @escaping @Sendable (Request) -> Response
  ) throws(ServerFailure) {
    let tick = min(.seconds(1), limits.header / 4)
    guard let deadlines = Deadlines(tick: tick) else {
      throw ServerFailure(code: .system, description: "cannot serve: no thread or pipe left")
    }
    let listener: Int32
    do throws(ServerFailure) {
      listener = try Self.socket(listen)
    } catch {
      deadlines.stop()
      throw error
    }
    let core = Core(limits: limits, deadlines: deadlines, fault: fault, handler: handler)
    guard let daemon = unsafe Self.start(core, listener, limits) else {
      deadlines.stop()
      close(listener)
      throw ServerFailure(code: .system, description: "cannot serve: the HTTP server did not start")
    }
    port = cordee_bound_port(listener)
    running = Mutex(unsafe Running(daemon: daemon))
    self.core = core
    self.deadlines = deadlines
    self.listen = listen
    stopping = limits.stopping
  }

  deinit { stop() }

  /// Takes no more connections, lets running requests end, and closes everything; the second call does nothing.
  ///
  /// Must not be called by the handler.
  public func stop() {
    guard let running = running.withLock({ $0.take() }) else { return }
    let listener = unsafe MHD_quiesce_daemon(running.daemon)
    let deadline = ContinuousClock.now + stopping
    while core.requestsRunning > 0, ContinuousClock.now < deadline {
      _ = poll(nil, 0, 5)
    }
    unsafe MHD_stop_daemon(running.daemon)
    deadlines.stop()
    if listener >= 0 { close(listener) }
    if case .unix(let path) = listen { unsafe unlink(path) }
  }

  private static func socket(_ listen: Listen) throws(ServerFailure) -> Int32 {
    let made: Int32
    let place: String
    switch listen {
    case .tcp(let host, let port):
      made = unsafe cordee_listen_tcp(host, port, SOMAXCONN)
      place = "\(host):\(port)"
    case .unix(let path):
      made = unsafe cordee_listen_unix(path, SOMAXCONN)
      place = path
    }
    if made >= 0 { return made }
    let code: ServerFailure.Code
    let reason: String
    switch -made {
    case EADDRINUSE: (code, reason) = (.addressInUse, "somebody listens there already")
    case EACCES, EPERM: (code, reason) = (.notAllowed, "this user may not listen there")
    case EADDRNOTAVAIL, 1000...:
      (code, reason) = (.badAddress, "this machine has no such address")
    case EEXIST: (code, reason) = (.badAddress, "the file there is not a socket")
    case ENAMETOOLONG: (code, reason) = (.badAddress, "the path is too long for a socket")
    case ENOENT, ENOTDIR: (code, reason) = (.badAddress, "there is no such folder")
    default:
      let text = unsafe strerror(-made).map { unsafe String(cString: $0) } ?? "error \(-made)"
      (code, reason) = (.system, text)
    }
    throw ServerFailure(code: code, description: "cannot listen on \(place): \(reason)")
  }

  private static func start(
    _ core: Core, _ listener: Int32, _ limits: ServerLimits
  ) -> OpaquePointer? {
    var settings = unsafe cordee_mhd_settings()
    unsafe settings.context = Unmanaged.passUnretained(core).toOpaque()
    unsafe settings.handle = Callbacks.handle
    unsafe settings.target = Callbacks.target
    unsafe settings.completed = Callbacks.completed
    unsafe settings.connection = Callbacks.connection
    unsafe settings.threads = 2
    unsafe settings.connections_max = UInt32(clamping: limits.connectionsMax)
    unsafe settings.idle_seconds = UInt32(clamping: limits.idleSeconds)
    // Half as much again as the headers may take: libmicrohttpd keeps its own tables and the answer's there.
    unsafe settings.memory_bytes_max = Limits.requestHeaderBytesMax * 3 / 2
    return unsafe cordee_mhd_start(listener, &settings)
  }
}

import CMicrohttpd
import CShims
import HTTP
import Mutants
import Synchronization

/// What libmicrohttpd's threads call into; outlives every one of them.
final class Core: Sendable {
  private let limits: ServerLimits
  private let fault: @Sendable (Fault) -> Response
  private let handler: @Sendable (Request) -> Response
  private let deadlines: Deadlines
  private let running = Atomic(0)
  /// From 1.0 on libmicrohttpd refuses these layouts itself.
  private let checksLayout = unsafe String(cString: MHD_get_version()).hasPrefix("0.")

  init(
    limits: ServerLimits, deadlines: Deadlines, fault: @escaping @Sendable (Fault) -> Response,
    handler: @escaping @Sendable (Request) -> Response
  ) {
    self.limits = limits
    self.deadlines = deadlines
    self.fault = fault
    self.handler = handler
  }

  /// Requests of which the headers came in and the answer has not all gone out.
  var requestsRunning: Int { running.load(ordering: .acquiring) }

  func connected(_ connection: OpaquePointer) {
    if let address = unsafe Address(connection), !limits.proxies.contains(address),
      !(limits.takesLoopbackForProxy && address.isLoopback)
    {
      let socket = unsafe cordee_mhd_socket(connection)
      guard deadlines.count(socket, of: address, most: limits.connectionsPerAddressMax) else {
        return
      }
    }
    deadlines.expectRequest(
      on: unsafe cordee_mhd_socket(connection), within: limits.header, most: limits.waitingMax)
  }

  func disconnected(_ connection: OpaquePointer) {
    deadlines.disconnect(unsafe cordee_mhd_socket(connection))
  }

  /// A request is over: answered, or broken off.
  ///
  /// - Parameter lingers: whether it was answered before its body was in.
  func completed(_ connection: OpaquePointer, isAnswered: Bool, lingers: Bool) {
    running.subtract(1, ordering: .releasing)
    if isAnswered, lingers { deadlines.linger(unsafe cordee_mhd_socket(connection)) }
    // What broke off, be it shut down by us, waits for nothing more.
    guard isAnswered else { return deadlines.remove(unsafe cordee_mhd_socket(connection)) }
    // The next request's first byte is not shown to us: it may come as late as the idle limit.
    deadlines.expectRequest(
      on: unsafe cordee_mhd_socket(connection),
      within: limits.header + .seconds(limits.idleSeconds), most: nil)
  }

  func begin(_ target: RawHead.Part) -> Conversation {
    running.add(1, ordering: .relaxed)
    return Conversation(target: target)
  }

  /// The headers are in.
  func takeHead(
    _ conversation: Conversation, _ connection: OpaquePointer, _ head: RawHead?
  ) -> Bool {
    do throws(Fault) {
      guard let head else { throw Fault(.internal, "the request could not be read") }
      let (request, framing) = try FramingGuard.check(head, checksLayout: checksLayout)
      conversation.request = request
      guard framing != .length(0) else {
        conversation.intake = .collecting(bytesMax: 0)
        deadlines.expectAnswer(on: unsafe cordee_mhd_socket(connection))
        return true
      }
      let bytesMax: Int
      switch limits.admission(request) {
      case .stranger(let most): bytesMax = most
      case .caller(let caller, let most):
        bytesMax = most
        conversation.request.admitted = caller
      case .refused(let response): return unsafe answer(response, conversation, connection)
      }
      try unsafe expectBody(framing, of: conversation, connection, bytesMax: bytesMax)
      return true
    } catch {
      return unsafe refuse(error, conversation, connection)
    }
  }

  private func expectBody(
    _ framing: FramingGuard.Framing, of conversation: Conversation, _ connection: OpaquePointer,
    bytesMax: Int
  ) throws(Fault) {
    var expected = bytesMax
    if case .length(let length) = framing {
      guard length <= bytesMax else { throw .tooLarge }
      expected = length
    }
    conversation.intake = .collecting(bytesMax: bytesMax)
    // libmicrohttpd 0.9 takes bare LFs between chunks, so a proxy may see another end than it does.
    conversation.isLast = framing == .chunked
    let hasPlace = deadlines.expectBody(
      on: unsafe cordee_mhd_socket(connection), within: limits.body + Self.earned(expected),
      of: conversation.request.admitted, most: limits.connectionsPerCallerMax)
    guard hasPlace else {
      throw Fault(.tooManyConnections, "this device sends on all its connections already")
    }
  }

  /// The body is in, if there was one.
  func finish(_ conversation: Conversation, _ connection: OpaquePointer) -> Bool {
    switch conversation.intake {
    case .collecting:
      conversation.intake = .done
      // The client has done its part; how long we take is not its fault.
      deadlines.expectAnswer(on: unsafe cordee_mhd_socket(connection))
      let response = handler(conversation.request)
      conversation.request.body = []
      guard let reply = Reply(response) else {
        return unsafe refuse(
          Fault(.internal, "the response could not be read"), conversation, connection)
      }
      return unsafe send(reply, connection, to: response.caller, isLast: conversation.isLast)
    case .draining(let fault, _):
      return unsafe refuse(fault, conversation, connection)
    case .head, .done:
      return false
    }
  }

  private func refuse(
    _ refusal: Fault, _ conversation: Conversation, _ connection: OpaquePointer
  ) -> Bool {
    var response = fault(refusal)
    if refusal.code == .badMethod, response.headers["Allow"] == nil {
      response.headers.add("Allow", "GET, HEAD, POST, PUT, DELETE")
    }
    if refusal.code == .tooManyConnections { response.headers.set("Retry-After", "1") }
    return unsafe answer(response, conversation, connection)
  }

  /// Answers without a handler, and ends the connection.
  private func answer(
    _ response: Response, _ conversation: Conversation, _ connection: OpaquePointer
  ) -> Bool {
    switch conversation.intake {
    case .head, .collecting: conversation.lingers = true
    case .draining, .done: break
    }
    conversation.intake = .done
    guard let reply = Reply(response) else { return false }
    // Where one request ended is in doubt, and so is where the next begins.
    return unsafe send(reply, connection, to: nil, isLast: true)
  }

  private func send(
    _ reply: borrowing Reply, _ connection: OpaquePointer, to caller: String?, isLast: Bool
  ) -> Bool {
    let hasPlace = deadlines.expectEnd(
      on: unsafe cordee_mhd_socket(connection), within: limits.response + Self.earned(reply.length),
      of: caller,
      most: mutant(62, "R15: one device holds as many connections as it likes")
        ? .max : limits.connectionsPerCallerMax)
    if isLast || !hasPlace { reply.add("Connection", "close") }
    return unsafe reply.queue(on: connection)
  }

  private static func earned(_ bytes: Int) -> Duration {
    .seconds(bytes / Limits.bodyBytesPerSecond)
  }
}

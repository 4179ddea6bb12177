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
    deadlines.expectRequest(
      on: unsafe cordee_mhd_socket(connection), within: limits.header, most: limits.waitingMax)
  }

  func disconnected(_ connection: OpaquePointer) {
    deadlines.remove(unsafe cordee_mhd_socket(connection))
  }

  /// A request is over: answered, or broken off.
  func completed(_ connection: OpaquePointer, isAnswered: Bool) {
    running.subtract(1, ordering: .releasing)
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
      let bytesMax = limits.bodyBytesMax(request.method, request.path)
      var expected = bytesMax
      conversation.intake = .collecting(bytesMax: bytesMax)
      // libmicrohttpd 0.9 takes bare LFs between chunks, so a proxy may see another end than it does.
      conversation.isLast = framing == .chunked
      if case .length(let length) = framing {
        // What is only thrown away earns no more time than what would have been taken.
        expected = min(length, bytesMax)
        if length > bytesMax {
          guard length <= Limits.drainedBytesMax, request.headers["Expect"] == nil else {
            throw .tooLarge
          }
          conversation.intake = .draining(.tooLarge, bytesLeft: length)
        }
      }
      deadlines.expectBody(
        on: unsafe cordee_mhd_socket(connection), within: limits.body + Self.earned(expected))
      return true
    } catch {
      return unsafe refuse(error, conversation, connection)
    }
  }

  /// The body is in, if there was one.
  func finish(_ conversation: Conversation, _ connection: OpaquePointer) -> Bool {
    switch conversation.intake {
    case .collecting:
      conversation.intake = .done
      // The client has done its part; how long we take is not its fault.
      deadlines.pause(unsafe cordee_mhd_socket(connection))
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
    conversation.intake = .done
    var response = fault(refusal)
    if refusal.code == .badMethod, response.headers["Allow"] == nil {
      response.headers.add("Allow", "GET, HEAD, POST, PUT, DELETE")
    }
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

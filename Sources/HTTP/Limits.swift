/// What HTTP may use of this program, each with its unit and its reason.
public enum Limits {
  /// Bytes of a request target: our longest route with a cursor is a tenth of it.
  public static let targetBytesMax = 2048
  /// Bytes of a request's line and headers: a signed request needs under 1 KiB; proxies add some.
  public static let requestHeaderBytesMax = 32 * 1024
  /// Bytes of a body that a stranger may send, whose request nobody signed: twenty times an enrolment.
  public static let unsignedBodyBytesMax = 64 * 1024
  /// Bytes of a request's body where a route asks for no other cap: one push of whole segments.
  public static let requestBodyBytesMax = 1024 * 1024
  /// Bytes thrown away of a body that is not taken, so that its client reads why; beyond it the connection just ends.
  public static let drainedBytesMax = 16 * 1024 * 1024
  /// Seconds for which what a client still sends after an early answer is thrown away: some round trips of a bad line.
  public static let lingerSeconds = 5
  /// Connections of which this is done at once: each is one file descriptor.
  public static let lingeringMax = 64
  /// Bytes of a response's headers that a client takes: no honest server sends a tenth of it.
  public static let responseHeaderBytesMax = 64 * 1024

  /// Connections a server holds in all: each may pin a header buffer and one file descriptor.
  public static let connectionsMax = 400
  /// Connections a server holds for one address, so that one cannot take every place.
  public static let connectionsPerAddressMax = 32
  /// Connections a server holds for one caller: the one in use, one of a second command, and what a broken link has left.
  public static let connectionsPerCallerMax = 4
  /// Connections that may wait for their next request at once: the other half is for those whose request is in.
  public static let waitingConnectionsMax = 200
  /// Seconds a connection may stand still before the server closes it.
  public static let idleSeconds = 15
  /// Seconds from a request's first byte to the end of its headers, however steadily they drip.
  public static let headerSeconds = 10
  /// Seconds a body may always take; a slow phone line sends a typical push in half of it.
  public static let bodySeconds = 30
  /// Bytes of expected body that earn one second more, and of an answer: a floor of 64 KiB/s for large bodies.
  public static let bodyBytesPerSecond = 64 * 1024
  /// Seconds a response may always take; bytes earn more at the body's rate.
  public static let responseSeconds = 60

  /// Seconds a client waits for a connection: beyond it a person should read why.
  public static let connectSeconds = 10
  /// Bytes a second under which a transfer counts as stalled.
  public static let stallBytesPerSecond = 1024
  /// Seconds of stalling after which a client gives up.
  public static let stallSeconds = 60
}

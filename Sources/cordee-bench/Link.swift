import HTTP
import HTTPClient
import Wire

/// A member's link to a server, with everything counted that goes over it.
final class Link: Exchange {
  /// Payload of one full TCP segment on Ethernet with timestamps (RFC 9293, RFC 7323).
  static let segmentBytes = 1448
  /// IPv4 header, TCP header, timestamp option.
  static let headerBytes = 20 + 20 + 12

  let origin: Origin
  private let exchange: CurlExchange
  private(set) var requests = 0
  private(set) var bytes = 0

  init(port: UInt16) throws {
    guard let origin = Origin("http://127.0.0.1:\(port)") else {
      throw BenchError("\(port) is no port")
    }
    self.origin = origin
    var options = CurlExchange.Options()
    options.allowsPlainHTTP = true
    exchange = CurlExchange(options)
    bytes = Self.connectionBytes
  }

  func send(_ request: Request, responseBytesMax: Int) throws(HTTPFailure) -> Response {
    let (sent, received) = (exchange.bytesSent, exchange.bytesReceived)
    let response = try exchange.send(request, responseBytesMax: responseBytesMax)
    requests += 1
    bytes += Self.wireBytes(
      up: exchange.bytesSent - sent, down: exchange.bytesReceived - received)
    return response
  }

  /// Opening (SYN, SYN and ACK with their options, ACK) and closing (FIN, ACK, both ways).
  static let connectionBytes = 60 + 60 + headerBytes + 4 * headerBytes

  /// A request and its response as segments, each direction's acknowledged every second one.
  static func wireBytes(up: Int, down: Int) -> Int {
    [up, down].reduce(0) { total, bytes in
      let segments = (bytes + segmentBytes - 1) / segmentBytes
      return total + bytes + (segments + (segments + 1) / 2) * headerBytes
    }
  }

  /// A request of the bench itself; use a link of its own for these.
  func post(_ target: String, _ body: [UInt8] = []) throws -> [UInt8] {
    let response = try send(
      Request(method: "POST", origin: origin, target: target, body: body),
      responseBytesMax: 1 << 30)
    guard response.status == 200 else {
      throw BenchError("\(target) was answered \(response.status)")
    }
    return response.bytes
  }
}

/// The bench's own word to the server it measures.
struct Control {
  private let link: Link

  init(port: UInt16) throws { link = try Link(port: port) }

  /// Lets the server's counts begin anew.
  func mark() throws { _ = try link.post("/bench/mark") }

  /// Adds what the server spent since `mark`.
  func add(to figures: inout Figures) throws {
    let told = Figures(try JSON.parse(try link.post("/bench/figures")))
    figures.cpu += told.cpu
    figures.statements += told.statements
    figures.serverPeak = max(figures.serverPeak, told.peak)
  }

  func merge() throws { _ = try link.post("/bench/merge") }

  /// Hands a reference server the bytes it gives to whoever asks.
  func keep(_ bytes: [UInt8]) throws { _ = try link.post("/bench/keep", bytes) }
}

/// What the bench could not do.
struct BenchError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

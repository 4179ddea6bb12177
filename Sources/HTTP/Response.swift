/// One response as it came in or as a handler wants it sent.
public struct Response: Sendable, Equatable {
  /// What follows the headers.
  public enum Body: Sendable, Equatable {
    /// The whole body in memory.
    case bytes([UInt8])
    /// A stretch of a file, sent without being read into memory; `offset` and `length` in bytes.
    case file(path: String, offset: Int, length: Int)
  }

  /// The status code, 200…599.
  public var status: Int
  /// Every header but the ones that frame the body, which follow from `body`.
  public var headers: Headers
  /// The body; always bytes when an `Exchange` returned it.
  public var body: Body
  /// Who was found to have sent the request, in the handler's own words; nil for a stranger.
  ///
  /// Never sent: the server counts the connections of each.
  public var caller: String?

  /// Makes a response from its parts.
  public init(status: Int, headers: Headers = Headers(), body: Body = .bytes([])) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// Makes a response with a body of one media type.
  public init(status: Int, contentType: String, bytes: [UInt8]) {
    self.init(status: status, headers: ["Content-Type": contentType], body: .bytes(bytes))
  }

  /// The body's bytes; empty when the body is a file.
  public var bytes: [UInt8] {
    if case .bytes(let bytes) = body { bytes } else { [] }
  }
}

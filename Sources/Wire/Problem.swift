/// What went wrong, as HTTP tells it (RFC 9457): a stable type, a title, what and where, what to do.
public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
  /// The stable code; `type` is `urn:cordee:problem:` and this.
  public let code: String
  /// The HTTP status.
  public let status: Int
  /// What happened, and where.
  public let detail: String
  /// What to do.
  public let hint: String
  /// Seconds after which to ask again, where that is known; the header `Retry-After` (RFC 9110), no part of the object.
  public let retryAfter: Int?

  /// Makes a problem.
  public init(
    _ code: String, status: Int, _ detail: String, hint: String = "", retryAfter: Int? = nil
  ) {
    self.code = code
    self.status = status
    self.detail = detail
    self.hint = hint
    self.retryAfter = retryAfter
  }

  /// Bytes that are not what the protocol says.
  public init(_ error: WireError) {
    self.init(error.code.rawValue, status: error.code == .tooLarge ? 413 : 400, error.description)
  }

  /// The detail and the hint.
  public var description: String { hint.isEmpty ? detail : "\(detail). \(hint)" }

  /// The problem as one JSON object; there is no `hint` when nothing can be advised.
  public var json: JSON {
    let title = Self.titles[code] ?? "The request could not be carried out"
    let members: [(String, JSON)] = [
      ("type", .string("urn:cordee:problem:\(code)")), ("title", .string(title)),
      ("status", .integer(Int64(status))), ("detail", .string(detail)),
    ]
    return .object(members + (hint.isEmpty ? [] : [("hint", .string(hint))]))
  }

  /// Reads a problem; nil when the bytes are none.
  public static func parse(_ bytes: [UInt8], status: Int) -> Problem? {
    guard let json = try? JSON.parse(bytes), let type = json["type"]?.string,
      type.hasPrefix("urn:cordee:problem:")
    else { return nil }
    return Problem(
      String(type.dropFirst("urn:cordee:problem:".count)), status: status,
      json["detail"]?.string ?? "",
      hint: json["hint"]?.string ?? "")
  }
}

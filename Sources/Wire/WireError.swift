/// Why bytes are not what the protocol says: a stable code, what is wrong, and where.
public struct WireError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A stable reason, as problems and logs name it.
  public enum Code: String, Sendable {
    /// Not JSON (RFC 8259).
    case syntax = "wire.syntax"
    /// The bytes end too early.
    case truncated = "wire.truncated"
    /// Not UTF-8.
    case notUTF8 = "wire.not_utf8"
    /// One object names a member twice.
    case duplicateKey = "wire.duplicate_key"
    /// Nested deeper than the limit.
    case tooDeep = "wire.too_deep"
    /// More values than the limit.
    case tooManyNodes = "wire.too_many_nodes"
    /// A number that no reader would hold exactly.
    case number = "wire.number"
    /// JSON, but not the message expected here.
    case shape = "wire.shape"
    /// Over a published limit.
    case tooLarge = "wire.too_large"
  }

  /// The reason.
  public let code: Code
  /// What is wrong, without the content.
  public let message: String
  /// The byte where it was seen, if known.
  public let offset: Int?

  /// Makes an error.
  public init(_ code: Code, _ message: String, at offset: Int? = nil) {
    self.code = code
    self.message = message
    self.offset = offset
  }

  /// The message and where.
  public var description: String { offset.map { "\(message), at byte \($0)" } ?? message }
}

/// Compressed bytes that cannot be taken, and why.
public struct SealError: Error, Hashable, Sendable {
  /// The kinds of refusal.
  public enum Code: String, Sendable {
    /// The frame ends too early.
    case truncated = "seal.truncated"
    /// Bytes follow the frame.
    case trailing = "seal.trailing"
    /// More decoded bytes than allowed, or a window that needs more memory than allowed.
    case tooLarge = "seal.too-large"
    /// No zstd frame, or a damaged one.
    case malformed = "seal.malformed"
  }

  /// The kind of refusal.
  public let code: Code
  /// One English sentence; it never quotes the bytes.
  public let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}

extension SealError: CustomStringConvertible {
  /// The code and the message.
  public var description: String { "\(code.rawValue): \(message)" }
}

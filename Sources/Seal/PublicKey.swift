internal import CSodium

/// An Ed25519 public key that can have signed something (RFC 8032).
public struct PublicKey: Hashable, Sendable {
  /// The 32 bytes.
  public let bytes: [UInt8]

  /// Takes 32 bytes; nil for another length, a non-canonical point, or one under which anyone could sign.
  public init?(bytes: [UInt8]) {
    Sodium.start()
    guard bytes.count == 32, unsafe crypto_core_ed25519_is_valid_point(bytes) == 1 else {
      return nil
    }
    self.bytes = bytes
  }

  /// Takes 32 bytes that were found to be a key when they came in; nil for another length.
  ///
  /// Finding that out takes as long as checking a signature. Altered bytes verify nothing.
  public init?(kept bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    self.bytes = bytes
  }

  init(derived bytes: [UInt8]) { self.bytes = bytes }

  /// Whether `signature`, of 64 bytes, is this key's over exactly `message`.
  public func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    Sodium.start()
    guard signature.count == 64 else { return false }
    return unsafe crypto_sign_verify_detached(signature, message, UInt64(message.count), bytes) == 0
  }

  /// The key's short name: BLAKE2b-128 of its bytes.
  public var fingerprint: [UInt8] { Blake2b.hash(bytes, bytes: 16) }
}

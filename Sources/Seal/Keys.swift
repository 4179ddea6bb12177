import CSodium

/// The half of an Ed25519 key pair that everybody may know (RFC 8032).
public struct PublicKey: Hashable, Sendable {
  /// The thirty-two bytes.
  public let bytes: [UInt8]

  /// Takes 32 bytes that are a point of the main group; nil otherwise.
  public init?(bytes: [UInt8]) {
    requireSodium()
    guard bytes.count == 32, unsafe crypto_core_ed25519_is_valid_point(bytes) == 1 else {
      return nil
    }
    self.bytes = bytes
  }

  /// BLAKE2b-128 of the key: the replica id.
  public var fingerprint: [UInt8] { Blake2b.hash([bytes], bytes: 16) }

  /// Whether `signature` is this key's over exactly `message`.
  public func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    guard signature.count == 64 else { return false }
    return unsafe crypto_sign_verify_detached(signature, message, UInt64(message.count), bytes) == 0
  }
}

/// A whole Ed25519 key pair.
///
/// Its secret is never printed.
public struct SigningKey: Sendable, CustomStringConvertible {
  /// The 32 secret bytes everything is derived from.
  public let seed: [UInt8]
  /// The half everybody may know.
  public let publicKey: PublicKey
  private let secret: [UInt8]

  /// Derives the pair from 32 secret bytes; nil for any other count.
  public init?(seed: [UInt8]) {
    requireSodium()
    guard seed.count == 32 else { return nil }
    var open = [UInt8](repeating: 0, count: 32)
    var secret = [UInt8](repeating: 0, count: 64)
    unsafe crypto_sign_seed_keypair(&open, &secret, seed)
    guard let publicKey = PublicKey(bytes: open) else { return nil }
    self.seed = seed
    self.publicKey = publicKey
    self.secret = secret
  }

  /// Draws a new pair.
  public static func generate() -> SigningKey {
    while true {
      if let key = SigningKey(seed: Randomness.bytes(32)) { return key }
    }
  }

  /// The 64-byte signature over exactly `message`.
  public func sign(_ message: [UInt8]) -> [UInt8] {
    var signature = [UInt8](repeating: 0, count: 64)
    unsafe crypto_sign_detached(&signature, nil, message, UInt64(message.count), secret)
    return signature
  }

  /// Names the kind of thing, never the secret.
  public var description: String { "SigningKey" }
}

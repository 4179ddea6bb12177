internal import CSodium

/// An Ed25519 key that signs (RFC 8032); its secret is never printed.
public struct SigningKey: Sendable {
  /// What others verify with.
  public let publicKey: PublicKey
  private let secret: SecretMemory

  /// Derives the key from 32 secret bytes; nil for another length.
  public init?(seed: [UInt8]) {
    guard seed.count == 32 else { return nil }
    self.init(checkedSeed: seed)
  }

  private init(checkedSeed seed: [UInt8]) {
    Sodium.start()
    var publicBytes = [UInt8](repeating: 0, count: 32)
    secret = unsafe SecretMemory(count: 64) {
      unsafe _ = crypto_sign_seed_keypair(&publicBytes, $0, seed)
    }
    publicKey = PublicKey(derived: publicBytes)
  }

  /// Draws a new key.
  public static func generate() -> SigningKey { SigningKey(checkedSeed: Randomness.bytes(32)) }

  /// The 32 secret bytes, to be kept in a file that only its owner reads.
  public var seed: [UInt8] { secret.prefix(32) }

  /// Signs exactly `message`: 64 bytes, always the same for the same key and message.
  public func sign(_ message: [UInt8]) -> [UInt8] {
    var signature = [UInt8](repeating: 0, count: 64)
    unsafe secret.read {
      unsafe _ = crypto_sign_detached(&signature, nil, message, UInt64(message.count), $0)
    }
    return signature
  }
}

extension SigningKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The fingerprint of the public key; no secret.
  public var description: String {
    let digits = publicKey.fingerprint.map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return "SigningKey(\(digits.joined()))"
  }

  /// The same as `description`.
  public var debugDescription: String { description }

  /// A mirror without parts.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Bytes kept out of swap and core dumps where the system allows it, and wiped at the end.
///
/// Unchecked: the pointer never changes, and after `init` its bytes are only read.
@safe private final class SecretMemory: @unchecked Sendable {
  private let start: UnsafeMutablePointer<UInt8>

  init(count: Int, fill: (UnsafeMutablePointer<UInt8>) -> Void) {
    guard let memory = unsafe sodium_malloc(count) else {
      preconditionFailure("there is no memory for a key")
    }
    unsafe start = memory.bindMemory(to: UInt8.self, capacity: count)
    unsafe fill(start)
    unsafe _ = sodium_mprotect_readonly(memory)
  }

  deinit { unsafe sodium_free(start) }

  func read(_ body: (UnsafePointer<UInt8>) -> Void) { unsafe body(start) }

  func prefix(_ count: Int) -> [UInt8] {
    unsafe Array(UnsafeBufferPointer(start: start, count: count))
  }
}

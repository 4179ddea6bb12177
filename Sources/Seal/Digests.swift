import CSodium

/// libsodium must be set up once before use; the global makes it so.
private let sodiumIsReady: Bool = sodium_init() >= 0

func requireSodium() {
  precondition(sodiumIsReady, "libsodium could not be initialised")
}

/// BLAKE2b (RFC 7693), the hash of chains and identifiers.
public enum Blake2b {
  /// The digest of the parts, one after the other.
  ///
  /// - Parameters:
  ///   - parts: what is hashed, in order.
  ///   - count: bytes of the digest, 16 to 64.
  public static func hash(_ parts: [[UInt8]], bytes count: Int = 32) -> [UInt8] {
    requireSodium()
    let input = Array(parts.joined())
    var digest = [UInt8](repeating: 0, count: count)
    unsafe crypto_generichash(&digest, count, input, UInt64(input.count), nil, 0)
    return digest
  }
}

/// BLAKE2b-256 fed piece by piece, for what does not fit in memory.
@safe
public struct Blake2bStream: ~Copyable {
  private let state: UnsafeMutableRawPointer

  /// Begins a digest.
  public init() {
    requireSodium()
    unsafe state = .allocate(byteCount: crypto_generichash_statebytes(), alignment: 64)
    unsafe crypto_generichash_init(OpaquePointer(state), nil, 0, 32)
  }

  deinit { unsafe state.deallocate() }

  /// Takes the next piece.
  public mutating func update(_ piece: [UInt8]) {
    unsafe crypto_generichash_update(OpaquePointer(state), piece, UInt64(piece.count))
  }

  /// The digest of all pieces; the stream is used up.
  public consuming func finish() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe crypto_generichash_final(OpaquePointer(state), &digest, 32)
    return digest
  }
}

/// SHA-256, where outsiders check or a standard says so.
public enum SHA256 {
  /// The 32-byte digest.
  public static func hash(_ bytes: [UInt8]) -> [UInt8] {
    requireSodium()
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe crypto_hash_sha256(&digest, bytes, UInt64(bytes.count))
    return digest
  }
}

/// Randomness from the kernel, through libsodium.
public enum Randomness {
  /// `count` random bytes.
  public static func bytes(_ count: Int) -> [UInt8] {
    requireSodium()
    var bytes = [UInt8](repeating: 0, count: count)
    unsafe randombytes_buf(&bytes, count)
    return bytes
  }

  /// 64 random bits.
  public static func uint64() -> UInt64 { bytes(8).reduce(0) { $0 << 8 | UInt64($1) } }
}

/// Comparing secrets without telling where they differ.
public enum Secret {
  /// Whether both hold the same bytes; takes the same time wherever they differ.
  public static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe sodium_memcmp(left, right, left.count) == 0
  }
}

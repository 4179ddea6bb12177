internal import CSodium

/// SHA-256, for what outsiders check with their own tools (FIPS 180-4).
@safe public struct SHA256: ~Copyable {
  private var state = crypto_hash_sha256_state()

  /// Starts a hash.
  public init() {
    Sodium.start()
    unsafe _ = crypto_hash_sha256_init(&state)
  }

  /// Hashes on, as if all the bytes stood in one row.
  public mutating func update(_ bytes: [UInt8]) {
    unsafe _ = crypto_hash_sha256_update(&state, bytes, UInt64(bytes.count))
  }

  /// Ends the hash: 32 bytes.
  public consuming func finalize() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe _ = crypto_hash_sha256_final(&state, &digest)
    return digest
  }

  /// Hashes the parts as if they stood in one row.
  public static func hash(_ parts: [UInt8]...) -> [UInt8] {
    var hash = SHA256()
    for part in parts { hash.update(part) }
    return hash.finalize()
  }
}

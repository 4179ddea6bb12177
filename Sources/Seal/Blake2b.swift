internal import CSodium

/// BLAKE2b, unkeyed, of any length from 16 to 64 bytes (RFC 7693).
///
/// The length is part of the hash: a shorter one is no prefix of a longer one.
@safe public struct Blake2b: ~Copyable {
  private let state: OpaquePointer
  private let bytes: Int

  /// Starts a hash of `bytes` bytes, 16 to 64.
  public init(bytes: Int = 32) {
    precondition((16...64).contains(bytes), "a BLAKE2b hash has 16 to 64 bytes")
    Sodium.start()
    // libsodium wants its state at a multiple of 64.
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: crypto_generichash_statebytes(), alignment: 64)
    unsafe state = OpaquePointer(memory)
    self.bytes = bytes
    unsafe _ = crypto_generichash_init(state, nil, 0, bytes)
  }

  deinit { unsafe UnsafeMutableRawPointer(state).deallocate() }

  /// Hashes on, as if all the bytes stood in one row.
  public mutating func update(_ bytes: [UInt8]) {
    unsafe _ = crypto_generichash_update(state, bytes, UInt64(bytes.count))
  }

  /// Hashes on over a part of an array.
  public mutating func update(_ bytes: ArraySlice<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer {
      unsafe _ = crypto_generichash_update(state, $0.baseAddress, UInt64($0.count))
    }
  }

  /// Ends the hash.
  public consuming func finalize() -> [UInt8] {
    let bytes = bytes
    return unsafe [UInt8](unsafeUninitializedCapacity: bytes) { buffer, filled in
      if let start = buffer.baseAddress {
        unsafe _ = crypto_generichash_final(state, start, bytes)
      }
      filled = bytes
    }
  }

  /// Hashes a list of parts as if they stood in one row; `bytes` is 16 to 64.
  public static func hash(_ parts: [[UInt8]], bytes: Int = 32) -> [UInt8] {
    var hash = Blake2b(bytes: bytes)
    for part in parts { hash.update(part) }
    return hash.finalize()
  }

  /// Hashes the parts as if they stood in one row; `bytes` is 16 to 64.
  public static func hash(_ parts: [UInt8]..., bytes: Int = 32) -> [UInt8] {
    hash(parts, bytes: bytes)
  }
}

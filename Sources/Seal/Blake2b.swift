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
    precondition((16...64).contains(bytes), "a BLAKE2b hash has 16 to 64 bytes")
    return unsafe [UInt8](unsafeUninitializedCapacity: bytes) { buffer, filled in
      if let start = buffer.baseAddress { unsafe hash(parts, into: start, bytes: bytes) }
      filled = bytes
    }
  }

  /// Hashes a list of parts to 32 bytes, given as four words, the most significant byte of each first.
  ///
  /// The same hash as `hash`, without memory for its state or its result: most hashes are of a few hundred bytes.
  public static func words(of parts: [[UInt8]]) -> (UInt64, UInt64, UInt64, UInt64) {
    unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 4) { words in
      if let start = words.baseAddress { unsafe hash(parts, into: start, bytes: 32) }
      return unsafe (
        UInt64(bigEndian: words[0]), UInt64(bigEndian: words[1]), UInt64(bigEndian: words[2]),
        UInt64(bigEndian: words[3])
      )
    }
  }

  private static func hash(
    _ parts: [[UInt8]], into result: UnsafeMutableRawPointer, bytes: Int
  ) {
    Sodium.start()
    // Room to put the state at a multiple of 64, which what the stack gives is not.
    let room = crypto_generichash_statebytes() + 64
    unsafe withUnsafeTemporaryAllocation(byteCount: room, alignment: 16) { room in
      guard let start = room.baseAddress else { return }
      let state = unsafe OpaquePointer(start.alignedUp(toMultipleOf: 64))
      unsafe _ = crypto_generichash_init(state, nil, 0, bytes)
      for part in parts { unsafe _ = crypto_generichash_update(state, part, UInt64(part.count)) }
      unsafe _ = crypto_generichash_final(state, result, bytes)
    }
  }

  /// Hashes the parts as if they stood in one row; `bytes` is 16 to 64.
  public static func hash(_ parts: [UInt8]..., bytes: Int = 32) -> [UInt8] {
    hash(parts, bytes: bytes)
  }
}

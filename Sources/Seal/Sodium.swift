internal import CSodium

/// The library's own start, which every door to it passes first.
enum Sodium {
  // A global is made once, whichever threads meet here.
  private static let isReady = sodium_init() >= 0

  static func start() {
    precondition(isReady, "libsodium found no source of randomness")
  }
}

/// Random bits from the operating system, fit for keys.
public enum Randomness {
  /// What the simulator draws from instead, within one task and nowhere else.
  ///
  /// A value of the task, since one process runs several simulations and other tests side by side: libsodium's own
  /// hook would be theirs too, and a parameter would stand in every signature between a command and a key.
  @TaskLocal package static var source: Source?

  /// Something else to draw from.
  package final class Source: Sendable {
    fileprivate let draw: @Sendable (Int) -> [UInt8]

    /// Draws by a function that gives as many bytes as asked.
    package init(draw: @escaping @Sendable (Int) -> [UInt8]) { self.draw = draw }
  }

  /// Draws that many bytes.
  public static func bytes(_ count: Int) -> [UInt8] {
    if let source { return source.draw(count) }
    Sodium.start()
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      // An empty array has no room to write to.
      if let start = buffer.baseAddress, count > 0 { unsafe randombytes_buf(start, count) }
      filled = count
    }
  }

  /// Draws 64 bits.
  public static func uint64() -> UInt64 {
    bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}

/// What must not be told by how long it takes.
public enum Secret {
  /// Compares in a time that depends on the lengths only.
  public static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    Sodium.start()
    guard left.count == right.count else { return false }
    return unsafe sodium_memcmp(left, right, left.count) == 0
  }
}

import Seal
import Synchronization

/// A stream of numbers that depends on its seed alone: SplitMix64 (Steele, Lea and Flood, 2014).
struct Seeded: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  /// A stream of its own for one purpose, whatever else is drawn: what the steps left out by a shrink would have drawn
  /// changes nothing for the others.
  init(_ seed: UInt64, _ purpose: UInt64) {
    var first = Seeded(seed)
    var second = Seeded(first.next() ^ purpose &* 0xD6E8_FEB8_6659_FD93)
    state = second.next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }

  mutating func within(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + below(range.count)
  }

  /// True `perMille` times out of a thousand.
  mutating func chance(_ perMille: Int) -> Bool { below(1000) < perMille }

  mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 32) }
  }
}

/// The engine's randomness in one run: keys, epochs, nonces, body keys.
final class EngineDraws: Sendable {
  private let stream: Mutex<Seeded>

  init(seed: UInt64) { stream = Mutex(Seeded(seed)) }

  /// Begins a stream of its own, so that each step draws the same whatever was left out before it.
  func restart(_ seed: UInt64, _ purpose: UInt64) {
    stream.withLock { $0 = Seeded(seed, purpose) }
  }

  /// Runs `body` with all of the engine's draws taken from here.
  func lend<T>(_ body: () throws -> T) rethrows -> T {
    let source = Randomness.Source { count in self.stream.withLock { $0.bytes(count) } }
    return try Randomness.$source.withValue(source) { try body() }
  }
}

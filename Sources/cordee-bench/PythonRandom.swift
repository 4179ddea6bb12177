import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#endif

/// The generator behind Python's `random`, so that a seed gives the rows it gives there.
///
/// MT19937 with Python's seeding and its ways from words to numbers (docs.python.org/3/library/random.html).
struct PythonRandom {
  private var state = [UInt32](repeating: 0, count: 624)
  private var place = 624

  /// Seeds as `random.Random(seed)` does for a number that fits 32 bits.
  init(seed: UInt32) {
    fill(from: 19_650_218)
    var index = 1
    for step in 0..<624 {
      let mixed = (state[index - 1] ^ state[index - 1] >> 30) &* 1_664_525
      state[index] = (state[index] ^ mixed) &+ seed
      if step == 623 { break }
      index = next(index)
    }
    index = next(index)
    for _ in 0..<623 {
      let mixed = (state[index - 1] ^ state[index - 1] >> 30) &* 1_566_083_941
      state[index] = (state[index] ^ mixed) &- UInt32(index)
      index = next(index)
    }
    state[0] = 0x8000_0000
  }

  private mutating func fill(from first: UInt32) {
    state[0] = first
    for index in 1..<624 {
      let before = state[index - 1]
      state[index] = 1_812_433_253 &* (before ^ before >> 30) &+ UInt32(index)
    }
  }

  private mutating func next(_ index: Int) -> Int {
    guard index == 623 else { return index + 1 }
    state[0] = state[623]
    return 1
  }

  private mutating func word() -> UInt32 {
    if place == 624 { twist() }
    var word = state[place]
    place += 1
    word ^= word >> 11
    word ^= word << 7 & 0x9d2c_5680
    word ^= word << 15 & 0xefc6_0000
    return word ^ word >> 18
  }

  private mutating func twist() {
    for index in 0..<624 {
      let joined = state[index] & 0x8000_0000 | state[(index + 1) % 624] & 0x7fff_ffff
      let odd: UInt32 = joined & 1 == 0 ? 0 : 0x9908_b0df
      state[index] = state[(index + 397) % 624] ^ joined >> 1 ^ odd
    }
    place = 0
  }

  /// `getrandbits(count)`, for at most 128 bits.
  mutating func bits(_ count: Int) -> UInt128 {
    var result: UInt128 = 0
    var shift = 0
    while shift < count {
      let wanted = min(32, count - shift)
      result |= UInt128(word() >> UInt32(32 - wanted)) << UInt128(shift)
      shift += 32
    }
    return result
  }

  /// A number from 0 up to, but not with, `bound`.
  mutating func below(_ bound: Int) -> Int {
    let width = Int.bitWidth - bound.leadingZeroBitCount
    var drawn = Int(bits(width))
    while drawn >= bound { drawn = Int(bits(width)) }
    return drawn
  }

  /// `randrange(lower, upper)`.
  mutating func range(_ lower: Int, _ upper: Int) -> Int { lower + below(upper - lower) }

  /// `choice(items)`.
  mutating func choice<T>(_ items: [T]) -> T { items[below(items.count)] }

  /// `random()`: 53 bits, from 0 up to 1.
  mutating func unit() -> Double {
    let high = Double(word() >> 5)
    let low = Double(word() >> 6)
    return (high * 67_108_864 + low) / 9_007_199_254_740_992
  }

  /// `choices(items, k: count)`.
  mutating func choices<T>(_ items: [T], _ count: Int) -> [T] {
    (0..<count).map { _ in items[Int(unit() * Double(items.count))] }
  }

  /// `sample(range(bound), count)`.
  mutating func sample(below bound: Int, _ count: Int) -> [Int] {
    var setSize = 21
    if count > 5 { setSize += Int(pow(4, ceil(log(Double(count * 3)) / log(4)))) }
    if bound <= setSize {
      var pool = Array(0..<bound)
      return (0..<count).map { index in
        let drawn = below(bound - index)
        let item = pool[drawn]
        pool[drawn] = pool[bound - index - 1]
        return item
      }
    }
    var taken: Set<Int> = []
    return (0..<count).map { _ in
      var drawn = below(bound)
      while !taken.insert(drawn).inserted { drawn = below(bound) }
      return drawn
    }
  }
}

/// Sixteen bytes that name a thing for ever: a network, a central instance, a replica.
///
/// Written as 32 lower-case hexadecimal digits; text order is byte order. `[SP-101]`
public struct ID128: Hashable, Sendable, Comparable {
  /// The first eight bytes, most significant first.
  public let high: UInt64
  /// The last eight bytes, most significant first.
  public let low: UInt64

  /// Makes an identifier from its two halves.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Makes an identifier from exactly 16 bytes; nil for any other count.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 16 else { return nil }
    self.init(high: bigEndian(bytes[0..<8]), low: bigEndian(bytes[8..<16]))
  }

  /// Reads 32 lower-case hexadecimal digits; nil for anything else.
  public init?(_ text: String) {
    guard let words = hexWords(text, count: 2) else { return nil }
    self.init(high: words[0], low: words[1])
  }

  /// The sixteen bytes.
  public var bytes: [UInt8] { bigEndianBytes(high) + bigEndianBytes(low) }

  /// Orders by bytes.
  public static func < (left: ID128, right: ID128) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }
}

extension ID128: CustomStringConvertible {
  /// The 32 hexadecimal digits.
  public var description: String { asciiText(count: 32, appendDigits) }

  /// Appends the 32 hexadecimal digits as ASCII.
  public func appendDigits(to bytes: inout [UInt8]) {
    appendHex(high, to: &bytes)
    appendHex(low, to: &bytes)
  }
}

/// One network of members: what a central node and its replicas share.
public typealias NetworkID = ID128
/// One uninterrupted life of a central node; drawn anew after every restore.
public typealias InstanceID = ID128
/// One member's device: BLAKE2b-128 of its Ed25519 public key.
public typealias ReplicaID = ID128

/// The writer of one linear history: a replica and the epoch it drew.
///
/// A replica draws a new random epoch whenever its past is in doubt, so that two copies of one file never write under
/// one name. Written as 48 lower-case hexadecimal digits, replica first. `[SP-102]`
public struct ActorID: Hashable, Sendable, Comparable {
  /// The device.
  public let replica: ReplicaID
  /// 64 bits, drawn at random, never counted.
  public let epoch: UInt64

  /// Makes an actor from its parts.
  public init(replica: ReplicaID, epoch: UInt64) {
    self.replica = replica
    self.epoch = epoch
  }

  /// Makes an actor from exactly 24 bytes; nil for any other count.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 24, let replica = ReplicaID(bytes: Array(bytes[0..<16])) else {
      return nil
    }
    self.init(replica: replica, epoch: bigEndian(bytes[16..<24]))
  }

  /// Reads 48 lower-case hexadecimal digits; nil for anything else.
  public init?(_ text: String) {
    guard let words = hexWords(text, count: 3) else { return nil }
    self.init(replica: ReplicaID(high: words[0], low: words[1]), epoch: words[2])
  }

  /// The twenty-four bytes.
  public var bytes: [UInt8] { replica.bytes + bigEndianBytes(epoch) }

  /// Orders by bytes: the total order that breaks ties between siblings.
  public static func < (left: ActorID, right: ActorID) -> Bool {
    left.replica == right.replica ? left.epoch < right.epoch : left.replica < right.replica
  }
}

extension ActorID: CustomStringConvertible {
  /// The 48 hexadecimal digits.
  public var description: String { asciiText(count: 48, appendDigits) }

  /// Appends the 48 hexadecimal digits as ASCII.
  public func appendDigits(to bytes: inout [UInt8]) {
    replica.appendDigits(to: &bytes)
    appendHex(epoch, to: &bytes)
  }
}

/// One change's name: its author and the author's count, from 1, without gaps. `[SP-103]`
public struct Dot: Hashable, Sendable, Comparable {
  /// Who wrote.
  public let actor: ActorID
  /// Which of the actor's changes in one space; 1 is the first.
  public let n: Int

  /// Names the `n`-th change of `actor`.
  public init(actor: ActorID, n: Int) {
    self.actor = actor
    self.n = n
  }

  /// Orders by actor, then by count: a total order for listing, not causality.
  public static func < (left: Dot, right: Dot) -> Bool {
    left.actor == right.actor ? left.n < right.n : left.actor < right.actor
  }
}

extension Dot: CustomStringConvertible {
  /// The actor and the count, as `actor:n`.
  public var description: String { "\(actor):\(n)" }
}

private func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
  bytes.reduce(0) { $0 << 8 | UInt64($1) }
}

private func bigEndianBytes(_ word: UInt64) -> [UInt8] {
  (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
}

private func asciiText(count: Int, _ append: (inout [UInt8]) -> Void) -> String {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(count)
  append(&bytes)
  return String(decoding: bytes, as: UTF8.self)
}

private func appendHex(_ word: UInt64, to bytes: inout [UInt8]) {
  let start = bytes.count
  bytes.append(contentsOf: repeatElement(0, count: 16))
  var rest = word
  for place in start..<start + 16 {
    let digit = UInt8(truncatingIfNeeded: rest >> 60)
    bytes[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit
    rest <<= 4
  }
}

private func hexWords(_ text: String, count: Int) -> [UInt64]? {
  let digits = text.utf8
  guard digits.count == 16 * count else { return nil }
  var words = [UInt64](repeating: 0, count: count)
  for (position, digit) in digits.enumerated() {
    let value: UInt8
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
    default: return nil
    }
    words[position / 16] = words[position / 16] << 4 | UInt64(value)
  }
  return words
}

/// Why a time zone cannot be used, in one line.
public struct ZoneError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A stable reason.
  public enum Code: String, Sendable {
    /// No name that a zone could have.
    case name = "zone.name"
    /// No such zone on this machine.
    case unknown = "zone.unknown"
    /// Bytes that are no zone as RFC 8536 has it.
    case malformed = "zone.malformed"
  }

  /// The reason.
  public let code: Code
  /// What is wrong and what is expected.
  public let description: String

  /// Makes an error.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

/// One time zone: which offset from UTC its clocks have, and have had, at every instant.
///
/// Read from TZif data (RFC 8536). glibc's zone belongs to the whole process and ICU would be a large dependency for
/// one question; TZif has a small fixed layout, and the data stays Debian's `tzdata`. Offsets are seconds east of UTC,
/// instants Unix seconds.
public struct ZoneRules: Sendable, Hashable {
  /// An instant at which the clocks are moved.
  public struct Transition: Sendable, Hashable {
    /// The first instant with the new offset.
    public let instant: Int64
    /// The offset until then.
    public let before: Int
    /// The offset from then on.
    public let after: Int
  }

  /// UTC itself.
  public static let utc = ZoneRules(initial: 0, changes: [], tail: nil)

  /// The offsets a zone may have, open at both ends (RFC 8536 §3.2).
  static let offsets = -90_000..<93_600
  /// Beyond these instants the answers for the nearer end are given.
  private static let instants: ClosedRange<Int64> = -1 << 56...1 << 56

  private let initial: Int
  private let table: [Transition]
  private let tail: ZoneTail?
  /// From this instant on `tail` decides.
  private let tailStart: Int64

  /// Joins a table of changes, in strictly ascending order, with the rule that holds from the last of them on.
  init(initial: Int, changes: [(instant: Int64, offset: Int)], tail: ZoneTail?) {
    var table: [Transition] = []
    var offset = initial
    for (position, change) in changes.enumerated() {
      let last = position == changes.count - 1
      let next = last ? tail?.offset(at: change.instant) ?? change.offset : change.offset
      if next != offset {
        table.append(Transition(instant: change.instant, before: offset, after: next))
      }
      offset = next
    }
    (self.initial, self.table, self.tail) = (initial, table, tail)
    tailStart = changes.last?.instant ?? .min
  }

  /// The offset at an instant, in seconds east of UTC.
  ///
  /// - Complexity: logarithmic in the zone's table.
  public func offset(at instant: Int64) -> Int {
    let instant = Self.clamped(instant)
    if let tail, instant >= tailStart { return tail.offset(at: instant) }
    let count = countUpTo(instant)
    return count == 0 ? initial : table[count - 1].after
  }

  /// The moves of the clocks after `start`, up to and including `end`, in order.
  public func transitions(after start: Int64, through end: Int64) -> [Transition] {
    let (start, end) = (Self.clamped(start), Self.clamped(end))
    guard start < end else { return [] }
    let listed = table[countUpTo(start)..<countUpTo(end)]
    guard let tail, end > tailStart else { return Array(listed) }
    return listed + tail.transitions(after: max(start, tailStart), through: end)
  }

  /// The instants at which the clocks show a local time: one, none when it is skipped, two when it is doubled.
  ///
  /// - Parameter local: the local date and time, as if it were Unix seconds in UTC.
  /// - Returns: the instants, in order.
  public func instants(ofLocal local: Int64) -> [Int64] {
    let local = Self.clamped(local)
    return stretches(around: local).compactMap { stretch in
      let instant = local - Int64(stretch.offset)
      return stretch.start <= instant && instant < stretch.end ? instant : nil
    }
  }

  /// The first instant at which the clocks show `local` or have jumped over it.
  func instant(reaching local: Int64) -> Int64 {
    let local = Self.clamped(local)
    for stretch in stretches(around: local) {
      let instant = max(stretch.start, local - Int64(stretch.offset))
      if instant < stretch.end { return instant }
    }
    return local
  }

  /// The latest local time that the clocks have shown or jumped over until `instant`, that instant included.
  func latestLocal(until instant: Int64) -> Int64 {
    let instant = Self.clamped(instant)
    var latest = instant + Int64(offset(at: instant))
    // Clocks have never been set back by more than the span of all offsets.
    let span = Int64(Self.offsets.count)
    for transition in transitions(after: instant - span, through: instant) {
      latest = max(latest, transition.instant - 1 + Int64(transition.before))
    }
    return latest
  }

  /// The stretches of one offset that any clock could show `local` in, in order, without gaps.
  private func stretches(around local: Int64) -> [(start: Int64, end: Int64, offset: Int)] {
    let earliest = local - Int64(Self.offsets.upperBound)
    let latest = local - Int64(Self.offsets.lowerBound)
    var stretches: [(start: Int64, end: Int64, offset: Int)] = []
    var (start, offset) = (earliest, offset(at: earliest))
    for transition in transitions(after: earliest, through: latest) {
      stretches.append((start, transition.instant, offset))
      (start, offset) = (transition.instant, transition.after)
    }
    stretches.append((start, .max, offset))
    return stretches
  }

  /// How many of the table's transitions are at or before an instant.
  private func countUpTo(_ instant: Int64) -> Int {
    var (low, high) = (0, table.count)
    while low < high {
      let middle = (low + high) / 2
      if table[middle].instant <= instant { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private static func clamped(_ instant: Int64) -> Int64 {
    min(max(instant, instants.lowerBound), instants.upperBound)
  }
}

extension ZoneRules {
  /// Says whether a text could name a zone: letters, digits, `_`, `+`, `-`, in parts joined by single `/`.
  ///
  /// Such a name cannot lead out of the directory it is looked up in.
  public static func isName(_ text: String) -> Bool {
    guard (1...64).contains(text.utf8.count) else { return false }
    return text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .allSatisfy { part in !part.isEmpty && part.allSatisfy(isNameByte) }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"),
      UInt8(ascii: "-"):
      true
    default: false
    }
  }
}

import Mutants

/// How two version vectors stand to each other: exactly one of four cases.
public enum CausalOrder: String, Sendable {
  /// Both know the same.
  case equal
  /// The left one knows strictly less.
  case before
  /// The left one knows strictly more.
  case after
  /// Each knows something the other does not.
  case concurrent
}

/// For each actor the highest count integrated; an absent actor counts 0.
///
/// A value without holes: knowing `n` of an actor means knowing 1 to `n`. Entries are kept sorted by actor, so that equal
/// vectors are equal values and print alike. `[SP-104]`
public struct VersionVector: Hashable, Sendable {
  /// The entries above zero, sorted by actor.
  public private(set) var entries: [Entry] = []

  /// One actor's highest integrated count.
  public struct Entry: Hashable, Sendable {
    /// The actor.
    public let actor: ActorID
    /// Its highest count, above 0.
    public var n: Int
  }

  /// Knows nothing.
  public init() {}

  /// Makes a vector from counts; entries of 0 or less are left out, the highest of a repeated actor counts.
  public init(_ counts: some Sequence<(ActorID, Int)>) {
    for (actor, n) in counts { raise(actor, to: n) }
  }

  /// True when nothing is known.
  public var isEmpty: Bool { entries.isEmpty }

  /// The highest count of `actor`, or 0.
  ///
  /// - Complexity: O(log actors).
  public subscript(actor: ActorID) -> Int {
    let place = place(of: actor)
    return place < entries.count && entries[place].actor == actor ? entries[place].n : 0
  }

  /// Whether the change named by `dot` is integrated.
  public func sees(_ dot: Dot) -> Bool {
    let shift = mutant(1, "R5: the newest change seen is not seen") ? 1 : 0
    return self[dot.actor] >= dot.n + shift
  }

  /// Raises one entry; a lower or equal count changes nothing.
  public mutating func raise(_ actor: ActorID, to n: Int) {
    guard n > 0 else { return }
    let place = place(of: actor)
    if place < entries.count && entries[place].actor == actor {
      if mutant(2, "R3: min for max") { return entries[place].n = min(entries[place].n, n) }
      entries[place].n = max(entries[place].n, n)
    } else {
      entries.insert(Entry(actor: actor, n: n), at: place)
    }
  }

  /// Forgets one actor.
  public mutating func remove(_ actor: ActorID) {
    entries.removeAll { $0.actor == actor }
  }

  /// Takes the higher count of each actor: the least vector that knows what both know.
  public mutating func merge(_ other: VersionVector) {
    for entry in other.entries { raise(entry.actor, to: entry.n) }
  }

  /// The entries by which this vector exceeds `base`; merging them into `base` gives at least this vector.
  public func exceeding(_ base: VersionVector) -> VersionVector {
    VersionVector(entries.lazy.filter { $0.n > base[$0.actor] }.map { ($0.actor, $0.n) })
  }

  /// The sum of all counts: grows with causality.
  ///
  /// Saturates instead of overflowing.
  public var sum: Int {
    entries.reduce(0) { total, entry in
      let (result, overflow) = total.addingReportingOverflow(entry.n)
      return overflow ? Int.max : result
    }
  }

  /// Says which of the two knows more.
  ///
  /// - Complexity: O(actors of both).
  public func compare(_ other: VersionVector) -> CausalOrder {
    let more = entries.contains { $0.n > other[$0.actor] }
    let less = other.entries.contains { $0.n > self[$0.actor] }
    switch (more, less) {
    case (false, false): return .equal
    case (true, false): return .after
    case (false, true): return .before
    case (true, true): return .concurrent
    }
  }

  /// The index where `actor` stands or would stand.
  private func place(of actor: ActorID) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].actor < actor { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

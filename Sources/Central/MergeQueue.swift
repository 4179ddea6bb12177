package import Causality

/// When a change may be merged: after its author's change before it, and after all that its author had seen.
package enum WaitingRule {
  /// The change of an author's that has to come before one from `n` on; nil when it is merged.
  package static func before(_ first: Dot, head n: Int) -> Dot? {
    first.n <= n + 1 ? nil : Dot(actor: first.actor, n: first.n - 1)
  }

  /// The dots of a context that are not merged, each actor's highest.
  ///
  /// Contexts add up: what an earlier change claimed, refused or not, its author's later ones claim too.
  package static func missing(
    of context: VersionVector, after before: VersionVector, isMerged: (Dot) throws -> Bool
  ) rethrows -> [Dot] {
    var all = before
    all.merge(context)
    return try all.entries.compactMap { entry in
      let dot = Dot(actor: entry.actor, n: entry.n)
      return try isMerged(dot) ? nil : dot
    }
  }
}

/// The inbox in one merge: a segment is judged when its turn comes, and again only when what it lacked has come.
///
/// - Complexity: all calls together O(segments + what they lack + changes merged), whatever the order they came in.
package struct MergeQueue: Sendable {
  /// A segment, and what of others has to be merged before it is worth judging.
  package struct Entry: Sendable {
    package let segment: QueuedSegment
    var needs: [Dot] = []
    /// Whether it goes before what it claims to have seen and the inbox holds.
    var isFreed = false
  }

  private struct Author: Hashable {
    let space: String
    let actor: ActorID
  }

  /// Those whose turn it is, from `next` on.
  private var ready: [Entry] = []
  private var next = 0
  /// Those that wait, each under the last change it lacks.
  private var waiting: [Author: [Int: [Entry]]] = [:]
  /// Those whose author the log does not name yet, and these authors in the order they were met.
  private var unnamed: [ReplicaID: [Entry]] = [:]
  private(set) var strangers: [Member] = []
  /// Whether something happened that may change what those that wait are waiting for.
  private var isDoubtful = false
  /// Whether those that wait do so also for what came of a chain of which the rest was declared lost.
  private(set) var isPatient = true

  /// Puts each author's segments into the order of their counts, in the places the author has among the others, so that a
  /// chain that came backwards is taken in one go.
  package init(_ segments: [QueuedSegment]) {
    var sorted = segments
    let authors = Dictionary(grouping: segments.indices) { place in
      segments[place].actor.map { Author(space: segments[place].space, actor: $0) }
    }
    for places in authors.values {
      let inOrder = places.map { segments[$0] }.sorted { ($0.from, $0.id) < ($1.from, $1.id) }
      for (place, segment) in zip(places, inOrder) { sorted[place] = segment }
    }
    ready = sorted.map { Entry(segment: $0) }
  }

  /// The next that is worth judging; nil when all that is left waits.
  package mutating func next(isMerged: (Dot, _ space: String) throws -> Bool) rethrows -> Entry? {
    while var entry = pop() {
      while let need = entry.needs.last, try isMerged(need, entry.segment.space) {
        entry.needs.removeLast()
      }
      guard !entry.needs.isEmpty else { return entry }
      hold(entry)
    }
    return nil
  }

  /// The next whose turn it is; nil when all that is left waits.
  private mutating func pop() -> Entry? {
    if next == ready.count { (ready, next) = ([], 0) }
    if ready.isEmpty, isDoubtful {
      isDoubtful = false
      let all = waiting.values.flatMap { $0.values.joined() }
      ready = all.map { Entry(segment: $0.segment) }.sorted { $0.segment.id < $1.segment.id }
      waiting = [:]
    }
    guard next < ready.count else { return nil }
    defer { next += 1 }
    return ready[next]
  }

  /// Lets an entry wait for changes that are not merged.
  package mutating func hold(_ entry: Entry, for needs: [Dot]) {
    var entry = entry
    entry.needs = needs
    hold(entry)
  }

  /// Lets an entry wait for the last change it needs.
  private mutating func hold(_ entry: Entry) {
    guard let last = entry.needs.last else { return ready.append(entry) }
    let author = Author(space: entry.segment.space, actor: last.actor)
    waiting[author, default: [:]][last.n, default: []].append(entry)
  }

  /// Lets an entry wait until the log names its author.
  mutating func hold(_ entry: Entry, until author: Member) {
    if unnamed[author.replica] == nil { strangers.append(author) }
    unnamed[author.replica, default: []].append(entry)
  }

  /// Calls up those of an author whom the log names now.
  mutating func callUp(_ author: Member) {
    ready += unnamed.removeValue(forKey: author.replica) ?? []
    strangers.removeAll { $0.replica == author.replica }
  }

  /// Calls up those that waited for an author's changes of these counts, now merged.
  package mutating func release(
    _ counts: some Sequence<Int>, of actor: ActorID, in space: String
  ) {
    let author = Author(space: space, actor: actor)
    guard waiting[author] != nil else { return }
    for n in counts {
      guard let entries = waiting[author]?.removeValue(forKey: n) else { continue }
      for var entry in entries {
        entry.needs.removeLast()
        ready.append(entry)
      }
    }
  }

  /// Has all that wait judged anew once nothing else is left: what was held is not any more.
  mutating func doubt() { isDoubtful = true }

  /// Has all that wait judged anew without patience, from now on; false when they were before.
  mutating func losePatience() -> Bool {
    guard isPatient else { return false }
    (isPatient, isDoubtful) = (false, true)
    return true
  }

  /// Frees one of each ring of segments that wait for each other; false when there is none.
  ///
  /// Nobody can have seen what had seen it: one of a ring claims a change that was to come. Which one nobody can tell, and
  /// whichever goes first, nothing is lost: at most a conflict is shown that is none.
  ///
  /// - Complexity: O(segments that wait).
  mutating func freeRings() -> Bool {
    let held = waiting.values.flatMap { $0.values.joined() }
      .sorted { ($0.segment.from, $0.segment.id) < ($1.segment.from, $1.segment.id) }
    let chains = Dictionary(grouping: held.indices) { place in
      held[place].segment.actor.map { Author(space: held[place].segment.space, actor: $0) }
    }
    var walks = [Int?](repeating: nil, count: held.count)
    var freed: [Int] = []
    for start in held.indices {
      var place = start
      while walks[place] == nil {
        walks[place] = start
        guard let need = held[place].needs.last else { break }
        let chain = chains[Author(space: held[place].segment.space, actor: need.actor)] ?? []
        guard let next = Self.last(of: chain, where: { held[$0].segment.from <= need.n }),
          held[next].segment.to >= need.n
        else { break }
        place = next
        if walks[place] == start { freed.append(place) }
      }
    }
    for place in freed { free(held[place]) }
    return !freed.isEmpty
  }

  /// The last of places of which a condition holds for the first ones alone.
  private static func last(of places: [Int], where isBelow: (Int) -> Bool) -> Int? {
    var (low, high) = (0, places.count)
    while low < high {
      let middle = (low + high) / 2
      if isBelow(places[middle]) { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? places[low - 1] : nil
  }

  private mutating func free(_ entry: Entry) {
    guard let last = entry.needs.last else { return }
    let author = Author(space: entry.segment.space, actor: last.actor)
    waiting[author]?[last.n]?.removeAll { $0.segment.id == entry.segment.id }
    var entry = entry
    (entry.needs, entry.isFreed) = ([], true)
    ready.append(entry)
  }
}

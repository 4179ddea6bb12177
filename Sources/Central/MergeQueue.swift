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
  /// What an author's segments need not wait for any more, since it waits for them.
  ///
  /// What one claims, those behind it claim, too.
  private var freed: [Author: Set<Dot>] = [:]
  /// How often rings may still be looked for.
  private var roundsLeft = 64

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
}

/// Segments that wait for each other, which only a forged context can bring about, and only after a restore.
extension MergeQueue {
  /// Where those that wait stand, to find who holds what another one lacks.
  private struct Held {
    let entries: [Entry]
    /// By author, the entries by their first counts, and for each how far those up to it reach at most, and which does.
    private var chains: [Author: [(from: Int, furthest: Int)]] = [:]

    init(_ entries: [Entry]) {
      self.entries = entries.sorted {
        ($0.segment.from, $0.segment.id) < ($1.segment.from, $1.segment.id)
      }
      for (place, entry) in self.entries.enumerated() {
        guard let actor = entry.segment.actor else { continue }
        let author = Author(space: entry.segment.space, actor: actor)
        let before = chains[author]?.last?.furthest ?? place
        let isFurther = entry.segment.to > self.entries[before].segment.to
        chains[author, default: []].append(
          (entry.segment.from, isFurther ? place : before))
      }
    }

    /// The entry that holds what another waits for; nil when nobody here does.
    func next(after place: Int) -> Int? {
      guard let need = entries[place].needs.last else { return nil }
      let author = Author(space: entries[place].segment.space, actor: need.actor)
      let chain = chains[author] ?? []
      var (low, high) = (0, chain.count)
      while low < high {
        let middle = (low + high) / 2
        if chain[middle].from <= need.n { low = middle + 1 } else { high = middle }
      }
      guard low > 0 else { return nil }
      let found = chain[low - 1].furthest
      return entries[found].segment.to >= need.n ? found : nil
    }

    /// The rings, each once.
    func rings() -> [[Int]] {
      var walks = [Int?](repeating: nil, count: entries.count)
      var rings: [[Int]] = []
      for start in entries.indices {
        var place: Int? = start
        while let now = place, walks[now] == nil {
          walks[now] = start
          place = next(after: now)
        }
        guard let first = place, walks[first] == start else { continue }
        var ring = [first]
        while let next = next(after: ring[ring.count - 1]), next != first { ring.append(next) }
        rings.append(ring)
      }
      return rings
    }
  }

  /// Frees the chain of one of each ring from what that one waits for; false when there is none, or rings were looked for too
  /// often.
  ///
  /// Nobody can have seen what had seen it: one of a ring claims what was to come. Which one nobody can tell for sure; what
  /// builds on another of the ring had seen all that that one had, so that the one that lacks least builds on none.
  ///
  /// - Complexity: O(n log n) for n segments that wait, at most 64 times a merge.
  mutating func freeRings(isMerged: (Dot, _ space: String) throws -> Bool) rethrows -> Bool {
    guard roundsLeft > 0 else { return false }
    roundsLeft -= 1
    let held = Held(waiting.values.flatMap { $0.values.joined() })
    var isAnyFreed = false
    for ring in held.rings() {
      let candidates = try ring.filter { place -> Bool in
        let segment = held.entries[place].segment
        guard let need = held.entries[place].needs.last else { return false }
        let isBefore = need.actor == segment.actor && need.n < segment.from
        return !isBefore && !freed(segment).contains(need)
      }.map { place in
        let entry = held.entries[place]
        let lacks = try entry.needs.count { try !isMerged($0, entry.segment.space) }
        return (lacks + freed(entry.segment).count, entry.segment.from, place)
      }
      guard let chosen = candidates.min(by: <) else { continue }
      free(held.entries[chosen.2])
      isAnyFreed = true
    }
    return isAnyFreed
  }

  /// What a segment claims to have seen, but need not wait for.
  func freed(_ segment: QueuedSegment) -> Set<Dot> {
    segment.actor.flatMap { freed[Author(space: segment.space, actor: $0)] } ?? []
  }

  private mutating func free(_ entry: Entry) {
    guard let need = entry.needs.last, let actor = entry.segment.actor else { return }
    let lacked = Author(space: entry.segment.space, actor: need.actor)
    freed[Author(space: entry.segment.space, actor: actor), default: []].insert(need)
    let waiters = waiting[lacked]?.removeValue(forKey: need.n) ?? []
    // Another cut of its chain may wait for the same.
    let others = waiters.filter { $0.segment.actor != actor }
    if !others.isEmpty { waiting[lacked, default: [:]][need.n] = others }
    ready += waiters.filter { $0.segment.actor == actor }.map { Entry(segment: $0.segment) }
  }
}

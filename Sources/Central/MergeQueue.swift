import Causality

/// The inbox in one merge: a segment is judged when its turn comes, and again only when what it lacked has come.
///
/// - Complexity: all calls together O(segments + what they lack + changes merged), whatever the order they came in.
struct MergeQueue: Sendable {
  /// A segment, and what of others has to be merged before it is worth judging.
  struct Entry: Sendable {
    let segment: QueuedSegment
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

  /// Puts each author's segments into the order of their counts, in the places the author has among the others, so that a
  /// chain that came backwards is taken in one go.
  init(_ segments: [QueuedSegment]) {
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

  /// The next whose turn it is; nil when all that is left waits.
  mutating func pop() -> Entry? {
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

  /// Lets an entry wait for the last change it needs.
  mutating func hold(_ entry: Entry) {
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
  mutating func release(_ counts: some Sequence<Int>, of actor: ActorID, in space: String) {
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

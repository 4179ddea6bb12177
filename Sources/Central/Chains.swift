import Causality
import Changes
import Mutants
import SQLite
import Store
import Wire

/// One chain an actor: what central takes fits all that it holds of it, in the log and in the inbox.
extension Central {
  /// Refuses a segment that names other changes than those held at the same places, or follows another one.
  ///
  /// A hash covers all below it: two stretches of one chain agree when they do at the highest place both hold.
  ///
  /// - Parameter hashes: the hash of each change of the segment.
  /// - Throws: `Problem` 409; the replica learns from hello that it has a twin.
  /// - Complexity: O(segments of the actor in the inbox, and the changes of one of them).
  func checkChain(_ segment: Segment, _ hashes: [Hash], in space: String) throws {
    if mutant(48, "R9: a second change of one name is received") { return }
    func hash(at n: Int) -> Hash? {
      if n == segment.from - 1 { return segment.previous }
      return hashes.indices.contains(n - segment.from) ? hashes[n - segment.from] : nil
    }
    let before = Dot(actor: segment.actor, n: segment.from - 1)
    if segment.actor.replica == keyID,
      try secondActor(of: before, segment.previous.bytes, in: space) != nil
    {
      throw Self.fork(segment.actor, segment.from)
    }
    let merged = try store.head(of: segment.actor, in: space).n
    let common = min(merged, segment.to)
    if let ours = hash(at: common) {
      let held =
        try common == 0 ? .zero : store.changeHash(Dot(actor: segment.actor, n: common), in: space)
      guard held == ours else { throw Self.fork(segment.actor, common) }
    }
    let touching = try waitingSegments(
      of: segment.actor, in: space, from: segment.from, to: segment.to)
    for waiting in touching where waiting.to > merged {
      let common = min(waiting.to, segment.to)
      guard common >= waiting.from - 1, let ours = hash(at: common) else { continue }
      guard try heldHash(at: common, of: waiting) == ours else {
        throw Self.fork(segment.actor, common)
      }
    }
  }

  private static func fork(_ actor: ActorID, _ n: Int) -> Problem {
    Problem(
      "segment.fork", status: 409, "central holds another change \(n) of this actor",
      hint: "This file has a twin, or is an old copy; sync begins a new epoch.")
  }

  /// The hash of a change that central holds, in the log or in the inbox.
  func held(_ dot: Dot, in space: String) throws -> Hash? {
    if let hash = try store.changeHash(dot, in: space) { return hash }
    for waiting in try waitingSegments(of: dot.actor, in: space, from: dot.n, to: dot.n)
    where (waiting.from...waiting.to).contains(dot.n) {
      return try heldHash(at: dot.n, of: waiting)
    }
    return nil
  }

  /// Whether central holds a whole segment; one that ends alike and begins later does not make up for what is before it.
  func holds(_ segment: Segment, in space: String) throws -> Bool {
    let last = Dot(actor: segment.actor, n: segment.to)
    if try store.changeHash(last, in: space) != nil { return true }
    return try waitingSegments(of: segment.actor, in: space, from: segment.from, to: segment.to)
      .contains { $0.from <= segment.from && $0.to >= segment.to }
  }

  private struct WaitingSegment {
    let id: Int
    let from: Int
    let to: Int
    let previous: Hash
    let head: Hash
  }

  /// Segments in the inbox that hold or touch any change from `from` to `to`.
  private func waitingSegments(
    of actor: ActorID, in space: String, from: Int, to: Int
  ) throws -> [WaitingSegment] {
    try store.withConnection { connection in
      try connection.all(
        """
        SELECT id, n_from, n_to, previous, head FROM cordee_inbox WHERE space = ? AND actor = ?
          AND n_from <= ? AND n_to >= ? ORDER BY n_from, n_to
        """, .text(space), .blob(actor.bytes), .int(to + 1), .int(from - 1)
      ) { row in
        WaitingSegment(
          id: row.int(0), from: row.int(1), to: row.int(2),
          previous: Hash(bytes: row.bytes(3)) ?? .zero, head: Hash(bytes: row.bytes(4)) ?? .zero)
      }
    }
  }

  /// The hash of one change of a segment in the inbox, or of the one before it.
  private func heldHash(at n: Int, of waiting: WaitingSegment) throws -> Hash? {
    if n == waiting.to { return waiting.head }
    var hash = waiting.previous
    if n == waiting.from - 1 { return hash }
    let bytes =
      try store.withConnection { connection in
        try connection.first("SELECT lines FROM cordee_inbox WHERE id = ?", .int(waiting.id)) {
          $0.bytes(0)
        }
      } ?? []
    for line in Lines.split(bytes).prefix(n - waiting.from + 1) {
      hash = Store.change(try ChangeDecoding.line(line), previous: hash).hash
    }
    return hash
  }
}

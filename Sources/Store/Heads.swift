public import Causality
public import Changes
import SQLite
import Wire

/// Where one author's history stands in one space of this store.
public struct Head: Sendable, Hashable {
  /// The highest count integrated.
  public var n: Int
  /// The hash of that change.
  public var hash: Hash
  /// The author's full context at that change; other actors only.
  public var context: VersionVector

  /// Nothing known of the author yet.
  public static let none = Head(n: 0, hash: .zero, context: VersionVector())
}

struct HeadKey: Hashable {
  let space: Int
  let actor: ActorID
}

/// What this store knows: the head of each author in each space.
extension Store {
  /// The head of `actor` in `space`.
  public func head(of actor: ActorID, in space: String) throws -> Head {
    let space = try number(ofName: space)
    let key = HeadKey(space: space, actor: actor)
    if let known = cache.heads[key] { return known }
    let found = try db.first(
      "SELECT n, hash, context FROM cordee_known WHERE space = ? AND actor = ?", .int(space),
      .int(try number(of: actor))
    ) { ($0.int(0), $0.bytes(1), $0.bytes(2)) }
    guard let (n, hash, context) = found else { return .none }
    guard let hash = Hash(bytes: hash) else {
      throw StoreError(.corrupt, "\(path): a head is damaged", hint: "Restore it from a backup.")
    }
    let head = Head(n: n, hash: hash, context: try vector(context))
    cache.heads[key] = head
    return head
  }

  /// The version vector of `space`.
  public func known(in space: String) throws -> VersionVector {
    try flushHeads()
    let rows = try db.all(
      "SELECT actor, n FROM cordee_known WHERE space = ?", .int(try number(ofName: space))
    ) { ($0.int(0), $0.int(1)) }
    return VersionVector(try rows.map { (try actor(ofNumber: $0.0), $0.1) })
  }

  /// Moves an author's head; call inside `write`, whose end writes the last one down.
  func setHead(_ head: Head, of actor: ActorID, in space: String) throws {
    let key = HeadKey(space: try number(ofName: space), actor: actor)
    cache.heads[key] = head
    cache.movedHeads.insert(key)
  }

  /// Writes down the heads that moved since the last time.
  func flushHeads() throws {
    for key in cache.movedHeads.sorted(by: { ($0.space, $0.actor) < ($1.space, $1.actor) }) {
      guard let head = cache.heads[key] else { continue }
      try db.run(
        """
        INSERT INTO cordee_known(space, actor, n, hash, context) VALUES(?, ?, ?, ?, ?)
        ON CONFLICT(space, actor)
        DO UPDATE SET n = excluded.n, hash = excluded.hash, context = excluded.context
        """, .int(key.space), .int(try number(of: key.actor)), .int(head.n),
        .blob(head.hash.bytes), .blob(try packed(head.context)))
    }
    cache.movedHeads = []
  }
}

/// An author's full contexts at those of its changes that carry one.
struct Contexts {
  /// The count up to which headers were looked at.
  var upTo = 0
  /// Counts, ascending, and the full context from there on.
  var steps: [(n: Int, context: VersionVector)] = []

  /// The context at one change.
  func context(at n: Int) -> VersionVector {
    var (low, high) = (0, steps.count)
    while low < high {
      let middle = (low + high) / 2
      if steps[middle].n <= n { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? steps[low - 1].context : VersionVector()
  }
}

extension Store {
  /// An author's full context at one of its changes, all of which are held up to it: the sum of their headers' deltas.
  ///
  /// - Complexity: O(changes of the author up to it) the first time, then O(those not looked at yet).
  public func context(at dot: Dot, in space: String) throws -> VersionVector {
    let key = HeadKey(space: try number(ofName: space), actor: dot.actor)
    var known = cache.contexts[key] ?? Contexts()
    if known.upTo < dot.n {
      for (n, delta) in try deltas(of: dot.actor, in: space, after: known.upTo, upTo: dot.n) {
        var context = known.steps.last?.context ?? VersionVector()
        context.merge(delta)
        known.steps.append((n, context))
      }
      known.upTo = dot.n
      cache.contexts[key] = known
    }
    return known.context(at: dot.n)
  }

  /// What those of an author's changes whose headers carry a context say in it, after one count and up to another.
  func deltas(
    of actor: ActorID, in space: String, after: Int, upTo: Int
  ) throws -> [(n: Int, delta: VersionVector)] {
    // Own headers were encoded here, so that the name stands in them as it is.
    try db.all(
      """
      SELECT n, header FROM cordee_change WHERE space = ? AND actor = ? AND n > ? AND n <= ?
        AND instr(header, ?) > 0 ORDER BY n
      """, .int(try number(ofName: space)), .int(try number(of: actor)), .int(after), .int(upTo),
      .blob(Array(#""context""#.utf8))
    ) { ($0.int(0), $0.bytes(1)) }
    .map { (n: $0.0, delta: try ChangeDecoding.header($0.1).context) }
  }
}

public import Causality
import Changes
import SQLite
import Seal
import Wire

/// An author's successive changes whose bodies take their keys from one secret. `[SP-313]`
///
/// Who is given every body of a run may be given its secret instead of 16 random bytes with each body. Each key alone tells
/// nothing of the secret or of the others, so that any body of the run can be withheld by giving keys.
public struct Run: Sendable, Hashable {
  /// Its first change.
  public let from: Int
  /// Its last change.
  public var to: Int
  /// 16 random bytes.
  public let secret: [UInt8]

  /// Makes a run.
  public init(from: Int, to: Int, secret: [UInt8]) {
    self.from = from
    self.to = to
    self.secret = secret
  }

  /// Changes of one run at most; segments of 1,000 hold whole runs.
  static let changesMax = 250

  /// The key of the body of its author's `n`-th change.
  public static func key(secret: [UInt8], n: Int) -> [UInt8] {
    Blake2b.hash(Preimage.key(secret: secret, n: n), bytes: 16)
  }
}

/// Runs as they are kept: by their author until they are sent, by central for its readers.
extension Store {
  /// The newest run of an author, as it grows inside `write`.
  ///
  /// Two copies of one file that make the same edit at the same second within it make the same change, byte for byte.
  struct OpenRun {
    var run: Run
    /// Its end as it is written down; nil when it is not yet.
    var storedTo: Int?

    /// The key of the body of its author's `n`-th change.
    func key(of n: Int) -> [UInt8] { Run.key(secret: run.secret, n: n) }
  }

  /// The run that gives the key of the body that is sealed next; `keep` it once that is sealed.
  ///
  /// - Parameter startsSegment: whether the change begins a segment, which no run crosses.
  func nextRun(for dot: Dot, space: Int, startsSegment: Bool) throws -> OpenRun {
    let author = HeadKey(space: space, actor: dot.actor)
    var open = try cache.openRuns[author] ?? storedOpenRun(of: author, to: dot.n - 1)
    if let known = open,
      startsSegment || known.run.to != dot.n - 1 || dot.n - known.run.from >= Run.changesMax
    {
      try flushRun(author, known)
      cache.openRuns[author]?.storedTo = known.run.to
      open = nil
    }
    var next =
      open
      ?? OpenRun(run: Run(from: dot.n, to: dot.n, secret: Randomness.bytes(16)), storedTo: nil)
    next.run.to = dot.n
    return next
  }

  /// Lets an author's run reach the change that was sealed by it.
  func keep(_ run: OpenRun, of actor: ActorID, space: Int) {
    cache.openRuns[HeadKey(space: space, actor: actor)] = run
  }

  private func storedOpenRun(of author: HeadKey, to n: Int) throws -> OpenRun? {
    let found = try db.first(
      "SELECT n_from, secret FROM cordee_run WHERE space = ? AND actor = ? AND n_to = ? AND open = 1",
      .int(author.space), .int(try number(of: author.actor)), .int(n)
    ) { ($0.int(0), $0.bytes(1)) }
    return found.map { OpenRun(run: Run(from: $0, to: n, secret: $1), storedTo: n) }
  }

  /// Writes down the runs that grew; the end of `write` does.
  func flushRuns() throws {
    for (author, open) in cache.openRuns where open.storedTo != open.run.to {
      try flushRun(author, open)
      cache.openRuns[author]?.storedTo = open.run.to
    }
  }

  private func flushRun(_ author: HeadKey, _ open: OpenRun) throws {
    guard open.storedTo != open.run.to else { return }
    let actor = try number(of: author.actor)
    if let stored = open.storedTo {
      try db.run(
        "UPDATE cordee_run SET n_to = ? WHERE space = ? AND actor = ? AND n_to = ?",
        .int(open.run.to), .int(author.space), .int(actor), .int(stored))
    } else {
      try insertRun(open.run, space: author.space, actor: actor, isOpen: true)
    }
  }

  private func insertRun(_ run: Run, space: Int, actor: Int, isOpen: Bool) throws {
    try db.run(
      """
      INSERT INTO cordee_run(space, actor, n_from, n_to, secret, open) VALUES(?, ?, ?, ?, ?, ?)
      ON CONFLICT(space, actor, n_to) DO NOTHING
      """, .int(space), .int(actor), .int(run.from), .int(run.to), .blob(run.secret),
      .int(isOpen ? 1 : 0))
  }

  /// Lets no later change join a run: before one is sent, since part of it may be published before the rest is judged.
  ///
  /// Call inside `write`.
  public func closeRuns() throws {
    try flushRuns()
    cache.openRuns = [:]
    try db.run("UPDATE cordee_run SET open = 0 WHERE open = 1")
  }

  /// Forgets the secrets of an author's changes above a point, which are sealed again under other names.
  func endRuns(of author: HeadKey, at point: Int) throws {
    try flushRuns()
    cache.openRuns[author] = nil
    let (space, actor) = (Argument.int(author.space), Argument.int(try number(of: author.actor)))
    try db.run(
      "DELETE FROM cordee_run WHERE space = ? AND actor = ? AND n_from > ?", space, actor,
      .int(point))
    try db.run(
      "UPDATE cordee_run SET n_to = ?, open = 0 WHERE space = ? AND actor = ? AND n_to > ?",
      .int(point), space, actor, .int(point))
  }

  /// Keeps the secret of a run all of whose bodies every reader of the space is given.
  ///
  /// Call inside `write`.
  public func keep(_ run: Run, of actor: ActorID, in space: String) throws {
    try insertRun(
      run, space: try number(ofName: space), actor: try number(of: actor), isOpen: false)
  }

  /// The first run of an author that ends at `n` or later.
  public func run(of actor: ActorID, in space: String, endingFrom n: Int) throws -> Run? {
    try db.first(
      """
      SELECT n_from, n_to, secret FROM cordee_run
      WHERE space = ? AND actor = ? AND n_to >= ? ORDER BY n_to LIMIT 1
      """, .int(try number(ofName: space)), .int(try number(of: actor)), .int(n)
    ) { Run(from: $0.int(0), to: $0.int(1), secret: $0.bytes(2)) }
  }
}

/// The run each change of a stream belongs to, asked once a run.
public struct RunFinder {
  private let store: Store
  private let space: String
  private var next: [ActorID: Run?] = [:]

  /// Starts a stream of one space.
  public init(_ store: Store, space: String) {
    self.store = store
    self.space = space
  }

  /// The run of a change, if it has one; ask in the order of each author's counts.
  public mutating func run(of dot: Dot) throws -> Run? {
    if let known = next[dot.actor] {
      guard let run = known else { return nil }
      if dot.n <= run.to { return dot.n >= run.from ? run : nil }
    }
    let found = try store.run(of: dot.actor, in: space, endingFrom: dot.n)
    next[dot.actor] = .some(found)
    guard let found, dot.n >= found.from else { return nil }
    return found
  }
}

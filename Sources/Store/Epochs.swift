public import Causality
import Changes
import Mutants
import SQLite
import Wire

/// Why a file goes on under a new actor.
public enum EpochReason: String, Sendable {
  /// Central holds changes of this actor that the file does not.
  case forked
  /// The file lies elsewhere than the one that wrote last: it was copied.
  case copied
  /// The file is older than what was last written here.
  case old
  /// A backup was put in the replica's place.
  case restored
  /// A copy without its key joined anew.
  case adopted
  /// Central began another life.
  case central
}

/// One beginning of an epoch, as the file keeps it for people to read.
public struct Epoch: Sendable, Hashable {
  /// Who wrote until then.
  public let from: ActorID
  /// Who writes from then on.
  public let to: ActorID
  /// When; a label.
  public let at: String
  /// `EpochReason`, as text: a newer version may know others.
  public let reason: String
  /// Changes that were sealed again.
  public let resealed: Int

  var json: JSON {
    .object([
      ("from", .string(from.description)), ("to", .string(to.description)), ("at", .string(at)),
      ("reason", .string(reason)), ("resealed", .integer(Int64(resealed))),
    ])
  }

  init(from: ActorID, to: ActorID, at: String, reason: String, resealed: Int) {
    (self.from, self.to, self.at) = (from, to, at)
    (self.reason, self.resealed) = (reason, resealed)
  }

  init?(_ json: JSON) {
    guard let from = json["from"]?.string.flatMap({ ActorID($0) }),
      let to = json["to"]?.string.flatMap({ ActorID($0) }), let at = json["at"]?.string,
      let reason = json["reason"]?.string, let resealed = json["resealed"]?.integer
    else { return nil }
    self.init(from: from, to: to, at: at, reason: reason, resealed: Int(resealed))
  }
}

/// A file whose past is in doubt goes on as another actor, so that nothing it writes meets what its twin wrote.
extension Store {
  /// Goes on as another actor: the replica's own under a newly drawn epoch, or another device's.
  ///
  /// Call inside `write`. What is touched is sealed first. Own changes that stand nowhere else are sealed again as `next`, in
  /// their order, with the contexts they had: what their author had integrated, and the old actor up to where it stands.
  /// Each names the dot it had first; writes and labels stay. The old actor's head goes back to that point: what others hold
  /// above it comes with the log, as anybody else's. Changes that stand elsewhere keep their names and await their verdict.
  ///
  /// - Parameters:
  ///   - author: the actor so far.
  ///   - standing: for each space the highest count up to which central holds the very changes of that actor that this file
  ///     does; 0 where a space is not named. What the log brought is taken to stand in any case.
  ///   - former: the same of former actors under whose name central holds other changes than the file has waiting: these are
  ///     sealed again first.
  /// - Returns: what is kept of it.
  /// - Throws: `StoreError.corrupt` when changes are missing; then nothing has happened.
  /// - Complexity: O(changes sealed again) in time and memory.
  @discardableResult
  public func beginEpoch(
    _ reason: EpochReason, as next: ActorID, author: Author, standing: [String: Int],
    former: [ActorID: [String: Int]] = [:]
  ) throws -> Epoch {
    guard try currentActor() ?? author.actor == author.actor else {
      throw StoreError(
        .busy, "another program began an epoch in \(path) meanwhile", hint: "Try again.")
    }
    try seal(as: author)
    var resealed = 0
    let formers = try epochs().map(\.from)
    for space in schema.spaces {
      var apart: [ActorID: Int] = [:]
      // In the order they wrote in: each had seen those before it.
      for actor in formers where apart[actor] == nil {
        guard let point = former[actor]?[space] else { continue }
        resealed += try reseal(space, actor, as: next, above: point, apart: apart)
        apart[actor] = point
      }
      resealed += try reseal(
        space, author.actor, as: next, above: standing[space] ?? 0, apart: apart)
    }
    let epoch = Epoch(
      from: author.actor, to: next, at: author.at, reason: reason.rawValue, resealed: resealed)
    let kept = try epochs() + [epoch]
    try setMeta("epochs", .text(JSON.array(kept.map(\.json)).text()))
    try setMeta("actor", .blob(next.bytes))
    try setMeta("epoch_due", .null)
    return epoch
  }

  /// The epochs that began in this file, the oldest first.
  public func epochs() throws -> [Epoch] {
    guard let text = try meta("epochs")?.text else { return [] }
    return try (JSON.parse(Array(text.utf8)).array ?? []).compactMap { Epoch($0) }
  }

  /// Why an epoch has to begin at the next contact with central; nil when none has to.
  public func epochDue() throws -> EpochReason? {
    try meta("epoch_due")?.text.map { EpochReason(rawValue: $0) ?? .copied }
  }

  /// Remembers that an epoch has to begin at the next contact.
  ///
  /// The first reason stays. Call inside `write`.
  public func demandEpoch(_ reason: EpochReason) throws {
    guard try epochDue() == nil else { return }
    try setMeta("epoch_due", .text(reason.rawValue))
  }

  /// The highest change of an actor in a space that surely stands elsewhere: central received it, or the log brought it.
  ///
  /// What is known without asking; hello tells more. That another author claims to have seen it says nothing: it may have
  /// seen a twin's change of the same name, or lie.
  ///
  /// - Complexity: O(changes of the actor).
  public func knownStanding(of actor: ActorID, in space: String) throws -> Int {
    let head = try head(of: actor, in: space).n
    return try max(lastLogged(actor, space), min(head, received(of: actor, in: space)))
  }

  /// Who writes in this file now; nil before it joined.
  public func currentActor() throws -> ActorID? {
    guard case .blob(let bytes)? = try meta("actor") else { return nil }
    return ActorID(bytes: bytes)
  }

  /// Every actor this file wrote as, in the order it did, and `actor`.
  func ownActors(and actor: ActorID? = nil) throws -> [ActorID] {
    var actors = try epochs().map(\.from)
    if let current = try currentActor() { actors.append(current) }
    if let actor, !actors.contains(actor) { actors.append(actor) }
    return actors
  }

  /// Writes the own changes that wait into the bases of `rows` again.
  ///
  /// Rows must have no edits that are not sealed.
  ///
  /// - Complexity: O(own changes).
  func rewriteWaiting(_ bases: [RowKey: RowState], in space: String, and actor: ActorID? = nil)
    throws
  {
    var states = bases
    for actor in try ownActors(and: actor) {
      for change in try ownChanges(of: actor, in: space) {
        let context = try context(at: change.dot, in: space)
        let author = Authorship(dot: change.dot, context: context)
        for write in try ChangeDecoding.body(change.bodyBytes ?? []).writes {
          states[write.row]?.apply(write.verb, by: author)
        }
      }
    }
    for row in states.keys.sorted() {
      try checkNotHeld(row)
      if let state = states[row] { try save(state, of: row) }
    }
  }
}

extension Store {
  /// Seals the changes of an actor above a point again, as `next`; gives how many.
  ///
  /// - Parameter apart: former actors and the counts up to which their changes here are those that central holds: what lies
  ///   above was not seen, whatever its name.
  private func reseal(
    _ space: String, _ old: ActorID, as next: ActorID, above standing: Int,
    apart: [ActorID: Int] = [:]
  ) throws -> Int {
    let head = try head(of: old, in: space)
    let point = try min(head.n, max(standing, lastLogged(old, space)))
    guard point < head.n else { return 0 }
    let changes = try ownChanges(of: old, in: space, after: point)
    guard changes.count == head.n - point else {
      throw StoreError(
        .corrupt, "\(path): own changes of \(space) are missing", hint: "Restore it from a backup.")
    }
    var seen = apart
    seen[old] = point
    let moved = try resealed(changes, as: next, in: space, seen: seen)
    let place = try (space: number(ofName: space), actor: number(of: old))
    try moveBack(old, to: point, in: space)
    try db.run(
      "DELETE FROM cordee_change WHERE space = ? AND actor = ? AND n > ?", .int(place.space),
      .int(place.actor), .int(point))
    for change in moved.changes { try insert(change, state: .local) }
    try setHead(moved.head, of: next, in: space)
    var bases: [RowKey: RowState] = [:]
    for row in moved.rows { bases[row] = try base(of: row)?.state ?? RowState() }
    try rewriteWaiting(bases, in: space, and: next)
    return changes.count
  }

  /// The same writes under another actor.
  ///
  /// - Parameter seen: how far the file's former actors were seen, which their names alone do not tell.
  private func resealed(
    _ changes: [Change], as next: ActorID, in space: String, seen: [ActorID: Int]
  ) throws -> (changes: [Change], head: Head, rows: Set<RowKey>) {
    var moved: [Change] = []
    var rows: Set<RowKey> = []
    var head = try head(of: next, in: space)
    for change in changes {
      var delta = VersionVector()
      if moved.isEmpty || !change.header.context.isEmpty {
        var context = try context(at: change.dot, in: space)
        if mutant(28, "R5: what is sealed again had seen nothing") { context = .init() }
        for (actor, n) in seen {
          context.remove(actor)
          if n > 0 { context.raise(actor, to: n) }
        }
        context.merge(head.context)
        delta = context.exceeding(head.context)
        head.context = context
      }
      let body = try ChangeDecoding.body(change.bodyBytes ?? [])
      let dot = Dot(actor: next, n: head.n + 1)
      let number = try number(ofName: space)
      let run = try nextRun(for: dot, space: number, startsSegment: !delta.isEmpty)
      keep(run, of: next, space: number)
      let sealed = Store.change(
        Header(
          network: change.header.network, space: space, dot: dot, context: delta),
        Self.renamed(body, change.dot, run.key(of: dot.n)), previous: head.hash)
      head.n += 1
      head.hash = sealed.hash
      moved.append(sealed)
      for write in body.writes { rows.insert(write.row) }
    }
    return (moved, head, rows)
  }

  /// A body that names the dot its edit was first sealed under; without it where it would be too long.
  private static func renamed(_ body: Body, _ dot: Dot, _ key: [UInt8]) -> Body {
    let renamed = Body(key: key, at: body.at, was: body.was ?? dot, writes: body.writes)
    guard ChangeEncoding.bytes(of: renamed).count > ChangeLimits.bodyBytesMax else {
      return renamed
    }
    return Body(key: key, at: body.at, writes: body.writes)
  }

  /// An own head goes back to an earlier change.
  private func moveBack(_ actor: ActorID, to point: Int, in space: String) throws {
    let key = HeadKey(space: try number(ofName: space), actor: actor)
    defer { cache.contexts[key] = nil }
    try endRuns(of: key, at: point)
    guard point > 0 else {
      cache.heads[key] = nil
      cache.movedHeads.remove(key)
      return try db.run(
        "DELETE FROM cordee_known WHERE space = ? AND actor = ?", .int(key.space),
        .int(try number(of: actor)))
    }
    let dot = Dot(actor: actor, n: point)
    guard let hash = try storedHash(dot, in: space) else {
      throw StoreError(.corrupt, "\(path): change \(dot) is missing", hint: "Sync, then try again.")
    }
    try setHead(
      Head(n: point, hash: hash, context: try context(at: dot, in: space)), of: actor, in: space)
  }

  /// The former actors that have changes waiting here.
  public func waitingFormerActors() throws -> [ActorID] {
    let current = try currentActor()
    return try epochs().map(\.from).filter { actor in
      try actor != current
        && schema.spaces.contains { try !ownChanges(of: actor, in: $0, limit: 1).isEmpty }
    }
  }

  /// The highest change of an actor whose verdict is known here.
  public func lastLogged(_ actor: ActorID, _ space: String) throws -> Int {
    try db.first(
      "SELECT max(n) FROM cordee_change WHERE space = ? AND actor = ? AND state = 2",
      .int(try number(ofName: space)), .int(try number(of: actor))
    ) { $0.int(0) } ?? 0
  }
}

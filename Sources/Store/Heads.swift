public import Causality
public import Changes
import SQLite

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
    let rows = try db.all(
      "SELECT actor, n FROM cordee_known WHERE space = ?", .int(try number(ofName: space))
    ) { ($0.int(0), $0.int(1)) }
    return VersionVector(try rows.map { (try actor(ofNumber: $0.0), $0.1) })
  }

  func setHead(_ head: Head, of actor: ActorID, in space: String) throws {
    let space = try number(ofName: space)
    try db.run(
      """
      INSERT INTO cordee_known(space, actor, n, hash, context) VALUES(?, ?, ?, ?, ?) ON CONFLICT(space, actor)
      DO UPDATE SET n = excluded.n, hash = excluded.hash, context = excluded.context
      """, .int(space), .int(try number(of: actor)), .int(head.n), .blob(head.hash.bytes),
      .blob(try packed(head.context)))
    cache.heads[HeadKey(space: space, actor: actor)] = head
  }
}

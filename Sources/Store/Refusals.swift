public import Causality
public import Changes
import SQLite
import Wire

/// A change of this device that central judged may not stand: kept whole, without effect anywhere.
public struct Refusal: Sendable {
  /// A person's word that it was seen.
  public struct Settlement: Sendable, Hashable {
    /// When; a label.
    public let at: String
    /// The device on which it was given, as its edits are signed for readers.
    public let by: String
    /// What came of it.
    public let note: String
  }

  /// Its place in central's log, by which a person names it.
  public let seq: Int
  /// The space.
  public let space: String
  /// What was written; without its body where that is not held.
  public let change: Change
  /// Central's reason, as `code: text`.
  public let reason: String
  /// The person's word, if one gave it.
  public let settlement: Settlement?
}

/// What central refused of one's own, and who has seen it.
///
/// A word is kept for the log's hash at the refusal, which covers change, place and reason: a change that is judged anew asks
/// anew, and one that comes back with its verdict after a restore does not.
extension Store {
  /// How many changes of a device, or of one whose file it adopted, stand in quarantine, and how many of them nobody has settled.
  ///
  /// - Complexity: O(refused changes), by an index of their own.
  public func refusalCounts(of replica: ReplicaID) throws -> (all: Int, open: Int) {
    let settled = try refusalSettlements()
    let hashes = try refusedActors(of: replica).flatMap { actor in
      try db.all(
        "SELECT hash FROM cordee_log AS l WHERE reason IS NOT NULL AND actor = ?"
          + (actor.isFormer ? Self.isHeld : ""), .int(actor.number)
      ) { $0.bytes(0) }
    }
    return (hashes.count, hashes.count { settled[$0] == nil })
  }

  /// The changes of a device that stand in quarantine, in the log's order.
  ///
  /// - Complexity: O(refused changes); their bodies are in memory.
  public func refusals(of replica: ReplicaID) throws -> [Refusal] {
    let settled = try refusalSettlements()
    return try refusedActors(of: replica).flatMap { actor in
      try db.all(
        """
        SELECT l.seq, l.space, l.reason, l.hash, c.header, c.body, c.body_hash, c.hash FROM cordee_log l
        JOIN cordee_change c ON c.space = l.space AND c.actor = l.actor AND c.n = l.n
        WHERE l.reason IS NOT NULL AND l.actor = ?
        """ + (actor.isFormer ? Self.isHeld : ""), .int(actor.number)
      ) { ($0.int(0), $0.int(1), $0.text(2), $0.bytes(3), ChangeRow($0, at: 4)) }
    }.map { seq, space, reason, entry, held in
      Refusal(
        seq: seq, space: try name(ofNumber: space), change: try held.change(), reason: reason,
        settlement: settled[entry])
    }.sorted { $0.seq < $1.seq }
  }

  /// Notes that a person has seen refusals, which stay kept and listed; call inside `write`.
  ///
  /// One that somebody settled before keeps the word it has.
  ///
  /// - Parameter places: their places in the log; nil for all that are open.
  /// - Returns: those that were settled now, in the log's order.
  /// - Throws: `StoreError` `.notFound` when at one of the places no change of the device was refused.
  @discardableResult
  public func settle(
    refusalsAt places: [Int]?, of replica: ReplicaID, by author: String, note: String, at: String
  ) throws -> [Int] {
    let all = try refusals(of: replica)
    if let lacking = places?.first(where: { place in !all.contains { $0.seq == place } }) {
      throw StoreError(
        .notFound, "no refused change of this device has the number \(lacking)",
        hint: "`cordee refusals` lists them.")
    }
    let open = all.filter { $0.settlement == nil && places?.contains($0.seq) != false }
    guard !open.isEmpty else { return [] }
    try db.execute(
      """
      CREATE TABLE IF NOT EXISTS cordee_refusal(id INTEGER PRIMARY KEY, entry BLOB NOT NULL, at TEXT NOT NULL,
        author TEXT NOT NULL, note TEXT NOT NULL) STRICT
      """)
    for refusal in open {
      try db.run(
        """
        INSERT INTO cordee_refusal(entry, at, author, note) SELECT hash, ?, ?, ? FROM cordee_log WHERE seq = ?
        """, .text(at), .text(author), .text(note), .int(refusal.seq))
    }
    guardRows(of: .refusal)
    return open.map(\.seq)
  }

  /// What persons said, by the log's hash at the refusal.
  private func refusalSettlements() throws -> [[UInt8]: Refusal.Settlement] {
    guard try hasTable("cordee_refusal") else { return [:] }
    let all = try db.all("SELECT entry, at, author, note FROM cordee_refusal ORDER BY id") {
      ($0.bytes(0), Refusal.Settlement(at: $0.text(1), by: $0.text(2), note: $0.text(3)))
    }
    return Dictionary(all) { _, last in last }
  }

  /// For the log as `l`: this file holds what was written.
  private static let isHeld = """
     AND EXISTS (SELECT 1 FROM cordee_change AS h
       WHERE h.space = l.space AND h.actor = l.actor AND h.n = l.n AND h.body IS NOT NULL)
    """

  /// The numbers of a device's actors of which something was refused, and of those under which others wrote this file before
  /// it was adopted.
  ///
  /// What a former device goes on writing elsewhere is not this file's: it holds no bodies of it.
  private func refusedActors(of replica: ReplicaID) throws -> [(number: Int, isFormer: Bool)] {
    let formers = Set(try epochs().map(\.from.replica))
    return try db.all("SELECT DISTINCT actor FROM cordee_log WHERE reason IS NOT NULL") {
      $0.int(0)
    }
    .compactMap { number in
      let author = try actor(ofNumber: number).replica
      guard author == replica || formers.contains(author) else { return nil }
      return (number, author != replica)
    }
  }
}

public import Causality
import Changes
import SQLite
import Wire

/// Logged changes of which only the header is held: their bodies were withheld, and who gave them back had no more.
extension Store {
  /// The changes of a device in the log of a space whose bodies are not held, in order.
  ///
  /// - Complexity: O(changes without a body), by an index that central keeps.
  public func withheld(of replica: ReplicaID, in space: String, limit: Int) throws -> [Dot] {
    let rows = try db.all(
      """
      SELECT a.actor, c.n FROM cordee_change c JOIN cordee_actor a ON a.id = c.actor
      WHERE c.space = ? AND c.body IS NULL AND substr(a.actor, 1, 16) = ? ORDER BY a.actor, c.n LIMIT ?
      """, .int(try number(ofName: space)), .blob(replica.bytes), .int(limit)
    ) { ($0.bytes(0), $0.int(1)) }
    return rows.compactMap { bytes, n in ActorID(bytes: bytes).map { Dot(actor: $0, n: n) } }
  }

  /// Every change in the log of a space whose body is not held, in words.
  public func withheldNames(in space: String) throws -> [String] {
    let rows = try db.all(
      """
      SELECT a.actor, c.n FROM cordee_change c JOIN cordee_actor a ON a.id = c.actor
      WHERE c.space = ? AND c.body IS NULL ORDER BY a.actor, c.n
      """, .int(try number(ofName: space))
    ) { ($0.bytes(0), $0.int(1)) }
    return rows.compactMap { bytes, n in
      ActorID(bytes: bytes).map {
        "\(space): the body of the quarantined change \(Dot(actor: $0, n: n)); its author's device may have it"
      }
    }
  }

  /// Takes the body of a change of which only the header is held; call inside `write`.
  ///
  /// - Returns: false when it is not that change's body, or nothing lacks it.
  public func fillBody(of dot: Dot, in space: String, header: [UInt8], _ body: [UInt8]) throws
    -> Bool
  {
    let held = try db.first(
      """
      SELECT header, body_hash FROM cordee_change WHERE space = ? AND actor = ? AND n = ? AND body IS NULL
      """, .int(try number(ofName: space)), .int(try number(of: dot.actor)), .int(dot.n)
    ) { ($0.bytes(0), $0.bytes(1)) }
    guard let (kept, hash) = held, kept == header,
      Store.hash(Preimage.body(body)).bytes == hash
    else { return false }
    try db.run(
      "UPDATE cordee_change SET body = ? WHERE space = ? AND actor = ? AND n = ?", .blob(body),
      .int(try number(ofName: space)), .int(try number(of: dot.actor)), .int(dot.n))
    return true
  }
}

import Causality
import Changes
import SQLite
import Wire

/// The secrets of runs, compared with the bodies whose keys they stand for.
extension Audit {
  /// Every body of a run carries the key its secret gives: readers are sent the secret in the keys' place.
  func checkRuns() throws {
    try checkReach()
    try store.db.scan(
      """
      SELECT r.actor, c.n, r.secret, c.body, c.n IS NULL FROM cordee_run r LEFT JOIN cordee_change c
        ON c.space = r.space AND c.actor = r.actor AND c.n BETWEEN r.n_from AND r.n_to
      """, []
    ) { row in
      let author = try store.actor(ofNumber: row.int(0))
      guard row.int(4) == 0 else {
        damage("run.empty", "a run of \(author) has no changes")
        return true
      }
      guard !row.isNull(3) else { return true }
      let key = try? ChangeDecoding.body(row.bytes(3)).key
      if key != Run.key(secret: row.bytes(2), n: row.int(1)) {
        damage("run.secret", "change \(row.int(1)) of \(author) has another key than its run")
      }
      return true
    }
  }

  /// A run ends with a change of its author's that is known here: one that is still open grows with what is sealed, central
  /// keeps one with the segment it came in, and what a snapshot brings before its history counts as known.
  private func checkReach() throws {
    try store.db.scan(
      """
      SELECT r.actor, r.n_from, r.n_to, ifnull(k.n, 0) FROM cordee_run r LEFT JOIN cordee_known k
        ON k.space = r.space AND k.actor = r.actor
      WHERE r.n_from NOT BETWEEN 1 AND r.n_to OR r.n_to > ifnull(k.n, 0)
      """, []
    ) { row in
      damage(
        "run.reach",
        "a run of \(try store.actor(ofNumber: row.int(0))) reaches from \(row.int(1)) to \(row.int(2)); "
          + "\(row.int(3)) of its changes are known")
      return true
    }
  }
}

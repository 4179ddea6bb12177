import Causality
import Changes
import SQLite
import Wire

/// The secrets of runs, compared with the bodies whose keys they stand for.
extension Audit {
  /// Every body of a run carries the key its secret gives: readers are sent the secret in the keys' place.
  func checkRuns() throws {
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
}

import Causality
import Changes
import SQLite
import Seal
import Wire

/// Central's list of devices, compared with what the log enrolled.
extension Audit {
  /// A device's key must be the one its name is made of, its organisation and role those of its row; a replica keeps no list.
  func checkMembers() throws {
    let tables =
      "SELECT name FROM sqlite_schema WHERE name IN ('cordee_member', 'cordee_outbox', 'cordee_instance')"
    guard try store.db.all(tables, read: { $0.text(0) }).count == 3 else { return }
    // What central has queued itself, or takes back after a restore, stands in no row before the next merge.
    let isSettled = try store.db.first("SELECT count(*) = 0 FROM cordee_outbox") { $0.int(0) == 1 }
    let isWhole = try store.db.first(
      """
      SELECT NOT EXISTS(SELECT 1 FROM cordee_inbox)
        AND ifnull((SELECT places IS NOT NULL FROM cordee_instance ORDER BY number DESC LIMIT 1), 1)
      """
    ) { $0.int(0) == 1 }
    let members = try store.db.all(
      "SELECT replica, key, organisation, role FROM cordee_member ORDER BY replica"
    ) { ($0.text(0), $0.bytes(1), $0.text(2), $0.text(3)) }
    for (name, bytes, organisation, role) in members {
      guard let replica = ReplicaID(name), let key = PublicKey(bytes: bytes),
        key.fingerprint == replica.bytes
      else {
        damage("member.key", "the key kept for the device \(name) is not its own")
        continue
      }
      guard isSettled == true else { continue }
      let row = try store.state(of: RowKey(table: "replica", id: name))
      if !row.isShown, isWhole == false { continue }
      if row.shown("organisation_id").text != organisation || row.shown("role").text != role {
        damage("member.row", "the device \(name) is kept with another organisation or role")
      }
    }
  }
}

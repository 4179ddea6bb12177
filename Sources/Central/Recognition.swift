import Causality
import Changes
import SQLite
public import Seal
import Store
import Wire

/// Members that a restored central forgot: its own signed changes say who they are. `[SP-1209]`
extension Central {
  /// Central itself as an author: what its key signed may stand.
  var ownMember: Member {
    Member(
      replica: keyID, key: publicKey, organisation: "", role: "", name: "central", enrolledAt: "",
      revokedAt: nil)
  }

  /// Forgets a queued write of central's that stands already in a change: a backup may be older than the merge that took it.
  func forgetQueued(_ body: [UInt8]) throws {
    try store.withConnection {
      try $0.run("DELETE FROM cordee_outbox WHERE body = ?", .blob(body))
    }
    store.guardRows(of: .outbox)
  }

  /// Takes what one of central's own changes says of devices: it holds from now on, before any merge.
  ///
  /// A device that is revoked stays revoked, in whatever order the changes come.
  func recognise(_ body: Body) throws {
    for write in body.writes where write.row.table == "replica" {
      switch write.verb {
      case .insert(let fields): try recognise(write.row.id, fields)
      case .set(let fields):
        guard let at = fields.first(where: { $0.name == "revoked_at" })?.value.text else {
          continue
        }
        try store.withConnection {
          try $0.run(
            "UPDATE cordee_member SET revoked_at = ? WHERE replica = ? AND revoked_at IS NULL",
            .text(at), .text(write.row.id))
        }
        store.guardRows(of: .member)
      case .delete, .undelete: break
      }
    }
  }

  private func recognise(_ id: String, _ fields: [FieldValue]) throws {
    func text(_ name: String) -> String? { fields.first { $0.name == name }?.value.text }
    guard let replica = ReplicaID(id),
      let key = text("key").flatMap(Base64URL.decode).flatMap({ PublicKey(bytes: $0) }),
      key.fingerprint == replica.bytes, let role = text("role")
    else { return }
    try store.withConnection {
      try $0.run(
        """
        INSERT INTO cordee_member(replica, key, organisation, role, name, enrolled_at, revoked_at)
        VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(replica) DO NOTHING
        """, .text(id), .blob(key.bytes), .text(text("organisation_id") ?? ""), .text(role),
        .text(text("name") ?? ""), .text(text("enrolled_at") ?? ""),
        .text(orNull: text("revoked_at")))
    }
    store.guardRows(of: .member)
  }

  /// Knows a device again by the change with which this central once enrolled it.
  ///
  /// - Parameters:
  ///   - entry: `{"previous": …, "change": …, "signatures": …}` as the log had it.
  ///   - key: the key that signed the request.
  /// - Throws: `Problem` when this central did not sign it, or revoked the device since.
  public func readmit(_ entry: [UInt8], key: PublicKey) throws -> Enrolment {
    let (change, body) = try ownChange(entry)
    let replica = ReplicaID(bytes: key.fingerprint) ?? ID128(high: 0, low: 0)
    let isAbout = body.writes.contains {
      guard case .insert = $0.verb else { return false }
      return $0.row == RowKey(table: "replica", id: replica.description)
    }
    guard isAbout, change.header.space == store.schema.spaces[0] else {
      throw Problem(
        "enrolment.entry", status: 401, "the entry does not enrol the device that shows it")
    }
    return try store.write {
      try recognise(body)
      guard let member = try member(replica), member.revokedAt == nil else {
        throw Problem(
          "signature.refused", status: 401, "the request's signature is not an enrolled device's")
      }
      return enrolment(of: member)
    }
  }

  private func ownChange(_ entry: [UInt8]) throws -> (Change, Body) {
    let refusal = Problem(
      "enrolment.entry", status: 401, "the entry is not one that this central signed")
    var parts: [String: [UInt8]] = [:]
    let members = try Self.wire { () throws(WireError) in try JSON.members(of: entry) }
    for (key, range) in members { parts[key] = Array(entry[range]) }
    guard let line = parts["change"], let raw = parts["signatures"],
      let previous = try parts["previous"].flatMap({ try JSON.parse($0).string }).flatMap({
        Hash($0)
      })
    else { throw refusal }
    return try Self.wire { () throws(WireError) in
      let change = Store.change(try ChangeDecoding.line(line), previous: previous)
      let message = Preimage.segment(
        network: network, space: change.header.space, head: change.dot, hash: change.hash)
      guard change.header.network == network, change.dot.actor.replica == keyID,
        try Signature.list(try JSON.parse(raw)).contains(where: {
          publicKey.verifies($0.value, of: message)
        }), let bytes = change.bodyBytes
      else { throw WireError(.shape, "the entry is not one that this central signed") }
      return (change, try ChangeDecoding.body(bytes))
    }
  }
}

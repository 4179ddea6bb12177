public import Causality
import Changes
import Mutants
import SQLite
public import Seal
import Store
import Wire

/// One enrolled device, as central knows it.
public struct Member: Sendable {
  /// Its replica id.
  public let replica: ReplicaID
  /// Its key.
  public let key: PublicKey
  /// The row id of its organisation.
  public let organisation: String
  /// Its role.
  public let role: String
  /// How its edits are signed for readers.
  public let name: String
  /// When it joined.
  public let enrolledAt: String
  /// When it was revoked, if it was.
  public let revokedAt: String?
}

/// What a device learns when it is enrolled.
public struct Enrolment: Sendable {
  /// The network.
  public let network: NetworkID
  /// Central's life.
  public let instance: InstanceID
  /// Central's key.
  public let centralKey: PublicKey
  /// The device's role.
  public let role: String
  /// The spaces it receives.
  public let spaces: [String]
  /// The name shown for its edits.
  public let name: String
}

/// Invites are one-time secrets, kept hashed; enrolment binds a key to an organisation and a role.
extension Central {
  /// Makes an invite: `secret.fingerprint`, to be given out once.
  ///
  /// - Parameters:
  ///   - organisation: a row id.
  ///   - expires: Unix seconds.
  /// - Throws: `Problem` when the role is unknown.
  public func invite(organisation: String, role: String, expires: Int64) throws -> String {
    try checkServes()
    guard store.schema.role(role) != nil else {
      let roles = store.schema.roles.map(\.name).joined(separator: ", ")
      throw Problem(
        "role.unknown", status: 422, "there is no role \(role)", hint: "Give one of \(roles).")
    }
    let secret = Randomness.bytes(16)
    try store.write {
      try store.withConnection {
        try $0.run(
          "INSERT INTO cordee_invite(hash, organisation, role, expires) VALUES(?, ?, ?, ?)",
          .blob(Self.inviteHash(secret)), .text(organisation), .text(role), .integer(expires))
      }
      store.guardRows(of: .invite)
    }
    return "\(Base64URL.encode(secret)).\(keyID)"
  }

  /// Redeems an invite for `key`.
  ///
  /// The same key may ask again: the answer to a lost reply is the same.
  ///
  /// - Parameter name: what the device is called; nil for one made of its role and organisation.
  /// - Throws: `Problem` when the invite is unknown, expired or used, or the name is none; the invite is as good as it was.
  public func enrol(secret: [UInt8], key: PublicKey, name: String?, now: Int64, at: String) throws
    -> Enrolment
  {
    try checkServes()
    let replica = ReplicaID(bytes: key.fingerprint) ?? ID128(high: 0, low: 0)
    return try store.write {
      let invite = try store.withConnection { connection in
        try connection.first(
          "SELECT organisation, role, expires, used_by FROM cordee_invite WHERE hash = ?",
          .blob(Self.inviteHash(secret))
        ) { ($0.text(0), $0.text(1), $0.integer(2), $0.textOrNil(3)) }
      }
      guard let (organisation, role, expires, usedBy) = invite else {
        throw Problem(
          "invite.unknown", status: 401, "central does not know this invite",
          hint: "Ask for a new one.")
      }
      if let usedBy, !mutant(43, "R7: an invite serves twice") {
        guard usedBy == replica.description, let member = try member(replica) else {
          throw Problem(
            "invite.used", status: 401, "this invite was used", hint: "Ask for a new one.")
        }
        return enrolment(of: member)
      }
      guard now < expires else {
        throw Problem(
          "invite.expired", status: 401, "this invite has expired", hint: "Ask for a new one.")
      }
      if let name, let fault = DeviceName.fault(in: name) {
        throw Problem(
          "enrolment.name", status: 422, "the device's name \(fault)",
          hint: "Give another with --name, or none; the invite is as good as it was.")
      }
      let shown = try name ?? givenName(to: replica, as: role, of: organisation)
      try store.withConnection {
        try $0.run(
          "UPDATE cordee_invite SET used_by = ? WHERE hash = ?", .text(replica.description),
          .blob(Self.inviteHash(secret)))
        try $0.run(
          """
          INSERT INTO cordee_member(replica, key, organisation, role, name, enrolled_at) VALUES(?, ?, ?, ?, ?, ?)
          """, .text(replica.description), .blob(key.bytes), .text(organisation), .text(role),
          .text(shown),
          .text(at))
      }
      store.guardRows(of: .invite)
      store.guardRows(of: .member)
      guard let member = try member(replica) else {
        throw Problem("member.missing", status: 500, "the new member was not kept")
      }
      try queue([Self.enrolling(member)], space: store.schema.spaces[0], at: at)
      return enrolment(of: member)
    }
  }

  /// The write by which the log names a device and its key.
  static func enrolling(_ member: Member) -> Write {
    Write(
      RowKey(table: "replica", id: member.replica.description),
      .insert([
        FieldValue("key", .text(Base64URL.encode(member.key.bytes))),
        FieldValue("organisation_id", .text(member.organisation)),
        FieldValue("role", .text(member.role)), FieldValue("name", .text(member.name)),
        FieldValue("enrolled_at", .text(member.enrolledAt)),
        FieldValue("revoked_at", member.revokedAt.map { .text($0) } ?? .null),
        FieldValue("succeeds_id", .null),
      ]))
  }

  /// Shuts a device out, from its next request on; the log says so at the next merge.
  ///
  /// - Returns: when it was shut out, which is earlier than `at` for a device that was already; then nothing changes.
  /// - Throws: `Problem` when there is no such device.
  @discardableResult
  public func revoke(_ replica: ReplicaID, at: String) throws -> (at: String, already: Bool) {
    try store.write {
      guard let member = try member(replica) else {
        throw Problem(
          "member.unknown", status: 404, "no device \(replica) is enrolled",
          hint: "`cordee central members` lists them.")
      }
      if let revokedAt = member.revokedAt { return (revokedAt, true) }
      try store.withConnection {
        try $0.run(
          "UPDATE cordee_member SET revoked_at = ? WHERE replica = ?", .text(at),
          .text(replica.description))
      }
      store.guardRows(of: .member)
      try queue(
        [
          Write(
            RowKey(table: "replica", id: replica.description),
            .set([FieldValue("revoked_at", .text(at))]))
        ],
        space: store.schema.spaces[0], at: at)
      return (at, false)
    }
  }

  /// The enrolled device with this id.
  public func member(_ replica: ReplicaID) throws -> Member? {
    try store.withConnection { connection in
      try connection.first(
        "SELECT key, organisation, role, name, enrolled_at, revoked_at FROM cordee_member WHERE replica = ?",
        .text(replica.description)
      ) { ($0.bytes(0), $0.text(1), $0.text(2), $0.text(3), $0.text(4), $0.textOrNil(5)) }
    }.flatMap { bytes, organisation, role, name, enrolledAt, revokedAt in
      PublicKey(kept: bytes).map {
        Member(
          replica: replica, key: $0, organisation: organisation, role: role, name: name,
          enrolledAt: enrolledAt, revokedAt: revokedAt)
      }
    }
  }

  /// Every enrolled device.
  public func members() throws -> [Member] {
    let ids = try store.withConnection {
      try $0.all("SELECT replica FROM cordee_member ORDER BY enrolled_at, replica") { $0.text(0) }
    }
    return try ids.compactMap { try ReplicaID($0).flatMap(member) }
  }

  func enrolment(of member: Member) -> Enrolment {
    Enrolment(
      network: network, instance: instance, centralKey: publicKey, role: member.role,
      spaces: store.schema.role(member.role)?.reads ?? [], name: member.name)
  }

  /// A name for a device that brings none.
  ///
  /// What an organisation is called was written by members, and may not do either.
  private func givenName(to replica: ReplicaID, as role: String, of organisation: String) throws
    -> String
  {
    let state = try store.state(of: RowKey(table: "organisation", id: organisation))
    let labels = (store.schema.table("organisation")?.namedBy ?? []).compactMap {
      state.shown($0).text
    }
    let names = (labels + [organisation]).map { "\(role) of \($0)" }
    return names.first { DeviceName.fault(in: $0) == nil } ?? replica.description
  }

  private static func inviteHash(_ secret: [UInt8]) -> [UInt8] {
    Blake2b.hash([Array("cordee.invite.1\n".utf8), secret])
  }
}

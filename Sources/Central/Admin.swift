import Causality
import Changes
import Seal
import Store
public import Wire

/// What whoever keeps central asks of it: the same handlers whether it serves or not.
extension Central {
  /// Carries out one request: `{"do": …}` with its parts.
  ///
  /// - Parameters:
  ///   - now: Unix seconds.
  ///   - at: the same as a label.
  /// - Throws: `Problem`.
  public func administer(_ request: JSON, now: Int64, at: String) throws -> JSON {
    switch request["do"]?.string {
    case "merge":
      let inbox = try inboxCount()
      let report = try merge(at: at, isTrial: request["dry_run"]?.isTrue == true)
      if !report.isTrial { noteTold(from: report.number) }
      guard report.isTrial, case .object(let members) = report.json else { return report.json }
      return .object([("inbox", .integer(Int64(inbox)))] + members)
    case "invite": return try invite(request, now: now)
    case "members": return .array(try members().map(json))
    case "reports":
      return .array(try tellReports(limit: Int(request["last"]?.integer ?? 20)))
    case "status": return try status()
    case "revoke":
      let replica = try member(named: request["replica"]?.string ?? "")
      let told = try revoke(replica, at: at)
      return .object([
        ("revoked", .string(replica.description)), ("revoked_at", .string(told.at)),
        ("already", .bool(told.already)),
      ])
    case "accept":
      let choices = request["tails"]?.array?.compactMap(\.string) ?? []
      return try accept(choosing: choices, at: at).json
    case "restore":
      // A life that waits to be accepted is the answer already; another would hide why it began.
      let already = isRestoring
      if !already { try beginRestoring(because: .restored, at: at) }
      guard case .object(let members) = try status() else { return .null }
      return .object(members + [("already", .bool(already))])
    case "lost":
      let spaces = try declareLost(request["change"]?.string ?? "", at: at)
      return .object([("spaces", .array(spaces.map { .string($0) }))])
    case "bundle": return try bundleHead(request, at: at)
    case "log": return try bundlePiece(request)
    case "offer": return try bundleOffer(request, at: at)
    case "backup": return try copy(request)
    case "settings": return try settings()
    case "copied":
      try store.write { try store.setMeta("last_backup", .text(at)) }
      return .object([("last_backup", .string(at))])
    default: throw Problem("admin.unknown", status: 404, "central knows no such request")
    }
  }

  /// A copy of the file as of one moment; it counts as a backup once its keeper has checked it and says so.
  private func copy(_ request: JSON) throws -> JSON {
    guard let path = request["path"]?.string, path.hasPrefix("/") else {
      throw Problem("backup.path", status: 422, "a backup needs a whole path")
    }
    try store.backup(to: path)
    return .object([("path", .string(path)), ("key", .string(Base64URL.encode(publicKey.bytes)))])
  }

  /// What the doctor asks: how the file is held, and what waits in it.
  private func settings() throws -> JSON {
    let settings = try store.settings()
    let signed = try store.schema.spaces.compactMap { space -> String? in
      guard let line = try checkpoint(of: space) else { return nil }
      guard case .checkpoint(_, let checkpoint, _) = try LogLine.parse(line) else { return nil }
      return checkpoint.at
    }
    return .object([
      ("key", .string(Base64URL.encode(publicKey.bytes))),
      ("sqlite", .string(settings.version)), ("journal", .string(settings.journal)),
      ("synchronous", .integer(Int64(settings.synchronous))),
      ("locking", .string(settings.locking)), ("inbox", .integer(Int64(try inboxCount()))),
      (
        "oldest_waiting",
        try oldestWaiting().map { .string(Timestamp.text(unixSeconds: $0)) } ?? .null
      ),
      ("aside", .integer(Int64(try asideCount()))),
      ("last_signed", signed.max().map { .string($0) } ?? .null),
    ])
  }

  private func invite(_ request: JSON, now: Int64) throws -> JSON {
    guard let reference = request["organisation"]?.string, let role = request["role"]?.string,
      let days = request["days"]?.integer, (1...30).contains(days)
    else {
      throw Problem(
        "invite.shape", status: 422, "an invite needs an organisation, a role and 1 to 30 days")
    }
    let row = try store.resolve(reference, in: "organisation")
    let expires = now + days * 86_400
    let secret = try invite(organisation: row.id, role: role, expires: expires)
    return .object([
      ("invite", .string("\(try store.meta("url")?.text ?? "")#\(secret)")),
      ("organisation", .string(row.id)),
      ("record", .string(store.name(of: row, try store.state(of: row)))),
      ("role", .string(role)), ("expires", .string(Timestamp.text(unixSeconds: expires))),
    ])
  }

  /// The one enrolled device whose id begins as given.
  func member(named name: String) throws -> ReplicaID {
    let isShort = name.utf8.count < 4
    let found = try members().map(\.replica).filter { $0.description.hasPrefix(name) }
    guard !isShort, let replica = found.first else {
      throw Problem(
        "member.unknown", status: 404,
        isShort
          ? "\(name) is too short to name a device"
          : "no enrolled device's id begins with \(name)",
        hint: "Give at least 4 digits of one in `cordee central members`.")
    }
    guard found.count == 1 else {
      let ids = found.map(\.description).joined(separator: ", ")
      throw Problem(
        "member.ambiguous", status: 409, "\(name) names several devices: \(ids)",
        hint: "Give one of these.")
    }
    return replica
  }

  private func status() throws -> JSON {
    var spaces: [(String, JSON)] = []
    for space in store.schema.spaces {
      spaces.append((space, .object([("seq", .integer(Int64(try store.logEnd(of: space).seq)))])))
    }
    let members = try members()
    let revoked = members.count { $0.revokedAt != nil }
    let about: [(String, JSON)] = [
      ("name", .string(try store.meta("name")?.text ?? "")),
      ("url", .string(try store.meta("url")?.text ?? "")),
      ("network", .string(network.description)), ("instance", .string(instance.description)),
      ("members", .integer(Int64(members.count - revoked))), ("revoked", .integer(Int64(revoked))),
      ("conflicts", .integer(Int64(try store.conflicts().count))),
      ("quarantined", .integer(Int64(try quarantinedCount()))), ("untold", try untold().json),
      ("snapshots_withheld", try withheldSnapshots()),
      ("inbox", .integer(Int64(try inboxCount()))), ("spaces", .object(spaces)),
    ]
    let schedule = try plan?.schedule ?? lastSchedule()
    let backup = try store.meta("last_backup")?.text
    let work: [(String, JSON)] = [
      ("restore", try restoreStatus()), ("serving", .bool(plan != nil)),
      ("listening", listening.map { .string($0) } ?? .null),
      ("schedule", schedule.map { .string($0) } ?? .null),
      ("next_merge", plan?.json["next"] ?? .null),
      ("last_merge", try reports(limit: 1).first?["at"] ?? .null),
      ("last_backup", backup.map { .string($0) } ?? .null),
    ]
    return .object(about + work)
  }

  private func json(_ member: Member) throws -> JSON {
    let row = RowKey(table: "organisation", id: member.organisation)
    return .object([
      ("replica", .string(member.replica.description)),
      ("organisation", .string(store.name(of: row, try store.state(of: row)))),
      ("role", .string(member.role)), ("name", .string(member.name)),
      ("enrolled_at", .string(member.enrolledAt)),
      ("revoked_at", member.revokedAt.map { .string($0) } ?? .null),
    ])
  }
}

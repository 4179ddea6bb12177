import Changes
import Files
import FoundationEssentials
import Registry
import Replica
import Seal
import Store
import Wire

/// What the commands that show trust do.
enum TrustActions {
  static func verify(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let path = try invocation.existingReplicaPath()
      let store = try Store(path: path, schema: .registry, use: .reader)
      let identity = try Identity(store)
      var report = try audit(store, identity.centralKey)
      if let other = invocation.option("against") {
        let second = try Store(path: other, schema: .registry, use: .reader)
        let theirs = try audit(second, identity.centralKey)
        for finding in theirs.findings {
          report.add(Finding(finding.kind, finding.code, "\(other): \(finding.message)"))
        }
        for finding in try store.differences(from: second) { report.add(finding) }
      }
      if invocation.wantsJSON {
        invocation.console.print(json(report))
      } else {
        say(report, invocation.console)
      }
      return report.has(.damage) ? .failed : report.findings.isEmpty ? .done : .needsPerson
    }
  }

  static func backup(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let target = try newFile(invocation)
      let replica = try invocation.store()
      let key = try Identity(replica).centralKey
      try replica.backup(to: target + ".part")
      try keep(target, centralKey: key)
      try replica.write { try replica.setMeta("last_backup", .text(Now().label)) }
      return try told(target, invocation)
    }
  }

  static func centralBackup(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let target = try newFile(invocation)
      let answer = try Keeper.ask(
        invocation.option("data") ?? "",
        [("do", .string("backup")), ("path", .string(target + ".part"))])
      guard
        let key = answer["key"]?.string.flatMap(Base64URL.decode).flatMap({ PublicKey(bytes: $0) })
      else { throw Failure(code: "backup.answer", message: "central's answer names no key") }
      try keep(target, centralKey: key)
      return try told(target, invocation)
    }
  }

  /// The whole path of the file to make, which is not there yet.
  private static func newFile(_ invocation: Invocation) throws -> String {
    let path = URL(filePath: invocation.argument("FILE") ?? "").absoluteURL.path
    guard !FileManager.default.fileExists(atPath: path) else {
      throw Failure(
        code: "backup.exists", message: "there is a file at \(path) already",
        hint: "Give a name that is free.")
    }
    Files.remove(path + ".part")
    return path
  }

  /// Checks a copy and gives it its name; a copy that is not sound is removed.
  private static func keep(_ target: String, centralKey: PublicKey) throws {
    let part = target + ".part"
    let copy = try Store(path: part, schema: .registry, use: .reader)
    let report = try audit(copy, centralKey)
    guard !report.has(.damage) else {
      Files.remove(part)
      throw Failure(
        code: "backup.damaged", message: "the copy is not sound: \(report.findings[0].message)",
        hint: "Run `cordee verify` on the original.")
    }
    try Files.rename(part, to: target)
  }

  private static func told(_ target: String, _ invocation: Invocation) throws -> ExitCode {
    if invocation.wantsJSON {
      invocation.console.print(
        JSON.object([
          ("file", .string(target)), ("bytes", .integer(Int64(Files.size(target) ?? 0))),
        ]))
    } else {
      invocation.console.print(
        "\(target): \(bytesText(Int64(Files.size(target) ?? 0))), checked. The key is not in it; keep that apart."
      )
    }
    return .done
  }

  static func audit(_ store: Store, _ centralKey: PublicKey) throws -> AuditReport {
    let scratch = FileManager.default.temporaryDirectory.appending(
      path: "cordee-verify-\(UUID().uuidString).sqlite"
    ).path
    defer {
      for suffix in ["", "-journal", "-wal", "-shm"] {
        try? FileManager.default.removeItem(atPath: scratch + suffix)
      }
    }
    return try Audit(of: store, centralKey: centralKey, scratchPath: scratch).run()
  }

  private static func json(_ report: AuditReport) -> JSON {
    .object([
      ("sound", .bool(!report.has(.damage))),
      ("complete", .bool(!report.has(.incomplete))),
      ("changes", .integer(Int64(report.changes))),
      ("signatures", .integer(Int64(report.signatures))),
      ("rows", .integer(Int64(report.rows))),
      (
        "findings",
        .array(
          report.findings.map {
            .object([
              ("kind", .string($0.kind.rawValue)), ("code", .string($0.code)),
              ("message", .string($0.message)),
            ])
          })
      ),
      ("findings_more", .integer(Int64(report.more))),
    ])
  }

  private static func say(_ report: AuditReport, _ console: Console) {
    for finding in report.findings {
      console.printValues("\(finding.kind.rawValue): \(finding.message) [\(finding.code)]")
    }
    if report.more > 0 { console.print("and \(report.more) more") }
    let verdict =
      report.has(.damage)
      ? "DAMAGED OR FORGED" : report.findings.isEmpty ? "Sound" : "Sound as far as it can be shown"
    console.print(
      "\(verdict): \(report.changes) changes, \(report.signatures) signatures, \(report.rows) rows checked."
    )
    if report.has(.damage) {
      console.say(
        "Keep this file as it is, tell the secretariat, and restore a backup or join again beside it."
      )
    }
  }
}

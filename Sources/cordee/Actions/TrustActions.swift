import Changes
import FoundationEssentials
import Registry
import Replica
import Store
import Wire

/// What the commands that show trust do.
enum TrustActions {
  static func verify(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let path = try invocation.existingReplicaPath()
      let store = try Store(path: path, schema: .registry, use: .reader)
      let identity = try Identity(store)
      var report = try audit(store, identity)
      if let other = invocation.option("against") {
        let second = try Store(path: other, schema: .registry, use: .reader)
        let theirs = try audit(second, identity)
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

  private static func audit(_ store: Store, _ identity: Identity) throws -> AuditReport {
    let scratch = FileManager.default.temporaryDirectory.appending(
      path: "cordee-verify-\(UUID().uuidString).sqlite"
    ).path
    defer {
      for suffix in ["", "-journal", "-wal", "-shm"] {
        try? FileManager.default.removeItem(atPath: scratch + suffix)
      }
    }
    return try Audit(of: store, centralKey: identity.centralKey, scratchPath: scratch).run()
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

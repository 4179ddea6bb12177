import Causality
import Central
import Changes
import Files
import FoundationEssentials
import HTTP
import Registry
import Replica
import Seal
import Store
import Wire

/// What `cordee verify` does: a file held against its own history, and against another's.
enum VerifyAction {
  /// A file that is looked at, and by which key central signs in it.
  private struct Subject {
    let inspection: Inspection
    let centralKey: PublicKey
    let isCentral: Bool
    /// Where central's file stands, of which a copy may be looked at.
    var path: String?
    var store: Store { inspection.store }
  }

  /// What a file is compared with.
  private struct Other {
    let path: String
    /// Nil for a bundle.
    let inspection: Inspection?

    /// - Throws: `against.network`: another network has another central, and nothing there says anything of this file.
    init(_ path: String, beside subject: Subject) throws {
      self.path = path
      try Inspection.check(path)
      let network: Value?
      if try BundleReader.isBundle(path) {
        inspection = nil
        network = .blob(try BundleReader(path).bundle.network.bytes)
      } else {
        let opened = try Inspection(path)
        (inspection, network) = (opened, try opened.store.meta("network"))
      }
      guard try network == subject.store.meta("network") else {
        throw Failure(
          code: "against.network",
          message: "\(path) belongs to another network: nothing was compared",
          hint: "Name a copy or a bundle of this one; without --against the file is checked alone.")
      }
    }
  }

  static func run(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let start = ContinuousClock.now
      let subject = try subject(invocation)
      let other = try invocation.option("against").map { try Other($0, beside: subject) }
      var report = try audit(subject)
      if !subject.isCentral, !report.has(.damage) {
        try WitnessFindings.finding(
          on: subject.store, at: invocation.existingReplicaPath(), invocation.paths
        ).map { report.add($0) }
      }
      if let other {
        for finding in try compared(subject, with: other) { report.add(finding) }
      }
      let took = start.duration(to: .now).components
      let milliseconds = took.seconds * 1000 + took.attoseconds / 1_000_000_000_000_000
      if invocation.wantsJSON {
        invocation.console.print(json(report, milliseconds, isCut: subject.inspection.isCut))
      } else {
        say(report, milliseconds, isCut: subject.inspection.isCut, invocation.console)
      }
      return report.has(.damage) ? .failed : report.asksPerson ? .needsPerson : .done
    }
  }

  /// The replica, or with `--data` central's own file; of a node that serves, a copy made by it.
  private static func subject(_ invocation: Invocation) throws -> Subject {
    guard let folder = invocation.option("data") else {
      let inspection = try Inspection(try invocation.existingReplicaPath())
      guard try !isCentral(inspection.store) else {
        throw Failure(
          code: "verify.central",
          message: "\(try invocation.replicaPath()) is a central node's file",
          hint: "Run `cordee verify --data DIR`, with --against FILE for a backup of it.")
      }
      return Subject(
        inspection: inspection, centralKey: try Identity(inspection.store).centralKey,
        isCentral: false)
    }
    let path = "\(folder)/central.sqlite"
    guard CentralNode.isThere(folder) else { throw Failure.noCentral(in: folder) }
    let key = try KeyFile.read("\(folder)/central.key").publicKey
    // The node that serves has its file to itself. It writes the copy into its own folder, which both can reach.
    let copy = URL(filePath: path + ".verify-\(UUID().uuidString)").absoluteURL.path
    try Leftovers.removeOnStop()
    Leftovers.note(copy)
    defer { Leftovers.remove(copy) }
    let isCopied = try Keeper.askServing(
      folder, [("do", .string("backup")), ("path", .string(copy))])
    let inspection = try Inspection(isCopied == nil ? path : copy)
    return Subject(inspection: inspection, centralKey: key, isCentral: true, path: path)
  }

  /// What else there is to say with another copy, or a bundle, at hand.
  private static func compared(_ subject: Subject, with other: Other) throws -> [Finding] {
    guard let inspection = other.inspection else {
      var audit = BundleAudit(of: subject.store, centralKey: subject.centralKey)
      return try audit.compare(other.path)
    }
    let theirs = try audit(
      Subject(
        inspection: inspection, centralKey: subject.centralKey,
        isCentral: isCentral(inspection.store)))
    return theirs.findings.map { $0.of(other.path) }
      + (try subject.store.differences(from: inspection.store))
  }

  private static func isCentral(_ store: Store) throws -> Bool {
    try store.meta("instance") != nil && store.meta("actor") == nil
  }

  private static func audit(_ subject: Subject) throws -> AuditReport {
    var report = try audit(subject.store, subject.centralKey)
    guard subject.isCentral, !report.has(.damage) else { return report }
    var central = try CentralAudit(
      of: subject.store, key: subject.centralKey, beside: subject.path)
    try central.run()
    report.signatures += central.signatures
    central.findings.forEach { report.add($0) }
    return report
  }

  /// Holds a file against its own log.
  ///
  /// - Throws: `verify.room` when there is no room for the scratch file.
  static func audit(_ store: Store, _ centralKey: PublicKey) throws -> AuditReport {
    let scratch = Scratch()
    let path = try scratch.path("audit.sqlite")
    return try withExtendedLifetime(scratch) {
      do {
        return try Audit(of: store, centralKey: centralKey, scratchPath: path).run()
      } catch let error as StoreError where error.code == .full {
        throw Scratch.full(path)
      }
    }
  }

  private static func json(_ report: AuditReport, _ milliseconds: Int64, isCut: Bool) -> JSON {
    .object([
      ("sound", .bool(!report.has(.damage))),
      ("complete", .bool(!report.has(.incomplete))),
      ("needs_person", .bool(report.asksPerson)),
      ("changes", .integer(Int64(report.changes))),
      ("signatures", .integer(Int64(report.signatures))),
      ("rows", .integer(Int64(report.rows))),
      ("took_ms", .integer(milliseconds)), ("cut_transaction", .bool(isCut)),
      (
        "findings",
        .array(
          report.findings.map {
            .object([
              ("kind", .string($0.kind.rawValue)), ("code", .string($0.code)),
              ("message", .string($0.message)), ("advice", .string($0.advice)),
            ])
          })
      ),
      ("findings_more", .integer(Int64(report.more))),
    ])
  }

  private static func say(
    _ report: AuditReport, _ milliseconds: Int64, isCut: Bool, _ console: Console
  ) {
    if isCut {
      console.print("The last transaction was cut: the file is checked as it will be opened next.")
    }
    for finding in report.findings {
      console.printValues("\(finding.kind.rawValue): \(finding.message) [\(finding.code)]")
      if !finding.advice.isEmpty { console.printValues("  \(finding.advice)") }
    }
    if report.more > 0 { console.print("and \(report.more) more") }
    let verdict =
      report.has(.damage)
      ? "DAMAGED OR FORGED" : report.asksPerson ? "Sound as far as it can be shown" : "Sound"
    let tenths = (milliseconds + 50) / 100
    console.print(
      "\(verdict): \(report.changes) changes, \(report.signatures) signatures, \(report.rows) rows checked "
        + "in \(tenths / 10).\(tenths % 10) s.")
    if report.has(.damage) {
      console.say(
        "Keep this file as it is, tell the secretariat, and restore a backup or join again beside it."
      )
    }
  }
}

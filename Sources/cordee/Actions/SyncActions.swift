import Causality
import Changes
import FoundationEssentials
import HTTP
import Registry
import Replica
import Seal
import Store
import Wire

/// What the commands that join a network and speak with central do.
enum SyncActions {
  static func demo(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      try Demo(console: invocation.console, seed: invocation.option("seed")).run()
    }
    return .done
  }

  static func join(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let parts = (invocation.argument("INVITE") ?? "").split(separator: "#", maxSplits: 1).map(
        String.init)
      // Checked before anything here gives way to it.
      let ends = parts.last?.split(separator: ".") ?? []
      guard parts.count == 2, let origin = Origin(parts[0]), ends.count == 2,
        ReplicaID(String(ends[1])) != nil
      else {
        throw Failure.usage(
          "invite.shape", "this is no invite",
          hint: "Copy the whole link, with what stands after #.")
      }
      let name = try deviceName(invocation)
      if invocation.flag("adopt") {
        return try Adopting.run(invocation, invite: parts[1], origin, name: name)
      }
      let path = try invocation.replicaPath()
      try Joining.checkFree(path, origin)
      let plain = invocation.flag("allow-plain-http")
      let display = TransferDisplay(console: invocation.console)
      defer { display.finish() }
      let replica = try Joining(
        path: path, keys: try invocation.paths.keysFolder(), invite: parts[1], origin: origin,
        exchange: try Links.exchange(to: origin, plain: plain, display: display)
      ).enrol(name: name, plain: plain)
      replica.patience = .command
      replica.observe = { display.show($0) }
      try invocation.note(replica.store, isConfirmed: true)
      let report = try firstSync(replica)
      try invocation.note(replica.store)
      display.finish()
      let id = replica.identity.actor.replica.description
      let records = try ReadActions.counts(replica.store).reduce(0) { $0 + $1.rows }
      if invocation.wantsJSON {
        invocation.console.print(
          JSON.object([
            ("central", .string(origin.description)), ("replica", .string(id)),
            ("path", .string(path)), ("received", .integer(Int64(report.pulled))),
            ("records", .integer(Int64(records))),
          ]))
      } else {
        invocation.console.print(
          "Joined \(origin) as \(id); received \(counted(records, "record", "records")). "
            + "Next: cordee list")
      }
      return .done
    }
  }

  /// What `--name` gives, checked before the invite is shown to anybody; nil when central is to make one.
  private static func deviceName(_ invocation: Invocation) throws -> String? {
    guard let name = invocation.option("name"), !name.isEmpty else { return nil }
    if let fault = DeviceName.fault(in: name) {
      throw Failure.usage(
        "enrolment.name", "the name in --name \(fault)",
        hint:
          "Give one of up to \(WireLimits.deviceNameLengthMax) characters, such as 'Office laptop'."
      )
    }
    return name
  }

  /// Fetches what holds now; history comes with the syncs that follow.
  ///
  /// A failure leaves a replica that has joined and can sync later.
  static func firstSync(_ replica: Replica) throws -> SyncReport {
    do {
      let report = try replica.sync(now: Now().seconds, at: Now().label, fetchesHistory: false)
      try Contact.succeeded(replica.store)
      return report
    } catch {
      let failure = Failure.from(error)
      throw Failure(
        code: failure.code, message: "joined, but the first sync failed: \(failure.message)",
        hint: "Run `cordee sync` to go on; the invite is used.")
    }
  }

  static func sync(_ invocation: Invocation) throws -> ExitCode {
    guard let every = try invocation.duration("every") else {
      return try Failure.wrap { try once(invocation) }
    }
    guard !invocation.flag("dry-run") else {
      throw Failure.usage(
        "option.together", "--every and --dry-run do not go together", hint: "Give one of them.")
    }
    try CommandSignals.catchThem()
    var pace = SyncPace(every: every)
    while true {
      var failure: Failure?
      do {
        _ = try Failure.wrap { try once(invocation) }
      } catch let error as Failure where error.isPassing {
        failure = error
      } catch let failure as Failure where failure.code == "sync.stopped" {
        return .done
      }
      let wait = pace.pause(succeeded: failure == nil, random: Randomness.uint64())
      if let failure {
        invocation.console.report(
          failure.passing(at: Now().label, next: wait), asJSON: invocation.wantsJSON)
      }
      let pause = wait.components
      let milliseconds = Int(pause.seconds) * 1000 + Int(pause.attoseconds / 1_000_000_000_000_000)
      if CommandSignals.waitForStop(milliseconds: milliseconds) { return .done }
    }
  }

  private static func once(_ invocation: Invocation) throws -> ExitCode {
    if invocation.flag("dry-run") { return try preview(invocation) }
    let display = TransferDisplay(console: invocation.console)
    defer { display.finish() }
    let replica = try invocation.replica(display: display)
    let report: SyncReport
    do {
      report = try replica.sync(
        now: Now().seconds, at: Now().label, fetchesHistory: !invocation.flag("no-history"))
    } catch {
      Contact.failed(error, replica.store)
      throw error
    }
    display.finish()
    try Contact.succeeded(replica.store)
    try invocation.note(replica.store, isConfirmed: !report.isCentralRestoring)
    let conflicts = try replica.store.conflicts().count
    let trust = try CentralTrust(replica.store, spaces: replica.identity.spaces)
    let open = try replica.store.refusalCounts(of: replica.identity.actor.replica).open
    let forbidden = try OwnRole.refusals(replica.store)
    let refused = report.refused + forbidden.filter { !report.refused.contains($0) }
    if invocation.wantsJSON {
      invocation.console.print(
        JSON.object([
          ("sent", .integer(Int64(report.pushed))), ("received", .integer(Int64(report.pulled))),
          ("records", .integer(Int64(report.snapshotRows))),
          ("conflicts", .integer(Int64(conflicts))),
          ("refused", .array(refused.map { .string($0) })),
          ("refusals_open", .integer(Int64(open))),
          ("epoch", report.epoch.map(EpochNotices.json) ?? .null),
          ("held_back", HeldBackLines.json(report.heldBack)),
          ("offered", .integer(Int64(report.offered))),
          ("central_restoring", .bool(report.isCentralRestoring)),
          ("notes", .array(report.notes.map { .string($0) })),
          ("carried", .integer(Int64(report.carried))),
          ("evidence", .array(trust.open.map { .string($0.message) })),
        ]))
    } else {
      invocation.console.print(
        "Sent \(report.pushed), received \(received(report)), conflicts \(conflicts).")
      if let epoch = report.epoch { invocation.console.print(EpochNotices.sentence(epoch)) }
      for note in report.notes { invocation.console.printValues(note) }
      for reason in refused {
        invocation.console.printValues("Refused: \(try replica.store.readable(reason))")
      }
      if !forbidden.isEmpty { invocation.console.print(OwnRole.advice) }
      if open > 0 { invocation.console.print(RefusalActions.sentence(open: open)) }
      for evidence in trust.open {
        invocation.console.printValues("\(evidence.kind.rawValue): \(evidence.message)")
      }
      HeldBackLines.print(report.heldBack, invocation.console)
    }
    let isClear =
      conflicts == 0 && refused.isEmpty && open == 0 && report.heldBack.isEmpty
      && trust.open.isEmpty
    return isClear ? .done : .needsPerson
  }

  /// What came, in words.
  static func received(_ report: SyncReport) -> String {
    report.snapshotRows == 0
      ? "\(report.pulled)" : "\(report.snapshotRows) records and \(report.pulled) changes"
  }

  private static func preview(_ invocation: Invocation) throws -> ExitCode {
    let replica = try invocation.replica(sealing: false)
    var preview = try replica.preview(now: Now().seconds)
    let refused = try OwnRole.refuse(&preview, replica.store)
    let exit = refused.isEmpty && preview.heldBack.isEmpty ? ExitCode.done : .needsPerson
    if invocation.wantsJSON {
      invocation.console.print(
        JSON.object([
          ("changes_to_send", .integer(Int64(preview.changes))),
          ("edited_records_to_seal", .integer(Int64(preview.editedRows))),
          ("held_back", HeldBackLines.json(preview.heldBack)),
          ("refused", .array(refused.map { .string($0) })),
          (
            "entries_to_fetch_at_most",
            .object(preview.entries.map { ($0.space, .integer(Int64($0.most))) })
          ),
          ("begins_epoch", .bool(preview.beginsEpoch)),
          ("heals_central", .bool(preview.healsCentral)),
        ]))
    } else {
      invocation.console.print(
        "Would send: changes \(preview.changes), edited records \(preview.editedRows).")
      for reason in refused { invocation.console.printValues("Refused: \(reason)") }
      if !refused.isEmpty { invocation.console.print(OwnRole.advice) }
      HeldBackLines.print(preview.heldBack, invocation.console)
      if preview.beginsEpoch {
        invocation.console.print(
          "Would begin a new epoch first: this file is a copy or an old state.")
      }
      if preview.healsCentral {
        invocation.console.print(
          "Would first give central, which was restored, what it lost; then it has news to tell.")
        return exit
      }
      let news = preview.entries.map { "at most \($0.most) entries of \($0.space)" }
      invocation.console.print(
        "Would fetch: \(news.isEmpty ? "nothing" : news.joined(separator: ", ")).")
    }
    return exit
  }

  static func status(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let (store, finding) = try invocation.witnessedStore()
      let identity = try Identity(store)
      let notices = try EpochNotices.lines(store, finding)
      let waiting = try store.waiting()
      let conflicts = try store.conflicts().count
      let quarantined = try store.refusalCounts(of: identity.actor.replica)
      let unsent = try waiting.local + store.touchedRows() - store.heldBack.count
      let refusals = try OwnRole.refusals(store)
      let last = try store.meta("last_sync")?.text
      let trust = try CentralTrust(store, spaces: identity.spaces)
      if invocation.wantsJSON {
        let members = try trust.members + ReferenceText.json(store)
        invocation.console.print(
          .object(
            members + [
              ("unsent", .integer(Int64(unsent))), ("received", .integer(Int64(waiting.received))),
              ("conflicts", .integer(Int64(conflicts))),
              ("quarantined", .integer(Int64(quarantined.all))),
              ("refusals_open", .integer(Int64(quarantined.open))),
              ("held_back", HeldBackLines.json(store.heldBack)),
              ("adrift", .integer(Int64(try store.adriftCount().all))),
              ("last_sync", last.map { .string($0) } ?? .null),
              ("refused", try Contact.json(store)),
              ("forbidden", .array(refusals.map { .string($0) })),
              ("forbidden_edits", .array(try OwnRole.edits(store).flatMap { try $0.json(store) })),
              ("spaces", .array(identity.spaces.map { .string($0) })),
              ("history", try HistoryReach.json(store, spaces: identity.spaces)),
              ("central", .string(identity.origin.description)),
              ("network", .string(identity.network.description)),
              ("actor", .string(identity.actor.description)),
              ("epochs", .array(try store.epochs().map(EpochNotices.json))),
              ("epoch_due", try store.epochDue().map { .string($0.rawValue) } ?? .null),
              ("notices", .array(notices.map { .string($0) })),
            ]))
      } else {
        let console = invocation.console
        console.printValues("Replica of \(identity.origin); last sync \(last ?? "never").")
        console.print("  spaces       \(identity.spaces.joined(separator: ", "))")
        let sendable = try OwnRole.sendable(store)
        console.print("  unsent       \(unsent)" + (sendable > 0 ? "  (cordee sync)" : ""))
        console.print("  received     \(waiting.received)  (on central's disk, not merged yet)")
        console.print("  conflicts    \(conflicts)" + (conflicts > 0 ? "  (cordee conflicts)" : ""))
        console.print(RefusalActions.line(all: quarantined.all, open: quarantined.open))
        for refusal in refusals { console.print("Refused: \(refusal)") }
        if !refusals.isEmpty { console.print(OwnRole.advice) }
        HeldBackLines.print(store.heldBack, console)
        for line in try HealingNotices.lines(store, spaces: identity.spaces) {
          console.printValues(line)
        }
        for line in try HistoryReach.lines(store, spaces: identity.spaces) { console.print(line) }
        for line in notices { console.print(line) }
        for line in try Contact.lines(store) { console.printValues(line) }
        for line in trust.lines { console.printValues(line) }
        for line in try ReferenceText.lines(store) { console.printValues(line) }
      }
      let isClear =
        try conflicts == 0 && trust.open.isEmpty && quarantined.open == 0 && store.heldBack.isEmpty
        && refusals.isEmpty
        && Contact.refusedSince(store) == nil
      return isClear ? .done : .needsPerson
    }
  }

  static func fingerprint(of key: PublicKey) -> String {
    key.fingerprint.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
      .joined()
  }
}

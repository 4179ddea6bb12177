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
    try Failure.wrap { try Demo(console: invocation.console).run() }
    return .done
  }

  static func join(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let parts = (invocation.argument("INVITE") ?? "").split(separator: "#", maxSplits: 1).map(
        String.init)
      guard parts.count == 2, let origin = Origin(parts[0]) else {
        throw Failure.usage(
          "invite.shape", "this is no invite",
          hint: "Copy the whole link, with what stands after #.")
      }
      if invocation.flag("adopt") {
        throw Failure(
          code: "adopt.unavailable", message: "a copy cannot be adopted by this version",
          hint: "Join into a new file; nothing in the old one is touched.")
      }
      let path = try invocation.replicaPath()
      guard !FileManager.default.fileExists(atPath: path) else {
        throw Failure(
          code: "replica.exists", message: "there is a file at \(path) already",
          hint: "Name another with --replica.")
      }
      let plain = invocation.flag("allow-plain-http")
      let display = TransferDisplay(console: invocation.console)
      defer { display.finish() }
      let key = SigningKey.generate()
      let id = try replicaID(of: key)
      try KeyFile.write(key, to: "\(try invocation.paths.keysFolder())/\(id).key")
      try FileManager.default.createDirectory(
        at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
      let store = try Store(path: path, schema: .registry, use: .replica, create: true)
      do {
        let replica = try Replica.join(
          store, invite: parts[1], origin: origin, key: key, name: invocation.option("name"),
          now: Now().seconds,
          exchange: try Links.exchange(to: origin, plain: plain, display: display))
        try store.write { try store.setMeta("plain", .integer(plain ? 1 : 0)) }
        replica.patience = .command
        replica.observe = { display.show($0) }
        try firstSync(replica, invocation)
        invocation.console.print("Joined \(origin) as \(id). Next: cordee list")
      } catch {
        // The file holds nothing yet that anybody wrote.
        if try store.meta("network") == nil { try? FileManager.default.removeItem(atPath: path) }
        throw error
      }
      return .done
    }
  }

  /// What holds now; history comes with the syncs that follow.
  private static func firstSync(_ replica: Replica, _ invocation: Invocation) throws {
    do {
      let label = Now().label
      _ = try replica.sync(now: Now().seconds, at: label, fetchesHistory: false)
      try replica.store.write { try replica.store.setMeta("last_sync", .text(label)) }
    } catch {
      let failure = Failure.from(error)
      throw Failure(
        code: failure.code, message: "joined, but the first sync failed: \(failure.message)",
        hint: "Run `cordee sync`.")
    }
  }

  static func sync(_ invocation: Invocation) throws -> ExitCode {
    guard let every = try invocation.duration("every") else {
      return try Failure.wrap { try once(invocation) }
    }
    // What no waiting mends is said at once.
    _ = try Failure.wrap { try invocation.replica() }
    try CommandSignals.catchThem()
    var pace = SyncPace(every: every)
    while true {
      var succeeded = true
      do { _ = try once(invocation) } catch {
        succeeded = false
        invocation.console.say(Failure.from(error).line)
      }
      let pause = pace.pause(succeeded: succeeded, random: Randomness.uint64()).components
      let milliseconds = Int(pause.seconds) * 1000 + Int(pause.attoseconds / 1_000_000_000_000_000)
      if CommandSignals.waitForStop(milliseconds: milliseconds) { return .done }
    }
  }

  private static func once(_ invocation: Invocation) throws -> ExitCode {
    let display = TransferDisplay(console: invocation.console)
    defer { display.finish() }
    let replica = try invocation.replica(display: display)
    if invocation.flag("dry-run") {
      let waiting = try replica.store.waiting()
      let touched = try replica.store.touchedRows()
      invocation.console.print(
        "Would send \(waiting.local) changes and seal \(touched) edited records.")
      return .done
    }
    let report = try replica.sync(
      now: Now().seconds, at: Now().label, fetchesHistory: !invocation.flag("no-history"))
    display.finish()
    try replica.store.write { try replica.store.setMeta("last_sync", .text(Now().label)) }
    let conflicts = try replica.store.conflicts().count
    invocation.console.print(
      "Sent \(report.pushed), received \(report.pulled), conflicts \(conflicts).")
    for reason in report.refused { invocation.console.printValues("Refused: \(reason)") }
    return conflicts > 0 || !report.refused.isEmpty ? .needsPerson : .done
  }

  static func status(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let identity = try Identity(store)
      let waiting = try store.waiting()
      let conflicts = try store.conflicts().count
      let quarantined = try store.ownQuarantined(replica: identity.actor.replica)
      let unsent = try waiting.local + store.touchedRows()
      let last = try store.meta("last_sync")?.text
      if invocation.wantsJSON {
        invocation.console.print(
          .object([
            ("unsent", .integer(Int64(unsent))), ("received", .integer(Int64(waiting.received))),
            ("conflicts", .integer(Int64(conflicts))),
            ("quarantined", .integer(Int64(quarantined))),
            ("last_sync", last.map { .string($0) } ?? .null),
            ("spaces", .array(identity.spaces.map { .string($0) })),
            ("history", try HistoryReach.json(store, spaces: identity.spaces)),
            ("central", .string(identity.origin.description)),
            ("actor", .string(identity.actor.description)),
          ]))
      } else {
        invocation.console.print("Replica of \(identity.origin); last sync \(last ?? "never").")
        for line in try HistoryReach.lines(store, spaces: identity.spaces) {
          invocation.console.print(line)
        }
        invocation.console.print(
          "Unsent \(unsent), received by central \(waiting.received), conflicts \(conflicts), quarantined \(quarantined)."
        )
      }
      return conflicts > 0 || quarantined > 0 ? .needsPerson : .done
    }
  }

  static func replicaID(of key: SigningKey) throws -> String {
    key.publicKey.fingerprint.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
      .joined()
  }
}

import Causality
import Changes
import Files
import HTTP
import Registry
import Replica
import Seal
import Store
import Wire

/// How a copy gets a key of its own.
///
/// A call that was cut goes on with the key it had.
enum Adopting {
  static func run(
    _ invocation: Invocation, invite: String, _ origin: Origin, name: String?
  ) throws -> ExitCode {
    let path = try invocation.existingReplicaPath()
    let plain = invocation.flag("allow-plain-http")
    let display = TransferDisplay(console: invocation.console)
    defer { display.finish() }
    let exchange = try Links.exchange(to: origin, plain: plain, display: display)
    let store = try Store(path: path, schema: .registry, use: .replica)
    let former = try Identity(store).actor.replica
    let pending = InviteKeys(
      store: store, fact: "adopting", folder: try invocation.paths.keysFolder())
    guard try store.meta("adopted")?.text != InviteKeys.hash(invite) else { throw already(path) }
    let (key, isNew) = try pending.key(for: invite)
    func finish() throws {
      try store.write {
        try pending.clear()
        try store.setMeta("adopted", .text(InviteKeys.hash(invite)))
        try store.setMeta("plain", .integer(plain ? 1 : 0))
      }
    }
    guard SyncActions.fingerprint(of: key.publicKey) != former.description else {
      // A call that was cut had come to here.
      try finish()
      throw already(path)
    }
    let epoch: Epoch
    let replica: Replica
    do {
      (replica, epoch) = try Replica.adopt(
        store, invite: invite, origin: origin, key: key, name: name,
        now: Now().seconds, at: Now().label, exchange: exchange)
    } catch let error as SyncError where isNew && InviteKeys.isRefusal(error) {
      // Whatever else failed, or had been tried before, central may have enrolled a key.
      try? pending.forget(key)
      throw error
    }
    try finish()
    try invocation.note(store, isConfirmed: true)
    replica.patience = .command
    replica.observe = { display.show($0) }
    let report = try SyncActions.firstSync(replica)
    try invocation.note(store)
    display.finish()
    if invocation.wantsJSON {
      invocation.console.print(
        JSON.object([
          ("central", .string(origin.description)),
          ("replica", .string(replica.identity.actor.replica.description)),
          ("former", .string(former.description)), ("path", .string(path)),
          ("sent", .integer(Int64(report.pushed))), ("received", .integer(Int64(report.pulled))),
          ("records", .integer(Int64(report.snapshotRows))), ("epoch", EpochNotices.json(epoch)),
        ]))
    } else {
      invocation.console.print(
        "Adopted \(path) as \(replica.identity.actor.replica); sent \(report.pushed), received \(SyncActions.received(report))."
      )
      invocation.console.print(EpochNotices.sentence(epoch))
    }
    return .done
  }

  /// What a sync finds out, a second adoption would pass over: that this is a copy of the file that was adopted.
  private static func already(_ path: String) -> Failure {
    Failure(
      code: "replica.adopted", message: "\(path) was adopted with this invite already",
      hint: "Run `cordee sync` to go on; a copy needs an invite of its own.")
  }
}

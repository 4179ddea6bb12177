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
/// The key is named in the file until central has enrolled it, so that a call that was cut goes on with the same one.
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
    let (key, file) = try key(for: store, keys: try invocation.paths.keysFolder())
    let epoch: Epoch
    let replica: Replica
    do {
      (replica, epoch) = try Replica.adopt(
        store, invite: invite, origin: origin, key: key, name: name,
        now: Now().seconds, at: Now().label, exchange: exchange)
    } catch let error as SyncError
      where ["invite.", "enrolment.name", "adopt.", "replica."].contains(
        where: error.code.hasPrefix)
    {
      // Whatever else failed, central may have enrolled this key.
      try? store.write { try store.setMeta("adopting", .null) }
      Files.remove(file)
      throw error
    }
    try store.write {
      try store.setMeta("adopting", .null)
      try store.setMeta("plain", .integer(plain ? 1 : 0))
    }
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

  /// The key of a call that was cut, or a new one.
  private static func key(for store: Store, keys: String) throws -> (SigningKey, path: String) {
    if let id = try store.meta("adopting")?.text,
      let key = try KeyFile.found("\(keys)/\(id).key")
    {
      return (key, "\(keys)/\(id).key")
    }
    let key = SigningKey.generate()
    let id = SyncActions.fingerprint(of: key.publicKey)
    try KeyFile.write(key, to: "\(keys)/\(id).key")
    try store.write { try store.setMeta("adopting", .text(id)) }
    return (key, "\(keys)/\(id).key")
  }
}

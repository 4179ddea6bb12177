import Causality
import Changes
import Replica
import Seal
import Store
import Wire

/// Who is behind actors, as the log tells it; each device is looked up once.
///
/// A name was chosen by whoever joined. What tells who wrote is the organisation, which central bound to the key.
final class Names {
  private let store: Store
  private let identity: Identity
  private var known: [ReplicaID: (name: String, organisation: String)] = [:]

  init(_ store: Store) throws {
    self.store = store
    identity = try Identity(store)
  }

  /// Whose name a file gives to what its own program writes.
  static func own(_ store: Store) throws -> String {
    let names = try Names(store)
    return try names.by(names.identity.actor)
  }

  /// How a device is called, as the log has it; never blank.
  func by(_ actor: ActorID) throws -> String { try device(actor).name }

  /// Whose device it is, as `organisation/slug`; empty for central, and until the log names the device.
  func organisation(_ actor: ActorID) throws -> String { try device(actor).organisation }

  /// Both for a sentence; the organisation first, so that no name passes for one.
  func sentence(_ actor: ActorID) throws -> String {
    let (name, organisation) = try device(actor)
    return Self.sentence(name, of: organisation)
  }

  static func sentence(_ name: String, of organisation: String) -> String {
    (organisation.isEmpty ? "" : organisation + ", ") + shown(name)
  }

  /// A name as it is printed: an older log may hold one of any length.
  static func shown(_ name: String) -> String {
    shortened(terminalSafe(name), to: WireLimits.deviceNameLengthMax)
  }

  private func device(_ actor: ActorID) throws -> (name: String, organisation: String) {
    if let found = known[actor.replica] { return found }
    let found = try read(actor.replica)
    known[actor.replica] = found
    return found
  }

  private func read(_ replica: ReplicaID) throws -> (String, String) {
    if identity.centralKey.fingerprint == replica.bytes { return (DeviceName.central, "") }
    let state = try store.state(of: RowKey(table: "replica", id: replica.description))
    let organisation = try state.shown("organisation_id").text.map { id in
      let row = RowKey(table: "organisation", id: id)
      let organisation = try store.state(of: row)
      return organisation.shown("slug").isNull
        ? id : ReadActions.recordName(row, organisation, in: store)
    }
    // The log names a device at the first merge after it joined.
    let name =
      state.shown("name").text.flatMap { terminalSafe($0).allSatisfy(\.isWhitespace) ? nil : $0 }
      ?? (replica == identity.actor.replica
        ? "this device" : String(replica.description.prefix(8)))
    return (name, organisation ?? "")
  }
}

import Causality
import Changes
import Replica
import Seal
import Store

/// Who is behind an actor, as the log tells it.
enum Names {
  static func by(_ actor: ActorID, _ store: Store) throws -> String {
    let identity = try Identity(store)
    if identity.centralKey.fingerprint == actor.replica.bytes { return "central" }
    let state = try store.state(of: RowKey(table: "replica", id: actor.replica.description))
    // The log names a device at the first merge after it joined.
    return state.shown("name").text
      ?? (actor.replica == identity.actor.replica
        ? "this device" : String(actor.replica.description.prefix(8)))
  }

  static func organisation(_ actor: ActorID, _ store: Store) throws -> String {
    let state = try store.state(of: RowKey(table: "replica", id: actor.replica.description))
    guard let id = state.shown("organisation_id").text else { return "" }
    let organisation = try store.state(of: RowKey(table: "organisation", id: id))
    return organisation.shown("slug").text.map { "organisation/\($0)" } ?? id
  }
}

import Causality
import Changes
import Replica
import Store

/// What this device may do: the role the log tells, before the first merge the one told at enrolment.
enum OwnRole {
  /// What to do about edits that the role may not send, and where they are named.
  static let advice = "`cordee refusals` names them. " + ways

  /// What to do about edits that the role may not send.
  static let ways =
    "They stay here. To send them, ask the secretariat for an invite with a role that may write: "
    + "`cordee join INVITE --adopt`. To drop them, join with an invite into a new file."

  /// The role; nil when it is unknown, be it to this schema.
  static func role(_ store: Store) throws -> Schema.Role? {
    let replica = try Identity(store).actor.replica.description
    let state = try store.state(of: RowKey(table: "replica", id: replica))
    return try (state.shown("role").text ?? store.meta("role")?.text)
      .flatMap { store.schema.role($0) }
  }

  /// The spaces in which the role may not write; none while it is unknown.
  static func forbidden(_ store: Store) throws -> [String] {
    guard let role = try role(store) else { return [] }
    return store.schema.spaces.filter { !role.writes.contains($0) }
  }

  /// What central refuses of `role` in `space`, in the words it has for it.
  static func refusal(of role: Schema.Role, in space: String) -> String {
    "the role \(role.name) may not write in \(space)"
  }

  /// A line for each space in which edits wait that the role may not send.
  static func refusals(_ store: Store) throws -> [String] {
    guard let role = try role(store) else { return [] }
    return try forbidden(store).filter { try store.waiting(in: $0).local > 0 }
      .map { refusal(of: role, in: $0) }
  }

  /// The edits that wait and that the role may not send, in the order they were made.
  static func edits(_ store: Store) throws -> [WrittenEdit] {
    try forbidden(store).flatMap { space in
      try store.unsent(in: space).map { try WrittenEdit($0) }
    }
  }

  /// Takes what the role may not send out of what a sync would send, and gives a line for each space that held some.
  static func refuse(_ preview: inout SyncPreview, _ store: Store) throws -> [String] {
    guard let role = try role(store) else { return [] }
    return try forbidden(store).compactMap { space in
      let refused = (preview.sealed[space] ?? 0) + (preview.edited[space] ?? 0)
      (preview.sealed[space], preview.edited[space]) = (nil, nil)
      return refused > 0 ? refusal(of: role, in: space) : nil
    }
  }

  /// How many edits wait that a sync can send.
  static func sendable(_ store: Store) throws -> Int {
    let refused = try forbidden(store).reduce(0) { try $0 + store.waiting(in: $1).local }
    return try store.waiting().local + store.touchedRows() - refused - store.heldBack.count
  }
}

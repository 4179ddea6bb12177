import Changes
import Replica
import Store
import Wire

/// What a replica remembers of its last conversations with central.
enum Contact {
  private static let since = "refused_since"

  /// What to do about a central that takes nothing from this device.
  static let advice =
    "Editing goes on, and nothing unsent is lost. Ask the secretariat; with a new invite: "
    + "`cordee join INVITE --adopt`."

  /// A conversation went well.
  static func succeeded(_ store: Store) throws {
    try store.write {
      try store.setMeta("last_sync", .text(Now().label))
      if try refusedSince(store) != nil { try store.forgetMeta(since) }
    }
  }

  /// A conversation failed; remembers since when central has refused this device, if that is why.
  static func failed(_ error: any Error, _ store: Store) {
    guard (error as? SyncError)?.code == "signature.refused" else { return }
    // The refusal itself is what the command tells; a note that cannot be kept must not hide it.
    try? store.write {
      if try refusedSince(store) == nil { try store.setMeta(since, .text(Now().label)) }
    }
  }

  /// When central first refused this device, as long as it has not heard it since.
  static func refusedSince(_ store: Store) throws -> String? { try store.meta(since)?.text }

  /// The refusal for people.
  static func lines(_ store: Store) throws -> [String] {
    try refusedSince(store).map {
      ["  refused      since \($0): central takes nothing from this device. \(advice)"]
    } ?? []
  }

  /// The refusal for programs.
  static func json(_ store: Store) throws -> JSON {
    try refusedSince(store).map {
      .object([("since", .string($0)), ("advice", .string(advice))])
    } ?? .null
  }
}

import Causality
import Changes
import Store
import Wire

/// How a restore stands, for whoever keeps central.
extension Central {
  /// What was offered by whom, how far the log would reach, what is waited for; null when central was never restored.
  func restoreStatus() throws -> JSON {
    guard try wasRestored else { return .null }
    var spaces: [(String, JSON)] = []
    // What accepting has to name, where histories differ.
    var choice = ""
    for space in store.schema.spaces {
      let end = try store.logEnd(of: space)
      let branches = try isRestoring ? branches(of: space) : []
      let forked = isForked(branches, end: end.seq)
      if forked {
        let canFollow = branches.contains { $0.extends(logUpTo: end.seq) }
        choice = canFollow || choice == " --tail HASH" ? " --tail HASH" : " --tail own"
      }
      spaces.append(
        (
          space,
          .object([
            ("end", .integer(Int64(end.seq))),
            ("offered", .array(try branches.map { try json($0, end: end.seq) })),
            ("forked", .bool(forked)),
          ])
        ))
    }
    return .object([
      ("restoring", .bool(isRestoring)), ("cause", .string(try cause())),
      ("instances", .array(try starts().map(\.json))), ("spaces", .object(spaces)),
      (
        "awaited",
        .array(
          try awaited().map {
            .object([
              ("space", .string($0.space)), ("actor", .string($0.actor.description)),
              ("from", .integer(Int64($0.from))), ("to", .integer(Int64($0.to))),
              ("name", .string(try member($0.actor.replica)?.name ?? "")),
            ])
          })
      ),
      (
        "without_body",
        .array(
          try store.schema.spaces.flatMap { try store.withheldNames(in: $0) }.map { .string($0) })
      ),
      ("next", .string(try next(choice))),
    ])
  }

  /// Whether histories differ, so that somebody has to say which is followed.
  func isForked(_ branches: [Branch], end: Int) -> Bool {
    let rooted = branches.compactMap(\.root)
    return rooted.contains { $0.seq < end } || rooted.count > 1
  }

  private func next(_ choice: String) throws -> String {
    if isRestoring {
      return "Let members sync, then run `cordee central restore --accept\(choice)`."
    }
    return try awaited().isEmpty
      ? "" : "Let members sync; what is gone for good is given up with `--lost ACTOR:N`."
  }

  private func json(_ branch: Branch, end: Int) throws -> JSON {
    .object([
      ("from", branch.root.map { .integer(Int64($0.seq)) } ?? .null),
      ("missing_up_to", branch.root == nil ? .integer(Int64(branch.base.seq)) : .null),
      ("to", .integer(Int64(branch.tip.seq))), ("hash", .string(branch.tip.hash.description)),
      ("can_follow", .bool(branch.extends(logUpTo: end))),
      ("at", .string(branch.at)), ("entries", .integer(Int64(branch.entries.count))),
      ("offered_by", .string(branch.offeredBy)),
      ("name", .string(try ReplicaID(branch.offeredBy).flatMap(member)?.name ?? "")),
    ])
  }
}

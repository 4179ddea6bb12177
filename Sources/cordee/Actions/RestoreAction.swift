import Causality
import Changes
import Files
import FoundationEssentials
import Registry
import Replica
import Store
import Wire

/// How a backup takes the replica's place.
///
/// The file that was there keeps its edits under another name; at no moment is there no replica.
enum RestoreAction {
  static func run(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let backup = URL(filePath: invocation.argument("FILE") ?? "").absoluteURL.path
      let path = try invocation.replicaPath()
      let identity = try checked(backup, not: path)
      try Folders.make(URL(filePath: path).absoluteURL.deletingLastPathComponent().path)
      return try Conversation.alone(path, .command) {
        try run(invocation, backup, path, identity)
      }
    }
  }

  private static func run(
    _ invocation: Invocation, _ backup: String, _ path: String, _ identity: Identity
  ) throws -> ExitCode {
    let present = try present(path, of: identity)
    let part = path + ".restoring"
    removeSides(of: part)
    Files.remove(part)
    try prepare(part, from: backup, spaces: identity.spaces)
    let kept = try put(part, in: path, keepsPresent: present != nil)
    let hasKey = try hasKey(identity, invocation)
    try tell(invocation, path, backup, kept, unsent: present?.unsent, hasKey: hasKey)
    return .done
  }

  /// What stands in the replica's place.
  private struct Present {
    /// Edits and changes that central has not received; nil when the file cannot be read.
    let unsent: Int?
  }

  /// Refuses a file that is no sound replica.
  private static func checked(_ backup: String, not path: String) throws -> Identity {
    guard Files.size(backup) != nil else {
      throw Failure(
        code: "restore.missing", message: "there is no file at \(backup)", hint: "Name a backup.")
    }
    if let one = Files.number(of: backup), let other = Files.number(of: path), one == other {
      throw Failure(
        code: "restore.same", message: "\(backup) is the replica itself",
        hint: "Name a backup, or another file with --replica.")
    }
    let store = try Store(path: backup, schema: .registry, use: .reader)
    let identity = try Identity(store)
    let report = try VerifyAction.audit(store, identity.centralKey)
    if let damage = report.findings.first(where: { $0.kind == .damage }) {
      throw Failure(
        code: "restore.damaged", message: "\(backup) is not sound: \(damage.message)",
        hint: "Nothing was changed. Try another backup.")
    }
    return identity
  }

  /// Looks at the file that is there, which may be past reading: that is why backups are made.
  private static func present(_ path: String, of backup: Identity) throws -> Present? {
    guard Files.size(path) != nil else { return nil }
    guard let store = try? Store(path: path, schema: .registry, use: .replica),
      let identity = try? Identity(store), let waiting = try? store.waiting(),
      let touched = try? store.touchedRows()
    else { return Present(unsent: nil) }
    guard identity.network == backup.network else {
      throw Failure(
        code: "restore.network", message: "the backup belongs to another network than \(path)",
        hint: "Nothing was changed. Name another file with --replica.")
    }
    return Present(unsent: waiting.local + touched)
  }

  /// A copy of the backup that knows it is one.
  private static func prepare(_ part: String, from backup: String, spaces: [String]) throws {
    try Store(path: backup, schema: .registry, use: .reader).backup(to: part)
    let store = try Store(path: part, schema: .registry, use: .replica)
    try store.write {
      try store.demandEpoch(.restored)
      for space in spaces { try store.setMeta("download.\(space)", .null) }
    }
  }

  /// Puts the copy in the replica's place; gives the name under which what was there is kept.
  private static func put(_ part: String, in path: String, keepsPresent: Bool) throws -> String? {
    var kept: String?
    if keepsPresent {
      let name = freeName(path + ".replaced-" + Now().label.filter { $0 != ":" && $0 != "-" })
      try Files.link(path, to: name)
      kept = name
      // A journal belongs to the file that was there; beside another it would spoil that.
      for side in ["-journal", "-wal", "-shm"] where Files.size(path + side) ?? 0 > 0 {
        try Files.rename(path + side, to: name + side)
      }
    }
    removeSides(of: path)
    removeTransfers(of: path)
    try Files.syncFolder(of: path)
    try Files.rename(part, to: path)
    removeSides(of: part)
    try Files.syncFolder(of: path)
    return kept
  }

  private static func freeName(_ name: String) -> String {
    var free = name
    var number = 1
    while Files.size(free) != nil {
      number += 1
      free = "\(name)-\(number)"
    }
    return free
  }

  private static func removeSides(of path: String) {
    for side in ["-journal", "-wal", "-shm"] { Files.remove(path + side) }
  }

  /// Downloads and spools follow cursors of the file that was there.
  private static func removeTransfers(of path: String) {
    let url = URL(filePath: path).absoluteURL
    let folder = url.deletingLastPathComponent().path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where name.hasPrefix(url.lastPathComponent + ".cordee-") {
      Files.remove("\(folder)/\(name)")
    }
  }

  private static func hasKey(_ identity: Identity, _ invocation: Invocation) throws -> Bool {
    Files.size("\(try invocation.paths.keysFolder())/\(identity.actor.replica).key") != nil
  }

  private static func tell(
    _ invocation: Invocation, _ path: String, _ backup: String, _ kept: String?, unsent: Int?,
    hasKey: Bool
  ) throws {
    if invocation.wantsJSON {
      return invocation.console.print(
        JSON.object([
          ("path", .string(path)), ("from", .string(backup)),
          ("kept", kept.map { .string($0) } ?? .null),
          ("unsent", unsent.map { .integer(Int64($0)) } ?? .null), ("has_key", .bool(hasKey)),
        ]))
    }
    let console = invocation.console
    console.print("\(path) is now what \(backup) was, checked. The next sync begins a new epoch.")
    if let kept {
      switch unsent {
      case nil: console.print("What was there could not be read; it is kept as \(kept).")
      case 0: console.print("What was there is kept as \(kept); all of it was sent.")
      case let count?:
        console.print(
          "What was there is kept as \(kept), with \(count) edits that central has not received: `cordee sync --replica \(kept)` sends them."
        )
      }
    }
    if !hasKey {
      console.print("Its key is not on this machine: `cordee join INVITE --adopt` gives it one.")
    }
  }
}

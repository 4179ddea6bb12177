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
    let keys = try invocation.paths.keysFolder()
    // What is refused is told before anything is copied.
    _ = try held(path) { try Self.present($0, path, of: identity) }
    let part = path + ".restoring"
    let clear = { DatabaseSides.removeWhole(part) }
    clear()
    defer { clear() }
    try prepare(part, from: backup, spaces: identity.spaces)
    let (present, kept) = try held(path) { (store: Store?) -> (Present?, String?) in
      let found = try Self.present(store, path, of: identity)
      return (found, try put(part, in: path, keepsPresent: found != nil, isSpoilt: store == nil))
    }
    let hasKey = hasKey(identity, in: keys)
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

  /// Runs `body` while nobody else works on the file that is there; gives it nil where there is none, or one past reading: that
  /// is why backups are made.
  ///
  /// - Throws: `Failure` `store.busy` when another program has a transaction open, or keeps a log of writes beside the file:
  ///   without that log the file is not whole, and no two names can be given to both at once.
  private static func held<T>(_ path: String, _ body: (Store?) throws -> T) throws -> T {
    guard Files.size(path) != nil else { return try body(nil) }
    if let store = try sound(path), let result = try alone(store, path, body) { return result }
    guard try !Files.isLocked(path, bytes: Inspection.fileLock, any: true) else {
      throw busy(path)
    }
    return try body(nil)
  }

  /// Runs `body` while no other program reads or writes the file; nil when that is past reading.
  ///
  /// A read that fails has SQLite give the file back, so that `body` must not go on after one.
  private static func alone<T>(_ store: Store, _ path: String, _ body: (Store?) throws -> T) throws
    -> T?
  {
    var result: T?
    do {
      try store.alone {
        guard try store.settings().journal != "wal" else { throw busy(path) }
        result = try body(store)
      }
    } catch {
      // All is done where only the end of the transaction failed, which wrote nothing.
      guard result == nil, !isPastReading(error) else { return result }
      throw (error as? StoreError)?.code == .busy ? busy(path) : error
    }
    return result
  }

  /// The replica that is there; nil when it is past reading, or none.
  private static func sound(_ path: String) throws -> Store? {
    do {
      let store = try Store(path: path, schema: .registry, use: .replica)
      _ = try Identity(store)
      return store
    } catch  where isPastReading(error) {
      return nil
    } catch let error as StoreError where error.code == .busy {
      throw busy(path)
    }
  }

  /// Whether a file is damaged or no replica, one that has joined nothing or lost what it knew of its network.
  private static func isPastReading(_ error: any Error) -> Bool {
    switch error {
    case let error as StoreError: [.corrupt, .foreign, .lacking, .io].contains(error.code)
    case is WireError: true
    case let error as SyncError: error.code.hasPrefix("replica.")
    default: false
    }
  }

  private static func busy(_ path: String) -> Failure {
    Failure(
      code: StoreError.Code.busy.rawValue, message: "another program has \(path) open",
      hint: "Close it there and run this again; nothing was changed.")
  }

  /// What stands in the replica's place, of which `store` is what can be read.
  private static func present(_ store: Store?, _ path: String, of backup: Identity) throws
    -> Present?
  {
    guard let store else {
      // An empty file is what a restore left that was cut; what was there has another name since.
      guard let size = Files.size(path) else { return nil }
      return size == 0 && DatabaseSides.held(beside: path) == nil ? nil : Present(unsent: nil)
    }
    guard try Identity(store).network == backup.network else {
      throw Failure(
        code: "restore.network", message: "the backup belongs to another network than \(path)",
        hint: "Nothing was changed. Name another file with --replica.")
    }
    return Present(unsent: try store.waiting().local + store.touchedRows())
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
  ///
  /// - Parameter isSpoilt: whether what was there could not be opened, which would have made it one file.
  private static func put(
    _ part: String, in path: String, keepsPresent: Bool, isSpoilt: Bool
  ) throws -> String? {
    let kept =
      keepsPresent
      ? DatabaseSides.freeName(path + ".replaced-" + Now().label.filter { $0 != ":" && $0 != "-" })
      : nil
    do {
      if let kept { try keep(path, as: kept, withSides: isSpoilt) }
      if keepsPresent { DatabaseSides.remove(of: path) } else { try DatabaseSides.leave(of: path) }
      removeTransfers(of: path)
      try Files.syncFolder(of: path)
      try Files.rename(part, to: path)
    } catch {
      // Two names of one file that is in use are one too many.
      if let kept, CentralReplacing.isSame(kept, path) {
        DatabaseSides.removeWhole(kept)
      }
      throw error
    }
    DatabaseSides.remove(of: part)
    try Files.syncFolder(of: path)
    return kept
  }

  /// Gives the file that is there a second name, with what makes it whole, and leaves nothing there to open then.
  private static func keep(_ path: String, as name: String, withSides: Bool) throws {
    try Files.link(path, to: name)
    // A journal belongs to the file that was there; beside another it would spoil that.
    let sides = ["-journal", "-wal"].filter { withSides && (Files.size(path + $0) ?? 0) > 0 }
    guard !sides.isEmpty else { return }
    for side in sides { try Files.link(path + side, to: name + side) }
    try Files.syncFolder(of: path)
    try CentralReplacing.leaveEmpty(path)
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

  private static func hasKey(_ identity: Identity, in keys: String) -> Bool {
    do {
      return try KeyFile.found("\(keys)/\(identity.actor.replica).key") != nil
    } catch {
      // It only cannot be read now.
      return true
    }
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

import Changes
import Files
import FoundationEssentials
import Registry
import Replica
import Seal
import Store
import Wire

/// What the commands that make backups do: a copy as of one moment, checked, on the disk before it has its name.
enum BackupActions {
  static func backup(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let target = try newFile(invocation)
      let replica = try invocation.store()
      let key = try Identity(replica).centralKey
      try make(target, centralKey: key) { try replica.backup(to: $0) }
      try note(invocation) {
        try replica.write { try replica.setMeta("last_backup", .text(Now().label)) }
      }
      return try told(target, invocation)
    }
  }

  static func centralBackup(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let target = try newFile(invocation)
      let folder = invocation.option("data") ?? ""
      guard CentralNode.isThere(folder) else { throw Failure.noCentral(in: folder) }
      let key = try KeyFile.read("\(folder)/central.key").publicKey
      try make(target, centralKey: key) { part in
        _ = try Keeper.ask(folder, [("do", .string("backup")), ("path", .string(part))])
      }
      try note(invocation) { _ = try Keeper.ask(folder, [("do", .string("copied"))]) }
      return try told(target, invocation)
    }
  }

  /// The whole path of the file to make, which is not there yet, nor anything that SQLite would take for a part of it.
  private static func newFile(_ invocation: Invocation) throws -> String {
    let path = URL(filePath: invocation.argument("FILE") ?? "").absoluteURL.path
    for name in [path] + DatabaseSides.all.map({ path + $0 }) where isThere(name) {
      var isFolder = false
      let isReached = FileManager.default.fileExists(atPath: name, isDirectory: &isFolder)
      let what = isFolder ? "a folder" : isReached ? "a file" : "a symbolic link to nothing"
      throw Failure(
        code: "backup.exists", message: "there is \(what) at \(name) already",
        hint: "Give a name that is free.")
    }
    return path
  }

  /// Whether there is anything of a name, be it a link to nothing.
  private static func isThere(_ path: String) -> Bool {
    (try? FileManager.default.attributesOfItem(atPath: path)) != nil
  }

  /// Writes a copy under a name of its own, checks it and gives it the one that was asked for.
  ///
  /// - Throws: whatever went wrong; then nothing is left of it.
  private static func make(
    _ target: String, centralKey: PublicKey, _ write: (String) throws -> Void
  ) throws {
    let part = target + ".part"
    let folder = URL(filePath: target).deletingLastPathComponent().path
    // A journal left by a backup that was cut would be rolled back into this one.
    let clear = { DatabaseSides.removeWhole(part) }
    clear()
    guard FileManager.default.isWritableFile(atPath: folder), !isThere(part) else {
      throw Failure(
        code: "backup.folder",
        message: isThere(part) ? "\(part) is in the way" : "no file can be made in \(folder)",
        hint: "Check the path and who may write there.")
    }
    do {
      try write(part)
      let copy = try Store(path: part, schema: .registry, use: .reader)
      let report = try VerifyAction.audit(copy, centralKey)
      if let damage = report.findings.first(where: { $0.kind == .damage }) {
        throw Failure(
          code: "backup.damaged", message: "the copy is not sound: \(damage.message)",
          hint: "Run `cordee verify` on the original.")
      }
      try Files.rename(part, to: target)
      try Files.syncFolder(of: target)
    } catch {
      clear()
      let failure = Failure.from(error)
      guard failure.code == StoreError.Code.full.rawValue else { throw failure }
      throw Failure(
        code: failure.code, message: "there is no room for the backup in \(folder)",
        hint: "Free some there, or give a file elsewhere; nothing was lost.")
    }
  }

  /// Notes when the last backup was made; that a full or busy original cannot take it spoils no backup.
  private static func note(_ invocation: Invocation, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch {
      let reason = Failure.from(error).message
      invocation.console.say("The backup is made; the original could not note it: \(reason).")
    }
  }

  private static func told(_ target: String, _ invocation: Invocation) throws -> ExitCode {
    let bytes = Int64(Files.size(target) ?? 0)
    if invocation.wantsJSON {
      invocation.console.print(
        JSON.object([("file", .string(target)), ("bytes", .integer(bytes))]))
    } else {
      invocation.console.print(
        "\(target): \(bytesText(bytes)), checked. The key is not in it; keep that apart.")
    }
    return .done
  }
}

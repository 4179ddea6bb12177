import Causality
import Central
import Changes
import Files
import FoundationEssentials
import Registry
import Seal
import Store

/// How a backup takes the place of central's file.
///
/// The new life begins in a copy beside it, and one rename puts that in place: whenever the process ends, what stands there
/// is the old life as it was, or the new one, which is restoring. A backup never stands there under its own life.
enum CentralReplacing {
  /// Puts a backup in the place of central's file, after it was checked; gives what the file that was there is called now.
  static func replace(_ folder: String, by file: String) throws -> String? {
    let path = "\(folder)/central.sqlite"
    guard Files.size(file) != nil else {
      throw Failure(
        code: "backup.missing", message: "there is no file at \(file)", hint: "Check the path.")
    }
    let key = try KeyFile.read("\(folder)/central.key")
    return try CentralMaking.alone(folder) { try replace(folder, path, by: file, key) }
  }

  private static func replace(
    _ folder: String, _ path: String, by file: String, _ key: SigningKey
  ) throws -> String? {
    try checkIsFree(folder)
    let part = path + ".restoring"
    let clear = { DatabaseSides.removeWhole(part) }
    clear()
    defer { clear() }
    do {
      try Inspection(file).store.backup(to: part)
      try check(part, file, key)
      try begin(part, key)
    } catch {
      throw named(file, insteadOf: part, Failure.from(error))
    }
    // Somebody may have begun to serve meanwhile.
    try checkIsFree(folder)
    CentralMaking.forget(folder)
    let kept = try put(part, in: path)
    removeSnapshots(of: path)
    return kept
  }

  /// A failure that names the backup, which its keeper knows, and not the copy.
  private static func named(_ file: String, insteadOf part: String, _ failure: Failure) -> Failure {
    var failure = failure
    failure.message = failure.message.replacing(part, with: file)
    switch failure.code {
    case StoreError.Code.corrupt.rawValue:
      failure.hint = "Give another backup; nothing was changed."
    case StoreError.Code.foreign.rawValue: return foreign(file)
    default: break
    }
    return failure
  }

  private static func foreign(_ file: String) -> Failure {
    Failure(
      code: "backup.foreign", message: "\(file) is no backup of a central node",
      hint: "Give a file that `cordee central backup` made; nothing was changed.")
  }

  /// Refuses to replace the file under a process that works on it; a file that cannot be opened is in nobody's use.
  ///
  /// Its log of writes is then in the file, where that is sound.
  private static func checkIsFree(_ folder: String) throws {
    guard CentralNode.isThere(folder) else { return }
    do {
      _ = try CentralNode.open(folder)
    } catch let failure as Failure where failure.code == "central.busy" {
      throw busy(folder)
    } catch {
      return
    }
  }

  private static func busy(_ folder: String) -> Failure {
    Failure(
      code: "central.busy", message: "another process works on \(folder)",
      hint: "Stop it; a file cannot be replaced under it.")
  }

  /// Refuses a backup that is damaged, another central's, or none.
  private static func check(_ part: String, _ file: String, _ key: SigningKey) throws {
    let copy = try Store(path: part, schema: .registry, use: .reader)
    guard try copy.meta("network") != nil, try copy.meta("instance") != nil else {
      throw foreign(file)
    }
    let report = try VerifyAction.audit(copy, key.publicKey)
    if let damage = report.findings.first(where: { $0.kind == .damage }) {
      throw Failure(
        code: "backup.damaged", message: "\(file) is not sound: \(damage.message)",
        hint: "Give another backup; nothing was changed.")
    }
  }

  /// Begins the new life in the copy, which is then one file on the disk.
  private static func begin(_ part: String, _ key: SigningKey) throws {
    func work() throws {
      let store = try Store(path: part, schema: .registry, use: .central)
      try Central(store: store, key: key).beginRestoring(because: .restored, at: Now().label)
    }
    try work()
    guard DatabaseSides.held(beside: part) == nil else {
      throw Failure(
        code: "backup.unfinished", message: "the copy could not be finished",
        hint: "Check the disk; nothing was changed.")
    }
    var file = try FileWriter(part, appends: true)
    try file.sync()
  }

  /// Puts the new life in the old one's place; gives the name under which that is kept.
  private static func put(_ part: String, in path: String) throws -> String? {
    let kept = try keep(path)
    do {
      if (Files.size(path) ?? 0) > 0,
        try Files.isLocked(path, bytes: Inspection.fileLock, any: true)
      {
        throw busy(String(path.dropLast("/central.sqlite".count)))
      }
      // A log of writes would spoil the file that comes, and without it the one that was there is another: nothing is there
      // to open meanwhile.
      if DatabaseSides.held(beside: path) != nil { try leaveEmpty(path) }
      DatabaseSides.remove(of: path)
      try Files.syncFolder(of: path)
      try Files.rename(part, to: path)
    } catch {
      // Two names of one file that is in use are one too many.
      if let kept, isSame(kept, path) { DatabaseSides.removeWhole(kept) }
      throw error
    }
    try Files.syncFolder(of: path)
    return kept
  }

  /// Gives the file that is there a second name, with what makes it whole; nil where none is.
  private static func keep(_ path: String) throws -> String? {
    let present = ["", "-wal", "-journal"].filter { (Files.size(path + $0) ?? 0) > 0 }
    let before = keptFiles(beside: path)
    // A restore that was cut may have named it.
    let known = before.first { isSame($0, path) && Files.size(path) != 0 }
    if let known {
      for side in DatabaseSides.all where !isSame(known + side, path + side) {
        Files.remove(known + side)
      }
    }
    let kept = try known ?? freeName(path)
    for end in present where !before.contains(where: { isSame($0, path + end) }) {
      try Files.link(path + end, to: kept + end)
    }
    try Files.syncFolder(of: path)
    return present.contains("") ? kept : nil
  }

  /// Puts an empty file in a file's place, to be replaced by what comes.
  static func leaveEmpty(_ path: String) throws {
    let empty = path + ".restoring-place"
    var file = try FileWriter(empty)
    try file.sync()
    try Files.rename(empty, to: path)
    try Files.syncFolder(of: path)
  }

  /// Files that restores kept beside central's own, the oldest first; before them what one left that was cut.
  static func keptFiles(beside path: String) -> [String] {
    let url = URL(filePath: path).absoluteURL
    let folder = url.deletingLastPathComponent().path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return [".restoring", ".before-"].map { url.lastPathComponent + $0 }.flatMap { prefix in
      names.filter { $0.hasPrefix(prefix) }
        .sorted { ($0.utf8.count, $0) < ($1.utf8.count, $1) }.map { "\(folder)/\($0)" }
    }
  }

  /// The newest of these that is a database; nil where there is none.
  static func newestKept(beside path: String) -> String? {
    keptFiles(beside: path).last { file in !DatabaseSides.all.contains { file.hasSuffix($0) } }
  }

  static func isSame(_ one: String, _ other: String) -> Bool {
    guard let one = Files.number(of: one), let other = Files.number(of: other) else { return false }
    return one == other
  }

  private static func freeName(_ path: String) throws -> String {
    for number in 1...9_999
    where !FileManager.default.fileExists(atPath: "\(path).before-\(number)") {
      return "\(path).before-\(number)"
    }
    throw Failure(
      code: "backup.names", message: "too many files were kept beside \(path)",
      hint: "Move the oldest of them elsewhere.")
  }

  /// Snapshots of the life that was; the new one makes its own.
  private static func removeSnapshots(of path: String) {
    let url = URL(filePath: path).absoluteURL
    let folder = url.deletingLastPathComponent().path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where name.hasPrefix(url.lastPathComponent + ".snapshot.") {
      Files.remove("\(folder)/\(name)")
    }
  }
}

import Files
import FoundationEssentials
import Glibc
import Store
import Synchronization

/// What a look or the demo makes and must not leave behind, whatever becomes of the process.
///
/// An audit computes for long without asking whether it should stop, so that another thread does.
enum Leftovers {
  private static let paths = Mutex<Set<String>>([])
  private static let isWatched = Mutex(false)
  private static let isStopping = Atomic(false)

  /// From here on Ctrl-C and SIGTERM remove what is noted before they end the process.
  static func removeOnStop() throws(Failure) {
    let isFirst = isWatched.withLock { watched in
      defer { watched = true }
      return !watched
    }
    guard isFirst else { return }
    try CommandSignals.catchThem()
    Task.detached {
      guard CommandSignals.waitForStop(milliseconds: nil) else { return }
      isStopping.store(true, ordering: .sequentiallyConsistent)
      removeAll()
      let words = CommandLine.arguments.dropFirst()
      Console.reportStop(
        Failure(code: "verify.stopped", message: "stopped; what the check made is removed"),
        asJSON: Program.wantsJSON(Array(words)))
      _exit(ExitCode.failed.rawValue)
    }
  }

  /// Holds back what the work says once its files are being taken from under it: the process ends at once.
  static func waitIfStopping() {
    while isStopping.load(ordering: .sequentiallyConsistent) { pause() }
  }

  /// Removes all that is noted, before the process ends.
  static func removeAll() {
    for path in paths.withLock({ $0 }) { remove(path) }
  }

  /// Notes a file or a folder before it is made.
  static func note(_ path: String) {
    // A reader that goes away is then an error of the write, after which all is removed.
    signal(SIGPIPE, SIG_IGN)
    _ = paths.withLock { $0.insert(path) }
  }

  /// Removes a file with SQLite's files beside it, or a folder with all it holds.
  static func remove(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
    DatabaseSides.remove(of: path)
    _ = paths.withLock { $0.remove(path) }
  }
}

/// A folder for copies, made when the first is, gone with its owner, and when the process is asked to stop.
final class Scratch {
  private var folder: String?

  /// The path of a file in the folder.
  func path(_ name: String) throws -> String {
    if let folder { return "\(folder)/\(name)" }
    let place = FileManager.default.temporaryDirectory
    let made = place.appending(path: "cordee-verify-\(UUID().uuidString)").path
    try Leftovers.removeOnStop()
    Leftovers.note(made)
    do {
      try FileManager.default.createDirectory(
        atPath: made, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    } catch {
      Leftovers.remove(made)
      throw Failure(
        code: "verify.scratch", message: "no scratch folder can be made in \(place.path)",
        hint: "Set TMPDIR to a folder that can be written.")
    }
    folder = made
    return "\(made)/\(name)"
  }

  /// Copies a file with those beside it, as of one moment.
  func copy(_ path: String, _ sides: [String]) throws -> String {
    let target = try self.path("copy.sqlite")
    let all = [""] + sides.filter { Files.size(path + $0) != nil }
    for _ in 0..<3 {
      let before = all.map { Files.state(of: path + $0) }
      for side in all {
        try Self.copy(path + side, to: target + side)
      }
      if all.map({ Files.state(of: path + $0) }) == before { return target }
    }
    throw Failure(
      code: StoreError.Code.busy.rawValue, message: "another program is writing \(path)",
      hint: "Close it and try again.")
  }

  private static func copy(_ path: String, to target: String) throws {
    do {
      try Files.copy(path, to: target)
    } catch {
      guard error.isFull else { throw error }
      throw full(target)
    }
  }

  /// There is no room for scratch files.
  static func full(_ path: String) -> Failure {
    let folder = URL(filePath: path).deletingLastPathComponent().path
    return Failure(
      code: "verify.room", message: "there is no room for scratch files in \(folder)",
      hint: "Free some there, or set TMPDIR to a folder that has it.")
  }

  deinit {
    if let folder { Leftovers.remove(folder) }
  }
}

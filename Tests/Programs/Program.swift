import CPrograms
public import Foundation
import Glibc
import Synchronization

/// A program that runs beside a test, for all tests that start one; files take what it writes.
///
/// It is born with no signal blocked and no open file but its own three. Foundation's `Process` hands on the
/// blocked signals of the thread that starts it, so that a child cannot be asked to stop, and reads beyond the
/// list of open files when they are many.
public final class Program: Sendable {
  private enum State {
    case made
    case running(pid_t)
    case ended(pid_t, status: Int32)
  }

  /// A program that cannot be started, with the system's reason.
  public struct NotStarted: Error, CustomStringConvertible {
    let path: String
    let code: Int32

    /// One line for a person.
    public var description: String { "\(path) did not start (errno \(code))" }
  }

  private static let sanitizers = ["TSAN_OPTIONS", "ASAN_OPTIONS"]

  private let path: String
  private let words: [String]
  private let environment: [String: String]
  private let folder: String
  private let files: [String]
  private let state = Mutex(State.made)

  /// - Parameters:
  ///   - path: the program's file.
  ///   - words: its arguments.
  ///   - environment: all its variables; nil for this process's own.
  ///   - folder: where it runs; nil for here.
  ///   - input: the file it reads.
  ///   - output: the file that takes what it prints; made, or emptied.
  ///   - errors: the file that takes what it says beside; may be the same.
  public init(
    _ path: String, _ words: [String], environment: [String: String]? = nil, folder: URL? = nil,
    input: URL = URL(filePath: "/dev/null"), output: URL, errors: URL
  ) {
    self.path = path
    self.words = words
    let own = ProcessInfo.processInfo.environment
    // A child built for a sanitizer tells where the tests tell.
    self.environment =
      environment?.merging(own.filter { Self.sanitizers.contains($0.key) }) { given, _ in given }
      ?? own
    self.folder = folder?.path ?? "."
    files = [input.path, output.path, errors.path]
  }

  /// Starts it.
  ///
  /// - Throws: `NotStarted`.
  public func run() throws {
    try state.withLock { state in
      var id: pid_t = 0
      let code = unsafe withWords([path] + words) { words in
        unsafe withWords(environment.map { "\($0.key)=\($0.value)" }) { variables in
          unsafe withWords(files) { files in
            var files = unsafe (0..<3).map { unsafe UnsafePointer(files[$0]) }
            return unsafe cordee_program_start(&id, path, words, variables, &files, folder)
          }
        }
      }
      guard code == 0 else { throw NotStarted(path: path, code: code) }
      state = .running(id)
    }
  }

  /// The number of the running or ended process; 0 before it ran.
  public var processIdentifier: Int32 {
    state.withLock { state in
      switch state {
      case .made: 0
      case .running(let id), .ended(let id, _): id
      }
    }
  }

  /// Whether it has been started and has not ended.
  public var isRunning: Bool {
    state.withLock { state in
      guard case .running(let id) = state else { return false }
      var status: Int32 = 0
      guard unsafe waitpid(id, &status, WNOHANG) == id else { return true }
      state = .ended(id, status: status)
      return false
    }
  }

  /// What it ended with: its exit code, or the number of the signal that ended it; -1 before.
  public var terminationStatus: Int32 {
    state.withLock { state in
      guard case .ended(_, let status) = state else { return -1 }
      return status & 0x7F == 0 ? (status >> 8) & 0xFF : status & 0x7F
    }
  }

  /// Asks it to stop.
  public func terminate() { signal(SIGTERM) }

  /// Sends it a signal, if it runs.
  public func signal(_ number: Int32) {
    guard isRunning else { return }
    kill(processIdentifier, number)
  }

  /// Waits for its end, holding the thread.
  public func waitUntilExit() {
    let id = processIdentifier
    guard isRunning else { return }
    // Its place among the processes is kept until `isRunning` takes the status, so that the number stays its own.
    var info = unsafe siginfo_t()
    while unsafe waitid(P_PID, id_t(id), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    _ = isRunning
  }

  /// Starts it and waits for its end without holding a thread of the tests' pool.
  public func finish() async throws {
    try run()
    await withCheckedContinuation { done in
      Thread.detachNewThread {
        self.waitUntilExit()
        done.resume()
      }
    }
  }

  deinit { signal(SIGKILL) }
}

extension Program {
  /// Runs a program to its end, holding the thread.
  ///
  /// - Returns: its `terminationStatus`, and all it printed and said.
  /// - Throws: `NotStarted`, or what files throw.
  public static func said(
    by path: String, _ words: [String], reading input: URL = URL(filePath: "/dev/null")
  ) throws -> (status: Int32, text: String) {
    let output = FileManager.default.temporaryDirectory.appending(path: "cordee-said-\(UUID())")
    defer { try? FileManager.default.removeItem(at: output) }
    let program = Program(path, words, input: input, output: output, errors: output)
    try program.run()
    program.waitUntilExit()
    return (
      program.terminationStatus, String(decoding: try Data(contentsOf: output), as: UTF8.self)
    )
  }
}

/// C's list of words, ended by NULL, for as long as `body` runs.
private func withWords(
  _ words: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
) -> Int32 {
  var list = unsafe words.map { unsafe strdup($0) }
  unsafe list.append(nil)
  defer { for index in unsafe list.indices { unsafe free(list[index]) } }
  return unsafe body(list)
}

/// Whether clocks can be shifted here: `faketime` and a sanitizer's runtime wait for each other for ever.
public let canShiftClocks = ProcessInfo.processInfo.environment["CORDEE_SANITIZED"] == nil

/// Whether a limit on the size of files leaves a program alone otherwise: ThreadSanitizer maps some of its own.
public let canLimitFiles = ProcessInfo.processInfo.environment["CORDEE_SANITIZED"] != "thread"

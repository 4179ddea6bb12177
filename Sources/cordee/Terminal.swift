import CShims
import Glibc
import Wire

/// Where a command writes: results to output, everything said about the work to error.
struct Console: Sendable {
  /// Columns of the terminal that shows the output; nil when it goes to a file or a pipe.
  var outputWidth: Int?
  /// Columns of the terminal that shows the errors; nil when they go to a file or a pipe.
  var errorWidth: Int?
  /// Whether colour may be used on the output.
  var usesColor: Bool
  /// Takes bytes of the output.
  var writeOutput: @Sendable ([UInt8]) -> Void
  /// Takes bytes of what is said beside it.
  var writeError: @Sendable ([UInt8]) -> Void

  /// Columns to wrap text to where nothing tells.
  static let widthFallback = 80

  /// Columns to wrap help to.
  var width: Int { outputWidth ?? Self.widthFallback }

  /// Prints one line as it stands.
  func print(_ line: String = "") {
    writeOutput(Array((line + "\n").utf8))
  }

  /// Prints one line that holds what others wrote: it stays one line and cannot drive a terminal.
  func printValues(_ line: String) {
    print(terminalSafe(line))
  }

  /// Prints one JSON value; at a terminal indented, and what could drive it as escapes that mean the same.
  func print(_ json: JSON) {
    guard outputWidth != nil else { return writeOutput(json.bytes() + [UInt8(ascii: "\n")]) }
    var text = ""
    for scalar in json.text(pretty: true).unicodeScalars {
      switch scalar.value {
      case 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    writeOutput(Array(text.utf8))
  }

  /// Prints a table: on a terminal under its titles and cut to the width, elsewhere one row a line.
  func print(_ table: Table) {
    for line in table.lines(width: outputWidth).dropFirst(outputWidth == nil ? 1 : 0) {
      print(line)
    }
  }

  /// Says one line beside the output.
  func say(_ line: String) {
    writeError(Array((line + "\n").utf8))
  }

  /// Says why the command stops: one line, or one problem for programs.
  func report(_ failure: Failure, asJSON: Bool) {
    writeError(Self.bytes(of: failure, asJSON: asJSON))
  }

  fileprivate static func bytes(of failure: Failure, asJSON: Bool) -> [UInt8] {
    (asJSON ? failure.problem.bytes() : Array(failure.line.utf8)) + [UInt8(ascii: "\n")]
  }

  /// `text` in bold where colour may be used.
  func bold(_ text: String) -> String {
    usesColor ? "\u{1B}[1m\(text)\u{1B}[0m" : text
  }
}

extension Console {
  /// The process's own output, line by line, so that nothing is lost when a reader or we go away.
  ///
  /// `NO_COLOR` (no-color.org) and `TERM=dumb` turn colour off.
  ///
  /// - Parameter errorsAsJSON: the form of the one failure that no command can report: the output's own.
  static func system(environment: [String: String], errorsAsJSON: Bool) -> Console {
    cordee_line_buffer_stdout()
    let isPlain = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    return Console(
      outputWidth: terminalWidth(STDOUT_FILENO), errorWidth: terminalWidth(STDERR_FILENO),
      usesColor: isatty(STDOUT_FILENO) == 1 && !isPlain,
      writeOutput: { bytes in
        Leftovers.waitIfStopping()
        guard let failure = write(bytes, toError: false) else { return }
        if let line = failure.outputLine(asJSON: errorsAsJSON) { _ = write(line, toError: true) }
        Leftovers.removeAll()
        exit(ExitCode.failed.rawValue)
      },
      writeError: { bytes in
        Leftovers.waitIfStopping()
        _ = write(bytes, toError: true)
      })
  }

  /// Says why the process is being stopped, while whatever else it would say has to wait.
  static func reportStop(_ failure: Failure, asJSON: Bool) {
    _ = write(bytes(of: failure, asJSON: asJSON), toError: true)
  }

  private static func terminalWidth(_ descriptor: Int32) -> Int? {
    guard isatty(descriptor) == 1 else { return nil }
    let width = Int(cordee_terminal_width(descriptor))
    return width > 0 ? width : widthFallback
  }

  /// - Returns: nil when all was written.
  private static func write(_ bytes: [UInt8], toError: Bool) -> WriteFailure? {
    let code = unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe cordee_write(toError ? 1 : 0, buffer.baseAddress, buffer.count)
    }
    return code == 0 ? nil : WriteFailure(code: code)
  }
}

/// Why the output took no more.
struct WriteFailure {
  /// The errno.
  let code: Int32

  /// What to say; nil for a reader that went away (`| head`), which is no fault.
  func outputLine(asJSON: Bool) -> [UInt8]? {
    guard code != EPIPE else { return nil }
    let reason = SystemError.text(code)
    let failure = Failure(
      code: "output.failed", message: "The output cannot be written: \(reason)",
      hint: "What the command did stands; free some space and read it again.")
    return Console.bytes(of: failure, asJSON: asJSON)
  }
}

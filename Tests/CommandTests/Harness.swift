import Foundation
import Programs
import Synchronization
import Testing

@testable import cordee

/// What a program under test wrote.
final class Written: Sendable {
  private let bytes = Mutex(([UInt8](), [UInt8]()))

  var output: String { bytes.withLock { String(decoding: $0.0, as: UTF8.self) } }
  var errors: String { bytes.withLock { String(decoding: $0.1, as: UTF8.self) } }

  func console(width: Int? = nil) -> Console {
    Console(
      outputWidth: width, errorWidth: width, usesColor: false,
      writeOutput: { more in self.bytes.withLock { $0.0 += more } },
      writeError: { more in self.bytes.withLock { $0.1 += more } })
  }
}

/// How one command line ended and what it wrote.
struct Outcome {
  let exit: ExitCode
  let output: String
  let errors: String
}

/// Runs the words with the given table.
func run(
  _ words: String..., commands: [CommandSpec] = Cordee.commands, standing: Standing? = nil,
  width: Int? = nil
) -> Outcome {
  let written = Written()
  let program = Program(
    commands: commands, console: written.console(width: width),
    paths: Paths(environment: ["HOME": "/home/member"]), standing: { _ in standing })
  let exit = program.run(words)
  return Outcome(exit: exit, output: written.output, errors: written.errors)
}

/// A command that prints what it understood.
func probe(
  _ path: String..., arguments: [ArgumentSpec] = [], options: [OptionSpec] = [],
  exactlyOne: [String] = []
) -> CommandSpec {
  CommandSpec(
    path: path, summary: "probe", arguments: arguments, options: options, exactlyOne: exactlyOne,
    examples: [], takesJSON: true, usesReplica: true,
    run: { invocation in
      let values = invocation.values.sorted { $0.key < $1.key }
        .map { "\($0.key)=\($0.value.joined(separator: "+"))" }
      let words = invocation.arguments + values
      invocation.console.print(words.joined(separator: "|"))
      return .done
    })
}

/// Runs a program on a file that holds `text`; returns all it said.
func said(by program: String, _ arguments: [String], reading text: String) throws -> String {
  let folder = FileManager.default.temporaryDirectory.appending(
    path: "cordee-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let script = folder.appending(path: "script")
  try Data(text.utf8).write(to: script)
  let (status, said) = try Program.said(by: program, arguments + [script.path])
  #expect(status == 0)
  return said.trimmingCharacters(in: .whitespacesAndNewlines)
}

import Foundation
import Testing

@testable import cordee

@Suite struct HelpTests {
  @Test(arguments: Cordee.commands.map(\.name))
  func `help names every option and gives an example`(_ name: String) throws {
    let command = try #require(Cordee.commands.first { $0.name == name })
    let written = Written()
    Help(commands: Cordee.commands).command(command, to: written.console())
    for option in command.allOptions {
      #expect(written.output.contains("  \(option.usage)"))
    }
    for argument in command.arguments { #expect(written.output.contains(argument.name)) }
    #expect(!command.examples.isEmpty)
    for example in command.examples {
      #expect(example.line.hasPrefix("cordee \(name)"))
      #expect(written.output.contains(example.line))
    }
    #expect(!command.summary.hasSuffix("."))
  }

  @Test func `help is the same by option and by command, before and after`() {
    let asked = run("help", "central", "init").output
    #expect(asked.contains("--allow-plain-http"))
    #expect(run("central", "init", "--help").output == asked)
    #expect(run("central", "init", "-h").output == asked)
    #expect(run("--help", "central", "init").output == asked)
    #expect(run("help", "central").output == run("central", "--help").output)
    #expect(run("help").output == run("--help").output)
    for command in Cordee.commands { #expect(run("help").output.contains(command.name)) }
  }

  @Test(arguments: HelpTopic.all.map(\.name))
  func `every topic can be read and is listed`(_ name: String) {
    #expect(run("help", name).exit == .done)
    #expect(run("help").output.contains("help \(name)"))
  }

  @Test func `help on nothing known suggests the nearest`() {
    let outcome = run("help", "exit-code")
    #expect(outcome.exit == .usage)
    #expect(outcome.errors.contains("help exit-codes"))
  }

  @Test(arguments: [60, 80, 120])
  func `usage and summaries keep to the terminal`(_ width: Int) {
    for command in Cordee.commands {
      let help = Help(commands: Cordee.commands)
      for line in help.usage(command, width: width) { #expect(displayWidth(line) <= width) }
    }
    for line in run("help", width: width).output.split(separator: "\n").dropFirst() {
      #expect(displayWidth(line) <= width)
    }
  }

  @Test func `names are unique and no command hides another`() {
    let names = Cordee.commands.map(\.path)
    #expect(Set(names).count == names.count)
    for path in names where path.count == 1 {
      #expect(!names.contains { $0.count > 1 && $0[0] == path[0] })
    }
  }
}

@Suite struct CompletionTests {
  @Test(arguments: Shell.allCases)
  func `scripts hold every command and option`(_ shell: Shell) {
    let script = Completions(commands: Cordee.commands).script(for: shell)
    for command in Cordee.commands {
      for word in command.path { #expect(script.contains(word)) }
      for option in command.allOptions {
        #expect(script.contains(shell == .fish ? "-l \(option.long)" : "--\(option.long)"))
      }
    }
    #expect(run("completions", shell.rawValue).output == script)
  }

  @Test func `an unknown shell is refused`() {
    #expect(run("completions", "tcsh").exit == .usage)
  }

  @Test func `bash accepts its script`() throws {
    #expect(try bash("-n", "") == "")
  }

  @Test(arguments: [
    ("cordee cent", "central"),
    ("cordee central in", "init invite"),
    ("cordee central init --al", "--allow-plain-http"),
    ("cordee official-list --format c", "csv"),
    ("cordee completions f", "fish"),
    ("cordee resolve 3f2a name --keep m", "mine"),
    ("cordee status --j", "--json"),
  ])
  func `bash completes what is begun`(_ line: String, _ expected: String) throws {
    let words = line.split(separator: " ").map { "'\($0)'" }
    let call = """
      COMP_WORDS=(\(words.joined(separator: " "))); COMP_CWORD=\(words.count - 1)
      _cordee; echo "${COMPREPLY[*]}"
      """
    #expect(try bash("-s", call) == expected)
  }

  /// Runs the script and then `call` in bash; returns all it said.
  ///
  /// Files instead of pipes: a child started meanwhile would inherit a pipe's end and keep it open.
  private func bash(_ flag: String, _ call: String) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "cordee-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (script, said) = (folder.appending(path: "script"), folder.appending(path: "said"))
    let text = Completions(commands: Cordee.commands).script(for: .bash) + call + "\n"
    try Data(text.utf8).write(to: script)
    try Data().write(to: said)
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = flag == "-n" ? ["-n", script.path] : [script.path]
    let output = try FileHandle(forWritingTo: said)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    process.waitUntilExit()
    try output.close()
    #expect(process.terminationStatus == 0)
    return String(decoding: try Data(contentsOf: said), as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

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

  @Test(arguments: ["central", "bundle"])
  func `help on a group of commands gives examples, each a line that is understood`(
    _ group: String
  ) throws {
    let outcome = run(group, "--help")
    #expect(outcome.exit == .done && outcome.output.contains("\nExamples\n"))
    let members = Cordee.commands.filter { $0.path[0] == group }
    let examples = members.prefix(4).compactMap(\.examples.first)
    #expect(examples.count == min(members.count, 4))
    for example in examples { #expect(outcome.output.contains("  \(example.line)\n")) }
    for member in members { #expect(outcome.output.contains("  \(member.name)")) }
  }

  @Test(arguments: HelpTopic.all.map(\.name))
  func `every topic can be read and is listed`(_ name: String) {
    #expect(run("help", name).exit == .done)
    #expect(run("help").output.contains("help \(name)"))
  }

  @Test func `these commands alone may end with 3, and the topic names each`() {
    let names = [
      "central merge", "central status", "conflicts", "doctor", "status", "sync", "verify",
    ]
    #expect(Cordee.commands.filter(\.asksPerson).map(\.name).sorted() == names)
    let topic = run("help", "exit-codes").output.split(whereSeparator: \.isWhitespace)
      .joined(separator: " ")
    for name in names { #expect(topic.contains(name), "\(name)") }
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

  /// What is begun, and what every shell makes of it.
  private static let begun = [
    ("cordee cent", "central"),
    ("cordee central in", "init invite"),
    ("cordee central init --al", "--allow-plain-http"),
    ("cordee official-list --format c", "csv"),
    ("cordee completions f", "fish"),
    ("cordee help official_list_", "official_list_entry"),
    ("cordee resolve 3f2a name --keep m", "mine"),
    ("cordee status --j", "--json"),
    ("cordee --json stat", "status"),
    ("cordee --replica x.db official-list --format c", "csv"),
    ("cordee --replica x.db central in", "init invite"),
  ]

  @Test(arguments: begun)
  func `bash completes what is begun`(_ line: String, _ expected: String) throws {
    let words = line.split(separator: " ").map { "'\($0)'" }
    let call = """
      COMP_WORDS=(\(words.joined(separator: " "))); COMP_CWORD=\(words.count - 1)
      _cordee; echo "${COMPREPLY[*]}"
      """
    #expect(try bash("-s", call) == expected)
  }

  @Test(
    arguments: begun + [
      ("cordee bundle ", "export import"),
      ("cordee status --", "--help --json --replica --version"),
    ])
  func `fish completes what is begun`(_ line: String, _ expected: String) throws {
    let script = Completions(commands: Cordee.commands).script(for: .fish)
    let told = try said(
      by: "/usr/bin/fish", ["--no-config"], reading: script + "complete -C '\(line)'\n")
    let words = told.split(separator: "\n").map { $0.split(separator: "\t")[0] }
    #expect(words.joined(separator: " ") == expected)
  }

  @Test func `zsh completes what is begun, from a file of its path or sourced`() throws {
    let script = Completions(commands: Cordee.commands).script(for: .zsh)
    // A terminal of zsh's own; a read waits until what should come has come.
    let told = try said(
      by: "/usr/bin/timeout", ["60", "/usr/bin/zsh", "-f"],
      reading: #"""
        folder=${0:h}
        cat > $folder/_cordee <<'END'
        \#(script)END
        zmodload zsh/zpty
        for begin in "fpath=($folder \$fpath); compinit -u -D" \
          "compinit -u -D; source $folder/_cordee"; do
          zpty shell zsh -f -i
          zpty -w shell "autoload -Uz compinit; $begin; echo rea''dy"
          zpty -r shell seen '*ready*'
          zpty -w -n shell $'cordee central init --al\t'
          zpty -r shell seen '*--allow-plain-http*' && echo option
          zpty -w -n shell $'\x15cordee resolve 3f2a name --keep m\t'
          zpty -r shell seen '*--keep mine*' && echo value
          zpty -w -n shell $'\x15cordee central in\t\t'
          zpty -r shell seen '*one-time invite*' && echo command
          zpty -w -n shell $'\x15cordee --replica x.db --json resolve 3f2a name --keep m\t'
          zpty -r shell seen '*--keep mine*' && echo behind
          zpty -d shell
        done

        """#)
    let all = ["option", "value", "command", "behind"]
    #expect(told.split(separator: "\n").map(String.init) == all + all)
  }

  /// Runs the script and then `call` in bash; returns all it said.
  private func bash(_ flag: String, _ call: String) throws -> String {
    try said(
      by: "/bin/bash", flag == "-n" ? ["-n"] : [],
      reading: Completions(commands: Cordee.commands).script(for: .bash) + call + "\n")
  }
}

@Suite struct ManPageTests {
  private static let page = ManPage(commands: Cordee.commands).text

  @Test func `the page holds every command, option, example and topic`() {
    let plain = Self.page.replacing(#"\-"#, with: "-").replacing(#"\(aq"#, with: "'")
      .replacing(#"\(dq"#, with: "\"").replacing(#"\(ti"#, with: "~")
    for command in Cordee.commands {
      #expect(plain.contains(".SS \"cordee \(command.name)\"\n"))
      for option in command.allOptions { #expect(plain.contains(".B \"\(option.usage)\"\n")) }
      for example in command.examples { #expect(plain.contains("\n\(example.line)\n.EE")) }
    }
    for topic in HelpTopic.all { #expect(plain.contains(".SH \"\(topic.name.uppercased())\"")) }
    #expect(run("help", "--man").output == Self.page)
    #expect(run("help", "sync", "--man").exit == .usage)
  }

  @Test func `words that look like roff stay words`() {
    let command = CommandSpec(
      path: ["probe"], summary: ".so /etc/passwd",
      options: [OptionSpec(long: "a", value: #""\*[x]""#, summary: "'br")],
      examples: [Example(line: "cordee probe '.'", meaning: #"back\slash"#)], run: { _ in .done })
    let page = ManPage(commands: [command]).text
    #expect(page.contains("\n\\&.so /etc/passwd.\n"))
    #expect(page.contains("\n\\&\\(aqbr\n"))
    #expect(page.contains(#".B "\-\-a \(dq\e*[x]\(dq""#))
    #expect(page.contains(#"back\eslash:"#))
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/groff")))
  func `groff sets the page without a warning`() throws {
    let words = ["-man", "-ww", "-Tascii", "-z"]
    #expect(try said(by: "/usr/bin/groff", words, reading: Self.page) == "")
  }
}

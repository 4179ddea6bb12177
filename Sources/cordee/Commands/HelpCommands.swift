import Changes
import Registry

/// Commands about the commands.
enum HelpCommands {
  static let all = [help, completions]

  static let help = CommandSpec(
    path: ["help"], summary: "explain a command, a topic or a table",
    arguments: [
      ArgumentSpec(
        name: "TOPIC", isOptional: true, isRepeated: true,
        completes: .words(HelpTopic.all.map(\.name) + HelpTopic.tables))
    ],
    options: [OptionSpec(long: "man", summary: "print the manual page of all commands")],
    examples: [
      Example(line: "cordee help sync", meaning: "usage, options and examples of one command"),
      Example(line: "cordee help exit-codes", meaning: "what the exit codes mean"),
      Example(
        line: "cordee help organisation", meaning: "the fields of a table, and what each may hold"),
      Example(
        line: "cordee help --man > ~/.local/share/man/man1/cordee.1",
        meaning: "let \"man cordee\" show all of it"),
    ],
    run: { invocation in
      guard invocation.flag("man") else {
        return try explain(invocation.arguments, to: invocation.console)
      }
      guard invocation.arguments.isEmpty else {
        throw Failure.usage(
          "argument.extra", "The manual page has every command and topic",
          hint: "Type cordee help --man alone.")
      }
      invocation.console.writeOutput(Array(ManPage(commands: Cordee.commands).text.utf8))
      return .done
    })

  static let completions = CommandSpec(
    path: ["completions"], summary: "print a completion script for a shell",
    arguments: [
      ArgumentSpec(name: "SHELL", completes: .oneOf(Shell.allCases.map(\.rawValue)))
    ],
    examples: [
      Example(
        line: "cordee completions bash > ~/.local/share/bash-completion/completions/cordee",
        meaning: "let bash complete commands and options from the next login on"),
      Example(
        line: "cordee completions fish > ~/.config/fish/completions/cordee.fish",
        meaning: "the same for fish"),
    ],
    run: { invocation in
      guard let shell = Shell(rawValue: invocation.arguments[0]) else { return .usage }
      invocation.console.writeOutput(
        Array(Completions(commands: Cordee.commands).script(for: shell).utf8))
      return .done
    })

  private static func explain(_ words: [String], to console: Console) throws(Failure) -> ExitCode {
    let help = Help(commands: Cordee.commands)
    let name = words.joined(separator: " ")
    if words.isEmpty {
      help.overview(to: console)
    } else if let command = Cordee.commands.first(where: { $0.name == name }) {
      help.command(command, to: console)
    } else if help.isGroup(name) {
      help.group(name, to: console)
    } else if let topic = HelpTopic.all.first(where: { $0.name == name }) {
      topic.show(to: console)
    } else if let table = Schema.registry.table(name) {
      help.table(table, in: .registry, to: console)
    } else {
      let choices = Cordee.commands.map(\.name) + HelpTopic.all.map(\.name) + HelpTopic.tables
      throw .usage(
        "topic.unknown", "There is no help on \"\(name)\"",
        hint: nearest(to: name, among: choices).map { "Did you mean cordee help \($0)?" }
          ?? "Type cordee help for the list.")
    }
    return .done
  }
}

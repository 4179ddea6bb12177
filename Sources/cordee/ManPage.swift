/// The manual page cordee(1), derived from the table of commands; man(7) macros.
struct ManPage: Sendable {
  let commands: [CommandSpec]

  /// The page, to be saved as `cordee.1`.
  var text: String {
    let lines =
      [
        ".TH CORDEE 1 \"\" \(argument("cordee \(Program.version)")) \"User commands\"",
        ".SH NAME", escaped("cordee - \(Help.tagline)", dashes: false),
        ".SH SYNOPSIS", ".B cordee", "COMMAND [WORDS] [OPTIONS]",
        ".SH OPTIONS", escaped("These stand before every command that takes them."),
      ] + Program.leadingOptions.flatMap(lines) + [".SH COMMANDS"] + commands.flatMap(lines)
      + HelpTopic.all.flatMap(lines)
    return lines.joined(separator: "\n") + "\n"
  }

  private func lines(_ command: CommandSpec) -> [String] {
    var lines = [
      ".SS \(argument("cordee \(command.name)"))", escaped("\(command.summary)."), ".PP",
      ".B \(argument("cordee \(command.name)"))",
    ]
    lines.append(escaped(command.usageParts.joined(separator: " ")))
    lines += command.allOptions.flatMap(self.lines)
    lines += command.examples.flatMap { example in
      [".PP", escaped("\(example.meaning):"), ".PP", ".RS", ".EX", escaped(example.line)]
        + [".EE", ".RE"]
    }
    return lines
  }

  private func lines(_ option: OptionSpec) -> [String] {
    [".TP", ".B \(argument(option.usage))", escaped(option.description)]
  }

  private func lines(_ topic: HelpTopic) -> [String] {
    [".SH \(argument(topic.name.uppercased()))"]
      + topic.text.flatMap { line in
        line.hasPrefix(" ") ? [".EX", escaped(line), ".EE"] : [".PP", escaped(line)]
      }
  }

  /// `text` as one argument of a macro.
  private func argument(_ text: String) -> String {
    "\"" + escaped(text) + "\""
  }

  /// `text` as roff takes it literally: no escapes, no requests, dashes that can be copied.
  private func escaped(_ text: String, dashes: Bool = true) -> String {
    var line = text.first == "." || text.first == "'" ? "\\&" : ""
    for character in text {
      switch character {
      case "\\": line += "\\e"
      case "-" where dashes: line += "\\-"
      case "\"": line += "\\(dq"
      case "'": line += "\\(aq"
      case "`": line += "\\(ga"
      case "^": line += "\\(ha"
      case "~": line += "\\(ti"
      default: line.append(character)
      }
    }
    return line
  }
}

/// What the table of commands says for itself.
struct Help: Sendable {
  /// What the program is, in one line.
  static let tagline = "a shared registry that works offline and merges without losing an edit"
  /// Columns the left side of a list takes at most.
  static let leftMax = 30
  /// Examples shown of a group of commands: those of its first ones.
  static let groupExamplesMax = 4

  let commands: [CommandSpec]

  /// Whether `word` begins commands of two words.
  func isGroup(_ word: String) -> Bool {
    commands.contains { $0.path.count > 1 && $0.path[0] == word }
  }

  /// Every command with its summary.
  func overview(to console: Console) {
    console.print("cordee: \(Self.tagline)")
    console.print()
    console.print("Usage: cordee COMMAND [WORDS] [--OPTIONS]")
    console.print()
    console.print(console.bold("Commands"))
    list(commands.map { ($0.name, $0.summary) }, to: console)
    console.print()
    console.print(console.bold("Topics"))
    list(
      HelpTopic.all.map { ("help \($0.name)", $0.summary) } + [
        (
          "help TABLE",
          "a table's fields and what they may hold: \(HelpTopic.tables.joined(separator: ", "))"
        )
      ], to: console)
    console.print()
    console.print(console.bold("Before or behind a command that takes them"))
    list(Program.leadingOptions.map { ($0.usage, $0.summary) }, to: console)
  }

  /// The commands that begin with `word`.
  func group(_ word: String, to console: Console) {
    let members = commands.filter { $0.path[0] == word }
    console.print("Usage: cordee \(word) COMMAND [WORDS] [--OPTIONS]")
    console.print()
    list(members.map { ($0.name, $0.summary) }, to: console)
    console.print()
    console.print(console.bold("Examples"))
    show(members.prefix(Self.groupExamplesMax).compactMap(\.examples.first), to: console)
    console.print()
    console.print("Each command has more with --help, such as cordee \(members[0].name) --help.")
  }

  /// One command: usage, options, examples.
  func command(_ command: CommandSpec, to console: Console) {
    console.print("cordee \(command.name): \(command.summary)")
    console.print()
    for line in usage(command, width: console.width) { console.print(line) }
    console.print()
    console.print(console.bold("Options"))
    list(command.allOptions.map { ($0.usage, $0.description) }, to: console)
    console.print()
    console.print(console.bold("Examples"))
    show(command.examples, to: console)
  }

  private func show(_ examples: [Example], to console: Console) {
    for example in examples {
      console.print("  \(example.line)")
      for line in wrapped(example.meaning, width: console.width - 6) {
        console.print("      \(line)")
      }
    }
  }

  /// What to type next, as the replica at `path` stands.
  func next(to console: Console, path: String?, standing: Standing?) {
    let standing = standing ?? .absent
    console.printValues("\(standing.sentence(path: path ?? "")) Type next:")
    let names = standing.next
    let chosen = names.compactMap { name in commands.first { $0.name == name } }
    list(chosen.map { ("cordee \($0.name)", $0.summary) }, to: console)
  }

  /// The usage line, continued below the first option when it is long.
  func usage(_ command: CommandSpec, width: Int) -> [String] {
    let start = "Usage: cordee \(command.name)"
    // Spaces inside one part must not break.
    var lines: [String] = []
    var line = start
    for part in command.usageParts {
      if displayWidth(line) + 1 + displayWidth(part) > width, line != start {
        lines.append(line)
        line = String(repeating: " ", count: "Usage: cordee".count)
      }
      line += " " + part
    }
    return lines + [line]
  }

  /// Names with what each is, the second column wrapped.
  func list(_ entries: [(String, String)], to console: Console) {
    let left = min(Self.leftMax, entries.map { displayWidth($0.0) }.max() ?? 0)
    let margin = String(repeating: " ", count: left + 4)
    for (name, summary) in entries {
      var lines = wrapped(summary, width: max(24, console.width - left - 4))[...]
      let space = left - displayWidth(name)
      if space >= 0 {
        let first = lines.removeFirst()
        console.print("  " + name + String(repeating: " ", count: space + 2) + first)
      } else {
        console.print("  " + name)
      }
      for line in lines { console.print(margin + line) }
    }
  }
}

extension OptionSpec {
  /// `--name` or `--name VALUE`.
  var usage: String { "--\(long)" + (value.map { " \($0)" } ?? "") }

  /// The summary and what else the table knows.
  var description: String {
    var notes: [String] = []
    if case .oneOf(let words) = completes { notes.append(words.joined(separator: ", ")) }
    if isRequired { notes.append("required") }
    if isRepeated { notes.append("may be repeated") }
    return notes.isEmpty ? summary : "\(summary) (\(notes.joined(separator: "; ")))"
  }
}

extension CommandSpec {
  /// What follows the command's name in its usage line.
  var usageParts: [String] {
    var parts = arguments.map { argument in
      let name = argument.name + (argument.isRepeated ? "..." : "")
      return argument.isOptional ? "[\(name)]" : name
    }
    if !exactlyOne.isEmpty {
      let choices = options.filter { exactlyOne.contains($0.long) }.map(\.usage)
      parts.append("(\(choices.joined(separator: " | ")))")
    }
    for option in allOptions where option.long != "help" && !exactlyOne.contains(option.long) {
      let usage = option.isRequired ? option.usage : "[\(option.usage)]"
      parts.append(usage + (option.isRepeated ? "..." : ""))
    }
    return parts
  }
}

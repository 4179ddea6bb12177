/// The command line: finds the command in the table, reads its words, runs it, says how it ended.
struct Program: Sendable {
  /// What `--version` says.
  static let version = "0.1.0"
  /// What may stand before the command.
  static let leadingOptions: [OptionSpec] = [.help, .version, .replica, .json]

  let commands: [CommandSpec]
  let console: Console
  let paths: Paths
  /// How the replica at a path stands; nil when there is none.
  let standing: @Sendable (String) -> Standing?

  /// Runs one command line, without the program's own name; never prompts.
  func run(_ words: [String]) -> ExitCode {
    do {
      return try start(words)
    } catch {
      let failure = Failure(error)
      console.report(failure, asJSON: Self.wantsJSON(words))
      return failure.exit
    }
  }

  /// Whether errors are for programs: `--json` anywhere, abbreviated as getopt_long takes it.
  static func wantsJSON(_ words: [String]) -> Bool {
    words.prefix { $0 != "--" }.contains { $0.utf8.count > 2 && "--json".hasPrefix($0) }
  }

  private func start(_ words: [String]) throws -> ExitCode {
    let leading = try OptionParser.parse(words, options: Self.leadingOptions, stops: true)
    if leading.values["version"] != nil { return printVersion() }
    let wantsHelp = leading.values["help"] != nil
    guard let first = leading.arguments.first else {
      if wantsHelp {
        help.overview(to: console)
      } else {
        let path = try? paths.replica(option: leading.values["replica"]?.last)
        help.next(to: console, path: path, standing: path.flatMap(standing))
      }
      return .done
    }
    guard let command = command(in: leading.arguments) else {
      let asked = leading.arguments.dropFirst()
      if wantsHelp || asked.first == "--help" || asked.first == "-h", help.isGroup(first) {
        help.group(first, to: console)
        return .done
      }
      if asked.first == "--version", help.isGroup(first) { return printVersion() }
      throw unknown(leading.arguments)
    }
    let rest = Array(leading.arguments.dropFirst(command.path.count))
    var parsed = try OptionParser.parse(rest, options: command.allOptions)
    if wantsHelp || parsed.values["help"] != nil {
      help.command(command, to: console)
      return .done
    }
    if parsed.values["version"] != nil { return printVersion() }
    try parsed.take(leading: leading, for: command)
    try command.check(parsed)
    let exit = try command.run(
      Invocation(
        command: command, arguments: parsed.arguments, values: parsed.values, console: console,
        paths: paths))
    assert(exit != .needsPerson || command.asksPerson, "\(command.name) may not end with 3")
    return exit
  }

  private func printVersion() -> ExitCode {
    console.print("cordee \(Self.version)")
    return .done
  }

  private var help: Help { Help(commands: commands) }

  private func command(in words: [String]) -> CommandSpec? {
    commands.first { words.starts(with: $0.path) }
  }

  private func unknown(_ words: [String]) -> Failure {
    let group = help.isGroup(words[0]) ? words[0] : nil
    let choices = commands.compactMap { command in
      guard let group else { return command.path.first }
      return command.path.count > 1 && command.path[0] == group ? command.path[1] : nil
    }
    if let group, words.count == 1 || words[1].hasPrefix("-") {
      return .usage(
        "command.incomplete", "cordee \(group) needs to know what to do",
        hint: "Type cordee \(group) and one of: \(choices.joined(separator: ", ")).")
    }
    let typed = group == nil ? words[0] : words[1]
    let before = group.map { "\($0) " } ?? ""
    return .usage(
      "command.unknown", "Unknown command \(before)\(typed)",
      hint: nearest(to: typed, among: choices).map { "Did you mean cordee \(before)\($0)?" }
        ?? "Type cordee --help for the list.")
  }
}

extension ParsedWords {
  /// Takes over what stood before the command.
  fileprivate mutating func take(
    leading: ParsedWords, for command: CommandSpec
  ) throws(Failure) {
    for (name, texts) in leading.values where name != "help" {
      guard command.allOptions.contains(where: { $0.long == name }) else {
        throw .usage(
          "option.unknown", "cordee \(command.name) takes no --\(name)",
          hint: "Type cordee \(command.name) --help.")
      }
      guard texts.isEmpty || values[name] == nil else {
        throw .usage("option.twice", "--\(name) is given twice", hint: "Give it once.")
      }
      values[name] = texts
    }
  }
}

extension CommandSpec {
  /// Whether the words make sense for this command, as far as the table tells.
  fileprivate func check(_ parsed: ParsedWords) throws(Failure) {
    let hint = "Type cordee \(name) --help."
    let needed = arguments.filter { !$0.isOptional }
    if parsed.arguments.count < needed.count {
      let lacking = needed[parsed.arguments.count].name
      throw .usage("argument.missing", "cordee \(name) needs \(lacking)", hint: hint)
    }
    let isOpen = arguments.contains { $0.isRepeated }
    if !isOpen, parsed.arguments.count > arguments.count {
      let extra = parsed.arguments[arguments.count]
      throw .usage("argument.extra", "cordee \(name) does not take \"\(extra)\"", hint: hint)
    }
    for (argument, text) in zip(arguments, parsed.arguments) {
      try Self.check(text, argument.completes, called: argument.name)
    }
    for option in options {
      for text in parsed.values[option.long] ?? [] {
        try Self.check(text, option.completes, called: "--\(option.long)")
      }
      guard option.isRequired, parsed.values[option.long]?.last ?? "" == "" else { continue }
      throw .usage(
        "option.missing", "cordee \(name) needs --\(option.long) \(option.value ?? "")", hint: hint)
    }
    let given = exactlyOne.filter { parsed.values[$0] != nil }
    if !exactlyOne.isEmpty, given.count != 1 {
      let choices = exactlyOne.map { "--\($0)" }.joined(separator: " or ")
      throw .usage("option.exactly-one", "cordee \(name) needs either \(choices)", hint: hint)
    }
  }

  private static func check(
    _ text: String, _ allowed: Completion, called name: String
  ) throws(Failure) {
    guard case .oneOf(let words) = allowed, !words.contains(text) else { return }
    let nearest = nearest(to: text, among: words).map { "Did you mean \($0)?" }
    throw .usage(
      "value.unknown", "\(name) cannot be \"\(text)\"",
      hint: nearest ?? "It is one of: \(words.joined(separator: ", ")).")
  }
}

/// What can be typed for a value; shells complete it.
enum Completion: Equatable, Sendable {
  /// Nothing we know.
  case nothing
  /// A file's path.
  case file
  /// A folder's path.
  case directory
  /// One of these, others being possible.
  case words([String])
  /// One of these and nothing else.
  case oneOf([String])
}

/// One word a command takes by its place.
struct ArgumentSpec: Sendable {
  let name: String
  var isOptional = false
  var isRepeated = false
  var completes = Completion.nothing
}

/// One `--option`.
struct OptionSpec: Sendable {
  /// Name without the dashes.
  let long: String
  /// What its value is called in help; nil for a switch.
  var value: String?
  var isRequired = false
  var isRepeated = false
  let summary: String
  var completes = Completion.nothing
}

/// A line to type and what it does.
struct Example: Sendable {
  let line: String
  let meaning: String
}

/// One command: everything its parsing, help and completions are derived from.
struct CommandSpec: Sendable {
  /// The words that name it, such as `central init`.
  let path: [String]
  /// What it does, one line without a full stop.
  let summary: String
  var arguments: [ArgumentSpec] = []
  var options: [OptionSpec] = []
  /// Options of which exactly one must be given.
  var exactlyOne: [String] = []
  let examples: [Example]
  /// Has something to say to programs: takes `--json`.
  var takesJSON = false
  /// May end with `ExitCode.needsPerson`; no other command does.
  var asksPerson = false
  /// Works on the member's replica: takes `--replica FILE`.
  var usesReplica = false
  let run: @Sendable (Invocation) throws -> ExitCode

  /// The words that name it.
  var name: String { path.joined(separator: " ") }

  /// Its own options, then those its kind brings.
  var allOptions: [OptionSpec] {
    options + (usesReplica ? [.replica] : []) + (takesJSON ? [.json] : []) + [.help, .version]
  }
}

extension OptionSpec {
  static let replica = OptionSpec(
    long: "replica", value: "FILE", summary: "the replica to use; see \"cordee help environment\"",
    completes: .file)
  static let json = OptionSpec(long: "json", summary: "print JSON instead of text")
  static let help = OptionSpec(long: "help", summary: "print this help")
  static let version = OptionSpec(long: "version", summary: "print the version")
}

/// One understood command line.
struct Invocation: Sendable {
  let command: CommandSpec
  /// The words taken by their place, in order.
  let arguments: [String]
  /// Option name → values in order; a switch has none.
  let values: [String: [String]]
  /// Where to write.
  let console: Console
  /// Where the user's files are.
  let paths: Paths

  /// The value of an option given once.
  func option(_ name: String) -> String? { values[name]?.last }

  /// The values of an option given any number of times.
  func options(_ name: String) -> [String] { values[name] ?? [] }

  /// Whether a switch was given.
  func flag(_ name: String) -> Bool { values[name] != nil }

  /// Whether the output is for programs.
  var wantsJSON: Bool { flag("json") }

  /// The argument called `name`, the first of those repeated, nil when left out.
  func argument(_ name: String) -> String? {
    guard let place = command.arguments.firstIndex(where: { $0.name == name }),
      place < arguments.count
    else { return nil }
    return arguments[place]
  }

  /// The path of the replica this command works on.
  func replicaPath() throws(Failure) -> String {
    try paths.replica(option: option("replica"))
  }

  /// The `FIELD=VALUE` words after the first argument.
  func fields() throws(Failure) -> [FieldArgument] {
    try FieldArguments.parse(arguments.dropFirst())
  }

  /// The span of time an option gives, as `15m`.
  func duration(_ name: String) throws(Failure) -> Duration? {
    guard let text = option(name) else { return nil }
    guard let duration = Durations.parse(text) else {
      throw .usage(
        "option.duration", "--\(name) \(text) is no span of time",
        hint: "Write a whole number and s, m, h or d, such as 15m.")
    }
    return duration
  }

  /// The label of the moment an option gives, as `2d`, `2026-01-31` or `2026-01-31T10:00Z`; nil when it is not given.
  func moment(_ name: String, now: Int64) throws(Failure) -> String? {
    guard let text = option(name) else { return nil }
    guard let label = Moments.label(text, now: now) else {
      throw .usage(
        "option.duration", "--\(name) \(text) is no span of time, no day and no time",
        hint: "Write 15m or 2d, a day as 2026-01-31, or a time as 2026-01-31T10:00Z.")
    }
    return label
  }

  /// The whole number an option gives, within `range`.
  func integer(_ name: String, in range: ClosedRange<Int>) throws(Failure) -> Int? {
    guard let text = option(name) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw .usage(
        "option.number", "--\(name) \(text) is out of range",
        hint: "Give a whole number from \(range.lowerBound) to \(range.upperBound).")
    }
    return number
  }
}

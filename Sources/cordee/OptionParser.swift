import CShims
import Synchronization

/// What getopt_long made of some words.
struct ParsedWords: Sendable {
  /// Option name → values in order; a switch has none.
  var values: [String: [String]] = [:]
  /// The words that are no options, in order.
  var arguments: [String] = []
}

/// The typed face of glibc's getopt_long: permuting, `--` ends the options, abbreviations taken.
enum OptionParser {
  // getopt_long keeps its place in globals.
  private static let turn = Mutex(())

  /// Reads `words`.
  ///
  /// - Parameters:
  ///   - options: what may stand among the words.
  ///   - stops: whether the first word that is no option ends the parse.
  /// - Throws: `option.unknown`, `option.value-missing`, `option.value-unwanted`, `option.twice`.
  static func parse(
    _ words: [String], options: [OptionSpec], stops: Bool = false
  ) throws(Failure) -> ParsedWords {
    try turn.withLock { _ throws(Failure) in
      try read(words, options, stops)
    }
  }

  private static func read(
    _ words: [String], _ options: [OptionSpec], _ stops: Bool
  ) throws(Failure) -> ParsedWords {
    guard let parser = unsafe cordee_getopt_create(stops ? 1 : 0) else { throw .noMemory }
    defer { unsafe cordee_getopt_free(parser) }
    for word in words {
      guard unsafe cordee_getopt_add_word(parser, word) == 1 else { throw .noMemory }
    }
    for option in options {
      let takesValue: Int32 = option.value == nil ? 0 : 1
      guard unsafe cordee_getopt_add_option(parser, option.long, takesValue) == 1 else {
        throw .noMemory
      }
    }
    var parsed = ParsedWords()
    while true {
      let met = Int(unsafe cordee_getopt_next(parser))
      if met == CORDEE_GETOPT_END { break }
      let text = unsafe cordee_getopt_text(parser).map { unsafe String(cString: $0) } ?? ""
      guard met >= 0 else {
        if met == CORDEE_GETOPT_HELP {
          parsed.values["help"] = []
          continue
        }
        throw refusal(met, text, options)
      }
      try parsed.take(options[met], text)
    }
    while let word = unsafe cordee_getopt_rest(parser, Int32(parsed.arguments.count)) {
      parsed.arguments.append(unsafe String(cString: word))
    }
    return parsed
  }

  private static func refusal(_ met: Int, _ text: String, _ options: [OptionSpec]) -> Failure {
    let option = options.first { $0.long == text }
    switch met {
    case CORDEE_GETOPT_VALUE_MISSING:
      return .usage(
        "option.value-missing", "--\(text) needs a value",
        hint: "Write --\(text) \(option?.value ?? "VALUE").")
    case CORDEE_GETOPT_VALUE_UNWANTED:
      return .usage(
        "option.value-unwanted", "--\(text) takes no value", hint: "Write --\(text) alone.")
    default:
      return unknown(text, options)
    }
  }

  private static func unknown(_ word: String, _ options: [OptionSpec]) -> Failure {
    let typed = word.prefix { $0 != "=" }
    let name = String(typed.drop { $0 == "-" })
    let starting = options.map(\.long).filter { $0.hasPrefix(name) }
    if typed.hasPrefix("--"), starting.count > 1 {
      let choices = starting.map { "--\($0)" }.joined(separator: " or ")
      return .usage(
        "option.ambiguous", "Option \(typed) is ambiguous", hint: "Write \(choices).")
    }
    let nearest = nearest(to: name, among: options.map(\.long))
    return .usage(
      "option.unknown", "Unknown option \(typed)",
      hint: nearest.map { "Did you mean --\($0)?" }
        ?? "Write -- before words that begin with a dash.")
  }
}

extension ParsedWords {
  fileprivate mutating func take(_ option: OptionSpec, _ text: String) throws(Failure) {
    guard option.value != nil else {
      values[option.long] = []
      return
    }
    guard option.isRepeated || values[option.long] == nil else {
      throw .usage("option.twice", "--\(option.long) is given twice", hint: "Give it once.")
    }
    values[option.long, default: []].append(text)
  }
}

extension Failure {
  fileprivate static var noMemory: Failure {
    Failure(code: "memory.out", message: "Memory ran out while the command line was read")
  }
}

import Registry
import Replica
import Store

/// A person's word that something was looked into: what `--settle` and `--note` say.
struct Settling {
  /// The number that was named; nil for all.
  let id: Int?
  /// What came of it.
  let note: String

  /// Reads the options; nil when nothing is to be settled.
  ///
  /// - Parameters:
  ///   - what: what the number is of.
  ///   - takesAll: whether `all` may stand for every number.
  init?(_ invocation: Invocation, of what: String, takesAll: Bool = false) throws(Failure) {
    guard let word = invocation.option("settle") else {
      guard invocation.option("note") == nil else {
        throw Failure.usage(
          "option.together", "--note goes with --settle", hint: "Say what it is a note on.")
      }
      return nil
    }
    id = takesAll && word == "all" ? nil : Int(word)
    guard id ?? 1 > 0, id != nil || (takesAll && word == "all") else {
      throw Failure.usage(
        "option.number", "--settle \(word) is no number of \(what)",
        hint: "`cordee \(invocation.command.name)` lists them.")
    }
    note = invocation.option("note") ?? ""
    guard !note.isEmpty, note.utf8.count <= CommandLimits.noteBytesMax else {
      throw Failure.usage(
        "\(invocation.command.name).note",
        "--settle needs --note TEXT, \(CommandLimits.noteBytesMax) bytes at most",
        hint: "Say what came of it, for whoever asks later.")
    }
  }
}

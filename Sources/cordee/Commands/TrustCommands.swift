/// The commands that show whether a file can be trusted.
enum TrustCommands {
  static let all = [verify]

  static let verify = CommandSpec(
    path: ["verify"], summary: "check every byte of the replica against its history",
    options: [
      OptionSpec(
        long: "against", value: "FILE",
        summary: "compare with another copy and name the first difference",
        completes: .file)
    ],
    examples: [
      Example(
        line: "cordee verify", meaning: "exit 0: sound; 1: damage or forgery; 3: not whole yet"),
      Example(
        line: "cordee verify --against copy.sqlite",
        meaning: "whether two members were told the same"),
    ],
    usesReplica: true, run: TrustActions.verify)
}

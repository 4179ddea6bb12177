/// Commands that join a network, meet central and say how things stand.
enum SyncCommands {
  static let all = [demo, join, sync, status]

  static let demo = CommandSpec(
    path: ["demo"], summary: "try everything on this machine, in a folder of its own",
    options: [
      OptionSpec(
        long: "seed", value: "FILE",
        summary: "the founding records, seed-records.json, where the demo does not find them",
        completes: .file)
    ],
    examples: [
      Example(
        line: "cordee demo",
        meaning: "a central node and replicas that edit apart, merge and agree")
    ],
    run: SyncActions.demo)

  static let join = CommandSpec(
    path: ["join"], summary: "enrol this device with an invite and fetch the registry",
    arguments: [ArgumentSpec(name: "INVITE")],
    options: [
      OptionSpec(
        long: "name", value: "TEXT",
        summary: "what others see this device called, beside its organisation"),
      OptionSpec(
        long: "adopt",
        summary: "give a copied replica a key of its own; its unsent edits go with it"),
      OptionSpec(
        long: "allow-plain-http", summary: "go on without TLS beyond this machine"),
    ],
    examples: [
      Example(
        line: "cordee join INVITE --name 'Office laptop'",
        meaning: "make the replica; INVITE is what the secretariat sent"),
      Example(
        line: "cordee join INVITE --adopt --replica copy.sqlite",
        meaning: "go on with a copy whose key is on another machine"),
    ],
    takesJSON: true, usesReplica: true, run: SyncActions.join)

  static let sync = CommandSpec(
    path: ["sync"], summary: "send this replica's changes and fetch the others'",
    options: [
      OptionSpec(
        long: "every", value: "T", summary: "go on until stopped, with this pause, such as 15m",
        completes: .words(["1m", "15m", "1h", "6h"])),
      OptionSpec(long: "dry-run", summary: "tell what would go both ways and change nothing"),
      OptionSpec(
        long: "no-history", summary: "fetch what holds now without the changes behind it"),
    ],
    examples: [
      Example(line: "cordee sync", meaning: "meet central once"),
      Example(line: "cordee sync --every 15m", meaning: "stay in touch until Ctrl-C"),
    ],
    takesJSON: true, asksPerson: true, usesReplica: true, run: SyncActions.sync)

  static let status = CommandSpec(
    path: ["status"], summary: "say what is local, received, merged and in conflict",
    examples: [
      Example(
        line: "cordee status", meaning: "where this replica and each of its changes stand")
    ],
    takesJSON: true, asksPerson: true, usesReplica: true, run: SyncActions.status)
}

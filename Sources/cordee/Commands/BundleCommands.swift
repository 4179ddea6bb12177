/// Commands that carry changes where no network goes.
enum BundleCommands {
  static let all = [export, bundleImport, evidence]

  private static let data = OptionSpec(
    long: "data", value: "DIR",
    summary: "work on the central node in this folder, not on a replica",
    completes: .directory)

  static let export = CommandSpec(
    path: ["bundle", "export"],
    summary: "write a file that carries changes to central, or central's log to members",
    arguments: [ArgumentSpec(name: "FILE", completes: .file)],
    options: [
      OptionSpec(
        long: "log", summary: "write what this replica holds of central's log, for other members"),
      OptionSpec(
        long: "for", value: "REPLICA",
        summary: "the device it is for: only spaces that device may read"),
      OptionSpec(
        long: "since", value: "N", summary: "of the log, only what comes after this entry"),
      OptionSpec(long: "plain", summary: "do not compress"), data,
    ],
    examples: [
      Example(
        line: "cordee bundle export /media/usb/mine.cordee",
        meaning: "what central has not judged yet; whoever meets central first brings it"),
      Example(
        line: "cordee bundle export --log for-train.cordee",
        meaning: "pass on what you know to a member beside you"),
      Example(
        line: "cordee bundle export --data /srv/cordee --for 3f2a quito.cordee",
        meaning: "central's log and receipts for a member behind a wall"),
    ],
    takesJSON: true, usesReplica: true, run: BundleActions.export)

  static let bundleImport = CommandSpec(
    path: ["bundle", "import"],
    summary: "take a file that carries changes or central's log",
    arguments: [ArgumentSpec(name: "FILE", completes: .file)],
    options: [data],
    examples: [
      Example(
        line: "cordee bundle import quito.cordee",
        meaning: "central's log takes effect; a member's changes are carried to central"),
      Example(
        line: "cordee bundle import --data /srv/cordee mine.cordee",
        meaning: "put a member's changes into central's inbox"),
    ],
    takesJSON: true, usesReplica: true, run: BundleActions.importBundle)

  static let evidence = CommandSpec(
    path: ["evidence"],
    summary: "list what central signed against itself, or write it down for anybody to check",
    arguments: [ArgumentSpec(name: "FILE", isOptional: true, completes: .file)],
    options: [
      OptionSpec(
        long: "settle", value: "ID", summary: "note that this piece was looked into; it stays kept"),
      OptionSpec(long: "note", value: "TEXT", summary: "with --settle: what came of it"),
    ],
    examples: [
      Example(line: "cordee evidence", meaning: "each piece with its number and how it stands"),
      Example(line: "cordee evidence evidence.ndjson", meaning: "statements with their signatures"),
      Example(
        line: "cordee evidence --settle 1 --note 'Restored twice on 3 May, as the minutes say'",
        meaning: "a settled piece no longer asks for a person; a new one does"),
    ],
    takesJSON: true, usesReplica: true, run: EvidenceActions.run)
}

/// The commands that show whether a file can be trusted.
enum TrustCommands {
  static let all = [verify, doctor, backup, restore]

  static let verify = CommandSpec(
    path: ["verify"],
    summary: "check every byte of a file against its history, and change none",
    options: [
      OptionSpec(
        long: "data", value: "DIR", summary: "check central's own file, serving or not",
        completes: .directory),
      OptionSpec(
        long: "against", value: "FILE",
        summary: "compare with another copy, or a bundle, and name the first difference",
        completes: .file),
    ],
    examples: [
      Example(
        line: "cordee verify",
        meaning: "exit 0: sound; 1: damage or forgery; 3: sound as far as it can be shown"),
      Example(
        line: "cordee verify --json",
        meaning: "why 3: history.missing (not fetched), witness.missing (another copy may write)"),
      Example(
        line: "cordee verify --replica old.sqlite",
        meaning: "witness.ahead (3): older than what was written here; witness.copy (0): a backup"),
      Example(
        line: "cordee verify --against copy.sqlite",
        meaning: "whether two members were told the same"),
      Example(
        line: "cordee verify --data /srv/cordee",
        meaning: "check central's log, its inbox and what it keeps of invites and devices"),
    ],
    takesJSON: true, asksPerson: true, usesReplica: true, run: VerifyAction.run)

  static let doctor = CommandSpec(
    path: ["doctor"], summary: "look at everything around a file that can go wrong",
    options: [
      OptionSpec(
        long: "data", value: "DIR", summary: "look at a central node, serving or not",
        completes: .directory),
      OptionSpec(
        long: "fix", summary: "say what can be mended without a risk, and mend it"),
    ],
    examples: [
      Example(
        line: "cordee doctor",
        meaning: "settings, disk, key, folders, clock, unsent work, last backup"),
      Example(
        line: "cordee doctor --data /srv/cordee --fix",
        meaning: "the same for central: what waits, what was set aside, what others can read"),
    ],
    takesJSON: true, asksPerson: true, usesReplica: true, run: DoctorActions.doctor)

  static let backup = CommandSpec(
    path: ["backup"], summary: "copy the replica while it is in use, and check the copy",
    arguments: [ArgumentSpec(name: "FILE", completes: .file)],
    examples: [
      Example(line: "cordee backup /media/usb/replica.sqlite", meaning: "one file, without the key")
    ],
    takesJSON: true, usesReplica: true, run: BackupActions.backup)

  static let restore = CommandSpec(
    path: ["restore"], summary: "put a backup in the replica's place, and keep what was there",
    arguments: [ArgumentSpec(name: "FILE", completes: .file)],
    examples: [
      Example(
        line: "cordee restore /media/usb/replica.sqlite",
        meaning: "check it, then go on from it; the next sync begins a new epoch")
    ],
    takesJSON: true, usesReplica: true, run: RestoreAction.run)
}

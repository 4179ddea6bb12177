/// The commands that show whether a file can be trusted.
enum TrustCommands {
  static let all = [verify, doctor, backup, restore]

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
    takesJSON: true, usesReplica: true, run: TrustActions.verify)

  static let doctor = CommandSpec(
    path: ["doctor"], summary: "look at everything around the replica that can go wrong",
    options: [OptionSpec(long: "fix", summary: "mend what can be mended without a risk")],
    examples: [
      Example(
        line: "cordee doctor", meaning: "settings, disk, key, clock, unsent work, last backup")
    ],
    takesJSON: true, usesReplica: true, run: DoctorActions.doctor)

  static let backup = CommandSpec(
    path: ["backup"], summary: "copy the replica while it is in use, and check the copy",
    arguments: [ArgumentSpec(name: "FILE", completes: .file)],
    examples: [
      Example(line: "cordee backup /media/usb/replica.sqlite", meaning: "one file, without the key")
    ],
    takesJSON: true, usesReplica: true, run: TrustActions.backup)

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

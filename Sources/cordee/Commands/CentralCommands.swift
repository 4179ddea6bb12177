import Changes
import Registry

/// Commands of whoever keeps the central node.
enum CentralCommands {
  static let all = [
    initialise, serve, merge, invite, members, status, reports, revoke, backup, restore,
  ]

  private static let data = OptionSpec(
    long: "data", value: "DIR", isRequired: true, summary: "the folder of the central node",
    completes: .directory)

  static let initialise = CommandSpec(
    path: ["central", "init"], summary: "make a central node in a new folder",
    options: [
      data,
      OptionSpec(
        long: "name", value: "NAME", isRequired: true, summary: "what members see it called"),
      OptionSpec(
        long: "url", value: "URL", isRequired: true, summary: "where members reach it"),
      OptionSpec(
        long: "seed", value: "FILE", summary: "records to begin with", completes: .file),
      OptionSpec(
        long: "recover", value: "KEYFILE",
        summary: "make a lost node again from its key; members give the log back",
        completes: .file),
      OptionSpec(long: "network", value: "ID", summary: "with --recover: the network's id"),
      OptionSpec(
        long: "allow-plain-http", summary: "let members come without TLS beyond this machine"),
    ],
    examples: [
      Example(
        line: "cordee central init --data /srv/cordee --name Secretariat"
          + " --url https://registry.example",
        meaning: "make a registry that members reach at this address, holding the keeper alone"),
      Example(
        line: "cordee central init --data here --name Trial --url http://localhost:8080"
          + " --seed seed-records.json",
        meaning: "make one to try on this machine, with records"),
    ],
    takesJSON: true, run: CentralActions.initialise)

  static let serve = CommandSpec(
    path: ["central", "serve"], summary: "answer members and merge on a schedule",
    options: [
      data,
      OptionSpec(
        long: "listen", value: "HOST:PORT",
        summary: "where to listen (127.0.0.1:8080); beyond this machine 0.0.0.0:8080"),
      OptionSpec(
        long: "proxy", value: "ADDRESSES",
        summary: "of proxies, with commas between; this machine is always one"),
      OptionSpec(
        long: "merge", value: "SCHEDULE",
        summary: "when to merge (every 15m); see \"cordee help schedules\"",
        completes: .words(["on-push", "hourly", "manual"])),
    ],
    examples: [
      Example(
        line: "cordee central serve --data /srv/cordee --merge 'every 6h'",
        meaning: "serve behind a proxy and merge every six hours; Ctrl-C stops in good order"),
      Example(
        line: "cordee central serve --data /srv/cordee --merge 'daily 02:00 Europe/Paris'",
        meaning: "merge each night when a clock in Paris shows two"),
      Example(
        line: "cordee central serve --data /srv/cordee --listen 192.0.2.1:8080 --proxy 192.0.2.7",
        meaning: "serve behind a TLS proxy on another machine; one on this machine needs no word"),
    ],
    run: CentralActions.serve)

  static let merge = CommandSpec(
    path: ["central", "merge"], summary: "merge now what members have sent",
    options: [
      data,
      OptionSpec(long: "dry-run", summary: "tell what a merge would do and change nothing"),
    ],
    examples: [
      Example(
        line: "cordee central merge --data /srv/cordee --dry-run",
        meaning:
          "read the report of the merge to come; exit 3: it refuses something or opens a conflict")
    ],
    takesJSON: true, asksPerson: true, run: CentralActions.merge)

  static let invite = CommandSpec(
    path: ["central", "invite"], summary: "print a one-time invite for a member's device",
    options: [
      data,
      OptionSpec(
        long: "organisation", value: "REF", isRequired: true, summary: "whom it will speak for"),
      OptionSpec(
        long: "role", value: "ROLE", isRequired: true, summary: "what it may do",
        completes: .oneOf(Schema.registry.roles.map(\.name))),
      OptionSpec(long: "days", value: "N", summary: "days the invite holds, 1 to 30 (3)"),
    ],
    examples: [
      Example(
        line: "cordee central invite --data /srv/cordee --organisation ecuador --role secretariat",
        meaning: "print the invite; send it over a way you trust")
    ],
    takesJSON: true, run: CentralActions.invite)

  static let members = CommandSpec(
    path: ["central", "members"], summary: "list the devices that are enrolled",
    options: [data],
    examples: [
      Example(
        line: "cordee central members --data /srv/cordee",
        meaning: "who is enrolled, for whom, and in which role")
    ],
    takesJSON: true, run: CentralActions.members)

  static let status = CommandSpec(
    path: ["central", "status"], summary: "say how the central node is",
    options: [data],
    examples: [
      Example(
        line: "cordee central status --data /srv/cordee",
        meaning:
          "what waits in the inbox, what was refused, the next merge; exit 3: a restore or a conflict is open,"
          + " or refusals were not looked at in central reports")
    ],
    takesJSON: true, asksPerson: true, run: CentralActions.status)

  static let reports = CommandSpec(
    path: ["central", "reports"], summary: "list the merges and what each did, newest first",
    options: [
      data, OptionSpec(long: "last", value: "N", summary: "how many of them, 1 to 1000 (20)"),
    ],
    examples: [
      Example(
        line: "cordee central reports --data /srv/cordee --last 3",
        meaning:
          "the last three: who was heard, what waits for whom, what was refused; status then asks no more"
      ),
      Example(
        line: "cordee central reports --data /srv/cordee --json",
        meaning: "the merge reports for a program"),
    ],
    takesJSON: true, run: CentralActions.reports)

  static let revoke = CommandSpec(
    path: ["central", "revoke"], summary: "stop accepting a device's changes",
    arguments: [ArgumentSpec(name: "REPLICA")], options: [data],
    examples: [
      Example(
        line: "cordee central revoke 0f3c9a --data /srv/cordee",
        meaning: "after a loss: nothing more is taken from it or given to it")
    ],
    takesJSON: true, run: CentralActions.revoke)

  static let backup = CommandSpec(
    path: ["central", "backup"], summary: "copy central's file while it serves, and check the copy",
    arguments: [ArgumentSpec(name: "FILE", completes: .file)], options: [data],
    examples: [
      Example(
        line: "cordee central backup /mnt/backup/central.sqlite --data /srv/cordee",
        meaning: "one file; central.key is kept apart from it")
    ],
    takesJSON: true, run: BackupActions.centralBackup)

  static let restore = CommandSpec(
    path: ["central", "restore"],
    summary:
      "begin another life after a restore, and accept it once members gave back what was lost",
    options: [
      data,
      OptionSpec(
        long: "from", value: "FILE",
        summary:
          "put this backup in the node's place; without it the file as it stands begins another life",
        completes: .file),
      OptionSpec(long: "accept", summary: "take over what members gave back, and merge again"),
      OptionSpec(
        long: "tail", value: "HASH",
        summary:
          "with --accept, where histories differ: the one to follow, or own for the node's log;"
          + " own alone is possible where the log went on another way"),
      OptionSpec(
        long: "lost", value: "ACTOR:N", summary: "give up a change that is waited for and gone"),
    ],
    examples: [
      Example(
        line: "cordee central restore --data /srv/cordee --from /mnt/backup/central.sqlite",
        meaning: "restore; the node takes offers until it is accepted"),
      Example(
        line: "cordee central restore --data /srv/cordee",
        meaning:
          "after the file was put back by hand: begin another life at once; run again it tells how that stands"
      ),
      Example(
        line: "cordee central restore --data /srv/cordee --accept",
        meaning:
          "after members have synced: go on from what they gave back; what is not followed is judged anew"
      ),
    ],
    takesJSON: true, run: CentralRestoreActions.restore)
}

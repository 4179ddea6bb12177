import Changes
import Registry

/// Commands that only read the replica.
enum ReadCommands {
  static let all = [list, get, history, conflicts, refusals, officialList, log, dump, digest]

  private static let space = OptionSpec(
    long: "space", value: "S", summary: "the space to read (commons)",
    completes: .oneOf(Schema.registry.spaces))

  static let list = CommandSpec(
    path: ["list"], summary: "list the tables, or the rows of one",
    arguments: [
      ArgumentSpec(
        name: "TABLE", isOptional: true, completes: .words(Schema.registry.tables.map(\.name)))
    ],
    options: [
      OptionSpec(
        long: "where", value: "FIELD=VALUE", isRepeated: true, summary: "only rows that hold this"),
      OptionSpec(long: "sort", value: "FIELD", summary: "the order of the rows"),
    ],
    examples: [
      Example(line: "cordee list", meaning: "the tables and how many rows each holds"),
      Example(
        line: "cordee list organisation --where country=FR --sort name_en",
        meaning: "the organisations of one country by name"),
    ],
    takesJSON: true, usesReplica: true, run: ReadActions.list)

  static let get = CommandSpec(
    path: ["get"], summary: "show one row with every field",
    arguments: [ArgumentSpec(name: "REF")],
    examples: [
      Example(line: "cordee get organisation/ecuador", meaning: "the row with this short name"),
      Example(line: "cordee get 5e8688a8", meaning: "the row whose id begins so"),
    ],
    takesJSON: true, usesReplica: true, run: ReadActions.get)

  static let history = CommandSpec(
    path: ["history"], summary: "show who wrote what, for a row or one of its fields",
    arguments: [ArgumentSpec(name: "REF"), ArgumentSpec(name: "FIELD", isOptional: true)],
    examples: [
      Example(
        line: "cordee history organisation/ecuador name_en",
        meaning: "every value the name had, and whose")
    ],
    takesJSON: true, usesReplica: true, run: ReadActions.history)

  static let conflicts = CommandSpec(
    path: ["conflicts"], summary: "list the fields that hold several values",
    examples: [
      Example(
        line: "cordee conflicts", meaning: "each value with its number for \"cordee resolve\"")
    ],
    takesJSON: true, asksPerson: true, usesReplica: true, run: ReadActions.conflicts)

  static let refusals = CommandSpec(
    path: ["refusals"],
    summary: "list the changes made here that central refused, and how to write them again",
    options: [
      OptionSpec(
        long: "settle", value: "ID",
        summary: "note that a person has seen this one, or all that are open; it stays kept",
        completes: .words(["all"])),
      OptionSpec(long: "note", value: "TEXT", summary: "with --settle: what came of it"),
    ],
    examples: [
      Example(
        line: "cordee refusals", meaning: "each with its number, the reason, and what was written"),
      Example(
        line: "cordee refusals --settle 14 --note 'Written again with the code that is in use'",
        meaning: "a settled one no longer asks for a person; a new one does"),
      Example(
        line: "cordee refusals --settle all --note 'Sent by mistake'",
        meaning: "the same for all that are open"),
    ],
    takesJSON: true, usesReplica: true, run: RefusalActions.run)

  static let officialList = CommandSpec(
    path: ["official-list"], summary: "print the official list as it stood on a day",
    options: [
      OptionSpec(long: "on", value: "DATE", summary: "the day, as 2014-09-17 (the newest known)"),
      OptionSpec(
        long: "format", value: "FORMAT", summary: "how to print it",
        completes: .oneOf(["text", "json", "csv", "html"])),
    ],
    examples: [
      Example(
        line: "cordee official-list --on 2014-09-17 --format csv",
        meaning: "the list of that day for a spreadsheet; ' before a text keeps it from being run"),
      Example(
        line: "cordee official-list --format html > list.html",
        meaning: "the newest list as a page to print or to post"),
    ],
    takesJSON: true, usesReplica: true, run: ReadActions.officialList)

  static let log = CommandSpec(
    path: ["log"], summary: "list the changes, newest last",
    options: [
      OptionSpec(
        long: "since", value: "T",
        summary: "only those since T: 2d, 2026-01-31 or 2026-01-31T10:00Z",
        completes: .words(["1h", "1d", "7d", "30d"]))
    ],
    examples: [
      Example(line: "cordee log --since 2d", meaning: "what changed in two days, and by whom"),
      Example(
        line: "cordee log --since 2026-01-31T10:00+01:00",
        meaning: "since a moment; a day alone begins at midnight UTC"),
    ],
    takesJSON: true, usesReplica: true, run: ReadActions.log)

  static let dump = CommandSpec(
    path: ["dump"], summary: "print the whole content, byte for byte the same on equal replicas",
    options: [space],
    examples: [
      Example(line: "cordee dump > commons.ndjson", meaning: "everything, one row a line")
    ],
    takesJSON: true, usesReplica: true, run: ReadActions.dump)

  static let digest = CommandSpec(
    path: ["digest"], summary: "print one hash of the whole content",
    options: [space],
    examples: [
      Example(line: "cordee digest", meaning: "equal on two replicas that hold the same")
    ],
    takesJSON: true, usesReplica: true, run: ReadActions.digest)
}

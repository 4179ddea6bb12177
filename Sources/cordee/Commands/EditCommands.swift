import Changes
import Registry

/// Commands that change the replica; each is one change.
enum EditCommands {
  static let all = [add, set, remove, undelete, resolve]

  private static let reference = ArgumentSpec(name: "REF")
  private static let table = ArgumentSpec(
    name: "TABLE",
    completes: .words(
      Schema.registry.tables.filter { $0.writers == .members }.map(\.name)))
  private static let fields = ArgumentSpec(name: "FIELD=VALUE", isRepeated: true)

  static let add = CommandSpec(
    path: ["add"], summary: "add a row",
    arguments: [table, fields],
    examples: [
      Example(
        line: "cordee add organisation slug=fonds 'name_en=Fonds mondial' kind=fund country=CH",
        meaning: "add a row and print its id"),
      Example(
        line: "cordee add membership body=organisation/ilgsse member=organisation/fonds",
        meaning: "a reference is written without _id and with the row it names"),
    ],
    takesJSON: true, usesReplica: true, run: EditActions.add)

  static let set = CommandSpec(
    path: ["set"], summary: "set fields of a row",
    arguments: [reference, fields],
    examples: [
      Example(
        line: "cordee set organisation/fonds country=FR website=",
        meaning: "set one field and empty another, as one change")
    ],
    takesJSON: true, usesReplica: true, run: EditActions.set)

  static let remove = CommandSpec(
    path: ["remove"], summary: "delete a row; its history stays",
    arguments: [reference],
    examples: [
      Example(line: "cordee remove organisation/fonds", meaning: "take the row out of its table")
    ],
    takesJSON: true, usesReplica: true, run: EditActions.remove)

  static let undelete = CommandSpec(
    path: ["undelete"], summary: "bring a deleted row back",
    arguments: [reference],
    examples: [
      Example(line: "cordee undelete organisation/fonds", meaning: "with the values it had")
    ],
    takesJSON: true, usesReplica: true, run: EditActions.undelete)

  static let resolve = CommandSpec(
    path: ["resolve"], summary: "settle a conflict for everybody",
    arguments: [reference, ArgumentSpec(name: "FIELD", isOptional: true)],
    options: [
      OptionSpec(
        long: "keep", value: "N|mine|theirs",
        summary: "keep a value by its number in \"cordee conflicts\", or one side's",
        completes: .words(["mine", "theirs"])),
      OptionSpec(long: "value", value: "V", summary: "write another value instead"),
    ],
    exactlyOne: ["keep", "value"],
    examples: [
      Example(
        line: "cordee resolve organisation/fonds name_en --keep mine",
        meaning: "keep what was written here"),
      Example(
        line: "cordee resolve organisation/fonds name_en --value 'Fonds mondial'",
        meaning: "write what both sides meant"),
      Example(
        line: "cordee resolve place/rio --keep 1",
        meaning: "settle a row that was edited here and deleted there"),
    ],
    takesJSON: true, usesReplica: true, run: EditActions.resolve)
}

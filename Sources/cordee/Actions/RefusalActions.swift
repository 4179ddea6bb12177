import Causality
import Changes
import Registry
import Replica
import Seal
import Store
import Wire

/// What `cordee refusals` does: lists what central refused, with what was written, and notes a person's word on it.
enum RefusalActions {
  static func run(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let settling = try Settling(invocation, of: "a refused change", takesAll: true)
      let store = try invocation.store()
      let replica = try Identity(store).actor.replica
      var shown = try store.refusals(of: replica)
      if let settling {
        let author = try Names.own(store)
        let settled = try store.write {
          try store.settle(
            refusalsAt: settling.id.map { [$0] }, of: replica, by: author, note: settling.note,
            at: Now().label)
        }
        let ids = settling.id.map { [$0] } ?? settled
        shown = try store.refusals(of: replica).filter { ids.contains($0.seq) }
        if !invocation.wantsJSON { return tell(shown, settled, invocation.console) }
      }
      if invocation.wantsJSON {
        invocation.console.print(.array(try shown.map { try json($0, store) }))
      } else {
        if shown.isEmpty {
          invocation.console.print("Central refused nothing of what was written here.")
        }
        for refusal in shown { try print(refusal, store, invocation.console) }
        if settling == nil { try tellKept(store, invocation.console) }
      }
      return .done
    }
  }

  /// Edits that are shown; `status --json` has all.
  private static let keptMax = 20

  /// Names the edits that the role may not send, which central has not been asked about.
  private static func tellKept(_ store: Store, _ console: Console) throws {
    let edits = try OwnRole.edits(store)
    guard !edits.isEmpty else { return }
    for reason in try OwnRole.refusals(store) { console.print("Not sent: \(reason)") }
    for edit in edits.prefix(keptMax) {
      console.printValues("-  \(edit.at ?? "its text is not here")")
      try edit.print(store, console)
    }
    if edits.count > keptMax {
      console.print("and \(edits.count - keptMax) more: see cordee status --json")
    }
    console.print(OwnRole.ways)
  }

  private static func tell(_ shown: [Refusal], _ settled: [Int], _ console: Console) -> ExitCode {
    for refusal in shown {
      let words = standing(refusal)
      console.printValues(
        settled.contains(refusal.seq)
          ? "\(refusal.seq) is \(words)" : "Nothing was changed: \(refusal.seq) was \(words)")
    }
    if shown.isEmpty { console.print("Nothing was changed: no refused change is open.") }
    return .done
  }

  /// How a refusal stands, in words.
  private static func standing(_ refusal: Refusal) -> String {
    refusal.settlement.map { "settled by \($0.by) at \($0.at): \($0.note)" }
      ?? "open: once you have seen it, cordee refusals --settle \(refusal.seq) --note TEXT"
  }

  /// The line of `status`: how many stand refused, and what lists them.
  static func line(all: Int, open: Int) -> String {
    let settled = all > open ? ", of which \(all - open) settled" : ""
    return "  quarantined  \(all)\(settled)" + (all > 0 ? "  (cordee refusals)" : "")
  }

  /// What `sync` says when refusals are open.
  static func sentence(open: Int) -> String {
    "\(open) refused \(open == 1 ? "change is" : "changes are") open: `cordee refusals` shows what was written and why it "
      + "was refused, and settles what was seen."
  }

  /// Bytes of a command that is shown beside others.
  private static let lineMax = 2_000

  private static func print(_ refusal: Refusal, _ store: Store, _ console: Console) throws {
    let (item, edit) = try (json(refusal, store), WrittenEdit(refusal.change))
    let reason = try store.readable(refusal.reason)
    console.printValues("\(refusal.seq)  \(edit.at ?? "its text is not here")  \(reason)")
    try edit.print(store, console)
    for line in item["write_again"]?.array ?? [] {
      let line = line.string ?? ""
      // Quoted for a shell, which no terminal can be driven by.
      console.print(
        "   write it again: "
          + (line.utf8.count <= lineMax
            ? line : "a command of \(bytesText(Int64(line.utf8.count))), in write_again of --json"))
    }
    if edit.writes.contains(where: Rewriting.isTooLong) {
      console.print(
        "   no command takes a value so long: --json has it, any SQLite program can write it")
    }
    console.printValues("   \(standing(refusal))")
  }

  /// A refusal for programs.
  private static func json(_ refusal: Refusal, _ store: Store) throws -> JSON {
    let edit = try WrittenEdit(refusal.change)
    return .object([
      ("id", .integer(Int64(refusal.seq))), ("space", .string(refusal.space)),
      ("at", edit.at.map { .string($0) } ?? .null), ("reason", .string(refusal.reason)),
      ("actor", .string(refusal.change.dot.actor.description)),
      ("n", .integer(Int64(refusal.change.dot.n))),
      ("writes", .array(try edit.json(store))),
      ("write_again", .array(try again(edit.writes, store).map { .string($0) })),
      ("settled_at", refusal.settlement.map { .string($0.at) } ?? .null),
      ("settled_by", refusal.settlement.map { .string($0.by) } ?? .null),
      ("note", refusal.settlement.map { .string($0.note) } ?? .null),
    ])
  }

  /// The lines that write it anew; a row whose creation was refused takes nothing else.
  private static func again(_ writes: [Write], _ store: Store) throws -> [String] {
    try writes.compactMap { write in
      if case .insert = write.verb { return Rewriting.command(write) }
      return try store.state(of: write.row).liveness.isEmpty ? nil : Rewriting.command(write)
    }
  }
}

/// The command that writes anew what a change wrote.
enum Rewriting {
  /// Bytes of a command that a shell surely passes on: Linux takes 128 KiB a word (execve(2)).
  private static let wordBytesMax = 100_000

  /// A line for a shell; nil when no command can say it: another schema's field, central's table, bytes, a huge value.
  static func command(_ write: Write) -> String? {
    guard let table = Schema.registry.table(write.row.table), table.writers == .members else {
      return nil
    }
    let reference = "\(table.name)/\(write.row.id)"
    switch write.verb {
    case .delete: return line(["remove", reference])
    case .undelete: return line(["undelete", reference])
    case .set(let fields):
      return words(fields, of: table).flatMap { line(["set", reference] + $0) }
    case .insert(let fields):
      return words(fields.filter { !$0.value.isNull }, of: table)
        .flatMap { line(["add", table.name] + $0) }
    }
  }

  /// Whether a write holds a value that no word of a command can.
  static func isTooLong(_ write: Write) -> Bool {
    write.verb.fields.contains { $0.value.text?.utf8.count ?? 0 > wordBytesMax }
  }

  private static func words(_ fields: [FieldValue], of table: Changes.Table) -> [String]? {
    let words = fields.compactMap { field -> String? in
      guard table.field(field.name) != nil else { return nil }
      switch field.value {
      case .null: return "\(field.name)="
      case .integer(let number): return "\(field.name)=\(number)"
      case .real(let number): return "\(field.name)=\(number)"
      case .text(let text) where !text.isEmpty && !text.utf8.contains(0):
        return "\(field.name)=\(text)"
      case .text, .malformedText, .blob: return nil
      }
    }
    return words.count == fields.count && !words.isEmpty ? words : nil
  }

  private static func line(_ words: [String]) -> String? {
    guard words.allSatisfy({ $0.utf8.count <= wordBytesMax }) else { return nil }
    return (["cordee"] + words.map(quoted)).joined(separator: " ")
  }

  /// One word of a POSIX shell; where it holds what could drive a terminal, as bash and zsh write escapes.
  static func quoted(_ word: String) -> String {
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:@,%".utf8)
    if !word.isEmpty, word.utf8.allSatisfy(plain.contains) { return word }
    if terminalSafe(word) == word { return "'" + word.replacing("'", with: "'\\''") + "'" }
    var text = "$'"
    for scalar in word.unicodeScalars {
      let character = String(scalar)
      switch scalar {
      case "'", "\\": text += "\\" + character
      case _ where terminalSafe(character) == character: text += character
      default:
        for byte in character.utf8 {
          text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
      }
    }
    return text + "'"
  }
}

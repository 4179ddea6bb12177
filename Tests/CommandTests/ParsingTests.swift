import Glibc
import Testing

@testable import cordee

@Suite struct ParsingTests {
  private static let table = [
    probe(
      "pick", arguments: [ArgumentSpec(name: "A"), ArgumentSpec(name: "B", isOptional: true)],
      options: [
        OptionSpec(long: "data", value: "DIR", summary: "a folder"),
        OptionSpec(long: "where", value: "F=V", isRepeated: true, summary: "a filter"),
        OptionSpec(long: "dry-run", summary: "a switch"),
        OptionSpec(
          long: "format", value: "F", summary: "a form", completes: .oneOf(["csv", "xml"])),
      ]),
    probe(
      "group", "inner",
      options: [OptionSpec(long: "data", value: "DIR", isRequired: true, summary: "x")]),
    probe(
      "either",
      options: [
        OptionSpec(long: "keep", value: "N", summary: "x"),
        OptionSpec(long: "value", value: "V", summary: "x"),
      ], exactlyOne: ["keep", "value"]),
  ]

  fileprivate static func run(_ line: String) -> Outcome {
    let written = Written()
    let program = Program(
      commands: table, console: written.console(), paths: Paths(environment: [:]),
      standing: { _ in nil })
    let exit = program.run(line.split(separator: " ").map { $0 == "''" ? "" : String($0) })
    return Outcome(exit: exit, output: written.output, errors: written.errors)
  }

  @Test(arguments: [
    ("pick a", "a"),
    ("pick a b --dry-run", "a|b|dry-run="),
    ("pick --dry-run a --data /x b", "a|b|data=/x|dry-run="),
    ("pick a --data=/x=y", "a|data=/x=y"),
    ("pick a --where f=1 --where g=2", "a|where=f=1+g=2"),
    ("pick a --data -5", "a|data=-5"),
    ("pick -- --data -5", "--data|-5"),
    ("pick a --data ''", "a|data="),
    ("pick a --dry", "a|dry-run="),
    ("pick a --dry-run -- --data", "a|--data|dry-run="),
    ("pick - ''", "-|"),
    ("--json --replica r pick a", "a|json=|replica=r"),
    ("--replica=r pick a --json", "a|json=|replica=r"),
    ("group inner --data /x", "data=/x"),
    ("either --value ''", "value="),
  ])
  func `words, options and double dash are read in any order`(_ line: String, _ expected: String) {
    let outcome = Self.run(line)
    #expect(outcome.output == expected + "\n")
    #expect(outcome.exit == .done)
    #expect(outcome.errors == "")
  }

  @Test(arguments: [
    ("pick", "needs A"),
    ("pick a b c", "does not take \"c\""),
    ("pick a --dta /x", "Did you mean --data?"),
    ("pick a --dry-rnu", "Did you mean --dry-run?"),
    ("pick a --zzzzzz", "Unknown option --zzzzzz"),
    ("pick a -x", "Unknown option -x"),
    ("pick a --data", "--data needs a value"),
    ("pick a --dry-run=yes", "--dry-run takes no value"),
    ("pick a --data 1 --data 2", "--data is given twice"),
    ("pick a --d x", "ambiguous"),
    ("pick a --format cvs", "Did you mean csv?"),
    ("pick a --format json5", "csv, xml"),
    ("pikc a", "Did you mean cordee pick?"),
    ("qqqqqqqq", "Unknown command qqqqqqqq"),
    ("group", "inner"),
    ("group --data x", "inner"),
    ("group iner", "Did you mean cordee group inner?"),
    ("group inner", "needs --data DIR"),
    ("group inner --data ''", "needs --data DIR"),
    ("either", "either --keep or --value"),
    ("either --keep 1 --value 2", "either --keep or --value"),
    ("--replica a pick x --replica b", "--replica is given twice"),
    ("--wrong pick x", "Unknown option --wrong"),
  ])
  func `a line not understood is refused with a way out`(_ line: String, _ expected: String) {
    let outcome = Self.run(line)
    #expect(outcome.exit == .usage)
    #expect(outcome.output == "")
    #expect(outcome.errors.hasPrefix("cordee: "))
    #expect(outcome.errors.contains(expected))
    #expect(outcome.errors.filter { $0 == "\n" }.count == 1)
  }

  @Test func `options after words are read where POSIXLY_CORRECT is set, too`() async {
    await #expect(processExitsWith: .success) {
      _ = unsafe setenv("POSIXLY_CORRECT", "1", 1)
      #expect(ParsingTests.run("pick a --dry-run b --data /x").output == "a|b|data=/x|dry-run=\n")
      #expect(ParsingTests.run("pick a -- --dry-run").output == "a|--dry-run\n")
      #expect(ParsingTests.run("group inner --data /x").exit == .done)
    }
  }

  @Test(arguments: ["--json", "--jso", "--j"])
  func `an abbreviated --json makes a failure a problem, too`(_ option: String) {
    #expect(CommandTests.run("get", option).errors.hasPrefix("{\"type\":"))
  }

  @Test func `an option before a command that does not take it is refused`() {
    let outcome = CommandTests.run("--json", "completions", "bash")
    #expect(outcome.exit == .usage)
    #expect(outcome.errors.contains("urn:cordee:problem:option.unknown"))
  }

  @Test func `the program alone tells what to type next`() {
    #expect(CommandTests.run().output.contains("cordee join"))
    #expect(CommandTests.run(standing: .settled(lastSync: nil)).output.contains("cordee list"))
    let unsent = CommandTests.run(standing: .unsent(changes: 2, heldBack: 0)).output
    #expect(unsent.contains("2 edits wait") && !unsent.contains("cannot"))
    let both = CommandTests.run(standing: .unsent(changes: 1, heldBack: 2)).output
    #expect(both.contains("1 edit waits") && both.contains("2 edited rows cannot be sent."))
    let held = CommandTests.run(standing: .unsent(changes: 0, heldBack: 1)).output
    #expect(held.contains("1 edited row in ") && !held.contains("wait"))
    #expect(held.contains("cordee status") && !held.contains("cordee sync"))
    let cut = CommandTests.run(standing: .cutOff(since: "2026-01-02T03:04:05Z", unsent: 1)).output
    #expect(cut.contains("Since 2026-01-02T03:04:05Z central takes nothing from "))
    #expect(cut.contains("; 1 edit waits there.") && !cut.contains("cordee sync"))
    #expect(cut.contains("cordee status") && cut.contains("cordee join"))
    let refused = CommandTests.run(standing: .refused(changes: 1)).output
    #expect(
      refused.contains("1 refused change needs a person") && refused.contains("cordee refusals"))
    let contested = CommandTests.run(standing: .contested(conflicts: 1)).output
    #expect(contested.contains("1 conflict needs a person"))
    #expect(contested.contains("cordee conflicts"))
    let broken = Failure(code: "store.corrupt", message: "x is damaged", hint: "restore it")
    #expect(
      CommandTests.run(standing: .unusable(broken)).output.hasPrefix("x is damaged. Restore it."))
    #expect(CommandTests.run().exit == .done)
    for told in [
      CommandTests.run("--version"), CommandTests.run("list", "--version"),
      CommandTests.run("central", "--version"), CommandTests.run("central", "init", "--version"),
    ] { #expect(told.exit == .done && told.output == "cordee \(Program.version)\n") }
  }
}

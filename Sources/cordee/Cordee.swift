import FoundationEssentials
import Glibc

@main
struct Cordee {
  /// Every command, in the order help lists them.
  static let commands: [CommandSpec] =
    SyncCommands.all + ReadCommands.all + EditCommands.all + TrustCommands.all + BundleCommands.all
    + CentralCommands.all
    + HelpCommands.all

  static func main() {
    // A limit on the size of files is then an error of the write, told as a full disk is (setrlimit(2)).
    signal(SIGXFSZ, SIG_IGN)
    let environment = ProcessInfo.processInfo.environment
    let words = Array(CommandLine.arguments.dropFirst())
    let console = Console.system(environment: environment, errorsAsJSON: Program.wantsJSON(words))
    if let place = wordThatIsNoText() {
      let failure = Failure.usage(
        "word.not_utf8", "word \(place) of the command is not UTF-8",
        hint: "Nothing was done. Set the terminal to UTF-8, or type it in letters that are.")
      console.report(failure, asJSON: Program.wantsJSON(words))
      exit(failure.exit.rawValue)
    }
    let program = Program(
      commands: commands, console: console, paths: Paths(environment: environment),
      standing: { Standing(ofReplicaAt: $0) })
    exit(program.run(words).rawValue)
  }

  /// The place of the first word that is not UTF-8, which `CommandLine.arguments` would have altered on the way.
  private static func wordThatIsNoText() -> Int? {
    (1..<max(1, Int(CommandLine.argc))).first { place in
      guard let word = unsafe CommandLine.unsafeArgv[place] else { return false }
      return unsafe String(validatingCString: word) == nil
    }
  }
}

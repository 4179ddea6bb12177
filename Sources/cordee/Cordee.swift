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
    let environment = ProcessInfo.processInfo.environment
    let words = Array(CommandLine.arguments.dropFirst())
    let program = Program(
      commands: commands,
      console: .system(environment: environment, errorsAsJSON: Program.wantsJSON(words)),
      paths: Paths(environment: environment), standing: { Standing(ofReplicaAt: $0) })
    exit(program.run(words).rawValue)
  }
}

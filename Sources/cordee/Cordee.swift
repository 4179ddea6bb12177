import FoundationEssentials
import Glibc

@main
struct Cordee {
  /// Every command, in the order help lists them.
  static let commands: [CommandSpec] =
    SyncCommands.all + ReadCommands.all + EditCommands.all + CentralCommands.all
    + HelpCommands.all

  static func main() {
    let environment = ProcessInfo.processInfo.environment
    let program = Program(
      commands: commands, console: .system(environment: environment),
      paths: Paths(environment: environment),
      replicaExists: { FileManager.default.fileExists(atPath: $0) })
    exit(program.run(Array(CommandLine.arguments.dropFirst())).rawValue)
  }
}

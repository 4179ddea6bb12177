import Foundation
import Programs
import Testing

extension EndToEnd {
  /// The main job by one command, as a stranger runs it first.
  @Suite(.timeLimit(.minutes(15))) struct DemoTests {
    /// Runs the demo in a folder that holds the founding records or not; its files go to `scratch`.
    ///
    /// Without them the program runs from there, too, since it looks above itself.
    private func demo(_ world: World, withRecords: Bool) async throws -> Outcome {
      let program = withRecords ? World.program : world.folder.appending(path: "cordee")
      if withRecords {
        let fixtures = world.folder.appending(path: "Fixtures")
        try FileManager.default.createDirectory(at: fixtures, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
          at: URL(filePath: World.seed), to: fixtures.appending(path: "seed-records.json"))
      } else {
        try FileManager.default.copyItem(at: World.program, to: program)
      }
      let scratch = world.folder.appending(path: "scratch")
      try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
      var environment = world.environment(of: "stranger")
      environment["TMPDIR"] = scratch.path
      let outcome = try await Child(
        program, ["demo"], environment: environment, folder: world.folder
      ).finish()
      #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [])
      #expect(try world.processes() == [])
      #expect(
        !FileManager.default.fileExists(atPath: world.folder.appending(path: "stranger").path))
      return outcome
    }

    @Test func `the demo ends with equal replicas and the twelve, in 30 s, and leaves nothing`()
      async throws
    {
      let world = try World()
      let clock = ContinuousClock()
      let start = clock.now
      let outcome = try await demo(world, withRecords: true)
      #expect(clock.now - start < .seconds(30))
      #expect(outcome.exit == 0 && outcome.errors == "", "\(outcome.errors)")
      let lines = outcome.output.split(separator: "\n").map {
        $0.split(separator: " ").map(String.init)
      }
      let digests = lines.filter { $0.first == "content" }.map { $0.last }
      #expect(digests.count == 3 && Set(digests).count == 1)
      #expect(digests.first??.count == 43)
      #expect(outcome.output.contains("2 things need a person"))
      #expect(outcome.output.contains("stand: República del Ecuador, by post"))
      #expect(lines.filter { $0.suffix(2) == ["0", "conflicts"] }.count == 3)
      #expect(outcome.output.contains("Official stakeholders as at 2014-09-17: 12\n"))
      let list = lines.drop { $0.first != "Official" }
      #expect(list.compactMap { $0.first.flatMap { Int($0) } } == Array(1...12))
      for name in ["France", "Morocco", "Luxembourg", "Ecuador", "Colombia", "Quebec", "UNRISD"] {
        #expect(list.contains { $0.last == name }, "\(name)")
      }
    }

    /// A world with a program away from the project's folder, and the environment of a demo whose files go to `scratch`.
    private func away() throws -> (World, program: URL, scratch: URL, [String: String]) {
      let world = try World()
      let scratch = world.folder.appending(path: "scratch")
      let program = world.folder.appending(path: "cordee")
      try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
      try FileManager.default.copyItem(at: World.program, to: program)
      var environment = world.environment(of: "stranger")
      environment["TMPDIR"] = scratch.path
      return (world, program, scratch, environment)
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func `interrupted, the demo removes what it made`(signal: Int32) async throws {
      let (world, program, scratch, environment) = try away()
      let child = Child(
        program, ["demo", "--seed", World.seed], environment: environment, folder: world.folder)
      try child.process.run()
      try await eventually("the demo has begun") { child.read(child.output).contains("2. Three") }
      child.process.signal(signal)
      try await eventually("it ends") { !child.process.isRunning }
      #expect(child.outcome.exit == 1)
      #expect(child.outcome.errors.contains("stopped; what the demo made is removed"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [])
    }

    @Test func `a demo whose reader goes away removes what it made`() async throws {
      let (world, program, scratch, environment) = try away()
      let told = try await Child(
        URL(filePath: "/bin/bash"),
        ["-c", "\"$0\" demo --seed \"$1\" | head -n 2", program.path, World.seed],
        environment: environment, folder: world.folder
      ).finish()
      #expect(told.exit == 0 && told.output.split(separator: "\n").count == 2)
      try await eventually("it ends") { try world.processes() == [] }
      #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [])
    }

    @Test func `away from the project's folder the demo says what it lacks and leaves nothing`()
      async throws
    {
      let world = try World()
      let outcome = try await demo(world, withRecords: false)
      #expect(outcome.exit == 1 && outcome.output == "")
      #expect(
        outcome.errors
          == "cordee: Fixtures/seed-records.json is neither here nor above the program. "
          + "Run the demo in the project's folder (make demo), or name that file: "
          + "cordee demo --seed FILE.\n")
      // What would not work is not offered.
      let alone = try await Child(
        world.folder.appending(path: "cordee"), [], environment: world.environment(of: "stranger"),
        folder: world.folder
      ).finish().output
      #expect(alone.contains("  cordee join") && !alone.contains("cordee demo"), "\(alone)")
      #expect(try await world.run("stranger").output.contains("  cordee demo"))
    }
  }
}

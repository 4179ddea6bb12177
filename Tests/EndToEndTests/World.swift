import Foundation
import Programs
import Testing

/// Tests of whole programs, one at a time: side by side they would only take each other's processor.
@Suite(.serialized) enum EndToEnd {}

/// How one run of the program ended and what it wrote.
struct Outcome {
  let exit: Int32
  let output: String
  let errors: String

  /// What it wrote, as JSON.
  func json() throws -> Any {
    try JSONSerialization.jsonObject(with: Data(output.utf8), options: .fragmentsAllowed)
  }

  /// What it wrote, as one JSON object.
  func object() throws -> [String: Any] { try #require(try json() as? [String: Any]) }

  /// What it wrote, as an array of JSON objects.
  func objects() throws -> [[String: Any]] { try #require(try json() as? [[String: Any]]) }
}

/// A program that runs beside the test, and the files that take what it writes.
final class Child: Sendable {
  let process: Program
  let output: URL
  let errors: URL

  init(
    _ program: URL, _ words: [String], environment: [String: String], folder: URL,
    output: URL? = nil
  ) {
    let name = UUID().uuidString
    self.output = output ?? folder.appending(path: "\(name).out")
    errors = folder.appending(path: "\(name).err")
    // A seeded fault of this run is the program's too, and so are a sanitizer's settings.
    let kept = ProcessInfo.processInfo.environment.filter {
      $0.key == "CORDEE_MUTANT" || $0.key.hasSuffix("SAN_OPTIONS")
    }
    process = Program(
      program.path, words, environment: environment.merging(kept) { _, kept in kept },
      folder: folder, output: self.output, errors: errors)
  }

  /// Starts it and waits for its end without holding a thread.
  func finish() async throws -> Outcome {
    try await process.finish()
    return outcome
  }

  var outcome: Outcome {
    Outcome(exit: process.terminationStatus, output: read(output), errors: read(errors))
  }

  func read(_ file: URL) -> String {
    (try? Data(contentsOf: file)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// Ends it as a power cut would, and waits until it is gone.
  func kill() async throws {
    process.signal(SIGKILL)
    try await eventually("the process is gone") { !self.process.isRunning }
  }
}

/// Polls until `condition` holds; fails after a minute.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
  let clock = ContinuousClock()
  let end = clock.now + .seconds(60)
  while clock.now < end {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(5))
  }
  throw Unmet(what: what)
}

/// A condition that did not come true in time.
struct Unmet: Error, CustomStringConvertible {
  let what: String
  var description: String { "not in time: \(what)" }
}

/// A folder with a central node and members, each with a home of its own; real programs, real HTTP.
final class World: @unchecked Sendable {  // used by one test's tasks, its fields are set in order
  static let seed = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Fixtures/seed-records.json").standardizedFileURL.path
  /// The program beside the test bundle, as the package built it.
  static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "cordee")

  let folder: URL
  private(set) var server: Child?
  private let reserved: ReservedPort
  /// Where central listens, each time it is started.
  var port: Int { reserved.number }

  init() throws {
    reserved = try ReservedPort()
    folder = FileManager.default.temporaryDirectory.appending(
      path: "cordee-world-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit {
    server?.process.signal(SIGKILL)
    try? FileManager.default.removeItem(at: folder)
  }

  func environment(of member: String) -> [String: String] {
    [
      "HOME": folder.appending(path: member).path, "PATH": "/usr/bin:/bin",
      "CORDEE_REPLICA": replica(of: member), "SWIFT_BACKTRACE": "enable=no",
    ]
  }

  /// The file of a member.
  func replica(of member: String) -> String { folder.appending(path: "\(member).sqlite").path }

  /// Runs the program as a member.
  @discardableResult
  func run(_ member: String, _ words: String...) async throws -> Outcome {
    try await run(as: member, words)
  }

  func run(as member: String, _ words: [String], output: URL? = nil) async throws -> Outcome {
    try await child(member, words, output: output).finish()
  }

  func child(_ member: String, _ words: [String], output: URL? = nil) -> Child {
    Child(
      Self.program, words, environment: environment(of: member), folder: folder, output: output)
  }

  /// Runs another program, which must succeed.
  @discardableResult
  func tool(_ name: String, _ words: String...) async throws -> String {
    let outcome = try await Child(
      URL(filePath: "/usr/bin/\(name)"), words, environment: ["PATH": "/usr/bin:/bin"],
      folder: folder
    ).finish()
    #expect(outcome.exit == 0, "\(name): \(outcome.errors)")
    return outcome.output
  }

  /// Edits a member's file as Python programs do: one statement a line, committed together.
  func python(_ member: String, _ statements: String...) async throws {
    try await tool(
      "python3", "-c",
      """
      import sqlite3, sys
      db = sqlite3.connect(sys.argv[1], timeout=20)
      for statement in sys.argv[2].split("\\n"): db.execute(statement)
      db.commit()
      """, replica(of: member), statements.joined(separator: "\n"))
  }

  /// Makes central with the founding records and starts it.
  func start(merge: String) async throws {
    let made = try await run(
      "keeper", "central", "init", "--data", "central", "--name", "Test", "--url",
      "http://127.0.0.1", "--seed", Self.seed)
    #expect(made.exit == 0, "\(made.errors)")
    try await serve(merge: merge)
  }

  /// Starts central.
  func serve(merge: String) async throws {
    let child = child(
      "keeper",
      ["central", "serve", "--data", "central", "--listen", "127.0.0.1:\(port)", "--merge", merge])
    try child.process.run()
    server = child
    try await eventually("central serves") {
      guard child.process.isRunning else { throw Unmet(what: child.outcome.errors) }
      return child.read(child.output).split(whereSeparator: { " ,\n".contains($0) })
        .contains("127.0.0.1:\(port)")
    }
  }

  /// Asks central to stop and waits until it has.
  func stop() async throws {
    guard let server else { return }
    server.process.terminate()
    try await eventually("central stops") { !server.process.isRunning }
    #expect(server.process.terminationStatus == 0)
  }

  /// A new invite, with the port central listens on.
  func invite(_ organisation: String, _ role: String = "member") async throws -> String {
    let outcome = try await run(
      "keeper", "central", "invite", "--data", "central", "--organisation", organisation, "--role",
      role)
    #expect(outcome.exit == 0, "\(outcome.errors)")
    let secret = try #require(outcome.output.split(whereSeparator: { "#\n".contains($0) }).last)
    return "http://127.0.0.1:\(port)#\(secret)"
  }

  /// Lets a member join for an organisation.
  func join(_ member: String, for organisation: String, as role: String = "member") async throws {
    let joined = try await run(
      member, "join", try await invite(organisation, role), "--name", member)
    #expect(joined.exit == 0, "\(joined.errors)")
  }

  /// Merges now.
  @discardableResult
  func merge() async throws -> [String: Any] {
    try await run("keeper", "central", "merge", "--data", "central", "--json").object()
  }

  /// Syncs, which may tell of conflicts but not fail.
  @discardableResult
  func sync(_ members: String...) async throws -> Outcome {
    var last: Outcome?
    for member in members {
      let outcome = try await run(member, "sync", "--json")
      #expect([0, 3].contains(outcome.exit), "\(member): \(outcome.errors)")
      last = outcome
    }
    return try #require(last)
  }

  /// The digests of members, which are equal when what they hold is.
  func digests(_ members: String...) async throws -> Set<String> {
    var all: Set<String> = []
    for member in members { all.insert(try await run(member, "digest").output) }
    return all
  }

  /// How many merges there were.
  func reports() async throws -> Int {
    try await run("keeper", "central", "reports", "--data", "central", "--json").objects()
      .first?["number"] as? Int ?? 0
  }

  /// The processes that work in this world's folder.
  func processes() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
      name.allSatisfy(\.isNumber)
        && (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(name)/cwd"))
          == folder.resolvingSymlinksInPath().path
    }
  }
}

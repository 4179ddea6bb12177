import Causality
import Central
import Changes
import Foundation
import HTTP
import Programs
import Replica
import SQLite
import Seal
import Store
import Synchronization
import Testing
import Wire

@testable import cordee

/// Real messages, checked by Debian's validator against the schemas.
@Suite("The JSON Schemas", .timeLimit(.minutes(15)))
struct SchemaTests {
  /// Schema name, tab, message.
  private final class Messages {
    private(set) var lines: [String] = []
    private(set) var names: Set<String> = []

    func add(_ name: String, _ bytes: [UInt8]) {
      lines.append("\(name)\t\(String(decoding: bytes, as: UTF8.self))")
      names.insert(name)
    }
  }

  private static func plain(_ bytes: [UInt8], _ headers: Headers) throws -> [UInt8] {
    headers["Content-Encoding"] == nil ? bytes : try Zstd.decompress(bytes, limit: 1 << 24)
  }

  /// The full lines that crossed in short form.
  private static func full(_ bytes: [UInt8], isLog: Bool, _ messages: Messages) throws -> [[UInt8]]
  {
    var reader = ShortReader(isLog: isLog, bytesMax: 1 << 24)
    return try Lines.split(bytes).compactMap { line in
      let full = try reader.full(line)
      if full != line { messages.add("short-line", line) }
      return full
    }
  }

  /// The lines of an answer to hello: one, or with short logs.
  private static func add(hello bytes: [UInt8], to messages: Messages) throws {
    let reply = try HelloReply.parse(lines: Lines.split(bytes))
    messages.add("hello-answer", reply.answer.bytes)
    for log in reply.logs {
      messages.add("hello-log", log.heading)
      let lines = Array(log.lines.joined(separator: [UInt8(ascii: "\n")]))
      for line in try full(lines, isLog: true, messages) { messages.add(try name(of: line), line) }
    }
  }

  private static func add(_ world: World, to messages: Messages) throws {
    for (request, response) in world.tap.crossed {
      let path = request.path
      if response.status >= 400 {
        messages.add("problem", response.bytes)
      } else if path == "/v1/enrolments" {
        messages.add("enrolment-request", request.body)
        messages.add("enrolment", response.bytes)
      } else if path == "/v1/hello" {
        messages.add("hello", request.body)
        try add(hello: try plain(response.bytes, response.headers), to: messages)
      } else if path.hasSuffix("/changes") || path.hasSuffix("/offers") {
        let lines = try full(try plain(request.body, request.headers), isLog: false, messages)
        for line in lines { messages.add(try name(of: line), line) }
        let first = try name(of: try #require(lines.first))
        let answer = ["tail": "tail-answer", "held": "held", "bodies": "bodies"][first]
        messages.add(answer ?? "receipt", response.bytes)
      } else if path.hasSuffix("/log") {
        for line in try full(try plain(response.bytes, response.headers), isLog: true, messages) {
          messages.add(try name(of: line), line)
        }
      }
    }
  }

  /// The schema of a line, by its first members.
  private static func name(of line: [UInt8]) throws -> String {
    let names = [
      "segment": "segment", "header": "change", "seq": "log-entry", "checkpoint": "checkpoint",
      "receipt": "receipt", "tail": "tail", "held": "held", "bodies": "bodies", "bundle": "bundle",
      "space": "bundle-line", "end": "bundle-line", "lives": "lives",
    ]
    let first = try #require(try JSON.members(of: line).first).key
    return try #require(names[first], "no schema is for lines with \(first)")
  }

  private static func addBundles(_ world: World, to messages: Messages) throws {
    let member = world.members[0]
    try member.store.edit {
      try $0.execute("UPDATE organisation SET note = 'x' WHERE id = 'org-1'")
    }
    let folder = world.folder
    let (mine, log) = (folder.appending(path: "mine").path, folder.appending(path: "log").path)
    _ = try member.exportChanges(to: mine, plain: true, at: World.at)
    _ = try member.exportLog(
      to: log, for: member.identity.actor.replica, since: 0, plain: true, at: World.at)
    for path in [mine, log] {
      let bytes = Array(try #require(FileManager.default.contents(atPath: path)))
      for line in Lines.split(bytes) { messages.add(try name(of: line), line) }
    }
    let head = try world.central.administer(
      .object([
        ("do", .string("bundle")), ("for", .string(member.identity.actor.replica.description)),
      ]), now: World.now, at: World.at)
    let lives = Array(try #require(head["lives"]?.string).utf8)
    messages.add(try name(of: lives), lives)
  }

  /// What `verify` prints, of a process of its own: a check ends its process when that is asked to stop.
  private static func verified(_ world: World) throws -> [UInt8] {
    let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appending(path: "cordee").path
    let (status, said) = try Programs.Program.said(
      by: program, ["verify", "--json", "--replica", world.members[0].store.path])
    #expect(status == 3 && said.contains("witness.missing"), "\(said)")
    return try JSON.parse(Array(said.utf8)).bytes()
  }

  private static func say(_ words: [String], _ world: World) -> [UInt8] {
    let written = Mutex<[UInt8]>([])
    let console = Console(
      outputWidth: nil, errorWidth: nil, usesColor: false,
      writeOutput: { more in written.withLock { $0 += more } }, writeError: { _ in })
    let program = Program(
      commands: Cordee.commands, console: console,
      paths: Paths(environment: ["HOME": world.folder.path]), standing: { _ in nil })
    _ = program.run(words + ["--json", "--replica", world.members[0].store.path])
    // One line, whatever the layout.
    let text = written.withLock { $0 }
    return (try? JSON.parse(text).bytes()) ?? text
  }

  @Test("every message that crosses, and what commands print, fits its schema [SP-502]")
  func messages() throws {
    let world = try World()
    try world.heal()
    let messages = Messages()
    for (method, target) in [("GET", "/v1"), ("GET", "/nowhere"), ("DELETE", "/v1")] {
      let answer = world.tap.routes.answer(
        Request(method: method, target: target), now: World.now, at: World.at)
      messages.add(answer.status == 200 ? "about" : "problem", answer.bytes)
    }
    try Self.add(world, to: messages)
    try Self.addBundles(world, to: messages)
    for name in ["header", "body"] {
      for item in try Specification.vectors("changes").cases("chain") {
        messages.add(name, Array(try item.text(name).utf8))
      }
    }
    let snapshot = try Specification.vectors("log").cases("snapshots")
    for item in snapshot { messages.add("snapshot", Array(try item.text("line").utf8)) }
    for report in try world.central.reports() { messages.add("merge-report", report.bytes()) }
    for command in ["verify", "status", "conflicts", "log", "refusals"] {
      let said = try command == "verify" ? Self.verified(world) : Self.say([command], world)
      #expect(try Self.unnamed(in: said, by: command) == [])
      messages.add(command, said)
    }
    let schemas = try Specification.files(below: "SyncProtocol/schemas", [".json"])
      .map { $0.deletingPathExtension().lastPathComponent }
    #expect(messages.names == Set(schemas).subtracting(["common"]))
    let (status, said) = try check(messages.lines, in: world.folder)
    #expect(status == 0, "\(said)")
    #expect(try world.members[0].store.conflicts().count == 1)
  }

  /// Members of what a command prints, or of its first item, that its schema says nothing of.
  private static func unnamed(in said: [UInt8], by command: String) throws -> Set<String> {
    let file = Specification.folder.appending(path: "schemas/\(command).json")
    let schema = try JSON.parse([UInt8](Data(contentsOf: file)))
    let printed = try JSON.parse(said)
    let isList = printed.array != nil
    let one = try #require(isList ? printed.array?.first : printed, "\(command) printed no item")
    let named = (isList ? schema["items"] : schema)?["properties"]
    guard case .object(let members) = one, case .object(let properties)? = named else {
      return ["no object"]
    }
    return Set(members.map(\.0)).subtracting(properties.map(\.0))
  }

  @Test("a message with a wrong part does not fit")
  func wrong() throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "cordee-schema-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (status, said) = try check(
      [
        "hello\t{\"actor\":\"x\",\"spaces\":{}}",
        "change\t{\"header\":{},\"body\":{},\"body_hash\":\"\"}",
        "problem\t{}",
      ], in: folder)
    #expect(status == 1)
    for name in ["hello actor", "change ", "problem "] { #expect(said.contains(name)) }
  }

  private func check(_ lines: [String], in folder: URL) throws -> (Int32, String) {
    let input = folder.appending(path: "messages.txt")
    try Data(lines.joined(separator: "\n").utf8).write(to: input)
    return try Program.said(
      by: "/usr/bin/python3",
      ["-B", Specification.folder.appending(path: "schemas/check.py").path], reading: input)
  }
}

import Central
import Changes
import Foundation
import HTTP
import Registry
import Store
import Testing
import Wire

@testable import cordee

private let fixture = URL(filePath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "Fixtures/seed-records.json").path

/// A central node with the founding records, in a folder that goes with the test.
private final class Seeded {
  let folder = FileManager.default.temporaryDirectory.appending(path: "cordee-\(UUID().uuidString)")

  func node(_ prepare: (Central) throws -> Void = { _ in }) throws -> CentralNode {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    _ = try CentralMaking.make(
      folder: folder.path, name: "Rope", url: "http://127.0.0.1:8080"
    ) {
      try CentralActions.load(CentralActions.readSeed(fixture), into: $0)
    }
    let central = try CentralNode.open(folder.path)
    try prepare(central)
    return CentralNode(central, mergesOnPush: false)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }
}

@Suite("Central's public face", .timeLimit(.minutes(15)))
struct PublicFaceTests {
  private func text(_ response: Response) -> String {
    String(decoding: response.bytes, as: UTF8.self)
  }

  @Test(
    "the pages stand beside the protocol; each answers in its own form, and says what is allowed")
  func mounted() throws {
    let seeded = Seeded()
    let node = try seeded.node()
    func ask(_ method: String, _ target: String) -> Response {
      node.answer(Request(method: method, target: target))
    }
    let home = ask("GET", "/")
    #expect(home.status == 200)
    for part in [
      "Official stakeholders as at 2014-09-17: 12", "in the network <bdi>Rope</bdi>",
      "Last merge", "<time datetime=\"2", "hash ",
    ] { #expect(text(home).contains(part), "\(part)") }
    let list = try JSON.parse(ask("GET", "/official-list.json").bytes)
    #expect(list["entries"]?.array?.count == 12)
    #expect(ask("GET", "/healthz").status == 200)
    #expect(ask("GET", "/style.css").status == 200)
    #expect(ask("GET", "/v1").headers["Content-Type"] == "application/json")
    #expect(ask("HEAD", "/v1").headers == ask("GET", "/v1").headers)
    #expect(ask("GET", "/v2").headers["Content-Type"]?.hasPrefix("text/html") == true)
    #expect(ask("GET", "/v1x").headers["Content-Type"]?.hasPrefix("text/html") == true)
    for target in ["/v1/nothing", "/v1/spaces/commons"] {
      #expect(ask("GET", target).status == 404)
      #expect(ask("GET", target).headers["Content-Type"] == "application/problem+json")
    }
    for (method, target, allowed) in [
      ("POST", "/v1", "GET, HEAD"), ("GET", "/v1/enrolments", "POST"),
      ("HEAD", "/v1/hello", "POST"), ("DELETE", "/v1/spaces/commons/changes", "POST"),
      ("PUT", "/v1/spaces/commons/log", "GET, HEAD"),
      ("POST", "/v1/spaces/x/snapshot", "GET, HEAD"), ("POST", "/", "GET, HEAD"),
    ] {
      let answer = node.answer(Request(method: method, target: target))
      #expect(answer.status == 405, "\(method) \(target)")
      #expect(answer.headers["Allow"] == allowed, "\(method) \(target)")
    }
  }

  @Test("an edit is shown after the merge, at once, and not before it")
  func afterMerge() throws {
    let seeded = Seeded()
    let node = try seeded.node { central in
      let group = try central.store.resolve("ilgsse", in: "organisation")
      try central.queue(
        [Write(group, .set([FieldValue("name_en", .text("A new name"))]))], space: "commons",
        at: "2026-11-24T00:00:00Z")
    }
    let before = node.answer(Request(method: "GET", target: "/"))
    #expect(!text(before).contains("A new name"))
    #expect(node.answer(Request(method: "GET", target: "/")) == before)
    _ = try node.merge()
    let after = node.answer(Request(method: "GET", target: "/"))
    #expect(text(after).contains("A new name"))
    #expect(after.headers["ETag"] != before.headers["ETag"])
  }
}

@Suite("cordee official-list", .timeLimit(.minutes(15)))
struct OfficialListCommandTests {
  /// A central's file is a store as a member's is; the command reads either.
  private func replica() throws -> (Seeded, String) {
    let seeded = Seeded()
    _ = try seeded.node()
    return (seeded, seeded.folder.appending(path: "central.sqlite").path)
  }

  @Test(
    "text, JSON, CSV and HTML hold the twelve; without a day it is the newest known; mistakes are told"
  )
  func formats() throws {
    let (seeded, path) = try replica()
    defer { withExtendedLifetime(seeded) {} }
    let text = cordeeRun("official-list", "--replica", path)
    #expect(text.exit == .done, "\(text.errors)")
    #expect(text.output.hasPrefix("Official stakeholders as at 2014-09-17: 12\n"))
    #expect(text.output.split(separator: "\n").count == 2 + 31)
    let json = cordeeRun("official-list", "--replica", path, "--json")
    let entries = try JSON.parse(Array(json.output.utf8))["entries"]?.array
    #expect(entries?.compactMap { $0["slug"]?.string }.suffix(2) == ["iafm", "fmdv"])
    let csv = cordeeRun("official-list", "--replica", path, "--format", "csv")
    #expect(csv.output.hasSuffix("\r\n") && csv.output.split(separator: "\r\n").count == 32)
    let html = cordeeRun("official-list", "--replica", path, "--format", "html")
    #expect(html.output.hasPrefix("<!DOCTYPE html>") && html.output.contains("Quebec"))
    let day = cordeeRun("official-list", "--replica", path, "--on", "2014-09-16", "--json")
    #expect(try JSON.parse(Array(day.output.utf8))["entries"]?.text() == "null")
    for words in [["--on", "2014-13-01"], ["--on", "today"], ["--format", "pdf"]] {
      let outcome = cordeeRun(["official-list", "--replica", path] + words)
      #expect(outcome.exit == .usage && outcome.output.isEmpty)
      #expect(outcome.errors.split(separator: "\n").count <= 2, "\(outcome.errors)")
    }
  }

  @Test("JSON at a terminal cannot drive it and says the same")
  func terminalJSON() throws {
    let text = "a\u{1B}[2J\u{9B}31m\u{202E}\u{2028}é\u{7F}"
    let written = Written()
    written.console(width: 80).print(.object([("label", .string(text))]))
    #expect(
      written.output.unicodeScalars.allSatisfy {
        $0 == "\n"
          || $0.properties.generalCategory != .control && $0 != "\u{202E}" && $0 != "\u{2028}"
      })
    #expect(try JSON.parse(Array(written.output.utf8))["label"]?.string == text)
    #expect(written.output.contains("é"))
  }
}

private func cordeeRun(_ words: String...) -> Outcome { cordeeRun(words) }

private func cordeeRun(_ words: [String]) -> Outcome {
  let written = Written()
  let program = Program(
    commands: Cordee.commands, console: written.console(),
    paths: Paths(environment: ["HOME": "/home/member"]), standing: { _ in nil })
  let exit = program.run(words)
  return Outcome(exit: exit, output: written.output, errors: written.errors)
}

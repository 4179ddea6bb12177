import Changes
import Foundation
import Registry
import Testing

@testable import cordee

@Suite struct TableHelpTests {
  /// The sections of the page of the shared tables, each with the cells of its rows.
  private static func page() throws -> [String: [[String]]] {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../SyncProtocol/registry.md").standardizedFileURL
    let parts = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n## ")
    return Dictionary(
      uniqueKeysWithValues: parts.map { part in
        let lines = part.split(separator: "\n")
        return (
          String(lines[0]),
          lines.filter { $0.hasPrefix("| `") }.map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
          }
        )
      })
  }

  @Test(arguments: Schema.registry.tables.map(\.name))
  func `help on a table tells what the page of tables tells`(_ name: String) throws {
    let rows = try #require(try Self.page()[name])
    let forms = Dictionary(
      uniqueKeysWithValues: Schema.registry.tables.flatMap(\.fields).compactMap(\.format)
        .filter { $0.name != "code" }.map { ($0.name, $0.expected) }.reduce(into: [:]) {
          $0[$1.0] = $1.1
        }
        .map { ($0.key, $0.value) })
    let outcome = run("help", name, width: 4000)
    #expect(outcome.exit == .done)
    let lines = outcome.output.split(separator: "\n")
    #expect(rows.count == Schema.registry.table(name)?.fields.count)
    for row in rows {
      let (field, type, form, meaning) = (row[0].filter { $0 != "`" }, row[1], row[2], row[3])
      let line = try #require(lines.first { $0.hasPrefix("  \(field) ") }, "\(field)")
      #expect(line.contains(meaning))
      #expect(line.contains("(required)") == type.contains("required"))
      if form.hasPrefix("id of ") {
        let target = form.dropFirst("id of ".count).filter { $0 != "`" }
        #expect(line.contains("a row of \(target), written \(field.dropLast(3))=REF"))
      } else if !form.isEmpty {
        #expect(line.contains(forms[form] ?? form), "\(form)")
      }
    }
    let space = try #require(Schema.registry.table(name)?.space)
    #expect(outcome.output.contains("Space \(space): read by "))
  }

  @Test func `tables are named in the overview and completed, and hide no command or topic`() {
    let others = Set(
      Cordee.commands.compactMap(\.path.first) + HelpTopic.all.map(\.name))
    let overview = run("--help").output
    let shells = Shell.allCases.map { run("completions", $0.rawValue).output }
    #expect(overview.contains("help TABLE"))
    for name in Schema.registry.tables.map(\.name) {
      #expect(!others.contains(name))
      #expect(overview.contains(name))
      for script in shells { #expect(script.contains(name)) }
    }
    let near = run("help", "organisaton")
    #expect(near.exit == .usage && near.errors.contains("Did you mean cordee help organisation?"))
  }

  @Test func `who may write is told from the roles`() {
    #expect(run("help", "replica", width: 400).output.contains("written by central alone."))
    let writers = Schema.registry.roles.filter { $0.writes.contains("commons") }.map(\.name)
    #expect(
      run("help", "organisation", width: 400).output.contains(
        "written by \(writers.joined(separator: ", "))."))
  }

  @Test(arguments: [60, 80])
  func `it keeps to the terminal`(_ width: Int) {
    for line in run("help", "meeting", width: width).output.split(separator: "\n") {
      #expect(displayWidth(String(line)) <= width)
    }
  }
}

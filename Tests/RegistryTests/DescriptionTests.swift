import Changes
import Foundation
import Registry
import Testing

@Suite("The page of the tables")
struct DescriptionTests {
  /// After a change of the schema, `CORDEE_WRITE_PAGES=1 swift test --filter DescriptionTests` writes it anew.
  @Test("SyncProtocol/registry.md is what the schema says")
  func page() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "SyncProtocol/registry.md")
    let derived = Data(Schema.registry.markdown.utf8)
    if ProcessInfo.processInfo.environment["CORDEE_WRITE_PAGES"] == "1" {
      try derived.write(to: page)
    }
    #expect(try Data(contentsOf: page) == derived)
  }

  @Test("every table and field stands on it, and no cell can break its table")
  func whole() {
    let lines = Schema.registry.markdown.split(separator: "\n")
    for table in Schema.registry.tables {
      #expect(lines.contains("## \(table.name)"))
      for field in table.fields {
        #expect(
          lines.contains { $0.hasPrefix("| `\(field.name)` | ") }, "\(table.name).\(field.name)")
      }
    }
    let odd = Schema(
      number: 1, spaces: ["s"], roles: [],
      tables: [
        Table(
          "t", space: "s", label: Label("T", fr: "T"),
          fields: [Field("f", label: Label("a|b\nc", fr: "d\r\ne"))])
      ])
    #expect(odd.markdown.contains("| `f` | text |  | a\\|b c | d  e |"))
  }
}

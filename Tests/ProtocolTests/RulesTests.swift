import Foundation
import Programs
import Testing

/// The text, the sources and the tests speak of the same rules.
@Suite("The specification's rules", .timeLimit(.minutes(15)))
struct RulesTests {
  private static func numbers(_ text: String, _ pattern: String) throws -> Set<Int> {
    let expression = try NSRegularExpression(pattern: pattern)
    let range = NSRange(text.startIndex..., in: text)
    return Set(
      expression.matches(in: text, range: range).compactMap { match in
        Range(match.range(at: 1), in: text).flatMap { Int(text[$0]) }
      })
  }

  private static func text(_ files: [URL]) throws -> String {
    try files.map { try String(contentsOf: $0, encoding: .utf8) }.joined(separator: "\n")
  }

  /// Rule numbers by the chapter that states them.
  private static func stated() throws -> [(chapter: Int, rules: [Int])] {
    try Specification.files(below: "SyncProtocol", [".md"]).compactMap { file in
      guard let chapter = Int(file.lastPathComponent.prefix(2)) else { return nil }
      let text = try text([file])
      let expression = try NSRegularExpression(pattern: #"\*\*\[SP-([0-9]+)\]\*\*"#)
      let rules = expression.matches(in: text, range: NSRange(text.startIndex..., in: text))
        .compactMap { Range($0.range(at: 1), in: text).flatMap { Int(text[$0]) } }
      return (chapter, rules)
    }
  }

  @Test("each chapter numbers its rules by its own number, in order, each once")
  func order() throws {
    let stated = try Self.stated()
    #expect(stated.count >= 4)
    for (chapter, rules) in stated {
      #expect(rules.first == chapter * 100 + 1, "chapter \(chapter)")
      #expect(rules == Array((rules.first ?? 0)..<(rules.first ?? 0) + rules.count), "\(chapter)")
    }
  }

  @Test("every rule is named by a vector, a test, or the table of tests")
  func tested() throws {
    let named = try Self.numbers(
      Self.text(
        Specification.files(below: "Tests", [".swift"])
          + Specification.files(below: "SyncProtocol/vectors", [".json"])), #"SP-([0-9]+)"#)
    let listed = Set(TestedRules.table.flatMap(\.rules))
    let missing = try Self.stated().flatMap(\.rules)
      .filter { !named.contains($0) && !listed.contains($0) }
    #expect(missing.isEmpty, "no test names \(missing)")
    for (rules, file, test) in TestedRules.table {
      let path = Specification.root.appending(path: "Tests/\(file).swift")
      let holds = try String(contentsOf: path, encoding: .utf8).contains(test)
      #expect(holds, "\(file) has no test \(test), which is to show \(rules)")
    }
    #expect(listed.isSubset(of: Set(try Self.stated().flatMap(\.rules))))
  }

  @Test("every rule that is named anywhere is stated")
  func named() throws {
    let stated = Set(try Self.stated().flatMap(\.rules))
    let files =
      try Specification.files(below: "Sources", [".swift"])
      + Specification.files(below: "Tests", [".swift"])
      + Specification.files(below: "SyncProtocol", [".md", ".json", ".py", ".yaml"])
    let unknown = try Self.numbers(Self.text(files), #"SP-([0-9]+)"#).subtracting(stated)
    #expect(unknown.isEmpty, "nothing states \(unknown.sorted())")
  }

  @Test("the vectors are what the second implementation makes of the rules")
  func made() throws {
    let (status, said) = try Program.said(
      by: "/usr/bin/python3",
      ["-B", Specification.folder.appending(path: "vectors/make.py").path, "--check"])
    #expect(status == 0, "\(said)")
  }
}

import Foundation
import Testing
import Wire

/// `problems.md` and the code name the same refusals.
@Suite("The list of problems", .timeLimit(.minutes(15)))
struct ProblemTests {
  /// The codes of a table's rows, each with the numbers of its second column.
  private static func listed(under heading: String) throws -> [String: Set<Int>] {
    let text = try String(
      contentsOf: Specification.folder.appending(path: "problems.md"), encoding: .utf8)
    let part = try #require(
      text.components(separatedBy: "\n## ").first { $0.hasPrefix(heading + "\n") })
    var found: [String: Set<Int>] = [:]
    for row in part.split(separator: "\n") where row.hasPrefix("| `") {
      let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      let codes = try matches(of: "`([a-z0-9_.-]+)`", in: cells[0])
      let numbers = try matches(of: "([0-9]+)", in: cells[1]).map { Int($0[0]) ?? 0 }
      // One status for all codes of a row, or one for each.
      for (place, code) in codes.enumerated() {
        let own = numbers.count == codes.count ? [numbers[place]] : numbers
        #expect(found.updateValue(Set(own), forKey: code[0]) == nil, "\(code[0]) stands twice")
      }
    }
    return found
  }

  /// What the groups of an expression match, match by match.
  private static func matches(of pattern: String, in text: String) throws -> [[String]] {
    let expression = try NSRegularExpression(pattern: pattern)
    return expression.matches(in: text, range: NSRange(text.startIndex..., in: text)).map { match in
      (1..<match.numberOfRanges).map { group in
        Range(match.range(at: group), in: text).map { String(text[$0]) } ?? ""
      }
    }
  }

  private static func sources(_ rooms: [String]) throws -> String {
    try rooms.flatMap { try Specification.files(below: "Sources/\($0)", [".swift"]) }
      .map { try String(contentsOf: $0, encoding: .utf8) }.joined(separator: "\n")
  }

  @Test(
    "every reason of a quarantine stands in the table of reasons, in the order of judgement [SP-805]"
  )
  func reasons() throws {
    let text = try String(
      contentsOf: Specification.folder.appending(path: "08-merge.md"), encoding: .utf8)
    let listed = try Self.matches(of: "(?m)^  \\| (`[a-z_.`, ]+) \\|", in: text)
      .flatMap { try Self.matches(of: "`([a-z_.]+)`", in: $0[0]) }.map { $0[0] }
    let coded = try Self.matches(
      of: #""([a-z]+\.[a-z_]+): "#,
      in: String(
        contentsOf: Specification.root.appending(path: "Sources/Central/Judgement.swift"),
        encoding: .utf8)
    ).map { $0[0] }
    #expect(coded.count >= 9)
    for code in coded { #expect(listed.contains(code), "[SP-805] does not list \(code)") }
    let author = ["member.revoked", "space.forbidden", "body.withheld", "body.unreadable"]
    #expect(listed.filter(author.contains) == author && coded.filter(author.contains) == author)
  }

  @Test("every refusal of central is listed with its status, and nothing else is [SP-510]")
  func central() throws {
    let listed = try Self.listed(under: "Of central")
    let text = try Self.sources(["Central", "Store", "Wire", "Web", "HTTPServer"])
    var coded: [String: Set<Int>] = [:]
    let patterns = [
      #"Problem\(\s*"([a-z_.]+)",\s*status: ([0-9]+)"#,
      #"Code\(description: "([a-z.-]+)", status: ([0-9]+)\)"#,
      #"refused\(()([0-9]+), line, "([a-z.]+)""#,
    ]
    for pattern in patterns {
      for match in try Self.matches(of: pattern, in: text) {
        let code = match.last.flatMap { Int($0) == nil ? $0 : nil } ?? match[0]
        coded[code, default: []].insert(Int(match[1]) ?? 0)
      }
    }
    #expect(coded.count > 50)
    for (code, statuses) in coded {
      #expect(listed[code] != nil, "\(code) is not listed")
      #expect(listed[code]?.isSuperset(of: statuses) == true, "\(code): \(statuses)")
    }
    for code in listed.keys { #expect(text.contains("\"\(code)\""), "nothing answers \(code)") }
  }

  @Test("every type of problem has one title, in the list and in the code [SP-510]")
  func titles() throws {
    let text = try String(
      contentsOf: Specification.folder.appending(path: "problems.md"), encoding: .utf8)
    let part = try #require(text.components(separatedBy: "\n## Titles\n").last)
    let rows = try Self.matches(of: #"(?m)^\| `([a-z0-9_.-]+)` \| (.+) \|$"#, in: part)
    let listed = Dictionary(rows.map { ($0[0], $0[1]) }) { first, _ in first }
    #expect(listed.count == rows.count)
    #expect(listed == Problem.titles)
    #expect(Set(listed.keys) == Set(try Self.listed(under: "Of central").keys))
    for (code, title) in listed {
      #expect(title != code && title.count <= 60 && !title.hasSuffix("."), "\(code): \(title)")
    }
    #expect(Set(listed.values).count == listed.count)
  }

  @Test("a problem has a hint only when something can be advised [SP-510]")
  func hints() throws {
    let (silent, advised) = (
      Problem("space.unknown", status: 404, "there is no space x"),
      Problem("space.unknown", status: 404, "there is no space y", hint: "Use commons.")
    )
    #expect(silent.json["hint"] == nil)
    #expect(advised.json["hint"]?.string == "Use commons.")
    #expect(silent.json["title"]?.string == advised.json["title"]?.string)
    let read = try #require(Problem.parse(silent.json.bytes(), status: 404))
    #expect(read == silent)
  }

  @Test("every refusal of a client is listed, and nothing else is")
  func client() throws {
    let listed = Set(try Self.listed(under: "Of a client").keys)
    let text = try Self.sources(["Replica", "Session"])
    let coded = try Self.matches(
      of: #"(?:SyncError\(|suspect\(|\.proof,|\.suspicion,)\s*"([a-z_.]+)""#, in: text
    ).map { $0[0] }
    #expect(coded.count > 20)
    for code in Set(coded) { #expect(listed.contains(code), "\(code) is not listed") }
    for code in listed { #expect(text.contains("\"\(code)\""), "nothing says \(code)") }
  }
}

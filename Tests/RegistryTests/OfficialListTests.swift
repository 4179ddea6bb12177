import Changes
import Foundation
import Registry
import SQLite
import Store
import Testing
import Wire

@Suite("The official list")
struct OfficialListTests {
  private static let slugs = [
    "france", "morocco", "luxembourg", "ecuador", "colombia", "quebec", "untfsse", "mbm", "ica",
    "aim", "iafm", "fmdv",
  ]

  private func seeded(_ change: (inout OfficialListRows) -> Void = { _ in }) throws
    -> OfficialListRows
  {
    var rows = try OfficialListRows(Fixture.reader(Fixture.records()))
    change(&rows)
    return rows
  }

  @Test("as at 17 September 2014 it holds the twelve as printed, the task force with its nineteen")
  func theTwelve() throws {
    let list = OfficialList(try seeded(), on: "2014-09-17")
    let printed = try #require(try Fixture.json()["seed"]?["official_lists"]?.array?[0]["entries"])
    let labels = printed.array?.compactMap { $0["label_as_printed"]?.string }
    let entries = try #require(list.entries)
    #expect(entries.map(\.slug) == Self.slugs)
    #expect(entries.map(\.label) == labels)
    #expect(entries.map(\.position) == Array(1...12))
    #expect(entries.allSatisfy { $0.basis == .attested })
    let inner = printed.array?[6]["sub_entries"]?.array?.compactMap {
      $0["label_as_printed"]?.string
    }
    #expect(entries[6].members.map(\.label) == inner)
    #expect(entries[6].members.count == 19)
    #expect(entries.filter { !$0.members.isEmpty }.count == 1)
    #expect(list.others.isEmpty && list.unattested.isEmpty)
  }

  @Test(
    "the day before and after nobody knows: no entries, and not an empty list",
    arguments: ["2014-09-16", "2014-09-18", "2014-02-04"])
  func notAttested(day: String) throws {
    let list = OfficialList(try seeded(), on: day)
    #expect(list.entries == nil)
    #expect(list.unattested.map(\.slug) == Self.slugs)
    #expect(list.json["entries"]?.text() == "null")
    #expect(list.json["attested"]?.text() == "false")
    #expect(list.json["not_attested"]?.array?.count == 12)
    #expect(list.text.contains("not attested"))
    let bases = list.csv.split(separator: "\r\n").dropFirst().map {
      String($0.split(separator: ",", omittingEmptySubsequences: false)[9])
    }
    #expect(bases.count >= 12 && bases.allSatisfy { $0 == "not_attested" })
  }

  @Test("the three answers: dated and attested members, other classes, and what nobody knows")
  func threeAnswers() throws {
    let rows = try seeded { rows in
      let group = rows.organisations.first { $0.kind == "leading_group" }!
      for (index, given) in [
        ("observer", "observer", "2014", nil), ("dated", "official_stakeholder", "2013-05", nil),
        ("gone", "official_stakeholder", "2010", "2012-12-31"),
        ("later", "official_stakeholder", "2015-01-01", nil),
        ("vague", "official_stakeholder", "2014", nil),
        ("last-day", "official_stakeholder", "2013", "2014-09-17"),
      ].enumerated() {
        rows.organisations.append(
          .init(id: "o\(index)", slug: given.0, kind: "state", name: given.0))
        rows.memberships.append(
          .init(
            id: "m\(index)", body: group.id, member: "o\(index)", membershipClass: given.1,
            start: given.2, end: given.3))
      }
      rows.attestations.append(.init(membership: "m0", day: "2014-09-17"))
    }
    let list = OfficialList(rows, on: "2014-09-17")
    #expect(list.entries?.map(\.slug) == Self.slugs + ["dated", "last-day"])
    #expect(list.entries?.suffix(2).map(\.basis) == [.dated, .dated])
    #expect(list.others.map(\.slug) == ["observer"])
    #expect(list.unattested.map(\.slug) == ["vague"])
    let after = OfficialList(rows, on: "2015-06-01")
    #expect(after.entries?.map(\.slug) == ["dated", "later", "vague"])
    #expect(after.unattested.count == 12)
    #expect(OfficialList(rows, on: "2016-01-01").entries?.count == 3)
  }

  @Test("where everybody had certainly left, the list is empty and attested")
  func empty() {
    var rows = OfficialListRows()
    rows.organisations = [
      .init(id: "g", slug: "g", kind: "leading_group", name: "G"),
      .init(id: "a", slug: "a", kind: "state", name: "A"),
    ]
    #expect(OfficialList(rows, on: "2020-01-01").entries == nil, "no membership was ever recorded")
    rows.memberships = [
      .init(
        id: "m", body: "g", member: "a", membershipClass: "official_stakeholder", start: "2010",
        end: "2012")
    ]
    #expect(OfficialList(rows, on: "2020-01-01").entries?.isEmpty == true)
    #expect(OfficialList(rows, on: "2012-06-01").entries == nil, "it may have left in that year")
    #expect(OfficialList(rows, on: "2011-06-01").entries?.count == 1)
  }

  @Test("bodies that are members of each other neither loop nor multiply")
  func bounded() {
    var rows = OfficialListRows()
    let count = 60
    rows.organisations = [.init(id: "g", slug: "g", kind: "leading_group", name: "G")]
    for index in 0..<count {
      rows.organisations.append(
        .init(id: "o\(index)", slug: "o\(index)", kind: "fund", name: "O"))
    }
    let bodies = ["g"] + (0..<count).map { "o\($0)" }
    for body in bodies {
      for index in 0..<count {
        rows.memberships.append(
          .init(
            id: "\(body)-\(index)", body: body, member: "o\(index)",
            membershipClass: "official_stakeholder", start: "2010"))
      }
    }
    let entries = OfficialList(rows, on: "2020-01-01").entries
    #expect(entries?.count == count)
    #expect(
      entries?.allSatisfy { $0.members.count == count - 1 || $0.members.count == count } == true)
    #expect(entries?.allSatisfy { $0.members.allSatisfy(\.members.isEmpty) } == true)
  }

  @Test("the newest day is that of the newest edition, else of the newest source, else of a start")
  func newestDay() throws {
    #expect(try seeded().newestDay == "2014-09-17")
    let attested = try seeded { $0.editions = [] }
    #expect(attested.newestDay == "2014-09-17")
    let dated = try seeded {
      $0.editions = []
      $0.attestations = []
      $0.memberships[0].start = "2015"
    }
    #expect(dated.newestDay == "2015-12-31")
    #expect(OfficialListRows().newestDay == nil)
    #expect(
      try seeded { $0.editions.append(.init(id: "x", asAt: "<script>")) }.newestDay == "2014-09-17")
  }

  @Test("public pages show nothing of an organisation that only members may see")
  func hidden() throws {
    let rows = try seeded { rows in
      let index = rows.organisations.firstIndex { $0.slug == "quebec" }!
      rows.organisations[index].isPublic = false
    }
    let list = OfficialList(rows.forPublic, on: "2014-09-17")
    #expect(list.entries?.map(\.slug) == Self.slugs.filter { $0 != "quebec" })
    #expect(!list.csv.contains("uebec"))
    #expect(OfficialList(rows, on: "2014-09-17").entries?.count == 12)
  }

  @Test("JSON, CSV and text hold the same entries")
  func renderings() throws {
    let list = OfficialList(try seeded(), on: "2014-09-17")
    let json = try JSON.parse(list.json.bytes())
    let fromJSON = try #require(json["entries"]?.array).flatMap { entry in
      [entry["label"]?.string ?? ""]
        + (entry["members"]?.array ?? []).map { $0["label"]?.string ?? "" }
    }
    let lines = list.csv.split(separator: "\r\n", omittingEmptySubsequences: false)
    #expect(lines.last == "" && lines.count == 1 + 12 + 19 + 1)
    #expect(
      lines[0]
        == "as_at,as_known,position,level,member_slug,label,kind,class,country,basis,"
        + "member_id,parent_id,parent_slug")
    let taskForce = try #require(list.entries?[6])
    #expect(
      lines[7]
        == "2014-09-17,,7,1,untfsse,The UN Inter-agency Task Force on SSE,interagency_body,official_stakeholder,,attested,"
        + "\(taskForce.member),,"
    )
    // Each line of the nineteen names the member it stands under, as the JSON nests it.
    for (line, member) in zip(lines[8...], taskForce.members) {
      #expect(line.hasSuffix(",\(member.member),\(taskForce.member),untfsse"))
    }
    #expect(lines[8..<27].count == taskForce.members.count)
    let fromCSV = lines.dropFirst().dropLast().map {
      String($0.split(separator: ",", omittingEmptySubsequences: false)[5])
    }
    #expect(fromCSV == fromJSON)
    #expect(fromJSON.count == 31)
    for label in fromJSON { #expect(list.text.contains(label)) }
  }

  @Test("what drives a terminal or turns text around stays out of text and CSV; JSON is exact")
  func hostile() throws {
    let name = "Evil\u{1B}[2J\u{9B}31m\u{202E}\n1  FR\u{2028}\u{0}\"x\",=cmd\u{7F}"
    var rows = OfficialListRows()
    rows.organisations = [
      .init(id: "g", slug: "g", kind: "leading_group", name: "G"),
      .init(id: "a", slug: "a\u{1B}]0;t\u{7}", kind: "k\r\n", name: name, country: "\u{1B}c"),
    ]
    rows.memberships = [
      .init(
        id: "m", body: "g", member: "a", membershipClass: "official_stakeholder", start: "2010"),
      .init(id: "n", body: "g", member: "a", membershipClass: "obs\u{1B}", start: "2010"),
    ]
    let list = OfficialList(rows, on: "2020-01-01")
    let isPlain = { (text: String) in
      text.unicodeScalars.allSatisfy {
        $0 == "\n" || $0 == "\r"
          || $0.properties.generalCategory != .control && !(0x202A...0x202E).contains($0.value)
            && !(0x2028...0x2029).contains($0.value)
      }
    }
    #expect(isPlain(list.text) && isPlain(list.csv))
    #expect(list.text.split(separator: "\n").count == 6, "a name cannot add a line")
    #expect(list.csv.split(separator: "\r\n").count == 3)
    #expect(list.csv.contains("\"\"x\"\""))
    #expect(list.json["entries"]?.array?[0]["label"]?.string == name)
  }

  @Test("no text is a formula to a spreadsheet, and each can be had back as it was")
  func formulas() throws {
    let labels = [
      "=HYPERLINK(\"http://evil.example\")", "+1+1", "-2", "@SUM(A1)", "\t=1", "\r=1", "  =1",
      "\u{A0}=1", "'=1", "''+1", "'t Hooft", "a=1", "-", "", "'",
    ]
    var rows = OfficialListRows()
    rows.organisations = [.init(id: "g", slug: "g", kind: "leading_group", name: "G")]
    for (place, label) in labels.enumerated() {
      rows.organisations.append(
        .init(id: "=o\(place)", slug: "@s\(place)", kind: "-k", name: label, country: "+F"))
      rows.memberships.append(
        .init(
          id: "m\(place)", body: "g", member: "=o\(place)", membershipClass: "official_stakeholder",
          start: "2010", position: place - 3))
    }
    let list = OfficialList(rows, on: "2020-01-01")
    let lines = list.csv.split(separator: "\r\n").dropFirst()
    try #require(lines.count == labels.count)
    for (place, line) in lines.enumerated() {
      var cells = Self.cells(line)
      try #require(cells.count == 13)
      #expect(cells[2] == String(place - 3), "a number is one, below zero, too")
      cells.remove(at: 2)
      for cell in cells {
        #expect(!"=+-@\t\r".contains(cell.trimmingPrefix(while: \.isWhitespace).first ?? "x"))
      }
      #expect(Self.unguarded(cells[4]) == OfficialList.line(labels[place]))
      for start in ["'@s", "'-k", "'+F", "'=o"] {
        #expect(cells.contains { $0.hasPrefix(start) }, "\(start)")
      }
    }
    #expect(lines.contains { $0.contains(",a=1,") } && lines.contains { $0.contains(",'t Hooft,") })
  }

  /// A line of CSV read as RFC 4180 says.
  private static func cells(_ line: Substring) -> [String] {
    var cells = [""]
    var isQuoted = false
    var previous: Character?
    for character in line {
      switch character {
      case "\"":
        // Two in a quoted cell are one of its text.
        if !isQuoted, previous == "\"" { cells[cells.count - 1].append(character) }
        isQuoted.toggle()
      case "," where !isQuoted: cells.append("")
      default: cells[cells.count - 1].append(character)
      }
      previous = character
    }
    return cells
  }

  /// A cell as it was before an apostrophe was put in front of it.
  private static func unguarded(_ cell: String) -> String {
    let rest = cell.drop { $0 == "'" || $0.isWhitespace }
    return cell.hasPrefix("'") && "=+-@".contains(rest.first ?? "x")
      ? String(cell.dropFirst()) : cell
  }

  @Test("read from a store it is the same; a schema without these tables gives no list")
  func fromStore() throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "cordee-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let store = try Store(
      path: folder.appending(path: "r.sqlite").path, schema: .registry, use: .replica, create: true)
    try store.insert(Fixture.records())
    let list = try OfficialList(store, on: "2014-09-17")
    #expect(list.csv == OfficialList(try seeded(), on: "2014-09-17").csv)
    let other = Schema(
      number: 1, spaces: ["bureau"], roles: [],
      tables: [
        Table(
          "organisation", space: "bureau", label: Label("Secret", fr: "Secret"),
          fields: [Field("kind", label: Label("Kind", fr: "Type"))])
      ])
    let foreign = try Store(
      path: folder.appending(path: "f.sqlite").path, schema: other, use: .replica, create: true)
    try foreign.withConnection {
      try $0.execute("INSERT INTO organisation(id, kind) VALUES('g', 'leading_group')")
    }
    #expect(try OfficialListRows(foreign).organisations.isEmpty)
    #expect(try OfficialList(foreign, on: "2014-09-17").entries == nil)
  }
}

extension Store {
  /// Writes records as plain SQL would.
  func insert(_ records: [SeedRecord]) throws {
    try withConnection { try $0.execute("BEGIN") }
    for record in records {
      let columns = (["id"] + record.fields.map(\.name)).joined(separator: ", ")
      let marks = Array(repeating: "?", count: record.fields.count + 1).joined(separator: ", ")
      let values = record.fields.map { field -> Argument in
        if case .integer(let number) = field.value {
          .integer(number)
        } else {
          .text(orNull: field.value.text)
        }
      }
      try withConnection {
        try $0.run(
          "INSERT INTO \(record.table)(\(columns)) VALUES(\(marks))", [.text(record.id)] + values)
      }
    }
    try withConnection { try $0.execute("COMMIT") }
  }
}

import Changes
import Foundation
import Registry
import SQLite
import Seal
import Store
import Testing
import Wire

private func fixture() throws -> JSON {
  let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/seed-records.json")
  return try JSON.parse(Array(Data(contentsOf: url)))
}

private func seed() throws -> Seed { try Seed(fixture()) { Blake2b.hash([$0]) } }

/// A store that holds the founding records, written as plain SQL would.
private final class Loaded {
  let folder = FileManager.default.temporaryDirectory.appending(path: "cordee-\(UUID().uuidString)")
  let store: Store

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    store = try Store(
      path: folder.appending(path: "r.sqlite").path, schema: .registry, use: .replica, create: true)
    for record in try seed().records {
      let names = record.fields.map(\.name).joined(separator: ", ")
      let marks = record.fields.map { _ in "?" }.joined(separator: ", ")
      try store.withConnection {
        try $0.run(
          "INSERT INTO \(record.row.table)(id\(names.isEmpty ? "" : ", " + names)) VALUES(?\(marks.isEmpty ? "" : ", " + marks))",
          [.text(record.row.id)]
            + record.fields.map { field in
              if case .integer(let number) = field.value {
                .integer(number)
              } else {
                .text(orNull: field.value.text)
              }
            })
      }
    }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func count(_ sql: String) throws -> Int {
    try store.withConnection { try $0.first(sql) { $0.int(0) } } ?? -1
  }
}

@Suite("The founding records")
struct SeedTests {
  @Test("the counts are those the records promise")
  func counts() throws {
    let loaded = try Loaded()
    let counts = try #require(try fixture()["oracles"]?["counts"])
    func expect(_ key: String, _ sql: String) throws {
      #expect(try loaded.count(sql) == counts[key]?.integer.map(Int.init), "\(key)")
    }
    try expect("organisations", "SELECT count(*) FROM organisation WHERE kind <> 'leading_group'")
    try expect(
      "official_stakeholders",
      "SELECT count(*) FROM membership WHERE class = 'official_stakeholder'")
    try expect(
      "task_force_members", "SELECT count(*) FROM membership WHERE class = 'task_force_member'")
    try expect("context_bodies", "SELECT count(*) FROM organisation WHERE kind = 'context_body'")
    try expect("persons", "SELECT count(*) FROM person")
    try expect("places", "SELECT count(*) FROM place")
    try expect("occasions", "SELECT count(*) FROM occasion")
    try expect("events", "SELECT count(*) FROM event")
    try expect("events_with_a_place", "SELECT count(*) FROM event WHERE place_id IS NOT NULL")
    try expect(
      "sovereign_states_in_list",
      "SELECT count(*) FROM membership m JOIN organisation o ON o.id = m.member_id WHERE m.class = 'official_stakeholder' AND o.kind = 'state'"
    )
  }

  @Test(
    "the list as at 17 September 2014 holds the twelve in order, with the nineteen; the day before is not attested"
  )
  func officialList() throws {
    let loaded = try Loaded()
    let list = try OfficialList(loaded.store, on: "2014-09-17")
    let expected = try #require(
      try fixture()["oracles"]?["queries"]?.array?[0]["expect_members"]?.array?.compactMap(\.string)
    )
    #expect(list.entries?.map(\.slug) == expected)
    #expect(list.entries?[6].members.count == 19)
    #expect(list.entries?[6].members.contains { $0.slug == "oecd" } == true)
    #expect(try OfficialList(loaded.store, on: "2014-09-16").entries == nil)
    #expect(try OfficialList(loaded.store, on: "2014-02-04").entries == nil)
    #expect(list.csv.split(separator: "\r\n").count == 1 + 12 + 19)
  }

  @Test("Quebec stays an official stakeholder and a subnational government")
  func quebec() throws {
    let loaded = try Loaded()
    #expect(
      try loaded.count(
        "SELECT count(*) FROM organisation o JOIN membership m ON m.member_id = o.id WHERE o.slug = 'quebec' AND o.kind = 'subnational_government' AND o.subdivision = 'CA-QC' AND o.country IS NULL AND m.class = 'official_stakeholder'"
      ) == 1)
  }

  @Test("both spellings of Mont Blanc and the event known to a year are kept")
  func traps() throws {
    let loaded = try Loaded()
    #expect(
      try loaded.count(
        "SELECT count(*) FROM organisation_name WHERE value LIKE 'The Mont Blanc Meetings%'") == 1)
    #expect(
      try loaded.count(
        "SELECT count(*) FROM organisation_name WHERE value LIKE 'The Mont-Blanc Meetings%'") == 1)
    #expect(try loaded.count("SELECT count(*) FROM event WHERE edtf = '2013'") == 1)
  }

  @Test("every record has the form its table asks for, and every id is there once")
  func forms() throws {
    let records = try seed().records
    #expect(Set(records.map(\.row)).count == records.count)
    for record in records {
      let table = try #require(Schema.registry.table(record.row.table))
      for value in record.fields {
        let field = try #require(table.field(value.name), "\(record.row.table).\(value.name)")
        #expect(field.violation(of: value.value) == nil, "\(record.row.table).\(value.name)")
      }
    }
  }

  @Test("references lead to records")
  func references() throws {
    let records = try seed().records
    let rows = Set(records.map(\.row))
    for record in records {
      let table = try #require(Schema.registry.table(record.row.table))
      for value in record.fields {
        guard let target = table.field(value.name)?.references, let id = value.value.text else {
          continue
        }
        #expect(rows.contains(RowKey(table: target, id: id)), "\(record.row.table).\(value.name)")
      }
    }
  }

  @Test("nothing the records say is dropped")
  func complete() throws {
    // Derived from other fields, or a remark about the file itself.
    let derived: Set<String> = [
      "date_precision", "weekday_check", "stated_weekday", "iso3166_1_alpha3", "iso3166_1_numeric",
      "m49_subregion_name", "iso3166_2_type", "parent_iso3166_1_alpha2", "body", "start_date",
      "end_date",
      "enrichment", "slug_of", "committee_decision_window", "role", "member", "org",
    ]
    let held = Set(
      try seed().records.flatMap {
        [$0.row.id] + $0.fields.compactMap { $0.value.text ?? $0.value.integer.map(String.init) }
      })
    var dropped: [String] = []
    func walk(_ json: JSON, _ path: String) {
      switch json {
      case .object(let members):
        for (key, value) in members where !derived.contains(key) { walk(value, "\(path).\(key)") }
      case .array(let items): for item in items { walk(item, path) }
      case .string(let text):
        let isReference = [
          "organisers", "partners", "participants", "persons", "organisations", "by",
          "made_at_event", "place", "occasion", "organiser", "holder", "grantor",
          "decided_by_in_seed", "committee_session", "hosted_by",
        ]
        .contains { path.hasSuffix(".\($0)") }
        if !isReference && !held.contains(text) { dropped.append("\(path) \(text)") }
      case .integer(let number): if !held.contains(String(number)) { dropped.append(path) }
      default: break
      }
    }
    walk(try #require(try fixture()["seed"]), "seed")
    #expect(dropped.isEmpty)
  }
}

@Suite("Forms of values")
struct FormatTests {
  @Test(
    "partial dates are real days",
    arguments: [
      ("2013", true), ("2013-11", true), ("2013-11-09", true), ("2013-02-29", false),
      ("2012-02-29", true), ("2013-13", false), ("13", false), ("2013-01-21/2013-01-30", true),
      ("2013-02/2013-01", false), ("2013-11-31", false), ("", false),
    ])
  func edtf(text: String, isGood: Bool) { #expect(ValueFormat.edtf.accepts(text) == isGood) }

  @Test("codes", arguments: [("EC", true), ("ec", false), ("XX", false), ("QC", false)])
  func country(text: String, isGood: Bool) { #expect(ValueFormat.country.accepts(text) == isGood) }

  @Test(
    "language tags",
    arguments: [("fr", true), ("zh-Hant", true), ("f", false), ("fr-", false), ("français", false)])
  func language(text: String, isGood: Bool) {
    #expect(ValueFormat.language.accepts(text) == isGood)
  }
}

import Changes
import Registry
import Seal
import Testing
import Wire

@Suite("The founding records")
struct SeedTests {
  @Test("the counts are those the records promise")
  func counts() throws {
    let records = try Fixture.records()
    let counts = try #require(try Fixture.json()["oracles"]?["counts"])
    let kinds = Dictionary(
      records.filter { $0.table == "organisation" }.map { ($0.id, $0.text("kind") ?? "") }
    ) { $1 }
    func expect(_ key: String, _ table: String, _ fits: (SeedRecord) -> Bool = { _ in true }) {
      let count = records.count { $0.table == table && fits($0) }
      #expect(Int64(count) == counts[key]?.integer, "\(key)")
    }
    let isListed = { (record: SeedRecord) in record.text("class") == "official_stakeholder" }
    let memberKind = { (record: SeedRecord) in kinds[record.text("member_id") ?? ""] }
    expect("organisations", "organisation") { $0.text("kind") != "leading_group" }
    expect("official_stakeholders", "membership", isListed)
    expect("task_force_members", "membership") { $0.text("class") == "task_force_member" }
    expect("task_force_members_in_un_system", "membership") {
      $0.text("class") == "task_force_member" && memberKind($0) == "un_entity"
    }
    expect("sovereign_states_in_list", "membership") { isListed($0) && memberKind($0) == "state" }
    expect("governments_in_list", "membership") {
      isListed($0) && ["state", "subnational_government"].contains(memberKind($0))
    }
    expect("distinct_bodies_reached_by_list_with_expansion", "membership")
    expect("context_bodies", "organisation") { $0.text("kind") == "context_body" }
    for table in ["person", "place", "occasion", "event"] { expect("\(table)s", table) }
    expect("day_precise_events", "event") {
      $0.text("edtf").map { ValueFormat.edtf.accepts($0) && $0.utf8.count >= 10 } ?? false
    }
    expect("events_with_a_place", "event") { $0.value("place_id") != nil }
    for table in ["chair_term", "meeting", "proposal"] {
      #expect(!records.contains { $0.table == table }, "nothing is invented: \(table)")
    }
  }

  @Test("Quebec stays an official stakeholder and a subnational government")
  func quebec() throws {
    let records = try Fixture.records()
    let quebec = try #require(records.first { $0.text("slug") == "quebec" })
    #expect(quebec.text("kind") == "subnational_government")
    #expect(quebec.text("subdivision") == "CA-QC")
    #expect(quebec.value("country") == nil)
    let membership = try #require(records.first { $0.text("member_id") == quebec.id })
    #expect(membership.text("class") == "official_stakeholder")
  }

  @Test("both spellings of Mont Blanc, and AIM in two languages, are kept byte for byte")
  func names() throws {
    let records = try Fixture.records()
    func values(_ slug: String) throws -> Set<String> {
      let id = try #require(records.first { $0.text("slug") == slug }).id
      return Set(
        records.filter { $0.text("organisation_id") == id }.compactMap { $0.text("value") })
    }
    let names = try values("mbm")
    #expect(names.contains { $0.hasPrefix("The Mont Blanc Meetings (MBM) – ") })
    #expect(names.contains { $0.hasPrefix("The Mont-Blanc Meetings – ") })
    #expect(try values("aim").contains("Association Internationale de la Mutualité"))
    let rules = records.filter { $0.table == "rule" }.compactMap { $0.text("quote") }
    #expect(rules.contains { $0.unicodeScalars.contains("\u{2019}") }, "the curly apostrophe")
  }

  @Test("an event known to a year stays known to a year, and ten days of session stay ten days")
  func precision() throws {
    let dates = try Fixture.records().filter { $0.table == "event" }.compactMap { $0.text("edtf") }
    #expect(dates.contains("2013"))
    #expect(dates.contains("2013-01-21/2013-01-30"))
  }

  @Test("OECD and TDR stand in the task force, and both partners are its members too")
  func taskForce() throws {
    let records = try Fixture.records()
    for slug in ["oecd", "tdr", "unrisd", "un-ngls"] {
      let id = try #require(records.first { $0.text("slug") == slug }).id
      #expect(
        records.contains {
          $0.text("member_id") == id && $0.text("class") == "task_force_member"
        }, "\(slug)")
    }
    let partners = records.filter { $0.table == "event_party" && $0.text("part") == "partner" }
    #expect(partners.count == 2)
  }

  @Test("kinds that the text promises without a member can be used at once")
  func promisedKinds() throws {
    let kind = try #require(Schema.registry.table("organisation")?.field("kind"))
    let promised = try Fixture.records().filter { $0.table == "kind" }.compactMap {
      $0.text("code")
    }
    #expect(promised.count == 3)
    for code in promised { #expect(kind.violation(of: .text(code)) == nil, "\(code)") }
    #expect(kind.violation(of: .text("State")) != nil)
    #expect(kind.violation(of: .null) != nil)
  }

  @Test("every record has the form its table asks for, and every id is there once")
  func forms() throws {
    let records = try Fixture.records()
    #expect(Set(records.map(\.row)).count == records.count)
    for record in records {
      let table = try #require(Schema.registry.table(record.table), "\(record.table)")
      #expect(Set(record.fields.map(\.name)).count == record.fields.count, "\(record.table)")
      for value in record.fields {
        let field = try #require(table.field(value.name), "\(record.table).\(value.name)")
        #expect(field.violation(of: value.value) == nil, "\(record.table).\(value.name)")
      }
      for field in table.fields where field.isRequired {
        #expect(record.value(field.name) != nil, "\(record.table).\(field.name)")
      }
    }
  }

  @Test("references lead to records")
  func references() throws {
    let records = try Fixture.records()
    let rows = Set(records.map(\.row))
    for record in records {
      let table = try #require(Schema.registry.table(record.table))
      for value in record.fields {
        guard let target = table.field(value.name)?.references, let id = value.value.text else {
          continue
        }
        #expect(rows.contains(RowKey(table: target, id: id)), "\(record.table).\(value.name)")
      }
    }
  }

  @Test("the same records come out wherever it runs; made ids are UUIDv8 and follow the hash")
  func deterministic() throws {
    let first = try Fixture.records()
    #expect(first == (try Fixture.records()))
    let other = try Seed(Fixture.json()) { Blake2b.hash([$0, [1]]) }.records
    #expect(first.count == other.count)
    let (mine, theirs) = (Set(first.map(\.row)), Set(other.map(\.row)))
    // The ids that stand in the file stay whatever the hash: 1 group and the 98 below it.
    #expect(mine.intersection(theirs).count == 99)
    for made in mine.subtracting(theirs) {
      let bytes = Array(made.id.utf8)
      #expect(bytes.count == 36 && bytes[14] == UInt8(ascii: "8"), "\(made.id)")
      #expect("89ab".utf8.contains(bytes[19]), "\(made.id)")
    }
  }

  @Test("a record is written once and never over a row that was there")
  func writeOnce() throws {
    let record = try #require(try Fixture.records().first)
    let write = try #require(record.write(over: RowState(), schema: .registry))
    guard case .insert(let fields) = write.verb else {
      Issue.record("an insert is expected")
      return
    }
    #expect(fields.map(\.name) == Schema.registry.table(record.table)?.fields.map(\.name))
  }

  @Test(
    "spoilt records are refused, and the place is named",
    arguments: [
      (["group"], JSON.null, "seed/group"),
      (["organisations", "0", "budget"], .integer(3), "seed/organisations/0/budget"),
      (["organisations", "3", "slug"], .integer(3), "seed/organisations/3/slug"),
      (["organisations"], .string("none"), "seed/organisations"),
      (["memberships", "2", "member"], .string("atlantis"), "seed/memberships/2"),
      (["memberships", "2", "member"], .string("france"), "seed/memberships/2/member"),
      (
        ["memberships", "2", "attested_on"], .array([.integer(1)]), "seed/memberships/2/attested_on"
      ),
      (["events", "1", "title"], .array([]), "seed/events/1/title"),
      (["events", "0", "organisers"], .array([.string("nobody")]), "seed/events/0"),
      (["chair_terms"], .array([.object([])]), "seed/chair_terms"),
      (["occasions", "2", "session"], .integer(1), "seed/occasions/2/session"),
      (["a_new_part"], .array([]), "seed/a_new_part"),
    ])
  func refused(path: [String], value: JSON, place: String) throws {
    let spoilt = try Fixture.json().replacing(["seed"] + path, with: value)
    let error = #expect(throws: SeedError.self) { try Fixture.seed(spoilt) }
    #expect(error?.message.hasPrefix(place) == true, "\(error?.message ?? "")")
  }

  @Test("one id twice is refused")
  func twice() throws {
    let json = try Fixture.json()
    let rule = try #require(json["seed"]?["rules"]?.array?[0]["id"])
    #expect(throws: SeedError.self) {
      try Fixture.seed(json.replacing(["seed", "rules", "1", "id"], with: rule))
    }
  }
}

import Changes
import Registry
import Testing
import Wire

/// Walks every scalar of the founding records and looks for it in the rows made of the object it stands in.
@Suite("Nothing of the founding records is dropped")
struct CompletenessTests {
  // Short names that stand for a row: looked for as that row's id.
  private static let shortNames: Set<String> = [
    "org", "organiser", "body", "organisers", "partners", "participants", "persons",
    "organisations", "holder", "grantor", "decided_by_in_seed", "committee_session", "by",
    "made_at_event", "hosted_by", "member", "place", "occasion",
  ]

  private static let derived = Set(Seed.derived.map(\.key)).subtracting(shortNames)

  @Test("every scalar is in a row of its own object, or follows from another by a named rule")
  func everyScalar() throws {
    let seed = try #require(try Fixture.json()["seed"])
    let records = try Fixture.records()
    let ids = Dictionary(
      records.compactMap { record in record.text("slug").map { ($0, record.id) } }
    ) { $1 }
    var dropped: [String] = []
    var seen = 0
    func walk(_ json: JSON, _ path: String, _ key: String, _ held: Set<String>) {
      switch json {
      case .object(let members):
        for (key, value) in members {
          let isEventDate = path.hasPrefix("seed/events") && key.hasSuffix("_date")
          let isDate = key == "start_date" || key == "end_date"
          if Self.derived.contains(key), isDate ? isEventDate : true { continue }
          walk(value, "\(path)/\(key)", key, held)
        }
      case .array(let items):
        for (index, item) in items.enumerated() { walk(item, "\(path)/\(index)", key, held) }
      case .string(let text):
        seen += 1
        let wanted = Self.shortNames.contains(key) ? ids[text] ?? "?" : text
        if !held.contains(wanted) { dropped.append("\(path): \(text)") }
      case .integer(let number):
        seen += 1
        if !held.contains(String(number)) { dropped.append("\(path): \(number)") }
      case .real, .bool: dropped.append(path)
      case .null: break
      }
    }
    guard case .object(let parts) = seed else {
      Issue.record("an object is expected")
      return
    }
    for (key, part) in parts {
      for (index, item) in (part.array ?? [part]).enumerated() {
        walk(item, "seed/\(key)/\(index)", key, Self.held(by: item, records))
      }
    }
    #expect(dropped.isEmpty, "\(dropped)")
    #expect(seen > 1_000)
  }

  /// The texts of the rows made of an object: its own row and those that hang on it, two steps down.
  private static func held(by item: JSON, _ records: [SeedRecord]) -> Set<String> {
    guard let id = item["id"]?.string else {
      let loose: Set<String> = ["college", "kind", "seed_note", "public_page"]
      return values(records.filter { loose.contains($0.table) })
    }
    var owners: Set<String> = [id]
    let parents: Set<String> = [
      "organisation_id", "membership_id", "mandate_id", "secretariat_term_id", "official_list_id",
      "event_id", "person_id",
    ]
    for _ in 0..<2 {
      for record in records
      where record.fields.contains(where: {
        parents.contains($0.name) && owners.contains($0.value.text ?? "")
      }) {
        owners.insert(record.id)
      }
    }
    return values(records.filter { owners.contains($0.id) })
  }

  private static func values(_ records: [SeedRecord]) -> Set<String> {
    var held: Set<String> = []
    for record in records {
      held.insert(record.id)
      for field in record.fields {
        let text = field.value.text ?? field.value.integer.map(String.init) ?? ""
        held.insert(text)
        if ["recommended"].contains(field.name) {
          held.formUnion(text.split(separator: "/").map(String.init))
        }
      }
    }
    return held
  }

  @Test("what is left out does follow from what is kept")
  func derivations() throws {
    let seed = try #require(try Fixture.json()["seed"])
    for event in seed["events"]?.array ?? [] {
      let edtf = try #require(event["edtf"]?.string)
      let interval = try #require(DateInterval(edtf))
      if event["date_precision"]?.string == "day" {
        #expect(interval.start.isDay && interval.end.isDay)
        #expect(interval.start.earliest == event["start_date"]?.string)
        #expect(interval.end.latest == event["end_date"]?.string)
        #expect(weekday(interval.start.earliest) == event["weekday_check"]?.string, "\(edtf)")
      } else {
        #expect(edtf.utf8.count == 4 && event["start_date"]?.string == nil)
      }
      if let stated = event["stated_weekday"]?.string {
        #expect(event["seed_quote"]?.string?.contains(stated) == true)
        #expect(stated == weekday(edtf))
      }
    }
    for organisation in seed["organisations"]?.array ?? [] {
      guard let parent = organisation["geo"]?["parent_iso3166_1_alpha2"]?.string else { continue }
      #expect(organisation["geo"]?["iso3166_2"]?.string?.hasPrefix("\(parent)-") == true)
    }
  }

  /// The day of the week, by Sakamoto's rule.
  private func weekday(_ day: String) -> String {
    let parts = day.split(separator: "-").compactMap { Int($0) }
    let offsets = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4]
    let year = parts[1] < 3 ? parts[0] - 1 : parts[0]
    let index = (year + year / 4 - year / 100 + year / 400 + offsets[parts[1] - 1] + parts[2]) % 7
    return [
      "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ][index]
  }
}

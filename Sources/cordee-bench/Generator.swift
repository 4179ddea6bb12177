import Changes

/// One made-up organisation.
struct Record {
  /// Its row id, a ULID.
  let id: String
  /// A value for each field of `Generator.fields`, in order.
  let values: [Value]
}

/// One edit of one field.
struct Edit {
  let id: String
  let field: String
  let value: Value
}

/// Seeded rows of about 500 bytes and edits to them: the same number and seed give the same rows anywhere.
struct Generator: Sequence, IteratorProtocol {
  static let fields = [
    "name", "legal_name", "kind", "status", "street", "postcode", "city", "country", "phone",
    "email", "website", "tax_no", "employees", "notes",
  ]

  private let count: Int
  private var place = 0
  private var ids = Identifiers()
  private var random = PythonRandom(seed: 7)

  /// Makes `count` rows, one at a time.
  init(count: Int) { self.count = count }

  mutating func next() -> Record? {
    guard place < count else { return nil }
    defer { place += 1 }
    let id = ids.draw()
    let name =
      "\(random.choice(Words.first)) \(random.choice(Words.middle)) \(random.choice(Words.last)) \(place % 9973)"
    let legalName = name + " " + random.choice(Words.last)
    let kind = random.choice(Words.kind)
    let status = random.choice(Words.status)
    let street = "\(random.choice(Words.street)) \(random.range(1, 240))"
    let postcode = "\(random.range(10, 99))-\(random.range(100, 999))"
    let city = random.choice(Words.city)
    let country = random.choice(Words.country)
    let phone =
      "+\(random.range(10, 99)) \(random.range(100, 999)) \(random.range(100_000, 999_999))"
    let slug = "org\(place)"
    let tax = "\(random.choice(Words.country))\(random.range(1_000_000_000, 10_000_000_000))"
    let employees = random.range(1, 5000)
    let notes = random.choices(Words.notes, random.range(6, 20)).joined(separator: " ")
    return Record(
      id: id,
      values: [
        .text(name), .text(legalName), .text(kind), .text(status), .text(street), .text(postcode),
        .text(city), .text(country), .text(phone), .text("office@\(slug).example.org"),
        .text("https://www.\(slug).example.org/"), .text(tax), .integer(Int64(employees)),
        .text(notes),
      ])
  }

  /// Edits that two sides make of the same `count` rows, each of one field, which is the same or another; rows differ from
  /// round to round as long as there are enough.
  static func meetings(
    _ count: Int, records: Int, round: Int, sameField: Bool
  ) -> (author: [Edit], reader: [Edit]) {
    var identifiers = Identifiers()
    let ids = (0..<records).map { _ in identifiers.draw() }
    var (author, reader): ([Edit], [Edit]) = ([], [])
    for place in 0..<count {
      let id = ids[(place * (records / count) + round) % records]
      author.append(Edit(id: id, field: "phone", value: .text("+593 \(round) \(place)")))
      reader.append(
        sameField
          ? Edit(id: id, field: "phone", value: .text("+212 \(round) \(place)"))
          : Edit(id: id, field: "notes", value: .text("meets in Rabat \(round)")))
    }
    return (author, reader)
  }

  /// `count` edits of single fields, each to another of `records` rows.
  static func edits(_ count: Int, records: Int, seed: UInt32) -> [Edit] {
    var identifiers = Identifiers()
    let ids = (0..<records).map { _ in identifiers.draw() }
    var random = PythonRandom(seed: seed)
    let touched = ["phone", "email", "status", "notes", "employees", "street"]
    return random.sample(below: records, count).map { index in
      let field = random.choice(touched)
      // All are drawn, whichever is used.
      let phone = "+48 \(random.range(100, 999)) \(random.range(100_000, 999_999))"
      let email = "new\(random.below(1_000_000))@org\(index).example.org"
      let status = random.choice(Words.status) + "\(seed)"
      let notes = random.choices(Words.notes, 10).joined(separator: " ")
      let employees = random.range(5000, 9999)
      let street = "\(random.choice(Words.street)) \(random.range(300, 900))"
      let value: Value =
        switch field {
        case "phone": .text(phone)
        case "email": .text(email)
        case "status": .text(status)
        case "notes": .text(notes)
        case "employees": .integer(Int64(employees))
        default: .text(street)
        }
      return Edit(id: ids[index], field: field, value: value)
    }
  }
}

/// Row ids with a clock of their own, so that they ascend.
private struct Identifiers {
  private static let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
  private var random = PythonRandom(seed: 42)
  private var milliseconds = 1_700_000_000_000

  mutating func draw() -> String {
    milliseconds += random.range(1, 400)
    let drawn = random.bits(80)
    return Self.text(UInt128(milliseconds), 10) + Self.text(drawn, 16)
  }

  private static func text(_ number: UInt128, _ count: Int) -> String {
    let characters = (0..<count).map { place in
      digits[Int(number >> UInt128(5 * (count - 1 - place)) & 31)]
    }
    return String(decoding: characters, as: UTF8.self)
  }
}

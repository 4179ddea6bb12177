public import Changes
public import Wire

/// One row that the founding records ask for.
public struct SeedRecord: Sendable, Hashable {
  /// Which row.
  public let row: RowKey
  /// Its fields that the records give; all others are NULL.
  public let fields: [FieldValue]

  /// Its table.
  public var table: String { row.table }
  /// Its key.
  public var id: String { row.id }
}

/// Why records could not be read: where, and what is expected.
public struct SeedError: Error, Sendable, CustomStringConvertible {
  /// What is wrong, where, and what is expected.
  public let message: String
  /// The message.
  public var description: String { message }
}

/// The founding records as rows: a pure translation, the same rows with the same ids wherever it runs.
///
/// Every member of the records finds a field or is refused; left out are only those that `derived` names.
public struct Seed {
  /// The rows, in the order of the records.
  public private(set) var records: [SeedRecord] = []
  let root: SeedPart
  private let hash: ([UInt8]) -> [UInt8]
  private var ids: [String: String] = [:]

  /// Members that say again what another member says, by name, with what they follow from.
  public static let derived: [(key: String, from: String)] = [
    ("body", "`body_id`, in memberships"), ("member", "`member_id`, in memberships and lists"),
    ("place", "`place_id`"), ("occasion", "`occasion_id`"),
    ("iso3166_1_alpha3", "the alpha-2 code"), ("iso3166_1_numeric", "the alpha-2 code"),
    ("iso3166_2_type", "the ISO 3166-2 code"),
    ("parent_iso3166_1_alpha2", "the first two letters of the ISO 3166-2 code"),
    ("m49_subregion_name", "the M49 code"),
    ("date_precision", "the form of `edtf`"), ("weekday_check", "the day in `edtf`"),
    ("stated_weekday", "`seed_quote`, which holds the word"),
    ("start_date", "`edtf`, in events"), ("end_date", "`edtf`, in events"),
  ]

  /// Translates the `seed` part of the founding records.
  ///
  /// - Parameters:
  ///   - json: the `seed` object, or a document that holds one.
  ///   - hash: at least 16 bytes of a cryptographic hash. Parts without an id in the file get a UUIDv8 (RFC 9562,
  ///     section 5.8) from it, over `<type>/<path>`.
  /// - Throws: `SeedError` naming the place.
  public init(_ json: JSON, hash: @escaping ([UInt8]) -> [UInt8]) throws(SeedError) {
    self.hash = hash
    root = try SeedPart(
      json["seed"] ?? json, at: "seed",
      known: [
        "group", "composition_colleges", "kinds_named_without_a_member", "organisations",
        "memberships", "persons", "places", "occasions", "events", "official_lists", "rules",
        "chair_terms", "chair_terms_note", "secretariat_terms", "consultative_statuses",
        "commitments", "proposals", "proposals_note", "meetings", "meetings_note", "public_page",
      ])
    guard hash([]).count >= 16 else { throw SeedError(message: "hash: 16 bytes are expected") }
    try organisations()
    try memberships()
    try officialLists()
    try people()
    try places()
    try happenings()
    try arrangements()
    try openQuestions()
    try checkOnce()
  }

  /// Adds a row; fields without a value stay NULL.
  mutating func add(_ table: String, _ id: String, _ fields: [(String, Value?)]) {
    records.append(
      SeedRecord(
        row: RowKey(table: table, id: id),
        fields: fields.compactMap { name, value in value.map { FieldValue(name, $0) } }))
  }

  /// Remembers which id a short name stands for.
  mutating func name(_ table: String, _ item: SeedPart) throws(SeedError) {
    ids["\(table)/\(try item.text("slug"))"] = try item.text("id")
  }

  /// The id that a short name stands for.
  func reference(_ table: String, _ slug: String, _ item: SeedPart) throws(SeedError) -> Value {
    guard let id = ids["\(table)/\(slug)"] else {
      throw SeedError(message: "\(item.path): there is no \(table) \(slug)")
    }
    return .text(id)
  }

  /// The id that the short name under `key` stands for; nil when there is none.
  ///
  /// Where the same part also gives the id, both must agree.
  func reference(_ table: String, _ item: SeedPart, _ key: String, id: String? = nil)
    throws(SeedError) -> Value?
  {
    let given = try id.map { key throws(SeedError) in try item.value(key) } ?? nil
    guard let slug = try item.value(key)?.text else { return given }
    let value = try reference(table, slug, item)
    guard given == nil || given == value else {
      throw SeedError(message: "\(item.path)/\(key): its id is not that of \(table) \(slug)")
    }
    return value
  }

  /// A UUIDv8 from the hash of the parts joined by slashes.
  func made(_ parts: String...) -> String {
    var bytes = Array(hash(Array(parts.joined(separator: "/").utf8)).prefix(16))
    bytes[6] = bytes[6] & 0x0F | 0x80
    bytes[8] = bytes[8] & 0x3F | 0x80
    let digits = bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
    return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }
      .joined(separator: "-")
  }

  /// Refuses two rows under one id.
  private func checkOnce() throws(SeedError) {
    var seen: Set<RowKey> = []
    for record in records where !seen.insert(record.row).inserted {
      throw SeedError(message: "\(record.table)/\(record.id): two records have this id")
    }
  }
}

extension SeedRecord {
  /// The write that brings this record into a row that never was: an insert, or nothing.
  public func write(over state: RowState, schema: Schema) -> Write? {
    guard state.liveness.isEmpty else { return nil }
    let given = Dictionary(fields.map { ($0.name, $0.value) }) { $1 }
    let all = (schema.table(row.table)?.fields ?? []).map {
      FieldValue($0.name, given[$0.name] ?? .null)
    }
    return Write(row, .insert(all))
  }
}

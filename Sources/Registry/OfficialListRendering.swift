public import Wire

extension OfficialList {
  /// As JSON: `entries` is null when the day is not attested; an entry's `kind` is empty where no organisation has its
  /// `member_id`.
  public var json: JSON {
    .object([
      ("as_at", .string(asAt)), ("as_known", asKnown.map { .string($0) } ?? .null),
      ("attested", .bool(entries != nil)),
      ("entries", entries.map { .array($0.map(Self.json)) } ?? .null),
      ("others", .array(others.map(Self.json))),
      ("not_attested", .array(unattested.map(Self.json))),
    ])
  }

  private static func json(_ entry: Entry) -> JSON {
    .object([
      ("position", entry.position.map { .integer(Int64($0)) } ?? .null),
      ("member_id", .string(entry.member)), ("slug", .string(entry.slug)),
      ("label", .string(entry.label)), ("kind", .string(entry.kind)),
      ("class", .string(entry.membershipClass)),
      ("country", entry.country.map { .string($0) } ?? .null),
      ("basis", .string(entry.basis.rawValue)), ("members", .array(entry.members.map(json))),
    ])
  }

  /// As CSV (RFC 4180, CRLF): one line an entry, a member's members a level below it.
  ///
  /// `kind` is empty where no organisation has the `member_id`. Members come first, then other classes, then memberships
  /// whose `basis` is `not_attested`. A cell is one line.
  /// `parent_id` names the `member_id` of the line above that this one stands under; it is empty at level 1. A text that a
  /// spreadsheet would take for a formula has an apostrophe before it; the exact value stands in the JSON.
  public var csv: String {
    let header = [
      "as_at", "as_known", "position", "level", "member_slug", "label", "kind", "class", "country",
      "basis", "member_id", "parent_id", "parent_slug",
    ]
    var lines = [header.map { CSV.Cell.text($0) }]
    func add(_ entry: Entry, under parent: Entry?, _ level: Int) {
      lines.append([
        .text(asAt), .init(asKnown), .init(entry.position), .number(level), .text(entry.slug),
        .text(entry.label), .text(entry.kind), .text(entry.membershipClass), .init(entry.country),
        .text(entry.basis.rawValue), .text(entry.member), .init(parent?.member),
        .init(parent?.slug),
      ])
      for member in entry.members { add(member, under: entry, level + 1) }
    }
    for entry in (entries ?? []) + others + unattested { add(entry, under: nil, 1) }
    return lines.map(CSV.line).joined()
  }

  /// As plain text for people, ending with a line feed; every line is harmless to a terminal.
  public var text: String {
    var lines: [String] = []
    if let entries {
      lines = ["Official stakeholders as at \(asAt): \(entries.count)"] + Self.table(entries)
    } else {
      lines = ["Official stakeholders as at \(asAt): not attested. \(Self.notAttested)"]
    }
    if !others.isEmpty {
      lines += ["", "In other classes: \(others.count)"] + Self.table(others)
    }
    if !unattested.isEmpty {
      lines += ["", "Not attested on this day: \(unattested.count)"]
      lines += unattested.map { "  \(Self.line($0.name))" }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What a person reads where nobody knows.
  public static let notAttested =
    "No source places a membership on this day, which is not the same as an empty list."

  private static func table(_ entries: [Entry]) -> [String] {
    func place(_ entry: Entry) -> String { entry.position.map(String.init) ?? "-" }
    func cells(_ place: String, _ entry: Entry) -> [String] {
      [place, line(entry.country ?? ""), entry.basis.rawValue, line(entry.name)]
    }
    let rows = entries.flatMap { entry in
      [cells(place(entry), entry)]
        + entry.members.map { cells("\(place(entry)).\(place($0))", $0) }
    }
    let all = [["#", "country", "basis", "label"]] + rows
    let widths = (0..<3).map { column in
      all.map { $0[column].unicodeScalars.count }.max() ?? 0
    }
    return all.map { row in
      let cells = zip(row, widths).map { cell, width in
        cell + String(repeating: " ", count: width - cell.unicodeScalars.count)
      }
      return "  " + cells.joined(separator: "  ") + "  " + row[3]
    }
  }

  /// What people read in the place of a record that is not there.
  static let noOrganisation = "(no organisation)"

  /// A value on one line, without what drives a terminal or turns the text around it.
  ///
  /// Line ends and tabs become spaces; controls (Unicode Cc) and the marks that embed, override or isolate a direction
  /// become U+FFFD.
  public static func line(_ value: String) -> String {
    var line = String.UnicodeScalarView()
    for scalar in value.unicodeScalars {
      switch scalar.value {
      case 0x09, 0x0A, 0x0D, 0x2028, 0x2029: line.append(" ")
      case 0x00..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: line.append("\u{FFFD}")
      default: line.append(scalar)
      }
    }
    return String(line)
  }
}

extension OfficialList.Entry {
  /// The label for people, marked where it leads to no organisation.
  public var name: String { isKnown ? label : "\(label) \(OfficialList.noOrganisation)" }
}

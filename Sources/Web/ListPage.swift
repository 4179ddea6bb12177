public import Registry

/// The official list as a page.
public enum ListPage {
  /// The page as a file of its own: it links to nothing.
  public static func file(_ list: OfficialList, site: String) -> [UInt8] {
    Page.bytes("Official list as at \(list.asAt)", site: site, looks: .inside, sections(list))
  }

  /// The page of a site: with the other forms, and a field for another day.
  static func bytes(_ list: OfficialList, site: String) -> [UInt8] {
    Page.bytes(
      "Official list as at \(list.asAt)", site: site, sections(list) + [forms(list.asAt), field])
  }

  /// What is known of the day: members, other classes, and memberships that nobody can place.
  static func sections(_ list: OfficialList) -> [Markup] {
    var parts: [Markup] = []
    if let entries = list.entries {
      parts.append(table("Official stakeholders as at \(list.asAt): \(entries.count)", entries))
    } else {
      parts.append(
        .of(
          "p", .of("strong", .text("Not attested as at \(list.asAt).")),
          .text(" \(OfficialList.notAttested)")))
    }
    if !list.others.isEmpty {
      parts.append(table("In other classes: \(list.others.count)", list.others, showsClass: true))
    }
    if !list.unattested.isEmpty {
      parts.append(table("Not attested on this day: \(list.unattested.count)", list.unattested))
    }
    return parts
  }

  /// Links to the same list in other forms.
  static func forms(_ day: String) -> Markup {
    .of(
      "p", .text("This list for programs: "), .link("/official-list.json?on=\(day)", "JSON"),
      .text(", "), .link("/official-list.csv?on=\(day)", "CSV"), .text("."))
  }

  /// A field that asks for another day; it works without script.
  static let field = Markup.element(
    "form", [("action", "/official-list.html"), ("method", "get")],
    [
      .element("label", [("for", "on")], [.text("Another day: ")]),
      .element(
        "input",
        [
          ("id", "on"), ("name", "on"), ("type", "date"), ("required", "required"),
          ("placeholder", "2014-09-17"),
        ], []),
      .text(" "),
      .element("button", [("type", "submit")], [.text("Show")]),
    ])

  private static func table(
    _ caption: String, _ entries: [OfficialList.Entry], showsClass: Bool = false
  ) -> Markup {
    let columns = ["Place", "Member", "Country"] + (showsClass ? ["Class"] : []) + ["Known by"]
    let head = columns.map { Markup.element("th", [("scope", "col")], [.text($0)]) }
    let rows = entries.flatMap { entry in
      [row(place(entry), entry, showsClass, isUnder: false)]
        + entry.members.map {
          row("\(place(entry)).\(place($0))", $0, showsClass, isUnder: true)
        }
    }
    return .of(
      "table", .of("caption", .text(caption)), .of("thead", .element("tr", [], head)),
      .element("tbody", [], rows))
  }

  private static func row(
    _ place: String, _ entry: OfficialList.Entry, _ showsClass: Bool, isUnder: Bool
  ) -> Markup {
    let known: String =
      switch entry.basis {
      case .dated: "its dates"
      case .attested: "a source of that day"
      case .notAttested: "nobody"
      }
    return .element(
      "tr", isUnder ? [("class", "under")] : [],
      [
        .element("td", [("class", "place")], [.text(place)]),
        .element("th", [("scope", "row")], [.value(entry.name)]),
        .of("td", .value(entry.country ?? "")),
      ] + (showsClass ? [.of("td", .value(entry.membershipClass))] : [])
        + [.of("td", .text(known))])
  }

  private static func place(_ entry: OfficialList.Entry) -> String {
    entry.position.map(String.init) ?? "–"
  }
}

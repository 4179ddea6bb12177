import Registry

/// The first page: who this is, the list, and how fresh it is.
enum HomePage {
  static func bytes(_ state: PublicState) -> [UInt8] {
    Page.bytes(
      state.title, site: state.title,
      about(state) + list(state) + freshness(state)
        + contact(state.group))
  }

  private static func about(_ state: PublicState) -> [Markup] {
    var parts: [Markup] = []
    if let french = state.group.nameFR {
      parts.append(.element("p", [("lang", "fr")], [.value(french)]))
    }
    if let objective = state.group.objective {
      parts.append(.of("p", .text("Its aim, in its own words: "), .of("q", .value(objective))))
    }
    var sentence: [Markup] = [
      .text("This is the public page of the registry that its members keep together")
    ]
    if !state.network.isEmpty, state.group.name != nil {
      sentence += [.text(", in the network "), .value(state.network)]
    }
    parts.append(
      .element(
        "p", [],
        sentence + [
          .text(
            ". Each member holds a whole copy and may edit it offline; this node merges the edits and shows the result here."
          )
        ]))
    return parts
  }

  private static func list(_ state: PublicState) -> [Markup] {
    let heading = Markup.of("h2", .text("Official list"))
    guard let day = state.rows.newestDay else {
      return [heading, .of("p", .text("No list and no membership is recorded yet."))]
    }
    let list = OfficialList(state.rows, on: day)
    return [heading] + ListPage.sections(list) + [ListPage.forms(day), ListPage.field]
  }

  private static func freshness(_ state: PublicState) -> [Markup] {
    let merged: Markup =
      state.lastMerge.map { .element("time", [("datetime", $0)], [.text($0)]) } ?? .text("not yet")
    let end = state.checkpoint.map { "entry \($0.seq), hash \($0.hash.prefix(16))…" }
    return [
      .of("h2", .text("How fresh this is")),
      .of(
        "dl", .of("dt", .text("Last merge")), .of("dd", merged),
        .of("dt", .text("Checkpoint of the public log")),
        .of("dd", .text(end ?? "none yet"))),
    ]
  }

  private static func contact(_ group: GroupProfile) -> [Markup] {
    var lines: [Markup] = []
    if let contact = group.contact { lines.append(.of("p", .value(contact))) }
    if let email = group.email {
      lines.append(.of("p", .text("Mail: "), .link("mailto:\(email)", email)))
    }
    if let site = group.website {
      lines.append(.of("p", .text("Site: "), .link(site, site)))
    }
    if lines.isEmpty { lines = [.of("p", .text("No contact is recorded."))] }
    return [.of("h2", .text("Contact"))] + lines
  }
}

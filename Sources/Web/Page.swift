/// The frame that every page has.
enum Page {
  /// How a page gets its looks.
  enum Looks {
    /// From this site's `/style.css`.
    case linked
    /// Within the page, for one that is kept as a file.
    case inside
  }

  /// A whole page; `site` is the name over it, `title` what this page is.
  static func bytes(_ title: String, site: String, looks: Looks = .linked, _ main: [Markup])
    -> [UInt8]
  {
    let style: Markup =
      switch looks {
      case .linked: .element("link", [("rel", "stylesheet"), ("href", "/style.css")], [])
      case .inside: .of("style", .text(Style.sheet))
      }
    let isHome = title == site
    let head = Markup.element(
      "head", [],
      [
        .element("meta", [("charset", "utf-8")], []),
        .of("title", .text(isHome ? site : "\(title) – \(site)")),
        .element(
          "meta", [("name", "viewport"), ("content", "width=device-width, initial-scale=1")], []),
        style,
      ])
    let skip = Markup.element(
      "a", [("class", "skip"), ("href", "#main")], [.text("Skip to the content")])
    let body = [.of("h1", isHome ? .value(title) : .text(title))] + main
    return Markup.document(
      .element(
        "html", [("lang", "en")],
        [
          head,
          .element(
            "body", [],
            [skip] + (looks == .linked ? [header(site)] : [])
              + [.element("main", [("id", "main")], body)]),
        ]))
  }

  private static func header(_ site: String) -> Markup {
    .of(
      "header",
      .element(
        "nav", [("aria-label", "Pages")],
        [
          .of(
            "ul", .of("li", .link("/", "Home")),
            .of("li", .link("/official-list.html", "Official list")))
        ]))
  }
}

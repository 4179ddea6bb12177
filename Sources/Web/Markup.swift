import Registry

/// A piece of an HTML document that cannot be ill-formed: text is escaped, every element is closed.
indirect enum Markup {
  /// Text, or a value anyone may have written.
  case text(String)
  /// An element with its attributes and what stands in it.
  case element(String, [(String, String)], [Markup])

  /// An element without attributes.
  static func of(_ name: String, _ inner: Markup...) -> Markup { .element(name, [], inner) }

  /// A value of unknown language and direction, kept from turning the text around it.
  static func value(_ value: String) -> Markup { .of("bdi", .text(value)) }

  /// A link of this site, or one whose scheme was checked.
  static func link(_ address: String, _ text: String) -> Markup {
    .element("a", [("href", address)], [.text(text)])
  }

  // HTML Living Standard, section 13.1.2: elements without content have no end tag.
  private static let void: Set<String> = ["meta", "link", "input"]

  /// The bytes of a whole document.
  static func document(_ root: Markup) -> [UInt8] {
    var out = "<!DOCTYPE html>\n"
    root.write(to: &out)
    return Array((out + "\n").utf8)
  }

  private func write(to out: inout String) {
    switch self {
    case .text(let text): out += Self.escaped(text)
    case .element(let name, let attributes, let inner):
      out += "<\(name)"
      for (key, value) in attributes { out += " \(key)=\"\(Self.escaped(value))\"" }
      out += ">"
      guard !Self.void.contains(name) else { return }
      for part in inner { part.write(to: &out) }
      out += "</\(name)>"
      if Self.blocks.contains(name) { out += "\n" }
    }
  }

  // A line feed after these changes nothing that is shown, and a person reading the source has lines.
  private static let blocks: Set<String> = [
    "head", "title", "body", "header", "nav", "main", "footer", "section", "h1", "h2", "p", "ul",
    "li", "table", "caption", "thead", "tbody", "tr", "dl", "dt", "dd", "form", "style",
  ]

  /// Text for content and for attributes in double quotes, on one line and without controls.
  static func escaped(_ text: String) -> String {
    var out = String.UnicodeScalarView()
    for scalar in OfficialList.line(text).unicodeScalars {
      switch scalar {
      case "&": out += "&amp;".unicodeScalars
      case "<": out += "&lt;".unicodeScalars
      case ">": out += "&gt;".unicodeScalars
      case "\"": out += "&quot;".unicodeScalars
      case "'": out += "&#39;".unicodeScalars
      default: out.append(scalar)
      }
    }
    return String(out)
  }
}

/// Files for spreadsheets (RFC 4180, lines end in CRLF): whatever the project writes as CSV goes through here.
///
/// A program that opens such a file takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and runs it. So an
/// apostrophe stands before such a text, which means "text" there. One stands before a text, too, that begins with
/// apostrophes and such a sign: who reads the file back takes one apostrophe from each cell that begins so, and has
/// every text as it was.
enum CSV {
  /// One cell.
  enum Cell {
    /// What somebody wrote: never a formula.
    case text(String)
    /// What the program counted.
    case number(Int)
    case empty

    init(_ text: String?) { self = text.map { .text($0) } ?? .empty }
    init(_ number: Int?) { self = number.map { .number($0) } ?? .empty }
  }

  /// A line with its end.
  static func line(_ cells: [Cell]) -> String {
    cells.map(text).joined(separator: ",") + "\r\n"
  }

  private static func text(_ cell: Cell) -> String {
    switch cell {
    // RFC 4180 lets no control character into a cell but line ends.
    case .text(let text): quoted(guarded(OfficialList.line(text)))
    case .number(let number): String(number)
    case .empty: ""
    }
  }

  // What stands before the sign does not count where a program trims it.
  private static func guarded(_ text: String) -> String {
    let sign = text.unicodeScalars.drop { $0 == "'" || $0.properties.isWhitespace }.first
    return sign.map { "=+-@".unicodeScalars.contains($0) } == true ? "'" + text : text
  }

  private static func quoted(_ text: String) -> String {
    let special = Array(",\"".utf8)
    guard text.utf8.contains(where: special.contains) else { return text }
    let doubled = text.unicodeScalars.map { $0 == "\"" ? "\"\"" : String($0) }.joined()
    return "\"\(doubled)\""
  }
}

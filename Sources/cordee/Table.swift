/// Rows in columns, aligned by what a terminal shows.
struct Table: Sendable {
  /// One column's title and side.
  struct Column: Sendable {
    let title: String
    var isRight = false
  }

  /// Columns are parted by this many spaces.
  static let gap = 2
  /// No column is cut below this.
  static let columnWidthMin = 8

  let columns: [Column]
  private(set) var rows: [[String]] = []

  init(_ columns: [Column]) {
    self.columns = columns
  }

  init(_ titles: [String]) {
    self.init(titles.map { Column(title: $0) })
  }

  /// Adds a row; cells that lack are empty, those too many are left out.
  mutating func add(_ cells: [String]) {
    let safe = cells.prefix(columns.count).map(terminalSafe)
    rows.append(safe + Array(repeating: "", count: columns.count - safe.count))
  }

  /// Title line and rows, without spaces at their ends; the widest columns cut until `width` holds.
  ///
  /// - Complexity: O(cells).
  func lines(width: Int?) -> [String] {
    var widths = columns.indices.map { column in
      rows.reduce(displayWidth(columns[column].title)) { max($0, displayWidth($1[column])) }
    }
    if let width { Self.fit(&widths, to: width) }
    return ([columns.map(\.title)] + rows).map { line($0, widths) }
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var line = ""
    for (column, cell) in cells.enumerated() {
      let cell = shortened(cell, to: widths[column])
      let space = String(repeating: " ", count: max(0, widths[column] - displayWidth(cell)))
      line += columns[column].isRight ? space + cell : cell + space
      line += String(repeating: " ", count: Self.gap)
    }
    while line.last == " " { line.removeLast() }
    return line
  }

  private static func fit(_ widths: inout [Int], to width: Int) {
    var excess = widths.reduce(0, +) + gap * max(0, widths.count - 1) - width
    while excess > 0, let widest = widths.max(), widest > columnWidthMin,
      let column = widths.firstIndex(of: widest)
    {
      // Down to the next widest in one step, so that the work does not follow the cells' length.
      let next = widths.filter { $0 < widest }.max() ?? 0
      let cut = min(excess, max(1, widest - max(next, columnWidthMin)))
      widths[column] -= cut
      excess -= cut
    }
  }
}

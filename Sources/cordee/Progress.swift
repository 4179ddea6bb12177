/// How far a transfer has come, said on error only when it takes more than a second.
///
/// On a terminal one line is drawn over; elsewhere plain lines follow each other every ten seconds.
struct Progress {
  /// Work shorter than this says nothing.
  static let quiet = Duration.seconds(1)
  /// Between two drawings on a terminal.
  static let redraw = Duration.milliseconds(100)
  /// Between two plain lines.
  static let plain = Duration.seconds(10)
  /// Cells of the bar; the most that have room are drawn.
  static let cells = [20, 10, 5]

  private let label: String
  private var total: Int64?
  private let console: Console
  private let elapsed: () -> Duration
  private var said: Duration?

  /// Begins at nothing: `total` bytes are to come (nil: unknown), `elapsed` tells since when.
  init(
    _ label: String, total: Int64?, console: Console, elapsed: @escaping () -> Duration
  ) {
    self.label = label
    self.total = total
    self.console = console
    self.elapsed = elapsed
  }

  /// Corrects what is to come.
  mutating func expect(_ total: Int64?) { self.total = total }

  /// Tells that `done` bytes have come.
  mutating func update(done: Int64) {
    let now = elapsed()
    let pause = console.errorWidth == nil ? Self.plain : Self.redraw
    guard now >= Self.quiet, said.map({ now - $0 >= pause }) ?? true else { return }
    said = now
    show(done, now)
  }

  /// Tells the end; says nothing when nothing was said before.
  mutating func finish(done: Int64) {
    guard said != nil else { return }
    show(done, elapsed())
    if console.errorWidth != nil { console.say("") }
    said = nil
  }

  private func show(_ done: Int64, _ now: Duration) {
    let text = Self.text(label, done: done, total: total, elapsed: now)
    guard let width = console.errorWidth else { return console.say(text) }
    let line = Self.line(text, done: done, total: total, width: max(1, width - 1))
    console.writeError(Array("\r\u{1B}[K\(line)".utf8))
  }

  /// What is said, in `width` columns at most; the bar before it takes what is left.
  static func line(_ text: String, done: Int64, total: Int64?, width: Int) -> String {
    let room = width - displayWidth(text) - 3
    let bar = cells.first { $0 <= room }.map { Self.bar(done: done, total: total, cells: $0) } ?? ""
    return shortened(bar.isEmpty ? text : "\(bar) \(text)", to: width)
  }

  /// `LABEL 1.5 MB of 3.0 MB, 512.0 kB/s, 3s left`.
  static func text(_ label: String, done: Int64, total: Int64?, elapsed: Duration) -> String {
    let parts = elapsed.components
    let seconds = Double(parts.seconds) + Double(parts.attoseconds) / 1e18
    let rate = seconds > 0 ? Double(done) / seconds : 0
    var text = "\(label) \(bytesText(done))"
    // What is to come is an estimate, which may turn out too low.
    if let total, total >= done { text += " of \(bytesText(total))" }
    text += ", \(bytesText(Int64(rate.rounded())))/s"
    if let total, total > done, rate > 0 {
      let left = min(Double(total - done) / rate, Double(Durations.secondsMax))
      text += ", \(Durations.text(.seconds(Int64(left.rounded(.up))))) left"
    }
    return text
  }

  private static func bar(done: Int64, total: Int64?, cells: Int) -> String {
    guard let total, total > 0 else { return "" }
    let filled = Int(min(1, max(0, Double(done) / Double(total))) * Double(cells))
    return "[" + String(repeating: "#", count: filled)
      + String(repeating: "-", count: cells - filled) + "]"
  }
}

/// A count of bytes as people read it: `999 B`, `1.5 kB`, `2.0 GB` (powers of 1000).
func bytesText(_ count: Int64) -> String {
  guard count >= 1_000 else { return "\(count) B" }
  var tenths = count / 100
  for unit in ["kB", "MB", "GB", "TB"] {
    if tenths < 10_000 || unit == "TB" { return "\(tenths / 10).\(tenths % 10) \(unit)" }
    tenths /= 1_000
  }
  return "\(count) B"
}

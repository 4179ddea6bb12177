import Foundation
import Glibc
import Testing

@testable import cordee

@Suite struct WordsTests {
  @Test(arguments: [("30s", 30), ("15m", 900), ("6h", 21_600), ("2d", 172_800), ("0010s", 10)])
  func `a span of time is a number and a unit`(_ text: String, _ seconds: Int64) {
    #expect(Durations.parse(text) == .seconds(seconds))
  }

  @Test(arguments: [
    "", "s", "30", "0s", "-5s", "+5s", "1.5h", "1h30m", "5 s", "5S", "5w", "4000d", "999999999d",
    "99999999999999999999s", "٣s", "5s ",
  ])
  func `anything else is no span of time`(_ text: String) {
    #expect(Durations.parse(text) == nil)
  }

  @Test func `spans read back shortly`() {
    #expect(Durations.text(.seconds(4_800)) == "1h 20m")
    #expect(Durations.text(.milliseconds(900)) == "0s")
    #expect(Durations.text(.seconds(172_800)) == "2d")
    #expect(Durations.text(.seconds(-5)) == "0s")
  }

  @Test(arguments: [
    ("1d", "1970-01-02T00:00:00Z"), ("2026-01-31", "2026-01-31T00:00:00Z"),
    ("2024-02-29", "2024-02-29T00:00:00Z"), ("2026-01-31T10:00Z", "2026-01-31T10:00:00Z"),
    ("2026-01-31T10:00:59Z", "2026-01-31T10:00:59Z"),
    ("2026-01-31T10:00+01:00", "2026-01-31T09:00:00Z"),
    ("2026-01-31T23:30:01-05:30", "2026-02-01T05:00:01Z"),
  ])
  func `a moment is a span back from now, a day, or a time with its offset`(
    _ text: String, _ label: String
  ) {
    #expect(Moments.label(text, now: 172_800) == label)
  }

  @Test(arguments: [
    "", "yesterday", "2026", "2026-01", "2026-02-30", "2026-1-31", "20260131", "2026-01-31T",
    "2026-01-31T10", "2026-01-31T10:00", "2026-01-31 10:00Z", "2026-01-31T24:00Z",
    "2026-01-31T10:60Z", "2026-01-31T10:00z", "2026-01-31T10:00+1:00", "2026-01-31T10:00+0100",
    "2026-01-31T10:00+25:00", "2026-01-31T10:00:00.5Z", "Z", "+01:00", "2026-01-31Z",
    "2026-01-31T10:00ZZ", "2026-01-31T10:00Z+01:00", "٢٠٢٦-01-31",
  ])
  func `anything else is no moment, in one line`(_ text: String) {
    #expect(Moments.label(text, now: 0) == nil)
    let outcome = run("log", "--since", text, "--replica", "/none")
    #expect(outcome.exit == .usage || text.isEmpty)
    #expect(outcome.errors.split(separator: "\n").count == 1)
    #expect(outcome.errors.contains("2026-01-31T10:00Z."))
  }

  @Test func `a line of values stays one line and cannot drive the terminal`() {
    let written = Written()
    written.console(width: 80).printValues("x\u{1B}[2J\nfake\u{202E}")
    #expect(written.output == "x\u{FFFD}[2J fake\u{FFFD}\n")
  }

  @Test func `the first equals sign splits and nothing after it is null`() throws {
    let fields = try FieldArguments.parse(["name=a=b", "site=", "note= =", "mark=\u{338}x"])
    #expect(fields.map(\.field) == ["name", "site", "note", "mark"])
    #expect(fields.map(\.value) == ["a=b", nil, " =", "\u{338}x"])
  }

  @Test(arguments: [
    (["name"], "field.form"), (["=x"], "field.name"), (["Name=x"], "field.name"),
    (["a=1", "b=2", "a=1"], "field.twice"), ([""], "field.form"),
  ])
  func `a field word that cannot stand is refused`(_ words: [String], _ code: String) {
    let failure = #expect(throws: Failure.self) { try FieldArguments.parse(words) }
    #expect(failure?.code == code)
    #expect(failure?.exit == .usage)
  }

  @Test func `the replica is the option, the environment, then the data folder`() throws {
    let full = Paths(environment: [
      "CORDEE_REPLICA": "/r.sqlite", "XDG_DATA_HOME": "/data/", "HOME": "/home/a",
    ])
    #expect(try full.replica(option: "x.sqlite") == "x.sqlite")
    #expect(try full.replica(option: nil) == "/r.sqlite")
    #expect(try full.keysFolder() == "/data/cordee/keys")
    let home = Paths(environment: ["CORDEE_REPLICA": "", "XDG_DATA_HOME": "rel", "HOME": "/home/a"])
    #expect(try home.replica(option: nil) == "/home/a/.local/share/cordee/replica.sqlite")
    #expect(throws: Failure.self) { try Paths(environment: [:]).replica(option: nil) }
  }

  @Test func `a failure is one line for people and one problem for programs`() throws {
    let failure = Failure(
      code: "sync.offline", message: "Central at\nhttps://a\u{1B}[2J does not answer",
      hint: "Try later.")
    #expect(
      failure.line == "cordee: Central at https://a\u{FFFD}[2J does not answer. Try later.")
    let written = Written()
    written.console().report(failure, asJSON: true)
    #expect(
      try members(written.errors) == [
        "type": "urn:cordee:problem:sync.offline", "title": "The command failed",
        "detail": failure.message, "hint": "Try later.",
      ])
    #expect(
      try members(run("get", "--json").errors)["type"] == "urn:cordee:problem:argument.missing")
    #expect(run("get", "--", "--json", "x").errors.hasPrefix("cordee: "))
  }

  private func members(_ line: String) throws -> [String: String] {
    #expect(line.hasSuffix("}\n"))
    return try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
  }

  @Test func `signals end a wait and the wait says so`() throws {
    try CommandSignals.catchThem()
    #expect(!CommandSignals.waitForStop(milliseconds: 0))
    #expect(!CommandSignals.waitForStop(milliseconds: 5))
    kill(getpid(), SIGTERM)  // pool threads mask signals, so not raise
    #expect(CommandSignals.waitForStop(milliseconds: 60_000))
    #expect(CommandSignals.waitForStop(milliseconds: nil))
  }
}

@Suite struct TerminalTests {
  @Test(arguments: [
    ("", 0), ("abc", 3), ("Québec", 6), ("Que\u{301}bec", 6), ("東京", 4), ("👩‍👩‍👧", 2),
    ("🇨🇭", 2), ("❤\u{FE0F}", 2), ("العربية", 7), ("a\u{200B}b", 2), ("\u{1B}", 0),
  ])
  func `width is what a terminal shows`(_ text: String, _ width: Int) {
    #expect(displayWidth(text) == width)
  }

  @Test func `cells line up whatever their letters and cannot drive the terminal`() {
    var table = Table([Table.Column(title: "name"), Table.Column(title: "n", isRight: true)])
    table.add(["東京", "1"])
    table.add(["Que\u{301}bec\u{1B}[2J\nx", "22", "too many"])
    table.add(["short"])
    #expect(
      table.lines(width: nil) == [
        "name           n", "東京           1", "Que\u{301}bec\u{FFFD}[2J x  22", "short",
      ])
  }

  @Test func `the widest column gives way to the terminal`() {
    var table = Table(["id", "text"])
    table.add(["3f2a", String(repeating: "字", count: 100)])
    for line in table.lines(width: 30) { #expect(displayWidth(line) <= 30) }
    #expect(table.lines(width: 30)[1].hasSuffix("…"))
    #expect(table.lines(width: 1).count == 2)
  }

  @Test func `text wraps at spaces and keeps long words whole`() {
    #expect(wrapped("aa bb cc", width: 5) == ["aa bb", "cc"])
    #expect(wrapped("a longword b", width: 4) == ["a", "longword", "b"])
    #expect(wrapped("", width: 4) == [""])
  }

  @Test func `progress is silent in the first second and plain without a terminal`() {
    let written = Written()
    var now = Duration.milliseconds(900)
    var progress = Progress(
      "fetching", total: 3_000_000, console: written.console(), elapsed: { now })
    progress.update(done: 1_000)
    #expect(written.errors == "")
    now = .seconds(2)
    progress.update(done: 1_000_000)
    progress.update(done: 1_100_000)
    #expect(written.errors == "fetching 1.0 MB of 3.0 MB, 500.0 kB/s, 4s left\n")
    progress.finish(done: 3_000_000)
    #expect(written.errors.hasSuffix("fetching 3.0 MB of 3.0 MB, 1.5 MB/s\n"))
    #expect(!written.errors.contains("\r"))
    #expect(written.output == "")
  }

  @Test func `a narrow terminal takes from the bar before it takes from what is said`() {
    let text = "Receiving the registry 12.3 MB of 45.6 MB, 512.0 kB/s, 1m 5s left"
    func line(_ width: Int) -> String {
      Progress.line(text, done: 12_300_000, total: 45_600_000, width: width)
    }
    #expect(line(119) == "[#####---------------] " + text)
    #expect(line(79) == "[##--------] " + text)
    #expect(line(72) == text && line(66).hasSuffix(" left"))
    #expect(line(20) == "Receiving the regis…")
  }

  @Test func `more than was reckoned with is not told to be part of it`() {
    let text = Progress.text("history", done: 215_600, total: 208_800, elapsed: .seconds(1))
    #expect(text == "history 215.6 kB, 215.6 kB/s")
  }

  @Test func `bytes read in powers of a thousand`() {
    #expect(
      [0, 999, 1_000, 1_549, 999_999, 2_000_000_000].map(bytesText)
        == ["0 B", "999 B", "1.0 kB", "1.5 kB", "999.9 kB", "2.0 GB"])
  }
}

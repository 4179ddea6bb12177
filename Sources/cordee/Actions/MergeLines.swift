import Wire

/// A merge report for people.
enum MergeLines {
  /// Items of one list that are shown; `--json` has more.
  private static let shownMax = 20

  /// Whether somebody should look at it.
  static func needsPerson(_ report: JSON) -> Bool {
    (report["conflicts_opened"]?.integer ?? 0) > 0
      || ["quarantined", "aside"].contains { report[$0]?.array?.isEmpty == false }
      || report["snapshot"] != nil
  }

  /// One line that says it all in numbers.
  static func summary(_ report: JSON) -> String {
    let refused =
      report["quarantined_count"] ?? report["quarantined"]?.array.map { count($0.count) }
    let runs = report["runs"]?.integer ?? 1
    let head =
      report["dry_run"]?.isTrue == true
      ? "This merge would do" : "Merge \(text(report["number"])), \(text(report["at"]))"
    if report["idle"]?.isTrue == true {
      let since = runs > 1 ? " (\(runs) runs since \(text(report["since"])))" : ""
      let waits = report["waiting"]?.integer ?? 0
      return "\(head): nothing" + (waits > 0 ? ", \(waits) waiting" : "") + since + "."
    }
    return "\(head): \(text(report["received"])) received, \(text(report["applied"])) applied, "
      + "\(text(refused)) quarantined, \(text(report["waiting"])) waiting, "
      + "conflicts +\(text(report["conflicts_opened"])) -\(text(report["conflicts_closed"])), "
      + "\(text(report["took_ms"])) ms."
  }

  /// The summary, then a line each for who was heard, what was refused, what waits, and what is contested.
  static func all(_ report: JSON) -> [String] {
    var lines = [summary(report)]
    func add(_ list: String, _ line: (JSON) -> String) {
      let items = report[list]?.array ?? []
      lines += items.prefix(shownMax).map { "  " + line($0) }
      if items.count > shownMax { lines.append("  and \(items.count - shownMax) more: see --json") }
    }
    add("members") {
      "heard \(text($0["name"])), \(text($0["organisation"])): \(text($0["applied"])) applied, "
        + "\(text($0["quarantined"])) quarantined"
    }
    add("quarantined") { "quarantined \(change($0)): \(text($0["reason"]))" }
    add("aside") {
      "set aside \(counted($0["changes"]?.integer ?? 0, "change", "changes")) up to \(text($0["change"])): \(text($0["reason"]))"
    }
    add("waiting_for") { waiting in
      let needs = (waiting["needs"]?.array ?? []).prefix(shownMax).map(change)
      return "\(change(waiting)) waits for \(needs.joined(separator: ", "))"
    }
    add("opened") { "conflict opened: \(place($0))" }
    add("closed") { "conflict closed: \(place($0))" }
    if let snapshot = report["snapshot"] { lines.append("  \(words(on: snapshot))") }
    return lines
  }

  /// What was the matter with a snapshot, and what to do.
  static func words(on snapshot: JSON) -> String {
    let space = text(snapshot["space"])
    switch snapshot["found"]?.string {
    case "rows":
      var counts: [String] = []
      if case .object(let tables)? = snapshot["tables"] {
        counts = tables.map { "\(counted($0.1.integer ?? 0, "row", "rows")) of \($0.0)" }
      }
      let heads = snapshot["heads"]?.integer ?? 0
      if heads > 0 { counts.append(counted(heads, "author's head", "authors' heads")) }
      let all = counts.joined(separator: ", ")
      return "no snapshot of \(space) is given: \(all) in central's file "
        + "are not what its log says. New members read the log, which is right. \(mending)"
    case "log":
      return "no snapshot of \(space) is given: its log was altered in central's file. \(mending)"
    default:
      return "the snapshot kept of \(space) was damaged: it was removed and another is made. "
        + "The disk may be failing: `cordee verify --data DIR` checks the rest."
    }
  }

  private static let mending =
    "`cordee verify --data DIR` names each; `cordee central restore --data DIR --from BACKUP` puts a sound copy "
    + "in the file's place, and members give back what came after it."

  /// A change as people speak of it.
  private static func change(_ item: JSON) -> String {
    let n = item["change"]?.string?.split(separator: ":").last ?? "?"
    return "change \(n) of \(text(item["by"]))"
  }

  private static func place(_ conflict: JSON) -> String {
    let field = conflict["field"]?.string ?? "(\(ReadActions.bothWays))"
    return "\(text(conflict["record"])) \(field)"
  }

  private static func count(_ number: Int) -> JSON { .integer(Int64(number)) }

  private static func text(_ value: JSON?) -> String {
    value.map { $0.string ?? $0.text() } ?? "?"
  }
}

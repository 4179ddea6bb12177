import Causality
import Changes
import FoundationEssentials
import Registry
import Replica
import SQLite
import Seal
import Store
import Web
import Wire

/// What the commands that only read do.
enum ReadActions {
  static func officialList(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let format = invocation.wantsJSON ? "json" : invocation.option("format") ?? "text"
      guard ["text", "json", "csv", "html"].contains(format) else {
        throw Failure.usage(
          "format.unknown", "there is no format \(format)", hint: "Give text, json, csv or html.")
      }
      let asked = invocation.option("on")
      if let asked, !ValueFormat.day.accepts(asked) {
        throw Failure.usage(
          "value.form", "--on needs \(ValueFormat.day.expected)",
          hint: "For example: cordee official-list --on 2014-09-17.")
      }
      let store = try invocation.store()
      let rows = try OfficialListRows(store)
      guard let day = asked ?? rows.newestDay else {
        throw Failure(
          code: "list.none", message: "no list and no membership is recorded yet",
          hint: "Give a day with --on, or run `cordee sync`.")
      }
      let list = OfficialList(rows, on: day)
      let console = invocation.console
      switch format {
      case "json": console.print(list.json)
      case "csv": console.writeOutput(Array(list.csv.utf8))
      case "html":
        let site = try GroupProfile(store, group: rows.group).name ?? "Cordée"
        console.writeOutput(ListPage.file(list, site: site))
      default: console.writeOutput(Array(list.text.utf8))
      }
      return .done
    }
  }

  static func log(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let since = try invocation.moment("since", now: Now().seconds) ?? ""
      let store = try invocation.store()
      let names = try Names(store)
      var lines: [JSON] = []
      for space in try Identity(store).spaces {
        let checkpoints = try store.checkpoints(of: space).map(\.checkpoint)
        try store.forEachEntry(of: space, after: 0) { entry in
          let body = try entry.change.bodyBytes.map { (bytes) throws(WireError) in
            try ChangeDecoding.body(bytes)
          }
          // An edit made long ago is news when it was merged lately.
          let merged = checkpoints.first { $0.seq >= entry.seq }?.at
          guard (body?.at ?? "") >= since || (merged ?? "") >= since else { return true }
          lines.append(
            .object([
              ("seq", .integer(Int64(entry.seq))), ("space", .string(space)),
              ("at", .string(body?.at ?? "")),
              ("by", .string(try names.by(entry.change.dot.actor))),
              ("organisation", .string(try names.organisation(entry.change.dot.actor))),
              ("merged_by", merged.map { .string($0) } ?? .null),
              ("verdict", .string(entry.verdict.isApplied ? "applied" : "quarantined")),
              ("reason", reason(entry.verdict).map { .string($0) } ?? .null),
              (
                "records",
                .array((body?.writes ?? []).map { .string("\($0.row.table)/\($0.row.id)") })
              ),
            ]))
          return true
        }
      }
      let epochs = try store.epochs().filter { $0.at >= since }
      if invocation.wantsJSON {
        let own = try names.organisation(Identity(store).actor)
        lines += epochs.map { epoch in
          .object([
            ("seq", .null), ("space", .string("")), ("at", .string(epoch.at)),
            ("by", .string("this device")), ("organisation", .string(own)),
            ("verdict", .string("epoch")), ("records", .array([])),
            ("epoch", EpochNotices.json(epoch)),
          ])
        }
        invocation.console.print(.array(lines))
      } else {
        var table = Table([
          .init(title: "seq", isRight: true), .init(title: "at"), .init(title: "organisation"),
          .init(title: "by"), .init(title: "verdict"), .init(title: "records"),
          .init(title: "reason"),
        ])
        let called = RecordNames(store)
        for line in lines {
          let records = line["records"]?.array ?? []
          table.add([
            line["seq"]?.text() ?? "", line["at"]?.string ?? "",
            line["organisation"]?.string ?? "", Names.shown(line["by"]?.string ?? ""),
            line["verdict"]?.string ?? "",
            records.count == 1
              ? try name(of: records[0].string ?? "", store, called) : "\(records.count) records",
            try line["reason"]?.string.map { try store.readable($0) } ?? "",
          ])
        }
        invocation.console.print(table)
        for epoch in epochs {
          invocation.console.print("\(epoch.at)  \(EpochNotices.sentence(epoch))")
        }
      }
      return .done
    }
  }

  private static func reason(_ verdict: Verdict) -> String? {
    if case .quarantined(let reason) = verdict { reason } else { nil }
  }

  /// The name of a row given as `table/id`, for a person.
  private static func name(
    of text: String, _ store: Store, _ called: RecordNames
  ) throws -> String {
    let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
    guard parts.count == 2, store.schema.table(parts[0]) != nil else { return text }
    let row = RowKey(table: parts[0], id: parts[1])
    return try called.name(of: row, store.state(of: row))
  }

  static func dump(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      try store.dump(try space(invocation, of: store)) {
        invocation.console.print(String(decoding: $0, as: UTF8.self))
      }
      return .done
    }
  }

  static func digest(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let store = try invocation.store()
      let space = try space(invocation, of: store)
      let digest = try store.digest(space).description
      if invocation.wantsJSON {
        invocation.console.print(
          JSON.object([("space", .string(space)), ("digest", .string(digest))]))
      } else {
        invocation.console.print(digest)
      }
      return .done
    }
  }

  /// The space a command is asked to read, which this replica must receive.
  private static func space(_ invocation: Invocation, of store: Store) throws -> String {
    let held = try Identity(store).spaces
    let space = invocation.option("space") ?? held.first ?? "commons"
    guard held.contains(space) else { throw Failure.notHeld(space, held: held) }
    return space
  }
}

extension Failure {
  /// A space whose content this replica does not receive.
  static func notHeld(_ space: String, held: [String]) -> Failure {
    Failure(
      code: "space.not_held", message: "This replica does not receive the space \(space)",
      hint: "It holds: \(held.joined(separator: ", ")).")
  }
}

import Wire

/// Commands of whoever keeps central that ask the node: through its socket while it serves.
extension CentralActions {
  static func merge(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let report = try ask(invocation, "merge", [("dry_run", .bool(invocation.flag("dry-run")))])
      if invocation.wantsJSON {
        invocation.console.print(report)
      } else {
        for line in MergeLines.all(report) { invocation.console.printValues(line) }
      }
      return MergeLines.needsPerson(report) ? .needsPerson : .done
    }
  }

  static func invite(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let answer = try ask(
        invocation, "invite",
        [
          ("organisation", .string(invocation.option("organisation") ?? "")),
          ("role", .string(invocation.option("role") ?? "")),
          ("days", .integer(Int64(try invocation.integer("days", in: 1...30) ?? 3))),
        ])
      if invocation.wantsJSON {
        invocation.console.print(answer)
      } else {
        invocation.console.print(answer["invite"]?.string ?? "")
        // Beside the output, which holds the link alone.
        invocation.console.say(
          terminalSafe(
            "For \(text(answer["record"] ?? answer["organisation"])) as \(text(answer["role"])), good once, "
              + "until \(text(answer["expires"]))."))
      }
      return .done
    }
  }

  static func members(_ invocation: Invocation) throws -> ExitCode {
    try show(invocation, "members") { members, console in
      if members.isEmpty {
        return console.print("Nobody has joined yet. Next: cordee central invite")
      }
      var table = Table(["replica", "organisation", "role", "name", "joined", "standing"])
      for member in members {
        let cells = ["replica", "organisation", "role", "name", "enrolled_at"].map {
          member[$0]?.string ?? ""
        }
        table.add(cells + [member["revoked_at"]?.string.map { "revoked \($0)" } ?? ""])
      }
      console.print(table)
    }
  }

  static func reports(_ invocation: Invocation) throws -> ExitCode {
    let last = try invocation.integer("last", in: 1...1000) ?? 20
    return try show(invocation, "reports", [("last", .integer(Int64(last)))]) { reports, console in
      if reports.isEmpty { return console.print("Nothing was merged yet.") }
      for report in reports {
        for line in MergeLines.all(report) { console.printValues(line) }
      }
    }
  }

  static func status(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let status = try ask(invocation, "status")
      if invocation.wantsJSON {
        invocation.console.print(status)
      } else if case .object(let members) = status {
        let width = members.map { displayWidth($0.0) }.max() ?? 0
        for (name, value) in members
        where !["restore", "untold", "snapshots_withheld"].contains(name) {
          let space = String(repeating: " ", count: width - displayWidth(name) + 2)
          invocation.console.printValues("\(name)\(space)\(text(value))")
        }
      }
      if !invocation.wantsJSON {
        CentralRestoreActions.lines(of: status).forEach(invocation.console.printValues)
        for snapshot in status["snapshots_withheld"]?.array ?? [] {
          invocation.console.printValues("Attention: \(MergeLines.words(on: snapshot))")
        }
        untold(status, invocation.option("data") ?? "").map(invocation.console.printValues)
      }
      let restore = status["restore"]
      let waits =
        restore?["restoring"]?.isTrue == true || restore?["awaited"]?.array?.isEmpty == false
      let isWithheld = status["snapshots_withheld"]?.array?.isEmpty == false
      let asks = waits || isWithheld || isUntold(status) || (status["conflicts"]?.integer ?? 0) > 0
      return asks ? .needsPerson : .done
    }
  }

  /// Whether a merge refused something that its keeper has not looked at.
  static func isUntold(_ status: JSON) -> Bool { (status["untold"]?["merges"]?.integer ?? 0) > 0 }

  /// What was refused since the last look at the reports, and how to look; nil when all was told.
  private static func untold(_ status: JSON, _ folder: String) -> String? {
    guard isUntold(status), let untold = status["untold"] else { return nil }
    let refused = counted(untold["quarantined"]?.integer ?? 0, "change", "changes")
    let aside = counted(untold["aside"]?.integer ?? 0, "segment", "segments")
    let snapshots = untold["snapshots"]?.integer ?? 0
    return "Not looked at: \(refused) quarantined, \(aside) set aside, "
      + (snapshots > 0 ? counted(snapshots, "word", "words") + " on snapshots, " : "")
      + "first in merge \(text(untold["first"])). "
      + "Next: \(reportsLine(untold, folder))"
  }

  /// The command that shows every report that was not looked at.
  static func reportsLine(_ untold: JSON, _ folder: String) -> String {
    let last = untold["last"]?.integer ?? 0
    return "cordee central reports --data \(Rewriting.quoted(folder))"
      + (last > 20 ? " --last \(min(last, 1000))" : "")
  }

  static func revoke(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let answer = try ask(
        invocation, "revoke", [("replica", .string(invocation.argument("REPLICA") ?? ""))])
      if invocation.wantsJSON {
        invocation.console.print(answer)
      } else {
        let replica = text(answer["revoked"])
        invocation.console.printValues(
          answer["already"]?.isTrue == true
            ? "\(replica) was revoked before, at \(text(answer["revoked_at"])); nothing was changed."
            : "Revoked \(replica); its next request is refused.")
      }
      return .done
    }
  }

  private static func ask(
    _ invocation: Invocation, _ what: String, _ members: [(String, JSON)] = []
  ) throws -> JSON {
    try Keeper.ask(invocation.option("data") ?? "", [("do", .string(what))] + members)
  }

  private static func show(
    _ invocation: Invocation, _ what: String, _ members: [(String, JSON)] = [],
    _ print: ([JSON], Console) -> Void
  ) throws -> ExitCode {
    try Failure.wrap {
      let answer = try ask(invocation, what, members)
      if invocation.wantsJSON {
        invocation.console.print(answer)
      } else {
        print(answer.array ?? [], invocation.console)
      }
      return .done
    }
  }

  /// A value as it reads in a line; objects shortly.
  private static func text(_ value: JSON?) -> String {
    switch value {
    case .string(let text)?: text
    case .null?: "none"
    case .object(let members)?:
      members.map { "\($0.0) \(text($0.1["seq"] ?? $0.1))" }.joined(separator: ", ")
    case let value?: value.text()
    case nil: ""
    }
  }
}

import Causality
import Central
import Changes
import Files
import FoundationEssentials
import Registry
import Seal
import Store
import Wire

/// What `cordee central restore` does: a backup, or the file as it stands, begins another life; accepting it; giving up
/// what is gone.
enum CentralRestoreActions {
  static func restore(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let folder = invocation.option("data") ?? ""
      let accepts = invocation.flag("accept")
      let lost = invocation.option("lost")
      let from = invocation.option("from")
      guard [accepts, lost != nil, from != nil].count(where: { $0 }) <= 1 else {
        throw Failure.usage(
          "option.together", "--from, --accept and --lost do not go together",
          hint: "Restore first, let members sync, then accept.")
      }
      if accepts { return try accept(invocation, folder) }
      if let lost { return try giveUp(lost, invocation, folder) }
      let aside = try from.map { try CentralReplacing.replace(folder, by: $0) }
      let status = try Keeper.ask(folder, [("do", .string(from == nil ? "restore" : "status"))])
      guard !invocation.wantsJSON else {
        invocation.console.print(status)
        return .done
      }
      if let kept = aside ?? nil {
        invocation.console.print("The file that was there is kept as \(kept).")
      }
      if status["already"]?.isTrue == true {
        invocation.console.print("It is restoring already: no other life was begun.")
      }
      lines(of: status).forEach(invocation.console.printValues)
      return .done
    }
  }

  /// Makes a central node again from its key and the network's name; its log is to come from members.
  static func recover(
    folder: String, keyFile: String, network: String, name: String, url: String
  ) throws {
    guard let id = NetworkID(network) else {
      throw Failure.usage(
        "network.shape", "--network needs 32 hexadecimal digits",
        hint: "Any member's `cordee status --json` names it.")
    }
    try CentralMaking.recover(
      folder: folder, key: KeyFile.read(keyFile), network: id, name: name, url: url)
  }

  private static func accept(_ invocation: Invocation, _ folder: String) throws -> ExitCode {
    let tails = invocation.option("tail")?.split(separator: ",").map { JSON.string(String($0)) }
    let report = try Keeper.ask(
      folder, [("do", .string("accept")), ("tails", .array(tails ?? []))])
    let lost = report["lost"]?.array ?? []
    if invocation.wantsJSON {
      invocation.console.print(report)
    } else {
      let counts = (report["taken_over"]?.text() ?? "0", report["judged_anew"]?.text() ?? "0")
      invocation.console.print(
        "Accepted: \(counts.0) entries taken over as they were, \(counts.1) changes to be judged anew."
      )
      for line in lost {
        invocation.console.printValues("  not recovered: \(line.string ?? "")")
      }
    }
    return .done
  }

  private static func giveUp(_ change: String, _ invocation: Invocation, _ folder: String) throws
    -> ExitCode
  {
    let answer = try Keeper.ask(folder, [("do", .string("lost")), ("change", .string(change))])
    if invocation.wantsJSON {
      invocation.console.print(answer)
    } else {
      invocation.console.printValues(
        "\(change) is given up; what waited for it goes on at the next merge.")
    }
    return .done
  }

  /// How a restore stands, for people.
  static func lines(of status: JSON) -> [String] {
    guard let restore = status["restore"], case .object(let spaces)? = restore["spaces"] else {
      return []
    }
    var lines: [String] = []
    if restore["restoring"]?.isTrue == true {
      lines.append(
        "RESTORING: \(text(restore["cause"])). It takes offers, and gives and merges nothing.")
      for (space, value) in spaces { lines += self.lines(of: value, in: space) }
    }
    for item in restore["awaited"]?.array ?? [] {
      let name = text(item["name"])
      lines.append(
        "  \(text(item["space"])): waiting for \(text(item["actor"])):\(text(item["to"]))"
          + (name.isEmpty ? "" : " (\(name))"))
    }
    for item in restore["without_body"]?.array ?? [] { lines.append("  lacking \(text(item))") }
    let next = text(restore["next"])
    return next.isEmpty ? lines : lines + ["Next: \(next)"]
  }

  /// How one space of a restoring central stands: what was offered, and what may be named to be followed.
  private static func lines(of value: JSON, in space: String) -> [String] {
    var lines = ["  \(space): the log reaches \(text(value["end"]))"]
    let offers = value["offered"]?.array ?? []
    let isForked = value["forked"]?.isTrue == true
    for offer in offers {
      let from = offer["from"]?.integer
      let start =
        from.map { "\($0)" }
        ?? "\(text(offer["missing_up_to"])) (nobody offered what lies before)"
      let name = text(offer["name"])
      let canFollow = offer["can_follow"]?.isTrue == true
      lines.append(
        "    offered by \(name.isEmpty ? text(offer["offered_by"]) : name): from \(start) to \(text(offer["to"])), "
          + (canFollow ? "checkpoint \(text(offer["hash"]).prefix(12)) " : "")
          + "of \(text(offer["at"]))"
          + (from != nil && !canFollow
            ? "; it left this log before its end: it cannot be followed" : ""))
    }
    guard isForked else { return lines }
    let hasChoice = offers.contains { $0["can_follow"]?.isTrue == true }
    lines.append(
      hasChoice
        ? "    these histories differ: name the one to follow with --tail HASH, or --tail own for this log; "
          + "the others' changes are judged anew"
        : "    this log went on another way: accept with --tail own, which keeps it; "
          + "the changes of the other histories are judged anew, and none is lost")
    return lines
  }

  private static func text(_ json: JSON?) -> String { json?.string ?? json?.text() ?? "" }
}

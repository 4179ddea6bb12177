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
      let aside = try from.map { try replace(folder, by: $0) }
      let status = try Keeper.ask(folder, [("do", .string("restore"))])
      guard !invocation.wantsJSON else {
        invocation.console.print(status)
        return .done
      }
      if let kept = aside ?? nil {
        invocation.console.print("The file that was there is kept as \(kept).")
      }
      lines(of: status).forEach(invocation.console.printValues)
      return .done
    }
  }

  /// Makes a central node again from its key and the network's name; its log is to come from members.
  static func recover(
    folder: String, keyFile: String, network: String, name: String, url: String
  ) throws -> Central {
    guard let id = NetworkID(network) else {
      throw Failure.usage(
        "network.shape", "--network needs 32 hexadecimal digits",
        hint: "Any member's `cordee status --json` names it.")
    }
    guard !FileManager.default.fileExists(atPath: "\(folder)/central.sqlite") else {
      throw Failure(
        code: "central.exists", message: "there is a central node in \(folder) already",
        hint: "Give another folder, or restore with `cordee central restore`.")
    }
    let key = try KeyFile.read(keyFile)
    if keyFile != "\(folder)/central.key" { try KeyFile.write(key, to: "\(folder)/central.key") }
    return try Central.recover(
      path: "\(folder)/central.sqlite", schema: .registry, key: key, network: id, name: name,
      url: url, at: Now().label)
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

  /// Puts a backup in the place of central's file, after it was checked; gives what the file that was there is called now.
  private static func replace(_ folder: String, by file: String) throws -> String? {
    let path = "\(folder)/central.sqlite"
    guard FileManager.default.fileExists(atPath: file) else {
      throw Failure(
        code: "backup.missing", message: "\(file) is not there", hint: "Check the path.")
    }
    try checkIsFree(folder)
    let key = try KeyFile.read("\(folder)/central.key")
    let part = path + ".restoring"
    Files.remove(part)
    try FileManager.default.copyItem(atPath: file, toPath: part)
    do {
      try check(part, file, key)
    } catch {
      Files.remove(part)
      throw error
    }
    let aside = try FileManager.default.fileExists(atPath: path) ? freeName(path) : nil
    for end in ["", "-wal", "-shm"] {
      guard let aside, FileManager.default.fileExists(atPath: path + end) else { continue }
      try Files.rename(path + end, to: aside + end)
    }
    try Files.rename(part, to: path)
    return aside
  }

  /// Refuses to replace the file under a process that works on it; a file that cannot be opened is in nobody's use.
  private static func checkIsFree(_ folder: String) throws {
    guard FileManager.default.fileExists(atPath: "\(folder)/central.sqlite") else { return }
    do {
      _ = try CentralNode.open(folder)
    } catch let failure as Failure where failure.code == "central.busy" {
      throw Failure(
        code: failure.code, message: "another process works on \(folder)",
        hint: "Stop it; a file cannot be replaced under it.")
    } catch {
      return
    }
  }

  /// Refuses a backup that is damaged, another central's, or none.
  private static func check(_ part: String, _ file: String, _ key: SigningKey) throws {
    let copy = try Store(path: part, schema: .registry, use: .reader)
    guard try copy.meta("network") != nil, try copy.meta("instance") != nil else {
      throw Failure(
        code: "backup.foreign", message: "\(file) is no backup of a central node",
        hint: "Give a file that `cordee central backup` made.")
    }
    let report = try VerifyAction.audit(copy, key.publicKey)
    guard !report.has(.damage) else {
      throw Failure(
        code: "backup.damaged", message: "\(file) is not sound: \(report.findings[0].message)",
        hint: "Give another backup; nothing was changed.")
    }
  }

  private static func freeName(_ path: String) throws -> String {
    for number in 1...9_999
    where !FileManager.default.fileExists(atPath: "\(path).before-\(number)") {
      return "\(path).before-\(number)"
    }
    throw Failure(
      code: "backup.names", message: "too many files were kept beside \(path)",
      hint: "Move the oldest of them elsewhere.")
  }

  /// How a restore stands, for people.
  static func lines(of status: JSON) -> [String] {
    guard let restore = status["restore"], case .object(let spaces)? = restore["spaces"] else {
      return []
    }
    func text(_ json: JSON?) -> String { json?.string ?? json?.text() ?? "" }
    var lines: [String] = []
    if restore["restoring"]?.isTrue == true {
      lines.append(
        "RESTORING: \(text(restore["cause"])). It takes offers, and gives and merges nothing.")
      for (space, value) in spaces {
        lines.append("  \(space): the log reaches \(text(value["end"]))")
        for offer in value["offered"]?.array ?? [] {
          let from = offer["from"]?.integer
          let start =
            from.map { "\($0)" }
            ?? "\(text(offer["missing_up_to"])) (nobody offered what lies before)"
          let name = text(offer["name"])
          lines.append(
            "    offered by \(name.isEmpty ? text(offer["offered_by"]) : name): from \(start) to \(text(offer["to"])), "
              + "checkpoint \(text(offer["hash"]).prefix(12)) of \(text(offer["at"]))")
        }
        if value["forked"]?.isTrue == true {
          lines.append(
            "    these histories differ: name the one to follow with --tail HASH, or --tail own")
        }
      }
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
}

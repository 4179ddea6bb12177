import Central
import Changes
import Files
import FoundationEssentials
import HTTP
import Seal
import Wire

/// What the doctor looks at around central, whether it serves or not.
enum CentralDoctor {
  private typealias Check = DoctorActions.Check

  /// Free space that deserves a word: twice what stops central from taking pushes.
  private static let freeBytesMin = 2 * CentralLimits().reserveBytes
  /// Days between a push and a merge, or between two backups of central, that deserve a word.
  private static let daysMax = 7

  static func checks(_ data: String) throws -> [DoctorActions.Check] {
    let folder = URL(filePath: data).absoluteURL.path
    guard CentralNode.isThere(folder) else {
      throw Failure.noCentral(in: data)
    }
    // Read back from whoever holds the file: the serving node, else this command.
    var settings = JSON.null
    let path = "\(folder)/central.key"
    let key = try DoctorActions.key(
      path, lacking: "Put it back from where it is kept: without it nothing can be signed."
    ) { key in
      settings = try Keeper.ask(folder, [("do", .string("settings"))])
      // A node of an earlier version does not tell.
      if let held = settings["key"]?.string, held != Base64URL.encode(key.bytes) {
        throw Failure.foreignKey(path, of: "central")
      }
    }
    guard key.state != .wrong || key.fix != nil else { return [key] }
    let status = try Keeper.ask(folder, [("do", .string("status"))])
    func text(_ name: String) -> String { settings[name]?.string ?? "" }
    return try [
      DoctorActions.library(
        text("sqlite"), journal: text("journal"), isExclusive: text("locking") == "exclusive"),
      DoctorActions.durability(
        text("journal"), Int(settings["synchronous"]?.integer ?? -1), wants: "wal"),
      DoctorActions.disk(folder, reserve: freeBytesMin),
      DoctorActions.privacy(folder) { $0.hasPrefix("central.") }, key, wire(status),
      address(status), serving(status), merging(settings), restoring(status),
      quarantine(status, data), snapshots(status, data),
      aside(settings), clock(settings),
      backup(status), DoctorActions.leftovers(leftovers(folder)),
    ] + FolderDoctor.checks([path, "\(folder)/central.sqlite"], own: isOwn(folder) ? [folder] : [])
  }

  private static func wire(_ status: JSON) -> Check {
    let url = status["url"]?.string ?? ""
    let origin = Origin(url)
    return .look(
      "wire", "members reach it at \(url)",
      unless: origin.map { $0.scheme == "https" || $0.isLoopback } ?? false,
      "Put it behind TLS: others on the way can read.")
  }

  /// Whether what members are told leads to where it listens.
  private static func address(_ status: JSON) -> Check {
    guard let place = status["listening"]?.string, let origin = Origin(status["url"]?.string ?? "")
    else { return Check(name: "address", state: .ok, says: "nothing listens now") }
    guard let notice = Reach.notice(from: origin, to: place) else {
      return Check(name: "address", state: .ok, says: "it listens there itself, at \(place)")
    }
    // Behind TLS there is always a proxy; without, more likely nobody can join.
    return .look(
      "address", notice, unless: origin.scheme == "https" || origin.isLoopback,
      "Without one serve with --listen \(Reach.listen(for: origin) ?? place).")
  }

  private static func serving(_ status: JSON) -> Check {
    guard status["serving"]?.isTrue == true else {
      return Check(
        name: "serving", state: .ok, says: "no node serves this folder",
        advice: "`cordee central serve` starts one.")
    }
    let next = status["next_merge"]?.string.map { ", next at \($0)" } ?? ""
    return Check(
      name: "serving", state: .ok, says: "merging \(status["schedule"]?.string ?? "")\(next)")
  }

  /// How long what members sent has waited for a merge.
  private static func merging(_ settings: JSON) -> Check {
    let inbox = settings["inbox"]?.integer ?? 0
    guard inbox > 0 else {
      return Check(name: "inbox", state: .ok, says: "nothing waits for a merge")
    }
    let oldest = settings["oldest_waiting"]?.string ?? ""
    return .look(
      "inbox", "\(inbox) segments wait, the oldest since \(oldest)",
      unless: DoctorActions.days(since: oldest) ?? 0 <= daysMax,
      "`cordee central merge --dry-run` tells what they wait for.")
  }

  private static func restoring(_ status: JSON) -> Check {
    let restore = status["restore"]
    let isRestoring = restore?["restoring"]?.isTrue == true
    let awaited = restore?["awaited"]?.array?.count ?? 0
    return .look(
      "restore",
      isRestoring
        ? "restored and not accepted: it gives and merges nothing"
        : awaited > 0
          ? counted(awaited, "change that a restore lost is", "changes that a restore lost are")
            + " awaited" : "none under way",
      unless: !isRestoring && awaited == 0, "`cordee central status` tells how it stands.")
  }

  /// What merges refused: its authors' to settle; the keeper's only to be told of.
  private static func quarantine(_ status: JSON, _ data: String) -> Check {
    let count = status["quarantined"]?.integer ?? 0
    let untold = status["untold"] ?? .null
    let isUntold = ["quarantined", "aside"].contains { untold[$0]?.integer ?? 0 > 0 }
    let first =
      isUntold
      ? untold["first"]?.integer.map { ", not all looked at, first in merge \($0)" } ?? "" : ""
    return .look(
      "quarantine",
      count == 0
        ? "nothing" : "\(counted(count, "change is", "changes are")) kept without effect\(first)",
      unless: !isUntold, "`\(CentralActions.reportsLine(untold, data))` tells which and why.")
  }

  /// What is the matter with snapshots, and what was as long as nobody has looked at it.
  private static func snapshots(_ status: JSON, _ data: String) -> Check {
    if let withheld = status["snapshots_withheld"]?.array?.first {
      return Check(name: "snapshots", state: .look, says: MergeLines.words(on: withheld))
    }
    let untold = status["untold"] ?? .null
    let count = untold["snapshots"]?.integer ?? 0
    return .look(
      "snapshots", count == 0 ? "nothing to tell" : "\(counted(count, "was", "were")) damaged",
      unless: count == 0, "`\(CentralActions.reportsLine(untold, data))` tells what and what to do."
    )
  }

  private static func aside(_ settings: JSON) -> Check {
    let count = settings["aside"]?.integer ?? 0
    return .look(
      "set aside",
      count == 0
        ? "nothing" : "\(counted(count, "segment", "segments")) could not take their place",
      unless: count == 0, "They are kept; `cordee central reports` names each with its reason.")
  }

  /// Central's own clock can only be held against what it signed.
  private static func clock(_ settings: JSON) -> Check {
    guard let label = settings["last_signed"]?.string,
      let signed = DoctorActions.seconds(of: label)
    else { return Check(name: "clock", state: .ok, says: "nothing was signed yet") }
    return .look(
      "clock", "last signed \(label), now \(Now().label)", unless: signed <= Now().seconds + 120,
      "The clock was set back: labels follow it, nothing else does.")
  }

  private static func backup(_ status: JSON) -> Check {
    let advice = "Run `cordee central backup FILE`, and keep central.key apart from it."
    guard let label = status["last_backup"]?.string,
      let days = DoctorActions.days(since: label)
    else { return Check(name: "last backup", state: .look, says: "never", advice: advice) }
    return .look("last backup", "\(label), \(days) days ago", unless: days <= daysMax, advice)
  }

  /// Whether nothing but central's files lie in a folder.
  private static func isOwn(_ folder: String) throws -> Bool {
    try FileManager.default.contentsOfDirectory(atPath: folder).allSatisfy {
      $0.hasPrefix("central.")
    }
  }

  /// Files of commands that were cut.
  private static func leftovers(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter {
      $0.hasPrefix("central.sqlite.verify-") || $0 == "central.key.part"
        || $0.hasPrefix("central.sqlite.restoring") || $0.hasPrefix("central.sqlite.recovering")
        || $0.hasPrefix("central.sqlite.begun")
    }.sorted().map { "\(folder)/\($0)" }
  }
}

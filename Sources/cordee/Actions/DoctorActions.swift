import Causality
import Changes
import Files
import FoundationEssentials
import HTTP
import Registry
import Replica
import SQLite
import Store
import Wire

/// What `cordee doctor` looks at: everything around the replica that can go wrong, each with what to do.
enum DoctorActions {
  /// One thing looked at.
  struct Check {
    enum State: String { case ok, mended, look, wrong }
    let name: String
    var state: State
    var says: String
    var advice = ""
  }

  /// Free space under which a person should look.
  private static let freeBytesMin = 200_000_000
  /// Seconds off central's clock that deserve a word.
  private static let clockOffMax: Int64 = 120
  /// Days without a backup or a sync that deserve a word.
  private static let daysMax = 30

  static func doctor(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let path = try invocation.existingReplicaPath()
      let (store, finding) = try invocation.witnessedStore(sealing: false)
      let identity = try Identity(store)
      let fixes = invocation.flag("fix")
      let checks = try [
        library(store), journal(store), disk(path), privacy(path, fixes: fixes),
        key(invocation, identity, fixes: fixes),
        wire(store, identity), clock(invocation, store, identity), unsent(store),
        age(store, "last_sync", "last sync", "Run `cordee sync` when there is a network."),
        age(store, "last_backup", "last backup", "Run `cordee backup FILE`."),
        witness(store, finding), history(store, identity),
        spools(path, store, identity, fixes: fixes),
      ]
      if invocation.wantsJSON {
        invocation.console.print(
          .array(
            checks.map {
              .object([
                ("check", .string($0.name)), ("state", .string($0.state.rawValue)),
                ("says", .string($0.says)), ("advice", .string($0.advice)),
              ])
            }))
      } else {
        for check in checks {
          let advice = check.advice.isEmpty ? "" : " " + check.advice
          invocation.console.printValues(
            "\(check.state.rawValue)\t\(check.name): \(check.says).\(advice)")
        }
      }
      if checks.contains(where: { $0.state == .wrong }) { return .failed }
      return checks.contains { $0.state == .look } ? .needsPerson : .done
    }
  }

  /// SQLite before 3.51.3 may damage a write-ahead log that two connections use (sqlite.org/wal.html).
  private static func library(_ store: Store) throws -> Check {
    let version = try store.settings().version
    return Check(
      name: "sqlite", state: .ok,
      says:
        "SQLite \(version); replicas use a rollback journal, which its write-ahead log bug does not touch"
    )
  }

  private static func journal(_ store: Store) throws -> Check {
    let (journal, synchronous, _) = try store.settings()
    let isRight = journal == "truncate" && synchronous == 2
    return Check(
      name: "durability", state: isRight ? .ok : .wrong,
      says: "journal \(journal), synchronous \(synchronous == 2 ? "FULL" : "\(synchronous)")",
      advice: isRight ? "" : "Close other programs that hold the file open, then run this again.")
  }

  private static func disk(_ path: String) -> Check {
    let folder = URL(filePath: path).absoluteURL.deletingLastPathComponent().path
    guard let volume = Files.volume(of: folder) else {
      return Check(name: "disk", state: .look, says: "its free space cannot be told")
    }
    if volume.isRemote {
      return Check(
        name: "disk", state: .look, says: "the file lies on a network or user-space file system",
        advice: "Move it to a disk of this machine: locks and fsync may not hold there.")
    }
    let isLow = volume.freeBytes < freeBytesMin
    return Check(
      name: "disk", state: isLow ? .look : .ok, says: "\(bytesText(Int64(volume.freeBytes))) free",
      advice: isLow ? "Free some space: a full disk stops local writing." : "")
  }

  /// The replica and what SQLite and transfers keep beside it.
  private static func privacy(_ path: String, fixes: Bool) throws -> Check {
    let folder = URL(filePath: path).absoluteURL.deletingLastPathComponent()
    let name = URL(filePath: path).lastPathComponent
    let beside = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
      $0.hasPrefix("\(name)-") || $0.hasPrefix("\(name).cordee-")
    }
    let open = ([name] + beside.sorted()).map { folder.appending(path: $0).path }
      .filter { (Files.mode($0) ?? 0) & 0o077 != 0 }
    guard !open.isEmpty else {
      return Check(name: "privacy", state: .ok, says: "the replica is readable by you alone")
    }
    if fixes {
      for file in open { try Files.makePrivate(file) }
      return Check(name: "privacy", state: .mended, says: "others could read it; now you alone can")
    }
    return Check(
      name: "privacy", state: .look, says: "others can read \(open.joined(separator: ", "))",
      advice: "If that is not meant, run `cordee doctor --fix`.")
  }

  private static func key(_ invocation: Invocation, _ identity: Identity, fixes: Bool) throws
    -> Check
  {
    let path = "\(try invocation.paths.keysFolder())/\(identity.actor.replica).key"
    guard let mode = Files.mode(path) else {
      return Check(
        name: "key", state: .wrong, says: "there is no key at \(path)",
        advice: "Editing goes on; to sync, ask for a new invite and join with --adopt.")
    }
    guard mode & 0o077 != 0 else {
      return Check(name: "key", state: .ok, says: "readable by you alone")
    }
    if fixes {
      try Files.makePrivate(path)
      return Check(name: "key", state: .mended, says: "others could read it; now you alone can")
    }
    return Check(
      name: "key", state: .wrong, says: "others can read \(path)",
      advice: "Run `cordee doctor --fix`; if somebody else may have read it, tell the secretariat.")
  }

  private static func wire(_ store: Store, _ identity: Identity) throws -> Check {
    let isPlain = identity.origin.scheme == "http" && !identity.origin.isLoopback
    return Check(
      name: "wire", state: isPlain ? .look : .ok,
      says: isPlain
        ? "central is reached without TLS: others on the way can read"
        : "central is at \(identity.origin)",
      advice: isPlain ? "Ask the secretariat for an https address." : "")
  }

  private static func clock(_ invocation: Invocation, _ store: Store, _ identity: Identity) throws
    -> Check
  {
    do {
      let exchange = try Links.exchange(
        to: identity.origin, plain: try store.meta("plain")?.integer == 1)
      let answer = try exchange.send(
        Request(method: "GET", origin: identity.origin, target: "/v1"), responseBytesMax: 1 << 20)
      guard let told = try JSON.parse(answer.bytes)["time"]?.string.flatMap(seconds(of:)) else {
        return Check(name: "clock", state: .look, says: "central does not tell its time")
      }
      let off = Now().seconds - told
      return Check(
        name: "clock", state: abs(off) > clockOffMax ? .look : .ok,
        says: abs(off) > clockOffMax ? "\(off) s off central's" : "as central's",
        advice: abs(off) > clockOffMax
          ? "Set the clock: labels of edits follow it. Nothing else does." : "")
    } catch let failure as HTTPFailure {
      return Check(
        name: "clock", state: .ok, says: "not compared: \(failure.message)",
        advice: "Editing goes on without a network.")
    }
  }

  private static func unsent(_ store: Store) throws -> Check {
    let waiting = try store.waiting().local + store.touchedRows()
    guard waiting > 0 else {
      return Check(name: "unsent", state: .ok, says: "nothing waits to be sent")
    }
    let since = try store.oldestUnsent().map { ", the oldest of \($0)" } ?? ""
    return Check(
      name: "unsent", state: .ok, says: "\(waiting) changes wait to be sent\(since)",
      advice: "`cordee sync` sends them.")
  }

  private static func age(_ store: Store, _ key: String, _ name: String, _ advice: String) throws
    -> Check
  {
    guard let label = try store.meta(key)?.text, let then = seconds(of: label) else {
      return Check(name: name, state: .look, says: "never", advice: advice)
    }
    let days = Int(Now().seconds - then) / 86_400
    return Check(
      name: name, state: days > daysMax ? .look : .ok, says: "\(label), \(days) days ago",
      advice: days > daysMax ? advice : "")
  }

  private static func witness(_ store: Store, _ finding: Witness.Finding) throws -> Check {
    if let due = try store.epochDue() {
      return Check(
        name: "witness", state: .look, says: EpochNotices.words(due.rawValue),
        advice: "`cordee sync` begins a new epoch; nothing is dropped.")
    }
    return finding == .unwitnessed
      ? Check(
        name: "witness", state: .look, says: "there was none of this file; one is kept from now on",
        advice: "Whether it was copied before, central tells at the next sync.")
      : Check(name: "witness", state: .ok, says: "this is the file that wrote last")
  }

  private static func history(_ store: Store, _ identity: Identity) throws -> Check {
    let lines = try HistoryReach.lines(store, spaces: identity.spaces)
    return Check(
      name: "history", state: lines.isEmpty ? .ok : .look,
      says: lines.isEmpty ? "all of it is here" : "not all of it is here",
      advice: lines.isEmpty ? "" : "`cordee sync` fetches the rest.")
  }

  /// Files beside the replica that belong to no transfer any more.
  private static func spools(_ path: String, _ store: Store, _ identity: Identity, fixes: Bool)
    throws -> Check
  {
    var stale: [String] = []
    for space in identity.spaces {
      let download = "\(path).cordee-snapshot-\(space).zst"
      if Files.size(download) != nil, try store.meta("download.\(space)")?.text == nil {
        stale.append(download)
      }
    }
    guard !stale.isEmpty else {
      return Check(name: "spools", state: .ok, says: "nothing is left over")
    }
    if fixes { stale.forEach(Files.remove) }
    return Check(
      name: "spools", state: fixes ? .mended : .look,
      says: "\(stale.count) files of ended transfers lie beside the replica",
      advice: fixes ? "" : "`cordee doctor --fix` removes them.")
  }

  /// Unix seconds of an RFC 3339 label in UTC.
  private static func seconds(of label: String) -> Int64? {
    (try? Date.ISO8601FormatStyle().parse(label)).map { Int64($0.timeIntervalSince1970) }
  }
}

import Causality
import Changes
import Files
import FoundationEssentials
import HTTP
import Registry
import Replica
import Seal
import Store
import Wire

/// What the doctor looks at around a member's replica.
enum ReplicaDoctor {
  private typealias Check = DoctorActions.Check

  /// Seconds off central's clock that deserve a word.
  private static let clockOffMax: Int64 = 120

  static func checks(_ invocation: Invocation) throws -> [DoctorActions.Check] {
    let path = URL(filePath: try invocation.existingReplicaPath()).absoluteURL
    let (folder, name) = (path.deletingLastPathComponent().path, path.lastPathComponent)
    let (store, finding) = try invocation.witnessedStore()
    let identity = try Identity(store)
    let settings = try store.settings()
    let paths = invocation.paths
    let (keys, data, state) = try (paths.keysFolder(), paths.dataFolder(), paths.stateFolder())
    let (replica, witness) = (identity.actor.replica, "\(state)/witness")
    let key = "\(keys)/\(replica).key"
    let lastSync = try store.meta("last_sync")?.text
    return try [
      DoctorActions.library(settings.version, journal: settings.journal, isExclusive: false),
      DoctorActions.durability(settings.journal, settings.synchronous, wants: "truncate"),
      DoctorActions.disk(folder), DoctorActions.writing(path.path),
      DoctorActions.privacy(folder) {
        $0 == name || $0.hasPrefix("\(name)-") || $0.hasPrefix("\(name).")
      },
      DoctorActions.key(
        key,
        lacking:
          "Editing goes on. To sync, put it back from where it is kept; or ask for an invite "
          + "and run `cordee join INVITE --adopt`."
      ) {
        guard $0.fingerprint == replica.bytes else {
          throw Failure.foreignKey(key, of: "this replica")
        }
      },
      wire(identity), clock(store, identity), unsent(store), unsendable(store),
      refusals(store, identity),
      DoctorActions.age(lastSync, "last sync", "Run `cordee sync` when there is a network."),
      access(store), news(store, identity), verdicts(store), evidence(store),
      DoctorActions.age(
        try store.meta("last_backup")?.text, "last backup", "Run `cordee backup FILE`."),
      self.witness(store, finding), history(store, identity),
      DoctorActions.leftovers(spools(path.path, store, identity)),
    ]
      + FolderDoctor.checks(
        [path.path, key, "\(witness)/\(replica).json"], own: [keys, data, state, witness])
  }

  private static func wire(_ identity: Identity) -> Check {
    let isPlain = identity.origin.scheme == "http" && !identity.origin.isLoopback
    return .look(
      "wire",
      isPlain
        ? "central is reached without TLS: others on the way can read"
        : "central is at \(identity.origin)", unless: !isPlain,
      "Ask the secretariat for an https address.")
  }

  private static func clock(_ store: Store, _ identity: Identity) throws -> Check {
    do {
      let exchange = try Links.exchange(
        to: identity.origin, plain: try store.meta("plain")?.integer == 1)
      let answer = try exchange.send(
        Request(method: "GET", origin: identity.origin, target: "/v1"),
        responseBytesMax: CommandLimits.aboutBytesMax)
      guard let told = try? JSON.parse(answer.bytes)["time"]?.string,
        let time = DoctorActions.seconds(of: told)
      else {
        return Check(name: "clock", state: .look, says: "central does not tell its time")
      }
      let off = Now().seconds - time
      return .look(
        "clock", abs(off) > clockOffMax ? "\(off) s off central's" : "as central's",
        unless: abs(off) <= clockOffMax,
        "Set the clock: labels of edits follow it. Nothing else does.")
    } catch let failure as HTTPFailure {
      return Check(
        name: "clock", state: .ok, says: "not compared: \(failure.message)",
        advice: "Editing goes on without a network.")
    }
  }

  private static func unsent(_ store: Store) throws -> Check {
    let waiting = try OwnRole.sendable(store)
    guard waiting > 0 else {
      return Check(name: "unsent", state: .ok, says: "nothing waits to be sent")
    }
    let oldest = try store.oldestWaiting().local
    let days = oldest.flatMap(DoctorActions.days) ?? 0
    return Check(
      name: "unsent", state: days > DoctorActions.daysMax ? .look : .ok,
      says: "\(waiting) \(waiting == 1 ? "change waits" : "changes wait") to be sent"
        + (oldest.map { ", the oldest of \($0)" } ?? ""),
      advice: "`cordee sync` sends them.")
  }

  /// Edits that no sync can send.
  private static func unsendable(_ store: Store) throws -> Check {
    let held = store.heldBack
    let refusals = try OwnRole.refusals(store)
    var advice: [String] = []
    if !held.isEmpty { advice.append("`cordee status` names the rows and what to do.") }
    if !refusals.isEmpty { advice.append(OwnRole.advice) }
    let told =
      refusals + (held.isEmpty ? [] : ["\(held.count) edited rows are held back"])
    return .look(
      "edits", told.isEmpty ? "none is held back" : told.joined(separator: "; "),
      unless: told.isEmpty, advice.joined(separator: " "))
  }

  /// What central refused and nobody has seen yet.
  private static func refusals(_ store: Store, _ identity: Identity) throws -> Check {
    let (all, open) = try store.refusalCounts(of: identity.actor.replica)
    return .look(
      "refusals",
      open > 0
        ? "central refused \(open) of the changes made here, and nobody has settled that"
        : all > 0
          ? "\(all) of the changes made here were refused, all settled" : "nothing was refused",
      unless: open == 0,
      "`cordee refusals` shows what was written. Once you have seen it: "
        + "`cordee refusals --settle ID --note TEXT`.")
  }

  /// Whether central still has news: one that answers and shows nothing new may be keeping it back.
  private static func news(_ store: Store, _ identity: Identity) throws -> Check {
    let trust = try CentralTrust(store, spaces: identity.spaces)
    guard let newest = trust.lastCheckpoint else {
      return Check(name: "news", state: .ok, says: "central has signed nothing yet")
    }
    if let later = try CentralTrust.laterWord(than: newest, store, identity.spaces) {
      return Check(
        name: "news", state: .look,
        says:
          "central's newest signed word is of \(newest), older than one it signed before, \(later)",
        advice: "Its clock was set back, or an old state is shown: ask the secretariat.")
    }
    guard let days = trust.silentDays, days > DoctorActions.daysMax else {
      return Check(name: "news", state: .ok, says: "central's newest signed word is of \(newest)")
    }
    return Check(
      name: "news", state: .look,
      says: "central answered \(days) days after its newest signed word, \(newest)",
      advice: CentralTrust.silenceAdvice)
  }

  /// Whether central takes what this device sends.
  private static func access(_ store: Store) throws -> Check {
    let since = try Contact.refusedSince(store)
    return .look(
      "access", since.map { "central has refused this device since \($0)" } ?? "not refused",
      unless: since == nil, Contact.advice)
  }

  /// How long central has had changes without a verdict.
  private static func verdicts(_ store: Store) throws -> Check {
    let waiting = try store.waiting().received
    guard waiting > 0 else {
      return Check(name: "verdicts", state: .ok, says: "central owes no verdict")
    }
    let oldest = try store.oldestWaiting().received
    let days = oldest.flatMap(DoctorActions.days) ?? 0
    return .look(
      "verdicts",
      "\(waiting) \(waiting == 1 ? "change is" : "changes are") at central and not merged yet"
        + (oldest.map { ", the oldest of \($0)" } ?? ""),
      unless: days <= DoctorActions.daysMax,
      "Ask the secretariat whether it merges; the signed receipts are in this file.")
  }

  private static func evidence(_ store: Store) throws -> Check {
    let kept = try store.evidence()
    let open = kept.count { $0.settledAt == nil }
    return .look(
      "evidence",
      open == 0
        ? "nothing of central's words contradicts another (\(kept.count) kept, all settled)"
        : "\(open) of central's words contradict others",
      unless: open == 0,
      "`cordee evidence FILE` writes them; give that to the secretariat. Once it is looked into: "
        + "`cordee evidence --settle ID --note TEXT`.")
  }

  private static func witness(_ store: Store, _ finding: Witness.Finding) throws -> Check {
    if let due = try store.epochDue() {
      return Check(
        name: "witness", state: .look, says: EpochNotices.words(due.rawValue),
        advice: "`cordee sync` begins a new epoch; nothing is dropped.")
    }
    switch finding {
    case .unwitnessed:
      return Check(
        name: "witness", state: .look, says: "there was none of this file; one is kept from now on",
        advice: "Whether it was copied before, central tells at the next sync.")
    case .unconfirmed:
      return Check(
        name: "witness", state: .look,
        says: "\(EpochNotices.unconfirmed) [witness.unconfirmed]",
        advice: EpochNotices.unconfirmedAdvice)
    case .sound, .doubt:
      return Check(name: "witness", state: .ok, says: "this is the file that wrote last")
    }
  }

  private static func history(_ store: Store, _ identity: Identity) throws -> Check {
    let isWhole = try HistoryReach.lines(store, spaces: identity.spaces).isEmpty
    return .look(
      "history", isWhole ? "all of it is here" : "not all of it is here", unless: isWhole,
      "`cordee sync` fetches the rest.")
  }

  /// Files beside the replica that belong to no transfer any more.
  private static func spools(_ path: String, _ store: Store, _ identity: Identity) throws
    -> [String]
  {
    try identity.spaces.compactMap { space in
      let download = "\(path).cordee-snapshot-\(space).zst"
      guard Files.size(download) != nil, try store.meta("download.\(space)")?.text == nil else {
        return nil
      }
      return download
    }
  }
}

import Causality
import Changes
import FoundationEssentials
import Registry
import Replica
import Store

/// How a replica stands, as far as it decides what to type next.
enum Standing: Equatable, Sendable {
  /// There is no file.
  case absent
  /// There is a file that cannot be used; the failure says why.
  case unusable(Failure)
  /// Something needs a person; edits may wait, too.
  case contested(conflicts: Int)
  /// Changes that central refused were seen by nobody yet; edits may wait, too.
  case refused(changes: Int)
  /// Central takes nothing from this device; edits may wait.
  case cutOff(since: String, unsent: Int)
  /// Edits wait to be sent, or edited rows cannot be.
  case unsent(changes: Int, heldBack: Int)
  /// Nothing waits.
  case settled(lastSync: String?)

  /// Looks, and changes nothing.
  init(ofReplicaAt path: String) {
    guard FileManager.default.fileExists(atPath: path) else {
      self = .absent
      return
    }
    do {
      let store = try Store(path: path, schema: .registry, use: .reader)
      let identity = try Identity(store)
      let conflicts = try store.conflicts().count
      let refused = try store.refusalCounts(of: identity.actor.replica).open
      let edited = try store.sealPreview()
      let unsent = try store.waiting().local + edited.changes
      let forbidden = try OwnRole.forbidden(store).reduce(0) {
        try $0 + store.waiting(in: $1).local + (edited.spaces[$1] ?? 0)
      }
      let kept = forbidden + edited.heldBack.count
      if let since = try Contact.refusedSince(store) {
        self = .cutOff(since: since, unsent: unsent)
      } else if conflicts > 0 {
        self = .contested(conflicts: conflicts)
      } else if refused > 0 {
        self = .refused(changes: refused)
      } else if unsent + kept > 0 {
        self = .unsent(changes: unsent - forbidden, heldBack: kept)
      } else {
        self = .settled(lastSync: try store.meta("last_sync")?.text)
      }
    } catch {
      self = .unusable(.from(error))
    }
  }

  /// One sentence on it.
  func sentence(path: String) -> String {
    switch self {
    case .absent: "There is no replica here yet."
    case .unusable(let failure): failure.line.replacing("cordee: ", with: "", maxReplacements: 1)
    case .contested(let count):
      "\(counted(count, "conflict needs", "conflicts need")) a person in \(path)."
    case .refused(let count):
      "\(counted(count, "refused change needs", "refused changes need")) a person in \(path)."
    case .cutOff(let since, let count):
      "Since \(since) central takes nothing from \(path); "
        + "\(counted(count, "edit waits", "edits wait")) there."
    case .unsent(let count, let held): Self.unsentSentence(count, heldBack: held, path)
    case .settled(let last): "Nothing waits in \(path); last sync \(last ?? "never")."
    }
  }

  /// The commands that come next, the likeliest first.
  var next: [String] {
    switch self {
    case .absent: (Demo.records() == nil ? [] : ["demo"]) + ["join", "central init", "help"]
    case .unusable: ["status", "join", "help"]
    case .contested: ["conflicts", "resolve", "sync", "help"]
    case .refused: ["refusals", "status", "sync", "help"]
    case .cutOff: ["status", "join", "help"]
    case .unsent(let count, let held):
      held == 0
        ? ["sync", "status", "list", "help"]
        : count > 0 ? ["sync", "status", "help"] : ["status", "list", "help"]
    case .settled: ["list", "set", "sync", "status", "help"]
    }
  }

  private static func unsentSentence(_ count: Int, heldBack: Int, _ path: String) -> String {
    let waits = "\(counted(count, "edit waits", "edits wait")) to be sent from \(path)"
    let held = counted(heldBack, "edited row", "edited rows")
    if heldBack == 0 { return waits + "." }
    return count == 0 ? "\(held) in \(path) cannot be sent." : "\(waits); \(held) cannot be sent."
  }
}

/// A count with its noun, and what else goes by number.
func counted(_ count: some BinaryInteger, _ one: String, _ many: String) -> String {
  "\(count) \(count == 1 ? one : many)"
}

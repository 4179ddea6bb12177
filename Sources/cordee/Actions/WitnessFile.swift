import Causality
import Changes
import Files
import FoundationEssentials
import Replica
import Store
import Wire

/// The witness of one key, in the state folder: compared before a command writes, written after.
struct WitnessFile {
  let path: String
  let place: Witness.Place

  /// The witness of a replica; nil when the file or the folder cannot be told.
  ///
  /// - Parameter file: where the replica lies, if `store` is a copy made to look at it.
  init?(of store: Store, at file: String? = nil, _ paths: Paths) throws {
    // Central's file, which reading commands take too, has no device's key.
    guard try store.meta("actor") != nil else { return nil }
    let replica = try Identity(store).actor.replica
    let file = file ?? store.path
    guard let folder = try? paths.stateFolder(), let number = Files.number(of: file) else {
      return nil
    }
    path = "\(folder)/witness/\(replica).json"
    let machine = (try? String(contentsOfFile: "/etc/machine-id", encoding: .utf8)) ?? ""
    place = Witness.Place(
      machine: String(machine.prefix { $0 != "\n" }), device: number.device, inode: number.inode,
      path: URL(filePath: file).absoluteURL.standardizedFileURL.path)
  }

  /// What was witnessed; a file that cannot be read counts as none.
  func read() -> Witness {
    guard let bytes = try? Data(contentsOf: URL(filePath: path)),
      let json = try? JSON.parse(Array(bytes))
    else { return Witness() }
    return Witness(json) ?? Witness()
  }

  func finding(on store: Store) throws -> Witness.Finding {
    let file = try Witness.Entry(of: store, at: place)
    return try read().finding(on: file, former: store.epochs().map(\.from)) { space, n in
      try store.changeHash(Dot(actor: file.actor, n: n), in: space)
    }
  }

  /// Writes down how the file stands, unless an epoch is due: the witness is then another file's.
  ///
  /// A witness that cannot be written, or that a power cut undoes, is behind, which is harmless.
  ///
  /// - Parameter isConfirmed: whether this is known to be the file that wrote last; else it stays as it was noted before.
  func note(_ store: Store, isConfirmed: Bool = false) throws {
    guard try store.epochDue() == nil else { return }
    var witness = read()
    let file = try Witness.Entry(of: store, at: place, isConfirmed: isConfirmed)
    guard witness.note(file) else { return }
    let folder = URL(filePath: path).deletingLastPathComponent().path
    try? Folders.make(folder)
    let part = "\(path).\(ProcessInfo.processInfo.processIdentifier)"
    do {
      var writer = try FileWriter(part)
      try writer.write(witness.json.bytes(pretty: true))
      try Files.rename(part, to: path)
    } catch {
      Files.remove(part)
    }
  }
}

extension Invocation {
  /// Compares the file with its witness before anything is written; a doubt is kept in the file until central was met.
  ///
  /// - Parameter mustKeep: whether a doubt that cannot be kept now stops the command: what leaves this machine has to know.
  @discardableResult
  func witness(_ store: Store, mustKeep: Bool = false) throws -> Witness.Finding {
    guard let file = try WitnessFile(of: store, paths) else { return .unwitnessed }
    let finding = try file.finding(on: store)
    guard case .doubt(let reason) = finding else {
      try file.note(store, isConfirmed: finding == .sound)
      return finding
    }
    do {
      try store.write { try store.demandEpoch(reason) }
    } catch let error as StoreError where error.isOfWritingAlone && !mustKeep {
      // Nothing can be written now; the next command finds the same.
    }
    return finding
  }

  /// Writes down how the file stands after it changed.
  ///
  /// - Parameter isConfirmed: whether central has met it just now, by its enrolment or by a whole sync, or this very file has
  ///   begun an epoch that no other can know.
  func note(_ store: Store, isConfirmed: Bool = false) throws {
    try WitnessFile(of: store, paths)?.note(store, isConfirmed: isConfirmed)
  }
}

/// What is said of copies, old states and the epochs that followed.
enum EpochNotices {
  /// Why an epoch begins, in words.
  static func words(_ reason: String) -> String {
    switch EpochReason(rawValue: reason) {
    case .forked: "central holds changes of this device that this file does not"
    case .copied: "this file is a copy of the one that wrote last"
    case .old: "this file is older than what this device wrote last"
    case .restored: "a backup was put in the replica's place"
    case .adopted: "a copy was adopted under a new key"
    case .central: "central began another life"
    case nil: reason
    }
  }

  static func sentence(_ epoch: Epoch) -> String {
    let count = epoch.resealed
    let moved =
      switch count {
      case 0: "nothing had to be sealed again"
      case 1: "1 change was sealed again"
      default: "\(count) changes were sealed again"
      }
    return "New epoch: \(words(epoch.reason)); \(moved), nothing was dropped."
  }

  static func json(_ epoch: Epoch) -> JSON {
    .object([
      ("at", .string(epoch.at)), ("reason", .string(epoch.reason)),
      ("resealed", .integer(Int64(epoch.resealed))), ("from", .string(epoch.from.description)),
      ("to", .string(epoch.to.description)),
    ])
  }

  /// What is said of a witness that a mere look began.
  static let unconfirmed =
    "this file was looked at here, and central was not met since: nothing tells whether another copy of it has written"
  static let unconfirmedAdvice =
    "Where this is the replica in use, the next `cordee sync` asks central, and drops nothing."

  /// What `status` says, one line each.
  static func lines(_ store: Store, _ finding: Witness.Finding) throws -> [String] {
    var lines: [String] = []
    // A doubt that the file cannot take now is none the less.
    var doubt: EpochReason?
    if case .doubt(let reason) = finding { doubt = reason }
    if let due = try store.epochDue() ?? doubt {
      lines.append(
        "Doubt: \(words(due.rawValue)). Editing goes on; the next sync begins a new epoch, and drops nothing."
      )
    }
    if finding == .unwitnessed {
      lines.append(
        "There was no witness of this file; one is kept from now on. Whether it was copied before, central tells at the next sync."
      )
    }
    if finding == .unconfirmed {
      lines.append(
        "Central was not met since this file was first looked at here. Whether it was copied before, central tells at the next sync."
      )
    }
    if let last = try store.epochs().last {
      lines.append("\(last.at)  \(sentence(last))")
    }
    return lines
  }
}

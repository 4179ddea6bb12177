import Causality
import Central
import Changes
import Disk
import Files
import HTTP
import Replica
import SQLite
import Seal
import Store
import Wire

/// Two histories under central's own signature, each shown to another member.
///
/// All of it happens among copies: central is copied twice, one for the member that is lied to, one for all others. The
/// honest central has the same key, so that what the deceived one shows would be proof to it that it was rewound.
extension World {
  /// Kinds of lie that only a second contact, or another member, can tell.
  static let splits = Lies.bent + [.forkedHistory, .frozenHistory, .rewoundHistory]

  /// Shows one member another history, lets it meet the one that all others know, and looks at what it makes of that.
  func split(_ station: Station, _ draw: inout Seeded) throws {
    let kind = draw.pick(Self.splits)
    let honest = try mirror("honest")
    var liar = try mirror("liar", isFrozen: kind == .frozenHistory)
    let isBent = Lies.bent.contains(kind)
    let victim = try shadow(of: station, "deceived", at: isBent ? honest : liar)
    defer { for one in ["honest", "liar"] { sweep("\(folder)/central-\(one).sqlite") } }
    defer { victim.close() }
    let others = stations.filter { $0.key.publicKey != station.key.publicKey && !$0.isRevoked }
    let other = try others.isEmpty ? nil : shadow(of: draw.pick(others), "other", at: honest)
    defer { other?.close() }
    guard try meets(other), !honest.central.isRestoring else { return }
    var code: String?
    var authors: Set<ReplicaID> = []
    switch kind {
    case .forkedHistory, .frozenHistory:
      guard try write(victim, "one", &draw) else { return }
      if kind == .forkedHistory { try goOn(liar, victim) }
      if let other, try write(other, "other", &draw) { try goOn(honest, other) }
    case .rewoundHistory:
      victim.mirror = honest
      guard try write(victim, "one", &draw) else { return }
      try goOn(honest, victim)
      victim.mirror = liar
      code = try contact(victim) ?? (isKept(victim) ? "log.rewound" : nil)
    default:
      // One log with news of two authors, of which each lie takes a copy.
      guard let other, try write(victim, "one", &draw), try write(other, "other", &draw) else {
        return
      }
      try goOn(honest, other)
      liar = try mirror("liar", of: honest.central.store.path)
      victim.mirror = liar
      let lies = Lies(kind, store: liar.central.store, key: house.key, draw: Seeded(draw.next()))
      victim.lies = lies
      code = try contact(victim)
      victim.lies = nil
      authors = lies.authors
      guard try lies.wasTold && (code != nil || !agrees(victim, with: honest)) else { return }
    }
    marks.hit(kind)
    tell("  \(kind.rawValue): \(code ?? "taken")")
    let isParted = try code == nil && differs(victim.replica?.store, honest.central.store)
    if isParted, let other { try compare(victim, other, kind) }
    victim.mirror = honest
    if code == nil { _ = try contact(victim) }
    marks.hit(code == nil ? .splitNoticed : .tamperingNoticed)
    var isKept = try isKept(victim, code.map { ($0, authors) })
    let isNoticed = code != nil || isKept
    try settle(victim, honest, kind)
    // An answer that was not signed is settled by a good contact; two signed histories stay for a person to see.
    if isParted { isKept = try isKept && self.isKept(victim) }
    happened(
      .lied(node: "\(victim.name)'s copy", kind: kind, wasNoticed: isNoticed, isKept: isKept))
  }

  // MARK: Copies

  /// Another central with the same key, history and life.
  private func mirror(_ name: String, of original: String? = nil, isFrozen: Bool = false) throws
    -> Routes
  {
    let path = "\(folder)/central-\(name).sqlite"
    guard disk.copy(original ?? house.path, to: path) else {
      throw SimulatorError("no copy was made")
    }
    let store = try Store(path: path, schema: Town.schema(house.schema), use: .central)
    var routes = equipped(try Central(store: store, key: house.key))
    routes.central.snapshotEntriesMin = Int.max
    if isFrozen { routes.afterPush = {} }
    return routes
  }

  /// A copy of a member's file, whose way leads to a mirror.
  private func shadow(of station: Station, _ name: String, at mirror: Routes) throws -> Station {
    let path = "\(folder)/\(name).sqlite"
    sweep(path)
    guard disk.copy(station.path, to: path) else { throw SimulatorError("no copy was made") }
    let shadow = Station(
      name: station.name, path: path, key: station.key, role: station.role,
      schema: station.schema, offset: station.offset, memory: Station.Memory(pasts: [:]),
      machine: Machine(name), inode: 0)
    shadow.mirror = mirror
    try open(shadow)
    return shadow
  }

  /// Removes a copy and what lies beside it.
  func sweep(_ path: String) {
    disk.remove(path)
    for space in Town.spaces {
      for end in ["snapshot-\(space)", "snapshot-\(space).zst", "pull-\(space)", "bundle-\(space)"]
      {
        Files.remove("\(path).cordee-\(end)")
      }
      Files.remove("\(path).snapshot.\(space)")
    }
  }

  // MARK: What they do

  /// One sync of a copy.
  ///
  /// - Returns: what it failed with.
  private func contact(_ copy: Station) throws -> String? {
    do {
      _ = try copy.replica?.sync(now: self.time(copy.offset), at: label(copy.offset))
      return nil
    } catch {
      let (code, words) = Self.words(of: error)
      guard !code.hasPrefix("http.") else { throw SimulatorError(words) }
      return code
    }
  }

  /// Whether a copy of an honest member comes to central without any trouble.
  private func meets(_ copy: Station?) throws -> Bool {
    guard let copy else { return true }
    return try contact(copy) == nil
  }

  /// An edit that is sent: of a row that everybody has heard of in either history.
  private func write(_ copy: Station, _ word: String, _ draw: inout Seeded) throws -> Bool {
    guard copy.role != "observer", let store = copy.replica?.store else { return false }
    try store.edit {
      try $0.run(
        "INSERT OR REPLACE INTO place(id, label) VALUES('pl-mirror', ?)",
        .text("v\(draw.below(1_000_000)) \(word)"))
    }
    return try contact(copy) == nil
  }

  private func goOn(_ mirror: Routes, _ copy: Station) throws {
    _ = try mirror.central.merge(at: label(house.offset))
    if let code = try contact(copy) { throw SimulatorError("\(copy.name)'s copy failed: \(code)") }
  }

  private func agrees(_ copy: Station, with mirror: Routes) throws -> Bool {
    guard let store = copy.replica?.store else { return true }
    let right = Set(try Self.entries(of: mirror.central.store, after: 0).map(\.0.logHash))
    return try Self.entries(of: store, after: 0).allSatisfy { right.contains($0.0.logHash) }
  }

  // MARK: What they notice

  /// Whether a file holds something against central that is not settled.
  ///
  /// - Parameter failure: what its contact failed with, and whose changes it was told.
  func isKept(_ copy: Station, _ failure: (code: String, authors: Set<ReplicaID>)? = nil) throws
    -> Bool
  {
    if try copy.replica?.store.evidence().contains(where: { $0.settledAt == nil }) == true {
      return true
    }
    guard let failure, let own = copy.replica?.identity.actor.replica else { return false }
    // A key may stand in a log not read yet; a twin of the file, not central, may have written under its name.
    let isTwins = ["store.chain", "store.gap", "log.incomplete", "log.signature"].contains {
      $0 == failure.code
    }
    return failure.code == "log.key" || isTwins && failure.authors.contains(own)
  }

  /// Both histories side by side: by the files, and by a bundle that one member gives another.
  private func compare(_ victim: Station, _ other: Station, _ kind: Mark) throws {
    guard let one = victim.replica, let two = other.replica,
      let reader = ReplicaID(bytes: other.key.publicKey.fingerprint)
    else { return }
    let shared = Set(one.identity.spaces).intersection(two.identity.spaces)
    guard try differs(one.store, two.store, in: shared) else { return }
    let findings = try one.store.differences(from: two.store)
    var isShown = findings.contains { $0.kind == .damage && $0.code == "against.fork" }
    if isShown { marks.hit(.splitShown) }
    var isKept = true
    let path = "\(folder)/shown.bundle"
    defer { Files.remove(path) }
    do {
      _ = try one.exportLog(
        to: path, for: reader, since: 0, plain: true, at: label(victim.offset))
      var audit = BundleAudit(of: two.store, centralKey: house.key.publicKey)
      isShown = try isShown && audit.compare(path).contains { $0.code == "against.fork" }
      _ = try two.importBundle(path, at: label(other.offset))
      isKept = try two.store.evidence().contains {
        $0.kind == .proof && $0.code == "checkpoint.split"
      }
      if isKept { marks.hit(.splitByBundle) }
    } catch let error as SyncError where error.code == "bundle.reader" {
      // The other device is newer than all that this one has heard.
    }
    happened(
      .lied(node: "\(other.name)'s copy", kind: kind, wasNoticed: isShown, isKept: isKept))
  }

  /// Whether two files hold other entries at one place.
  private func differs(_ one: Store?, _ two: Store, in spaces: Set<String> = Set(Town.spaces))
    throws
    -> Bool
  {
    guard let one else { return false }
    let held = try Self.entries(of: two, after: 0).map { ($0.0.seq, $0.0) }
    let places = Dictionary(held, uniquingKeysWith: { $1 })
    return try Self.entries(of: one, after: 0).contains { entry, _ in
      guard spaces.contains(entry.space), let other = places[entry.seq] else { return false }
      return other.space == entry.space && other.logHash != entry.logHash
    }
  }

  /// Whoever keeps central settles what came of it by its own history; the deceived member goes over, loses nothing, and
  /// what it holds against central stays.
  private func settle(_ victim: Station, _ honest: Routes, _ kind: Mark) throws {
    let central = honest.central
    func isBack() throws -> Bool {
      let waiting = try victim.replica?.store.waiting() ?? (local: 0, received: 0)
      // What an observer edits stays in its own file.
      return try agrees(victim, with: honest)
        && (victim.role == "observer" || waiting.local + waiting.received == 0)
    }
    for round in 0..<6 {
      if central.isRestoring { try acceptOwn(central) }
      _ = try central.merge(at: label(house.offset))
      if try contact(victim) == nil, try isBack() { return }
      // Nobody else comes to this central: what it waits for now is given up, as by whoever keeps the real one.
      if round > 0, !central.isRestoring { try giveUp(at: central) }
    }
    happened(
      .failed(
        node: "\(victim.name)'s copy", code: "deceived", cause: .none,
        words: "does not come back from \(kind.rawValue)"))
  }

  /// Accepts a life, by central's own history wherever another was shown.
  private func acceptOwn(_ central: Central) throws {
    var choices: [String] = []
    while true {
      do {
        _ = try central.accept(choosing: choices, at: label(house.offset))
        return
      } catch let problem as Problem where problem.code == "restore.fork" && choices.count < 9 {
        choices.append("own")
      }
    }
  }
}

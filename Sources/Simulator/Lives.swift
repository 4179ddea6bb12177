import Causality
import Central
import Changes
import Disk
import Replica
import SQLite
import Session
import Store
import Wire

/// Central's file, put back: by whoever keeps it, or by nobody who says so; and what follows.
extension World {
  /// Keeps a copy of central's file: by its own backup, or as a virtual machine's snapshot with its log beside it.
  func keepBackup(isOnline: Bool) throws {
    try observeCentral()
    let routes = try running()
    let path = "\(folder)/central-kept\(step).sqlite"
    if isOnline {
      disk.remove(path)
      try routes.central.store.backup(to: path)
    } else if !disk.copy(house.path, to: path) {
      throw SimulatorError("no backup was made")
    }
    marks.hit(.centralBackup)
    house.backups.append(House.Backup(path: path, revoked: house.revoked))
    if house.backups.count > 3 { disk.remove(house.backups.removeFirst().path) }
    tell("  central is backed up")
  }

  /// Central goes on from an older file.
  ///
  /// - Parameter isKnown: whether its keeper restored it; else nobody knows.
  func putBackCentral(_ backup: House.Backup, isKnown: Bool) throws {
    try observeCentral()
    house.routes = nil
    guard disk.copy(backup.path, to: house.path) else { throw SimulatorError("a backup is gone") }
    house.revoked = backup.revoked
    try goOnFromEarlier(isKnown: isKnown)
  }

  /// Central's file stands earlier than it did.
  func goOnFromEarlier(isKnown: Bool) throws {
    house.hasGoneBack = true
    house.standings = [:]
    house.writesSeen = -1
    rogue = nil
    // What was given back to a life is forgotten with it, be it that the older file was of the same life.
    for station in stations { station.gaveTo = "" }
    marks.hit(isKnown ? .centralRestored : .centralRewound)
    tell("  central is \(isKnown ? "restored" : "rewound")")
    let routes = try running()
    let log = try Self.entries(of: routes.central.store).map(\.0)
    logEnds = [:]
    for entry in log { logEnds[entry.space] = (entry.seq, entry.logHash) }
    happened(.wentBack(log: log, revoked: house.revoked))
    // In a life that is left at once nobody meets it.
    if !isKnown, let left = house.life, left != routes.central.instance { happened(.lifeReturned) }
    house.life = routes.central.instance
    happened(.restored(node: "central"))
    for station in stations where !station.isRevoked {
      station.mayBeForgotten = true
      happened(.holds(node: station.name, try holdings(of: station)))
    }
    if isKnown {
      try routes.central.beginRestoring(because: .restored, at: label(house.offset))
      noteLife(of: routes.central)
    }
  }

  /// Tells of a life that central began since it was last looked at.
  func noteLife(of central: Central) {
    defer { house.life = central.instance }
    guard let before = house.life, before != central.instance else { return }
    tell("  central begins a life")
    happened(.lifeBegan)
  }

  /// The changes a member's file holds whole.
  private func holdings(of station: Station) throws -> Set<Hash> {
    try open(station)
    guard let store = station.replica?.store else { return [] }
    let hasAdrift = try store.adriftCount().all > 0
    let more = hasAdrift ? " UNION SELECT hash FROM cordee_adrift WHERE body IS NOT NULL" : ""
    let hashes = try store.withConnection { connection in
      try connection.all("SELECT hash FROM cordee_change WHERE body IS NOT NULL\(more)") {
        Hash(bytes: $0.bytes(0)) ?? .zero
      }
    }
    return Set(hashes)
  }

  /// Whoever keeps central accepts its new life; where histories differ, one is named.
  func acceptLife(_ draw: inout Seeded) throws {
    let central = try running().central
    guard central.isRestoring else { return }
    var given = try self.given()
    var choices: [String] = []
    while true {
      do {
        let report = try central.accept(choosing: choices, at: label(house.offset))
        if !report.lost.isEmpty || !choices.isEmpty { given = [] }
        marks.hit(.entriesTakenOver, report.takenOver)
        marks.hit(.judgedAnew, report.judgedAnew)
        break
      } catch let problem as Problem where problem.code == "restore.fork" {
        if choices.isEmpty { marks.hit(.forkedLog) }
        let tail = problem.hint.split(separator: " ").map { $0.filter { $0 != "," && $0 != "." } }
          .first { $0.utf8.count == Hash.zero.description.utf8.count && !choices.contains($0) }
        choices.append(choices.count < 4 && draw.chance(500) ? tail ?? "own" : "own")
      }
    }
    marks.hit(.lifeAccepted)
    tell("  central's life is accepted")
    try observeCentral()
    let life = central.instance.description
    let mayBeEarly =
      !choices.isEmpty || stations.contains { $0.gaveTo != life && !$0.isRevoked }
    happened(.lifeAccepted(life: life, given: given, mayBeEarly: mayBeEarly))
  }

  /// Where the logs end of members that gave theirs back to this life.
  private func given() throws -> [LogEnd] {
    let life = try running().central.instance.description
    return stations.filter { $0.gaveTo == life && !$0.isRevoked }.flatMap { station in
      station.ends.map { LogEnd(node: station.name, space: $0.key, hash: $0.value) }
    }
  }

  /// Gives up what nobody has any more and others wait for.
  ///
  /// - Returns: whether there was anything.
  func declareLost() throws -> Bool {
    let central = try running().central
    guard house.hasGoneBack, !central.isRestoring else { return false }
    let lost = try giveUp(at: central)
    for item in lost {
      marks.hit(.declaredLost)
      tell("  central gives up what \(item.space) waits for")
      happened(.declaredLost(item.actor))
    }
    return !lost.isEmpty
  }

  /// Declares all lost that a central waits for.
  @discardableResult
  func giveUp(at central: Central) throws -> [(space: String, actor: ActorID)] {
    let awaited = try central.awaited()
    for item in awaited {
      _ = try central.declareLost("\(item.actor):\(item.to)", at: label(house.offset))
    }
    return awaited.map { ($0.space, $0.actor) }
  }
}

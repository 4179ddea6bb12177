import Causality
import Central
import Changes
import Disk
import HTTP
import Replica
import SQLite
import Seal
import Store
import Wire

/// Work on a disk that lies: syncs that save nothing until the power is cut, a write that changes nothing, a write that lands
/// on another page.
///
/// Then whoever it belongs to verifies the file. Either that says damage, and the file is set aside; or the file stands where
/// it stood, or earlier, as an older copy would. There is no fourth way.
extension World {
  func workOnSilentDisk(_ station: Station, _ draw: inout Seeded) throws {
    guard try !running().central.isRestoring else { return }
    let fault = draw.pick(Disk.Fault.silent)
    if scenario.families.contains(.silentCentralDisks) {
      // Central's log is seldom synced before its end: more lies are needed for one that shows.
      let fault = draw.chance(300) ? .lyingSync : fault
      try workOnSilentDiskOfCentral(fault, station, &draw)
    } else if let replica = station.replica, !station.isRevoked,
      try replica.store.epochDue() == nil
    {
      try workOnSilentDisk(fault, station, &draw)
    }
  }

  /// Lets a fault strike while a deed is done.
  ///
  /// - Returns: whether it struck.
  private func strike(
    _ fault: Disk.Fault, _ prefix: String, _ draw: inout Seeded, during deed: () throws -> Void
  ) throws -> Bool {
    let after =
      fault == .lyingSync
      ? draw.within(1...3) : draw.pick([draw.within(1...6), draw.within(1...40)])
    disk.arm(fault, after: after, prefix: prefix, salt: draw.next())
    armed = (fault, prefix)
    defer {
      armed = nil
      disk.disarm()
    }
    tell("  \(fault) at call \(after)")
    try deed()
    return isStruck
  }

  // MARK: A member's

  private func workOnSilentDisk(
    _ fault: Disk.Fault, _ station: Station, _ draw: inout Seeded
  ) throws {
    let deed = draw.pick([Deed.edit, .command, .sync, .sync])
    if deed == .sync {
      // An epoch that is due unknown to anybody would seal again, and send, what nobody could read afterwards.
      guard try sync(station, .fair) != nil else { return }
      try observe(station)
      try edits(station, &draw)
      try seal(station)
      merge()
      try observeCentral()
    }
    try observe(station)
    let (before, witness) = (station.memory, station.machine.witness)
    var isReadable = true
    var standings: [String: Station.Standing] = [:]
    var deeds = Seeded(draw.next())
    let hasStruck = try strike(fault, station.path, &draw) {
      switch deed {
      case .edit: try edits(station, &deeds)
      case .command: try command(station, &deeds)
      default: try sync(station, .fair)
      }
      // What was sealed meanwhile may have been sent: it is known, whatever the disk makes of it.
      do {
        try observe(station, isDoubtful: true)
        standings = try self.standings(of: station)
      } catch { isReadable = false }
    }
    guard hasStruck else { return }
    guard lose(fault, station.path, seed: draw.next(), close: { station.close() }) else {
      return try open(station)
    }
    marks.hit(
      fault == .lyingSync ? .lyingSync : fault == .lostWrite ? .lostWrite : .misdirectedWrite)
    if let damage = damage(in: station) {
      marks.hit(.damageFound)
      tell("  \(station.name) is damaged: \(damage.replacing("\(folder)/", with: ""))")
      return try setAside(station, &draw)
    }
    guard isReadable, try stands(station, after: before, then: standings) else {
      return try setAside(station, &draw)
    }
    if draw.chance(300) { station.machine.witness = witness }
  }

  /// What a sync sends is known before it leaves: whoever sent it may be unreadable afterwards.
  private func seal(_ station: Station) throws {
    guard let replica = station.replica else { return }
    let author = Author(
      network: replica.identity.network, actor: replica.identity.actor, at: label(station.offset))
    _ = try replica.store.write { try replica.store.seal(as: author) }
  }

  /// The process ends; of what a lying sync did not save a part is gone with the power.
  ///
  /// - Returns: whether anything was lost.
  private func lose(
    _ fault: Disk.Fault, _ prefix: String, seed: UInt64, close: () -> Void
  ) -> Bool {
    guard fault == .lyingSync else {
      close()
      return true
    }
    disk.arm(.crash, after: 0, prefix: prefix)
    close()
    disk.disarm()
    return disk.cutPower(prefix: prefix, seed: seed) > 0
  }

  /// What a member's program says of its file; nil when it calls it sound.
  private func damage(in station: Station) -> String? {
    do {
      try open(station)
      guard let store = station.replica?.store else { return "no program runs" }
      return try findings(in: store).first
    } catch {
      return "\(error)"
    }
  }

  /// Finds out where a sound file stands: where it did, or earlier in what was done since `before`.
  ///
  /// - Parameter standings: where it said it stood before anything was lost.
  /// - Returns: false when what the onlooker knows does not tell.
  private func stands(
    _ station: Station, after before: Station.Memory, then standings: [String: Station.Standing]
  ) throws -> Bool {
    guard let store = station.replica?.store else { return false }
    let full = station.memory
    var memory = before
    for (space, past) in before.pasts {
      guard let late = full.pasts[space], late.actor == past.actor, late.line == past.line,
        late.stem == past.stem, let actor = past.actor
      else {
        if full.pasts[space]?.actor == nil { continue }
        return false
      }
      let n = try store.head(of: actor, in: space).n
      guard n >= past.observed else { return false }
      let orders = past.order..<(past.order + n - past.observed)
      for (dot, own) in late.own
      where own.sight.line == past.line && orders.contains(own.sight.order) {
        memory.pasts[space]?.own[dot] = own
      }
      memory.pasts[space]?.order = orders.upperBound
      memory.pasts[space]?.observed = n
      memory.pasts[space]?.rest = n > past.observed ? late.rest : past.rest
      for n in (past.observed + 1)..<(n + 1) {
        guard let hash = try store.changeHash(Dot(actor: actor, n: n), in: space) else {
          return false
        }
        memory.held.insert(hash)
      }
    }
    // The onlooker reads the file anew; where it stands as it stood, that tells nothing new.
    station.writesSeen = -1
    station.standings = [:]
    let isWhole = memory.held == full.held
    station.memory.dirty = before.dirty
    try store.withConnection { try noteTouched(station, $0) }
    let dirty = station.memory.dirty
    if isWhole {
      happened(.restored(node: station.name))
      try observe(station)
      marks.hit(station.standings == standings ? .nothingLost : .stoodEarlier)
      return true
    }
    marks.hit(.stoodEarlier)
    tell("  \(station.name) stands earlier")
    happened(.restored(node: station.name))
    happened(.abandoned(full.held.subtracting(memory.held)))
    memory.dirty = dirty
    station.memory = parted(memory)
    return true
  }

  /// A damaged file is put away: an older copy comes back, or its owner joins anew.
  ///
  /// What it alone held is lost, and no more.
  private func setAside(_ station: Station, _ draw: inout Seeded) throws {
    station.close()
    if !station.copies.isEmpty, draw.chance(500) {
      return try putBack(station, draw.pick(station.copies), .byCommand)
    }
    guard let place = stations.firstIndex(where: { $0 === station }) else { return }
    happened(.restored(node: station.name))
    happened(.abandoned(station.memory.held))
    for copy in station.copies { disk.remove(copy.path) }
    disk.remove(station.path)
    let newcomer = try enrol(station.role, schema: station.schema, offset: station.offset)
    stations.removeLast()
    stations[place] = newcomer
    tell("  \(newcomer.name) joins in its place")
    try observe(newcomer)
  }

  // MARK: Central's

  private func workOnSilentDiskOfCentral(
    _ fault: Disk.Fault, _ station: Station, _ draw: inout Seeded
  ) throws {
    guard let backup = house.backups.last else {
      return try keepBackup(isOnline: draw.chance(500))
    }
    guard !station.isRevoked else { return }
    let deed = draw.pick([Deed.sync, .sync, .merge])
    try edits(station, &draw)
    if deed == .merge { try sync(station, .fair) }
    try observe(station)
    try observeCentral()
    var before: Holding?
    let hasStruck = try strike(fault, house.path, &draw) {
      if deed == .merge { merge() } else { try sync(station, .fair) }
      try observe(station)
      do {
        try observeCentral()
        before = try holding()
      } catch { before = nil }
    }
    guard hasStruck else { return }
    guard lose(fault, house.path, seed: draw.next(), close: { house.routes = nil }) else { return }
    marks.hit(
      fault == .lyingSync
        ? .lyingSyncOfCentral
        : fault == .lostWrite ? .lostWriteOfCentral : .misdirectedWriteOfCentral)
    if let damage = damageInCentral() {
      marks.hit(.damageFoundInCentral)
      tell("  central is damaged: \(damage.replacing("\(folder)/", with: ""))")
      house.routes = nil
      return try putBackCentral(backup, isKnown: true)
    }
    guard try holding() != before else { return marks.hit(.nothingLostInCentral) }
    marks.hit(.centralStoodEarlier)
    house.routes = nil
    try goOnFromEarlier(isKnown: false)
  }

  /// What central would show a member: its life, the ends of its logs, whom it knows, what waits, what it keeps aside.
  private struct Holding: Equatable {
    var life: InstanceID
    var log: [LoggedEntry]
    var devices: [[UInt8]]
    var segments: [[UInt8]]
    var writes: [[UInt8]]
    var aside: Int
  }

  private func holding() throws -> Holding {
    let central = try running().central
    return try disk.looking {
      func all(_ query: String) throws -> [[UInt8]] {
        try central.store.withConnection { try $0.all(query) { $0.bytes(0) } }
      }
      return Holding(
        life: central.instance,
        log: try Self.entries(of: central.store).map(\.0),
        devices: try all("SELECT replica FROM cordee_member ORDER BY replica"),
        segments: try all("SELECT head FROM cordee_inbox ORDER BY id"),
        writes: try all("SELECT body FROM cordee_outbox ORDER BY id"),
        aside: try central.asideCount())
    }
  }

  /// What central's keeper is told of its file; nil when it is called sound.
  private func damageInCentral() -> String? {
    do {
      let store = try running().central.store
      if let damage = try findings(in: store).first { return damage }
      var audit = try CentralAudit(of: store, key: house.key.publicKey)
      try audit.run()
      return audit.findings.first { $0.kind == .damage }.map { "\($0.code): \($0.message)" }
    } catch {
      return "\(error)"
    }
  }
}

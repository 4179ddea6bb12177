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

/// What each deed does.
extension World {
  /// Carries out one step, then looks at every file it may have touched.
  func perform(_ step: Step) throws {
    begin(step.index)
    var draw = Seeded(scenario.seed, UInt64(step.index) &* 2 &+ 5_000_001)
    now += Int64(draw.within(1...3600))
    let station = stations[step.node % stations.count]
    tell("step \(step.index): \(step.deed.rawValue), \(station.name)")
    for other in stations where other.partition != .none && other.resumesAt <= step.index {
      other.partition = .none
    }
    try open(station)
    try perform(step.deed, station, &draw)
    if !delayed.isEmpty, draw.chance(300) { try deliverDelayed() }
    try observe(station)
    try observeCentral()
  }

  private func perform(_ deed: Deed, _ station: Station, _ draw: inout Seeded) throws {
    switch deed {
    case .edit: try edits(station, &draw)
    case .command: try command(station, &draw)
    case .sync: try sync(station, weather(&draw))
    case .merge: merge()
    case .join: try join(&draw)
    case .revoke: try revoke(station)
    case .crashReplica:
      kill(station, losesPower: draw.chance(500), seed: draw.next())
      try open(station)
    case .crashCentral: killCentral(losesPower: draw.chance(500), seed: draw.next())
    case .badDisk: try workOnBadDisk(station, &draw)
    case .clock:
      marks.hit(.clockJump)
      if draw.chance(300) {
        house.offset = Scenario.years(&draw)
      } else {
        station.offset = Scenario.years(&draw)
      }
    case .upgrade: try upgrade(station, &draw)
    case .partition: part(station, &draw)
    case .swizzle:
      marks.hit(.swizzle)
      for station in stations { part(station, &draw) }
    case .lie: try lie(to: station, &draw)
    case .rogue:
      if rogue == nil {
        rogue = Rogue(line: newLine())
        try rogue?.enrol(in: self)
      }
      try rogue?.act(in: self, &draw)
    }
  }

  private func edits(_ station: Station, _ draw: inout Seeded) throws {
    let mayWrite = Town.schema(2).role(station.role)?.writes.isEmpty == false
    if !mayWrite {
      guard scenario.families.contains(.mistakes) else { return }
      marks.hit(.forbiddenSpace)
    }
    for _ in 0..<draw.pick([1, 1, 1, 2, 5]) { try edit(station, &draw) }
  }

  private func weather(_ draw: inout Seeded) -> Weather {
    let weather = Weather(draw: Seeded(draw.next()))
    weather.roughness = scenario.roughness
    weather.fates = [.edit]
    if scenario.families.contains(.loss) {
      weather.fates += [.dropRequest, .delayRequest, .dropReply, .double]
    }
    if scenario.families.contains(.damage) {
      weather.fates += [.truncateRequest, .flipRequest, .truncateReply, .flipReply]
    }
    // A cut at one certain message, so that each message of a conversation is cut in some run.
    if draw.chance(150) { weather.certain = (draw.below(6), draw.pick(weather.fates)) }
    return weather
  }

  // MARK: Sync and merge

  /// One sync of one member under some weather.
  ///
  /// - Returns: the report, or nil when it failed.
  @discardableResult
  func sync(_ station: Station, _ weather: Weather) throws -> SyncReport? {
    guard let replica = station.replica else { return nil }
    station.weather = weather
    defer { station.weather = .fair }
    do {
      let report = try replica.sync(
        now: self.time(station.offset), at: label(station.offset))
      station.isTainted = false
      if report.snapshotRows > 0 { marks.hit(.snapshotTaken) }
      if report.history > 0 { marks.hit(.historyFetched) }
      if weather.logPieces > replica.identity.spaces.count { marks.hit(.spooled) }
      marks.hit(.lateVerdict, report.refused.count)
      if let epoch = report.epoch {
        marks.hit(.epoch)
        tell("  \(station.name) began an epoch: \(epoch.reason), \(epoch.resealed) sealed again")
      }
      tell("  \(station.name) synced: \(report.pushed) out, \(report.pulled) in")
      return report
    } catch {
      let (code, words) = Self.words(of: error)
      if station.isRevoked, code == "signature.refused" {
        marks.hit(.revokedRefused)
        tell("  \(station.name) is refused, being revoked")
        return nil
      }
      let isDamaged =
        weather.isDamaging || station.isTainted || isStruck
      let cause: Cause =
        station.lies != nil
        ? .hostile : isDamaged ? .damaged : weather.isLossy ? .lossy : .none
      if cause == .damaged { station.isTainted = true }
      fail(station.name, code, cause, words)
      return nil
    }
  }

  static func words(of error: any Error) -> (code: String, words: String) {
    switch error {
    case let error as HTTPFailure: ("\(error.code)", error.message)
    case let error as SyncError: (error.code, error.message)
    case let error as StoreError: (error.code.rawValue, error.message)
    case let error as WireError: ("wire", "\(error)")
    default: ("other", "\(error)")
    }
  }

  func merge() {
    do {
      let report = try running().central.merge(at: label(house.offset))
      marks.hit(.merge)
      if report.waiting > 0 { marks.hit(.waited) }
      if report.conflictsOpened > 0 { marks.hit(.conflict, report.conflictsOpened) }
      tell("  merged \(report.applied), refused \(report.quarantined.count)")
    } catch {
      let isBad = isStruck
      fail("central", "merge", isBad ? .damaged : .none, Self.words(of: error).words)
    }
  }

  // MARK: Comings and goings

  private func join(_ draw: inout Seeded) throws {
    guard stations.count < 10 else { return }
    let station = try enrol(
      draw.pick(["member", "chair"]), schema: draw.within(1...2),
      offset: scenario.families.contains(.clocks) ? Scenario.years(&draw) : 0)
    marks.hit(.joined)
    tell("  \(station.name) joined")
    try observe(station)
    try refuseSecondUse()
  }

  /// An invite that was used is of no use to anybody else.
  private func refuseSecondUse() throws {
    guard let invite = lastInvite, let origin = Origin("http://127.0.0.1") else { return }
    let thief = Station(
      name: "thief", path: "\(folder)/thief.sqlite", role: "member", schema: 2, offset: 0,
      pasts: [:])
    disk.remove(thief.path)
    let store = try Store(
      path: thief.path, schema: Town.schema(2), use: .replica, create: true)
    do {
      _ = try Replica.join(
        store, invite: invite, origin: origin, key: thief.key, name: nil, now: time(house.offset),
        exchange: Link(self, thief))
      happened(.hostileAnswered(kind: .joinRefused, status: 201))
    } catch let error as SyncError where error.code == "invite.used" {
      marks.hit(.joinRefused)
    }
  }

  private func revoke(_ station: Station) throws {
    guard !station.isRevoked, station !== stations[0], stations.filter({ !$0.isRevoked }).count > 2
    else { return }
    let replica = ReplicaID(bytes: station.key.publicKey.fingerprint)
    guard let replica else { return }
    try observeCentral()
    try running().central.revoke(replica, at: label(house.offset))
    station.isRevoked = true
    marks.hit(.revoked)
    happened(.revoked(replica))
  }

  private func upgrade(_ station: Station, _ draw: inout Seeded) throws {
    if draw.chance(200) {
      house.routes = nil
      house.schema = 2
    } else {
      try rise(station)
    }
    marks.hit(.upgrade)
  }

  /// Opens a member's file with the newer schema.
  func rise(_ station: Station) throws {
    if station.schema == 1, let store = station.replica?.store {
      let carried = try store.withConnection { connection in
        try connection.first(
          """
          SELECT 1 FROM cordee_sibling s JOIN cordee_name f ON f.id = s.field
          WHERE f.name IN ('email', 'title') LIMIT 1
          """
        ) { _ in true }
      }
      if carried != nil { marks.hit(.carried) }
    }
    station.close()
    station.schema = 2
    try open(station)
  }

  private func part(_ station: Station, _ draw: inout Seeded) {
    station.partition = draw.pick([.full, .requestsLost, .repliesLost])
    station.resumesAt = step + draw.within(1...40)
    marks.hit(station.partition == .full ? .partition : .oneWayPartition)
  }

  // MARK: Bad disks

  private func workOnBadDisk(_ station: Station, _ draw: inout Seeded) throws {
    let fault = draw.pick(Disk.Fault.allCases)
    let isCentral = draw.chance(400)
    let prefix = isCentral ? house.path : station.path
    _ = try running()
    let losesPower = draw.chance(500)
    let seed = draw.next()
    let after = draw.pick([draw.within(1...6), draw.within(1...40), draw.within(1...200)])
    disk.arm(fault, after: after, prefix: prefix)
    armed = (fault, prefix)
    let deed = isCentral ? draw.pick([.sync, .merge]) : draw.pick([Deed.edit, .command, .sync])
    tell("  \(isCentral ? "central" : station.name): \(fault) at call \(after) of \(deed)")
    switch deed {
    case .edit: try edits(station, &draw)
    case .command: try command(station, &draw)
    case .merge: merge()
    default: try sync(station, weather(&draw))
    }
    // Central's death in a sync has been dealt with where its answer was missed.
    let hasStruck = isStruck
    if hasStruck {
      switch fault {
      case .error: marks.hit(.diskError)
      case .full: marks.hit(.diskFull)
      case .crash:
        if isCentral { house.routes = nil } else { station.close() }
        marks.hit(isCentral ? .centralCrash : .replicaCrash)
      }
    }
    armed = nil
    disk.disarm()
    if fault == .crash, hasStruck || (isCentral && house.routes == nil), losesPower,
      disk.cutPower(prefix: prefix, seed: seed) > 0
    {
      marks.hit(.powerCut)
    }
    try open(station)
  }

  // MARK: A hostile central

  /// Central lies to one member in one answer; what it made of that is looked at, and undone.
  private func lie(to station: Station, _ draw: inout Seeded) throws {
    guard !station.isRevoked, station.partition == .none else { return }
    guard try sync(station, .fair) != nil else { return }
    try observe(station)
    merge()
    try observeCentral()
    let kind = draw.pick(Lies.kinds)
    let lies = Lies(
      kind, store: try running().central.store, key: house.key, draw: Seeded(draw.next()))
    let copy = station.path.replacing(".sqlite", with: "-copy.sqlite")
    station.close()
    guard disk.copy(station.path, to: copy) else { throw SimulatorError("no copy was made") }
    try open(station)
    station.lies = lies
    let wasTaken = try sync(station, .fair) != nil
    station.lies = nil
    guard lies.wasTold else { return }
    marks.hit(kind)
    let isTrue = try holdsTruth(station)
    if !wasTaken { marks.hit(.tamperingNoticed) }
    if isTrue || (!wasTaken && lies.isForgery) {
      if !isTrue { happened(.lied(node: station.name, kind: kind, wasNoticed: false)) }
      return
    }
    if lies.isForgery {
      happened(.lied(node: station.name, kind: kind, wasNoticed: false))
    } else {
      let before = events.count
      station.lies = lies
      let contact = try sync(station, .fair)
      station.lies = nil
      happened(.lied(node: station.name, kind: kind, wasNoticed: contact == nil))
      if contact == nil, events.count > before { marks.hit(.splitNoticed) }
    }
    station.close()
    _ = disk.copy(copy, to: station.path)
    happened(.restored(node: station.name))
    try open(station)
  }

  /// Whether what a member's file holds of the log is central's own.
  private func holdsTruth(_ station: Station) throws -> Bool {
    guard let store = station.replica?.store else { return true }
    let right = Set(
      try Self.entries(of: try running().central.store, after: 0).map(\.0.logHash))
    return try Self.entries(of: store, after: 0).allSatisfy { right.contains($0.0.logHash) }
  }
}

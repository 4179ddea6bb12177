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
    case .merge:
      if try running().central.isRestoring {
        if draw.chance(300) { try acceptLife(&draw) }
      } else {
        merge()
      }
    case .join: try join(&draw)
    case .revoke: try revoke(station)
    case .crashReplica:
      kill(station, losesPower: draw.chance(500), seed: draw.next())
      try open(station)
    case .crashCentral: killCentral(losesPower: draw.chance(500), seed: draw.next())
    case .badDisk: try workOnBadDisk(station, &draw)
    case .silentDisk: try workOnSilentDisk(station, &draw)
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
    case .copy: try keepCopy(station)
    case .putBack:
      guard let copy = station.copies.isEmpty ? nil : draw.pick(station.copies) else {
        return try keepCopy(station)
      }
      try putBack(station, copy, draw.pick(Restore.allCases))
    case .clone: try bringTwin(station, &draw)
    case .adopt: try adoptCopy(of: station, &draw)
    case .loseWitness:
      marks.hit(.witnessLost)
      station.machine.witness = Witness()
    case .backUp: try keepBackup(isOnline: draw.chance(500))
    case .restoreCentral, .rewindCentral:
      guard !house.backups.isEmpty else { return try keepBackup(isOnline: draw.chance(500)) }
      try putBackCentral(draw.pick(house.backups), isKnown: deed == .restoreCentral)
    case .lie: try lie(to: station, &draw)
    case .rogue:
      guard try !running().central.isRestoring else { return }
      if rogue == nil {
        let made = Rogue(line: newLine())
        rogues.append(made.actor)
        rogue = made
        try made.enrol(in: self)
      }
      try rogue?.act(in: self, &draw)
    }
  }

  func edits(_ station: Station, _ draw: inout Seeded) throws {
    let mayWrite = Town.schema(2).role(station.role)?.writes.isEmpty == false
    if !mayWrite {
      guard scenario.families.contains(.mistakes) else { return }
      marks.hit(.forbiddenSpace)
    }
    for _ in 0..<draw.pick([1, 1, 1, 1, 3]) { try edit(station, &draw) }
  }

  func weather(_ draw: inout Seeded) -> Weather {
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
}

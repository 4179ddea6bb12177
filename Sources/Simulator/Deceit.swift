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

/// A hostile central, met by one member.
extension World {
  /// Central lies to one member in one answer; what it made of that is looked at, and undone.
  func lie(to station: Station, _ draw: inout Seeded) throws {
    guard !station.isRevoked, station.partition == .none, try !running().central.isRestoring,
      try sync(station, .fair) != nil, try !running().central.isRestoring
    else { return }
    try observe(station)
    merge()
    try observeCentral()
    if draw.chance(150) { return try forgeImage(&draw) }
    let kind = draw.pick(Lies.kinds)
    let lies = Lies(
      kind, store: try running().central.store, key: house.key, draw: Seeded(draw.next()))
    let copy = station.path.replacing(".sqlite", with: "-copy.sqlite")
    let (memory, witness) = (station.memory, station.machine.witness)
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
      happened(.lied(node: station.name, kind: kind, wasNoticed: isTrue))
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
    try observe(station)
    station.close()
    _ = disk.copy(copy, to: station.path)
    happened(.restored(node: station.name))
    happened(.abandoned(station.memory.held.subtracting(memory.held)))
    station.memory = memory
    station.machine.witness = witness
    (station.standings, station.writesSeen) = ([:], -1)
    try open(station)
  }

  /// Central gives a newcomer an image that is not what its log makes: one that it did not sign is not taken, one that it did
  /// is found as soon as the file is verified.
  private func forgeImage(_ draw: inout Seeded) throws {
    let central = try running().central
    let kind = draw.pick([Mark.forgedImage, .forgedImageSigned])
    let usual = central.snapshotEntriesMin
    central.snapshotEntriesMin = 1
    defer { central.snapshotEntriesMin = usual }
    let path = "\(folder)/newcomer.sqlite"
    disk.remove(path)
    let newcomer = Station(
      name: "newcomer", path: path, key: .generate(), role: "member", schema: 2, offset: 0,
      memory: Station.Memory(pasts: [:]), machine: Machine("newcomer"), inode: 0)
    let store = try Store(path: path, schema: Town.schema(2), use: .replica, create: true)
    let invite = try invite(newcomer.role)
    newcomer.replica = try Replica.join(
      store, invite: invite, origin: try Self.origin(), key: newcomer.key, name: "newcomer",
      now: time(house.offset), exchange: Link(self, newcomer))
    let lies = Lies(kind, store: central.store, key: house.key, draw: Seeded(draw.next()))
    newcomer.lies = lies
    let wasTaken = try sync(newcomer, .fair) != nil
    newcomer.lies = nil
    guard lies.wasTold else { return }
    marks.hit(kind)
    if wasTaken {
      let isFound = try kind == .forgedImageSigned && !findings(in: store).isEmpty
      happened(.lied(node: newcomer.name, kind: kind, wasNoticed: isFound))
    } else {
      marks.hit(.tamperingNoticed)
    }
    for space in Town.spaces {
      for end in ["", ".zst"] { Files.remove("\(path).cordee-snapshot-\(space)\(end)") }
    }
  }

  /// Whether what a member's file holds of the log is central's own.
  private func holdsTruth(_ station: Station) throws -> Bool {
    guard let store = station.replica?.store else { return true }
    let right = Set(
      try Self.entries(of: try running().central.store).map(\.0.logHash))
    return try Self.entries(of: store).allSatisfy { right.contains($0.0.logHash) }
  }
}

import Causality
import Central
import Changes
import Disk
import HTTP
import Replica
import SQLite
import Seal
import Store

/// Files that are copied, put back and adopted, and the witness that tells them apart.
extension World {
  /// Keeps a copy of a member's file as it is now, as a backup does or a virtual machine's snapshot.
  func keepCopy(_ station: Station) throws {
    try observe(station)
    let copy = "\(folder)/\(station.name)-kept\(step).sqlite"
    guard disk.copy(station.path, to: copy) else { throw SimulatorError("no copy was made") }
    station.copies.append(
      Station.Copy(path: copy, memory: station.memory, witness: station.machine.witness))
    if station.copies.count > 3 { disk.remove(station.copies.removeFirst().path) }
    tell("  \(station.name) is copied")
  }

  /// How an old file comes back.
  enum Restore: String, CaseIterable {
    /// With `cordee restore`.
    case byCommand = "restored by command"
    /// Over the file, by hand.
    case byHand = "put back by hand"
    /// With the whole machine: its witness goes back, too.
    case withMachine = "rolled back with its machine"
    /// On a machine that has no witness of it.
    case withoutWitness = "put back, witness lost"
  }

  /// Puts an older copy in the file's place.
  func putBack(_ station: Station, _ copy: Station.Copy, _ way: Restore) throws {
    try observe(station)
    station.close()
    guard disk.copy(copy.path, to: station.path) else { throw SimulatorError("a copy is gone") }
    happened(.restored(node: station.name))
    happened(.abandoned(station.memory.held.subtracting(copy.memory.held)))
    station.memory = parted(copy.memory)
    station.standings = [:]
    station.writesSeen = -1
    switch way {
    case .byCommand:
      marks.hit(.restoredReplica)
      station.inode = newInode()
      let store = try Store(
        path: station.path, schema: Town.schema(station.schema), use: .replica)
      try store.write {
        try store.demandEpoch(.restored)
        for space in try Identity(store).spaces { try store.setMeta("download.\(space)", .null) }
      }
    case .byHand:
      marks.hit(.putBackReplica)
      station.inode = newInode()
    case .withMachine:
      marks.hit(.rolledBackReplica)
      station.machine.witness = copy.witness
    case .withoutWitness:
      marks.hit(.witnessLost)
      station.machine.witness = Witness()
    }
    tell("  \(station.name) is \(way.rawValue)")
    try open(station)
  }

  /// What is known of a copy, on lines of its own: what its twin writes from here on it has not seen.
  func parted(_ memory: Station.Memory) -> Station.Memory {
    var memory = memory
    for space in Town.spaces {
      guard var past = memory.pasts[space] else { continue }
      leave(&past, at: (past.line, past.order), keepsContext: true)
      memory.pasts[space] = past
    }
    return memory
  }

  /// A copy of the file goes on beside it, under the same key.
  @discardableResult
  func clone(_ station: Station, sharesMachine: Bool) throws -> Station {
    try observe(station)
    let machine = Machine("m\(stations.count)")
    // A machine that was copied with all its folders takes its witness along.
    machine.witness = station.machine.witness
    let twin = newStation(
      key: station.key, role: station.role, schema: station.schema, offset: station.offset,
      memory: parted(station.memory), machine: sharesMachine ? station.machine : machine)
    if !sharesMachine { twin.inode = station.inode }
    guard disk.copy(station.path, to: twin.path) else { throw SimulatorError("no copy was made") }
    (twin.isRevoked, twin.mayBeForgotten) = (station.isRevoked, station.mayBeForgotten)
    happened(.copied(node: station.name))
    happened(.copied(node: twin.name, of: station.name))
    stations.append(twin)
    tell("  \(station.name) has a twin, \(twin.name)")
    try open(twin)
    return twin
  }

  /// A copy of a file gets an identity of its own: a new one, or where there are many, a twin that is there.
  func adoptCopy(of station: Station, _ draw: inout Seeded) throws {
    let isTwin = stations.contains { $0 !== station && $0.key.publicKey == station.key.publicKey }
    guard !station.isRevoked, isTwin || stations.count < Self.stationsMax else { return }
    let copy = isTwin ? station : try clone(station, sharesMachine: false)
    let weather = weather(&draw)
    let cuts = weather.fates.filter { $0 != .edit && $0 != .double }
    if !cuts.isEmpty, draw.chance(800) { weather.certain = (0, draw.pick(cuts)) }
    if try !adopt(copy, weather) { try observe(copy) }
  }

  /// Gives a file an identity of its own by `join --adopt`.
  ///
  /// - Returns: false when it was cut; it is repeated with the same key.
  func adopt(_ station: Station, _ weather: Weather) throws -> Bool {
    guard try !running().central.isRestoring else { return false }
    station.close()
    let key = SigningKey.generate()
    let invite = try invite(station.role)
    for weather in [weather, .fair, .fair] {
      do {
        let store = try Store(
          path: station.path, schema: Town.schema(station.schema), use: .replica)
        station.weather = weather
        defer { station.weather = .fair }
        station.replica = try Replica.adopt(
          store, invite: invite, origin: try Self.origin(), key: key, name: station.name,
          now: now + house.offset, at: label(station.offset), exchange: Link(self, station)
        ).replica
      } catch  where weather.isLossy || weather.isDamaging || station.partition != .none {
        marks.hit(.adoptionCut)
        continue
      }
      station.key = key
      (station.isRevoked, station.mayBeForgotten, station.wasForgotten) = (false, false, false)
      station.machine = Machine(station.name)
      try note(station, isConfirmed: true)
      // Copies from before are another device's.
      for copy in station.copies { disk.remove(copy.path) }
      station.copies = []
      marks.hit(.adopted)
      tell("  \(station.name) is adopted")
      happened(.copied(node: station.name))
      try observe(station)
      return true
    }
    return false
  }

  // MARK: The witness

  /// Compares a file with its witness before a command writes, as the command line does.
  @discardableResult
  func witness(_ station: Station) throws -> Witness.Finding {
    guard let replica = station.replica else { return .unwitnessed }
    let store = replica.store
    let file = try entry(of: station, replica)
    let finding = try station.machine.witness.finding(
      on: file, former: store.epochs().map(\.from)
    ) { space, n in try store.changeHash(Dot(actor: file.actor, n: n), in: space) }
    guard case .doubt(let reason) = finding else { return finding }
    marks.hit(.witnessDoubted)
    try store.write { try store.demandEpoch(reason) }
    return finding
  }

  /// Writes down how a file stands after a command.
  ///
  /// - Parameter isConfirmed: whether it enrolled or synced in it.
  func note(_ station: Station, isConfirmed: Bool = false) throws {
    guard let replica = station.replica, try replica.store.epochDue() == nil else { return }
    var file = try entry(of: station, replica)
    file.isConfirmed = isConfirmed
    _ = station.machine.witness.note(file)
  }

  private func entry(of station: Station, _ replica: Replica) throws -> Witness.Entry {
    try Witness.Entry(
      of: replica.store,
      at: Witness.Place(
        machine: station.machine.name, device: 1, inode: station.inode, path: station.path))
  }
}

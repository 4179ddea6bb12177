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
    if draw.chance(450) { return try split(station, &draw) }
    let kind = draw.pick(Lies.kinds)
    let lies = Lies(
      kind, store: try running().central.store, key: house.key, draw: Seeded(draw.next()))
    station.lies = lies
    let code = try failure(of: station)
    station.lies = nil
    guard lies.wasTold else { return }
    marks.hit(kind)
    if code != nil { marks.hit(.tamperingNoticed) }
    let isKept = try code.map { try self.isKept(station, ($0, lies.authors)) } ?? true
    let isNoticed = try notices(station, lies.notice, code) && isMadeGood(station, lies.notice)
    happened(.lied(node: station.name, kind: kind, wasNoticed: isNoticed, isKept: isKept))
  }

  /// Whether a member noticed a lie that it was just told, in the way its kind has to be, and holds nothing but the truth.
  private func notices(_ station: Station, _ notice: Lies.Notice, _ code: String?) throws -> Bool {
    guard try holdsTruth(station) else { return false }
    switch notice {
    case .refused: return code != nil
    case .suspected: return try code == Self.shortened && suspects(station)
    case .madeGood: return code == nil
    }
  }

  private static let shortened = "log.shortened"

  private func suspects(_ station: Station) throws -> Bool {
    try station.replica?.store.evidence().contains {
      $0.kind == .suspicion && $0.code == Self.shortened && $0.settledAt == nil
    } == true
  }

  /// Whether the next honest contact brings all that central's log holds, and settles what was only a suspicion.
  private func isMadeGood(_ station: Station, _ notice: Lies.Notice) throws -> Bool {
    try observeCentral()
    let ends = logEnds.mapValues(\.seq)
    // A disk that fails meanwhile, or a central that was shown proof and waits to be accepted, brings nothing.
    guard try sync(station, .fair) != nil else { return isStruck }
    guard let replica = station.replica, try !running().central.isRestoring else { return true }
    for space in replica.identity.spaces {
      let cursor = try replica.store.meta("cursor.\(space)")?.text.flatMap { Cursor($0) }
      guard cursor?.seq ?? 0 >= ends[space] ?? 0 else { return false }
    }
    return try holdsTruth(station) && (notice != .suspected || !suspects(station))
  }

  /// One sync.
  ///
  /// - Returns: what it failed with.
  private func failure(of station: Station) throws -> String? {
    let before = events.count
    guard try sync(station, .fair) == nil else { return nil }
    for case .failed(station.name, let code, _, _) in events[before...] { return code }
    return ""
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
    sweep(path)
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
    let hasSynced = try sync(newcomer, .fair) != nil
    newcomer.lies = nil
    guard lies.wasTold else { return }
    marks.hit(kind)
    // Another image, or the log, may have come instead of the forged one.
    let isRight = try hasSynced && store.digest("commons") == central.store.digest("commons")
    if !hasSynced || kind == .forgedImage && isRight {
      marks.hit(.tamperingNoticed)
    } else {
      // What the log after the snapshot wrote over did no harm.
      let isFound =
        try kind == .forgedImageSigned && (isRight || !findings(in: store).isEmpty)
      happened(.lied(node: newcomer.name, kind: kind, wasNoticed: isFound, isKept: true))
    }
    newcomer.close()
    sweep(path)
  }

  /// Whether what a member's file holds of the log is central's own.
  private func holdsTruth(_ station: Station) throws -> Bool {
    guard let store = station.replica?.store else { return true }
    let right = Set(
      try Self.entries(of: try running().central.store).map(\.0.logHash))
    return try Self.entries(of: store).allSatisfy { right.contains($0.0.logHash) }
  }
}

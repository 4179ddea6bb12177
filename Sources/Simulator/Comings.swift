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

/// Members come, go, and get newer programs; ways between them and central close.
extension World {
  /// Files there may be in one run.
  static let stationsMax = 12

  func bringTwin(_ station: Station, _ draw: inout Seeded) throws {
    guard stations.count < Self.stationsMax else { return }
    marks.hit(.twin)
    try clone(station, sharesMachine: draw.chance(400))
  }

  func join(_ draw: inout Seeded) throws {
    guard stations.count < Self.stationsMax, try !running().central.isRestoring else { return }
    let station = try enrol(
      draw.pick(["member", "chair"]), schema: draw.within(1...2),
      offset: scenario.families.contains(.clocks) ? Scenario.years(&draw) : 0)
    marks.hit(.joined)
    tell("  \(station.name) joined")
    try observe(station)
    if let used = lastInvite { try refuse(used, .joinRefused, "invite.used") }
    try refuse(try invite("member", expires: 0), .expiredInvite, "invite.expired")
  }

  /// An invite that was used, or has expired, is of no use to anybody.
  private func refuse(_ invite: String, _ kind: Mark, _ code: String) throws {
    let thief = Station(
      name: "thief", path: "\(folder)/thief.sqlite", key: .generate(), role: "member", schema: 2,
      offset: 0, memory: Station.Memory(pasts: [:]), machine: Machine("thief"), inode: 0)
    disk.remove(thief.path)
    let store = try Store(
      path: thief.path, schema: Town.schema(2), use: .replica, create: true)
    do {
      _ = try Replica.join(
        store, invite: invite, origin: try Self.origin(), key: thief.key, name: nil,
        now: time(house.offset),
        exchange: Link(self, thief))
      happened(.hostileAnswered(kind: kind, status: 201))
    } catch let error as SyncError where error.code == code {
      marks.hit(kind)
    }
  }

  func revoke(_ station: Station) throws {
    let key = station.key.publicKey.fingerprint
    let others = stations.filter { !$0.isRevoked && $0.key.publicKey.fingerprint != key }
    guard !station.isRevoked, stations[0].key.publicKey.fingerprint != key, others.count > 1,
      try !running().central.isRestoring, let replica = ReplicaID(bytes: key),
      try running().central.member(replica) != nil
    else { return }
    try observeCentral()
    try running().central.revoke(replica, at: label(house.offset))
    for one in stations where one.key.publicKey.fingerprint == key { one.isRevoked = true }
    house.revoked.insert(replica)
    marks.hit(.revoked)
    happened(.revoked(replica))
  }

  func upgrade(_ station: Station, _ draw: inout Seeded) throws {
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

  func part(_ station: Station, _ draw: inout Seeded) {
    station.partition = draw.pick([.full, .requestsLost, .repliesLost])
    station.resumesAt = step + draw.within(1...40)
  }
}

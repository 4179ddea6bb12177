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

/// Work on a disk that fails.
extension World {
  func workOnBadDisk(_ station: Station, _ draw: inout Seeded) throws {
    let fault = draw.pick(Disk.Fault.honest)
    let isCentral = draw.chance(400)
    let prefix = isCentral ? house.path : station.path
    _ = try running()
    let losesPower = draw.chance(500)
    let seed = draw.next()
    let steps = draw.pick([draw.within(1...400), draw.within(1...4_000), draw.within(1...40_000)])
    let calls = draw.pick([draw.within(1...6), draw.within(1...40), draw.within(1...200)])
    let after = fault == .interrupt ? steps : calls
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
      case .error:
        marks.hit(.diskError)
        // Of a member's commit whose last call fails nobody knows whether a power cut would undo it.
        if !isCentral { disk.settle(prefix: prefix) }
      case .full: marks.hit(.diskFull)
      case .interrupt: marks.hit(.interrupted)
      case .crash:
        if isCentral { house.routes = nil } else { station.close() }
        marks.hit(isCentral ? .centralCrash : .replicaCrash)
      case .lyingSync, .lostWrite, .misdirectedWrite: break
      }
    }
    armed = nil
    disk.disarm()
    if fault == .crash, disk.hasTorn { marks.hit(.tornWrite) }
    if fault == .crash, hasStruck || (isCentral && house.routes == nil), losesPower,
      disk.cutPower(prefix: prefix, seed: seed) > 0
    {
      marks.hit(.powerCut)
    }
    try open(station)
    if deed == .edit { try station.replica?.store.withConnection { try noteTouched(station, $0) } }
  }
}

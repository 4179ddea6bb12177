/// What a step does.
package enum Deed: String, CaseIterable, Sendable {
  case edit, command, sync, merge
  case join, revoke
  case crashReplica = "crash of a replica"
  case crashCentral = "crash of central"
  case badDisk = "bad disk"
  case clock = "clock jump"
  case upgrade
  case partition
  case swizzle
  case copy = "copy of a replica"
  case putBack = "replica put back"
  case clone = "twin of a replica"
  case adopt = "copy adopted"
  case loseWitness = "witness lost"
  case backUp = "backup of central"
  case restoreCentral = "central restored"
  case rewindCentral = "central rewound"
  case lie = "central lies"
  case rogue = "hostile member"
  case silentDisk = "disk that lies"
}

/// One step of a run; what it does in detail is drawn from the run's seed and its index alone.
package struct Step: Sendable, Hashable {
  package let index: Int
  package let deed: Deed
  /// Which replica, counted over those there are.
  package let node: Int
}

/// A kind of weather that a seed has or has not ("swarm testing": few kinds find other faults than all kinds).
enum Family: CaseIterable, Sendable {
  case loss, damage, partitions, crashes, disks, clocks, upgrades, comings, lies, rogues, mistakes
  case copies, lives
  case silentDisks, silentCentralDisks
}

/// Everything a seed decides before the first step.
struct Scenario: Sendable {
  let seed: UInt64
  let families: Set<Family>
  /// Roles of the replicas there at the beginning, 2 to 8.
  let roles: [String]
  /// Rows per table that people fight over.
  let pool: Int
  /// The schema each replica and central begin with.
  let schemas: [Int]
  let centralSchema: Int
  /// Seconds by which each replica's and central's clock is off.
  let clockOffsets: [Int64]
  let centralOffset: Int64
  /// Entries from which central offers a snapshot; bytes of a piece of the log.
  let snapshotEntriesMin: Int
  let logPieceBytes: Int
  let mergesOnPush: Bool
  /// Per mille of messages that meet the weather.
  let roughness: Int
  let steps: [Step]
}

extension Scenario {
  /// Draws everything from a seed.
  init(seed: UInt64, steps count: Int) {
    var draw = Seeded(seed, 0)
    var families = Self.families(&draw)
    families.formUnion(Self.silence(seed, beside: families))
    let size = draw.within(2...8)
    // The first two write everywhere, so that every space lives.
    let roles = (0..<size).map { index in
      index < 2 ? "chair" : draw.pick(["member", "member", "member", "chair", "observer"])
    }
    let pool = draw.within(2...9)
    let isMixed = families.contains(.upgrades)
    let schemas = (0..<size).map { _ in isMixed ? draw.within(1...2) : 2 }
    let centralSchema = isMixed ? draw.within(1...2) : 2
    let isOff = families.contains(.clocks)
    let clockOffsets = (0..<size).map { _ in isOff ? Self.years(&draw) : 0 }
    let centralOffset = isOff ? Self.years(&draw) : 0
    let snapshotEntriesMin = draw.pick([5, 40, 100_000, 100_000, 100_000])
    let logPieceBytes = draw.pick([400, 3_000] + [Int](repeating: 2_000_000, count: 8))
    let mergesOnPush = draw.chance(250)
    let roughness = draw.pick([30, 100, 250])
    let weights = Self.weights(families, &draw)
    let steps = (0..<count).map { index in
      Step(index: index, deed: draw.deed(weights), node: draw.below(64))
    }
    self.init(
      seed: seed, families: families, roles: roles, pool: pool, schemas: schemas,
      centralSchema: centralSchema, clockOffsets: clockOffsets, centralOffset: centralOffset,
      snapshotEntriesMin: snapshotEntriesMin, logPieceBytes: logPieceBytes,
      mergesOnPush: mergesOnPush, roughness: roughness, steps: steps)
  }

  private static let drawn = Family.allCases.filter {
    $0 != .silentDisks && $0 != .silentCentralDisks
  }

  private static func families(_ draw: inout Seeded) -> Set<Family> {
    var families: Set<Family>
    switch draw.below(10) {
    case 0: families = []
    case 1: families = Set(Self.drawn)
    default: families = Set(Self.drawn.filter { _ in draw.chance(450) })
    }
    // A place of an actor that a twin used, and central forgot, is told from the one used after by no vector: both at once
    // are left to tests of the engine.
    let isApart = draw.chance(500)
    if families.isSuperset(of: [.copies, .lives]) { families.remove(isApart ? .copies : .lives) }
    return families
  }

  /// Which disks lie, if any: a member's, which then stands earlier as a copy does, or central's, which goes back.
  ///
  /// Drawn from a stream of its own, so that the other kinds are those a seed always had.
  private static func silence(_ seed: UInt64, beside families: Set<Family>) -> Set<Family> {
    var draw = Seeded(seed, 5_000_003)
    guard !families.isEmpty, draw.chance(500) else { return [] }
    if families.contains(.copies) { return [.silentDisks] }
    if families.contains(.lives) { return [.silentCentralDisks] }
    return [draw.chance(500) ? .silentDisks : .silentCentralDisks]
  }

  /// Up to twenty years to either side.
  static func years(_ draw: inout Seeded) -> Int64 {
    Int64(draw.within(-631_000_000...631_000_000))
  }

  private static func weights(_ families: Set<Family>, _ draw: inout Seeded) -> [(Deed, Int)] {
    var weights: [(Deed, Int)] = [
      (.edit, draw.pick([300, 500, 700])), (.command, 70), (.sync, draw.pick([70, 150])),
      (.merge, draw.pick([20, 50])),
    ]
    func add(_ family: Family, _ deeds: (Deed, Int)...) {
      if families.contains(family) { weights += deeds }
    }
    add(.crashes, (.crashReplica, 14), (.crashCentral, 12))
    add(.disks, (.badDisk, 28))
    add(.clocks, (.clock, 8))
    add(.upgrades, (.upgrade, 3))
    add(.partitions, (.partition, 10), (.swizzle, 4))
    add(.comings, (.join, 4), (.revoke, 5))
    add(
      .copies, (.copy, 8), (.putBack, 14), (.clone, 6), (.adopt, 12), (.loseWitness, 2))
    add(.lives, (.backUp, 4), (.restoreCentral, 3), (.rewindCentral, 3))
    add(.lies, (.lie, 48))
    add(.rogues, (.rogue, 40))
    add(.silentDisks, (.silentDisk, 18))
    add(.silentCentralDisks, (.silentDisk, 36))
    return weights
  }
}

extension Seeded {
  fileprivate mutating func deed(_ weights: [(Deed, Int)]) -> Deed {
    var place = below(weights.reduce(0) { $0 + $1.1 })
    for (deed, weight) in weights {
      if place < weight { return deed }
      place -= weight
    }
    return .edit
  }
}

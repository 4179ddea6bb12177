import Causality
import Central
import Changes
import Disk
import HTTP
import Replica
import Seal
import Store
import Wire

/// The whole simulated network in one thread: central, members, their disks, the link, the time.
final class World {
  let scenario: Scenario
  let folder: String
  let disk: Disk
  let draws: EngineDraws
  /// The true time in Unix seconds; it moves with the steps.
  var now: Int64 = 1_800_000_000
  var stations: [Station] = []
  var rogue: Rogue?
  let house: House
  private(set) var network = NetworkID(high: 0, low: 0)
  private var lines = 0
  /// All that was accepted, by its hash, and by the place it was sealed at.
  private var known: [Hash: Accepted] = [:]
  private var sealed: [String: [Accepted]] = [:]
  private(set) var lastInvite: String?
  /// Requests on their way that arrive later.
  var delayed: [Request] = []
  var marks = Marks()
  private(set) var events: [Event] = []
  private(set) var trace: [String] = []
  private var hash = Blake2b()
  /// The last entry that was seen of each space of central's log, and the log's hash there.
  ///
  /// What members give back may stand below what another space's log holds already.
  var logEnds: [String: (seq: Int, hash: Hash)] = [:]
  var seenSeq: Int { logEnds.values.map(\.seq).max() ?? 0 }
  /// Numbers of files.
  private var inodes: UInt64 = 0
  /// Members' devices so far.
  private var devices = 0
  /// Actors of hostile members; what they sent may wait for ever.
  var rogues: [ActorID] = []
  /// The step at hand, and how many values were made in it.
  var step = 0
  private var tokens = 0
  /// What central said went wrong inside it during the present request.
  var centralFailure: String?
  /// The fault that a disk has been given, and where; it may be to blame for what happens now.
  var armed: (fault: Disk.Fault, prefix: String)?

  /// Begins with central and the first members enrolled.
  init(_ scenario: Scenario, folder: String) throws {
    self.scenario = scenario
    self.folder = folder
    guard let disk = Disk(folder: folder) else { throw SimulatorError("there is no disk") }
    self.disk = disk
    let draws = EngineDraws(seed: scenario.seed)
    self.draws = draws
    house = draws.lend {
      House(
        path: "\(folder)/central.sqlite", schema: scenario.centralSchema,
        offset: scenario.centralOffset)
    }
  }

  /// Makes central and enrols the first members.
  func begin() throws {
    let central = try Central.create(
      path: house.path, schema: Town.schema(house.schema), key: house.key, name: "Central",
      url: "http://127.0.0.1")
    house.routes = equipped(central)
    network = central.network
    for (index, role) in scenario.roles.enumerated() {
      try enrol(role, schema: scenario.schemas[index], offset: scenario.clockOffsets[index])
    }
  }

  // MARK: Central

  /// Central's face, started again if the process had died.
  func running() throws -> Routes {
    if let routes = house.routes { return routes }
    let store = try Store(path: house.path, schema: Town.schema(house.schema), use: .central)
    let routes = equipped(try Central(store: store, key: house.key))
    house.routes = routes
    return routes
  }

  /// A central's face, as this run wants it.
  func equipped(_ central: Central) -> Routes {
    central.snapshotEntriesMin = scenario.snapshotEntriesMin
    // Time stands still within a step.
    central.limits.requestsPerMinute = 1_000_000_000
    var routes = Routes(central)
    routes.logPieceBytes = scenario.logPieceBytes
    routes.observe = { [unowned self] error in self.centralFailure = "\(error)" }
    if scenario.mergesOnPush {
      routes.afterPush = { [unowned self] in
        guard !central.isRestoring else { return }
        _ = try central.merge(at: self.label(self.house.offset))
        self.marks.hit(.mergeOnPush)
      }
    }
    return routes
  }

  /// Central's process ends without a word; with the power, what was not synced may go too.
  func killCentral(losesPower: Bool, seed: UInt64) {
    disk.arm(.crash, after: 0, prefix: house.path)
    house.routes = nil
    disk.disarm()
    if losesPower, disk.cutPower(prefix: house.path, seed: seed) > 0 { marks.hit(.powerCut) }
    marks.hit(.centralCrash)
  }

  // MARK: Members

  @discardableResult
  func enrol(_ role: String, schema: Int, offset: Int64) throws -> Station {
    let station = newStation(
      key: .generate(), role: role, schema: schema, offset: offset,
      memory: Station.Memory(pasts: pasts()), machine: nil)
    let store = try Store(
      path: station.path, schema: Town.schema(schema), use: .replica, create: true)
    station.replica = try Replica.join(
      store, invite: try invite(role), origin: try Self.origin(), key: station.key,
      name: station.name, now: now + house.offset, exchange: Link(self, station))
    try note(station, isConfirmed: true)
    happened(.joined(node: station.name))
    stations.append(station)
    return station
  }

  func newStation(
    key: SigningKey, role: String, schema: Int, offset: Int64, memory: Station.Memory,
    machine: Machine?
  ) -> Station {
    let name = "r\(devices)"
    devices += 1
    return Station(
      name: name, path: "\(folder)/\(name).sqlite", key: key, role: role, schema: schema,
      offset: offset, memory: memory, machine: machine ?? Machine(name), inode: newInode())
  }

  func newInode() -> UInt64 {
    inodes += 1
    return inodes
  }

  func invite(_ role: String, expires seconds: Int64 = 86_400) throws -> String {
    let invite = try running().central.invite(
      organisation: "club", role: role, expires: now + house.offset + seconds)
    lastInvite = invite
    return invite
  }

  static func origin() throws -> Origin {
    guard let origin = Origin("http://127.0.0.1") else { throw SimulatorError("no origin") }
    return origin
  }

  /// A new file's own past, space by space: empty.
  func pasts() -> [String: Station.Past] {
    Dictionary(
      Town.spaces.map { ($0, Station.Past(line: newLine())) }, uniquingKeysWith: { $1 })
  }

  /// A line of copies that nothing belongs to yet.
  func newLine() -> Int {
    lines += 1
    return lines
  }

  func accept(_ change: Accepted) {
    known[change.hash] = change
    sealed["\(change.dot) \(change.space)", default: []].append(change)
    happened(.accepted(change))
  }

  func isKnown(_ hash: Hash) -> Bool { known[hash] != nil }

  /// A change in words: whose it is, and the place each sealing of it gave it, the newest first.
  func words(_ hash: Hash) -> String {
    guard let change = known[hash] else { return "unknown" }
    return change.again.map { "\(change.words), before \(words($0))" } ?? change.words
  }

  /// The change that was sealed at a place with these writes.
  func sealed(_ dot: Dot, in space: String, _ writes: [Write]) -> Accepted? {
    sealed["\(dot) \(space)"]?.first { $0.writes == writes }
  }

  /// Starts a member's program again.
  func open(_ station: Station) throws {
    guard !station.isOpen else { return }
    let store = try Store(
      path: station.path, schema: Town.schema(station.schema), use: .replica)
    station.replica = try Replica(store: store, key: station.key, exchange: Link(self, station))
  }

  /// A member's process ends without a word.
  func kill(_ station: Station, losesPower: Bool, seed: UInt64) {
    disk.arm(.crash, after: 0, prefix: station.path)
    station.close()
    disk.disarm()
    if losesPower, disk.cutPower(prefix: station.path, seed: seed) > 0 { marks.hit(.powerCut) }
    marks.hit(.replicaCrash)
  }

  // MARK: Times, events, trace

  /// A node's time as Unix seconds.
  func time(_ offset: Int64) -> Int64 { now + offset }

  /// A node's time as a label.
  func label(_ offset: Int64) -> String { Timestamp.text(unixSeconds: now + offset) }

  /// Begins a step: what the engine draws in it depends on nothing before.
  func begin(_ step: Int) {
    self.step = step
    tokens = 0
    draws.restart(scenario.seed, UInt64(step + 1000))
  }

  /// A number for a new value, unlike all others.
  func token() -> Int {
    tokens += 1
    return (step + 1) * 1000 + tokens
  }

  /// Whether a disk's fault may be to blame for what happens now.
  var isStruck: Bool { armed != nil && disk.hasStruck }

  func happened(_ event: Event) { events.append(event) }

  /// Notes what is done, in words; part of what makes two runs equal.
  func tell(_ words: String) {
    trace.append(words)
    hash.update(Array("\(words)\n".utf8))
  }

  /// Notes bytes that crossed the link.
  func note(_ bytes: [UInt8]) { hash.update(bytes) }

  /// Closes every file.
  func end() {
    for station in stations { station.close() }
    house.routes = nil
  }

  /// The run in one hash; asked once, at its end.
  func digest() -> String {
    var finished = Blake2b()
    swap(&hash, &finished)
    return Base64URL.encode(finished.finalize())
  }
}

/// The simulator itself cannot go on.
struct SimulatorError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

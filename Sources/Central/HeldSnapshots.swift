import Causality
import Changes
import Files
import Store
import Wire

/// What this process knows of the snapshot files beside central's.
struct HeldSnapshots {
  private struct Known {
    let tag: String
    /// What showed which file it was, of the forms that were found to be what was signed: plain, packed.
    var states: [Bool: [Int]] = [:]
    /// How often devices began to fetch it.
    var begun: [ReplicaID: Int] = [:]
  }

  private var spaces: [String: Known] = [:]
  /// Spaces whose rows are not what the log says: this process makes no snapshot of them any more.
  var withheld: Set<String> = []

  /// Whether a form was found whole in a file that is still this one.
  func isHeld(_ kept: KeptSnapshot, isPacked: Bool, as state: [Int]) -> Bool {
    known(kept).states[isPacked] == state
  }

  /// Notes that a form is whole.
  mutating func hold(_ kept: KeptSnapshot, isPacked: Bool, as state: [Int]) {
    var known = known(kept)
    known.states[isPacked] = state
    spaces[kept.space] = known
  }

  /// Notes that a device begins a snapshot; one that does so again may have been given something else than was signed.
  mutating func note(_ reader: ReplicaID, of kept: KeptSnapshot) {
    var known = known(kept)
    guard known.begun[reader] != nil || known.begun.count < CentralLimits.rememberedDevicesMax
    else { return }
    known.begun[reader, default: 0] += 1
    // Once a device: who begins over and over has central read it no more often.
    if known.begun[reader] == 2 { known.states = [:] }
    spaces[kept.space] = known
  }

  /// Forgets what is known of a space's.
  mutating func forget(_ space: String) { spaces[space] = nil }

  private func known(_ kept: KeptSnapshot) -> Known {
    if let known = spaces[kept.space], known.tag == kept.tag { return known }
    return Known(tag: kept.tag)
  }
}

/// Rows that are not what the log says are signed by nobody: whoever joins reads the log.
extension Central {
  static func withheldKey(_ space: String) -> String { "snapshot.\(space).withheld" }

  /// What was found in the rows of a space when a snapshot was to be made last; nil when it was made.
  func withheld(_ space: String) throws -> JSON? {
    try store.meta(Self.withheldKey(space))?.text.map { try JSON.parse(Array($0.utf8)) }
  }

  /// Holds an image that was just written against the log.
  func disagreement(ofImageAt path: String, of space: String) throws -> Disagreement {
    let scratch = "\(store.path).snapshot.\(space).scratch"
    func sweep() { for end in ["", "-journal"] { Files.remove(scratch + end) } }
    sweep()
    defer { sweep() }
    return try Audit(of: store, centralKey: publicKey, scratchPath: scratch)
      .disagreement(ofImageAt: path, of: space)
  }

  /// Gives no snapshot of a space while this process lasts, and tells central's keeper, once.
  ///
  /// Another process looks again, since the file may have been put right meanwhile.
  func withhold(_ space: String, _ found: Disagreement, at: String) throws {
    try store.write {
      let before = try withheld(space)?.text()
      try forgetSnapshot(of: space)
      heldSnapshots.withheld.insert(space)
      let json = found.json(of: space)
      guard before != json.text() else { return }
      try store.setMeta(Self.withheldKey(space), .text(json.text()))
      try keepReport(at: at, [("snapshot", json)])
    }
  }

  /// The spaces of which none is given, each with what was found, for central's keeper.
  func withheldSnapshots() throws -> JSON {
    .array(try store.schema.spaces.compactMap { try withheld($0) })
  }
}

extension Disagreement {
  /// For reports: tables and counts, no values.
  fileprivate func json(of space: String) -> JSON {
    .object([
      ("space", .string(space)), ("found", .string(log == nil ? "rows" : "log")),
      (
        "tables",
        .object(rows.sorted { $0.key < $1.key }.map { ($0.key, .integer(Int64($0.value))) })
      ), ("heads", .integer(Int64(heads))), ("log", log.map { .string($0) } ?? .null),
    ])
  }
}

public import Causality
public import Changes
import SQLite
import Wire

/// A stretch of a space's log that is not held yet: what came before a snapshot.
public struct Gap: Sendable, Hashable {
  /// A place in the log and the log's hash there.
  public struct Place: Sendable, Hashable {
    /// The place.
    public let seq: Int
    /// The hash.
    public let hash: Hash

    /// Makes a place.
    public init(seq: Int, hash: Hash) {
      self.seq = seq
      self.hash = hash
    }
  }

  /// The last entry held before the stretch.
  public var after: Place
  /// Its last missing entry: where the snapshot stood.
  public let upTo: Place

  /// Makes a gap.
  public init(after: Place, upTo: Place) {
    self.after = after
    self.upTo = upTo
  }
}

/// History that a snapshot left out, fetched later.
extension Store {
  /// What of a space's history is missing; nil when all of it is held.
  public func gap(in space: String) throws -> Gap? {
    guard let text = try meta("gap.\(space)")?.text else { return nil }
    let parts = text.split(separator: " ").map(String.init)
    guard parts.count == 4, let from = Int(parts[0]), let fromHash = Hash(parts[1]),
      let to = Int(parts[2]), let toHash = Hash(parts[3])
    else { throw StoreError(.corrupt, "\(path) has lost what history it lacks in \(space)") }
    return Gap(after: .init(seq: from, hash: fromHash), upTo: .init(seq: to, hash: toHash))
  }

  func setGap(_ gap: Gap?, in space: String) throws {
    guard let gap else {
      return try forgetMeta("gap.\(space)", "gap.\(space).heads")
    }
    try setMeta(
      "gap.\(space)",
      .text("\(gap.after.seq) \(gap.after.hash) \(gap.upTo.seq) \(gap.upTo.hash)"))
  }

  /// Takes entries of the missing history, in order; they change no row.
  ///
  /// Call inside `write`. When the last missing entry is there, the log and every author's chain must end where the
  /// snapshot said.
  ///
  /// - Throws: `StoreError.chain` when they do not: the snapshot was not what the log makes of it; `.cursor` when `gap` is
  ///   not what is missing now.
  public func fill(_ gap: Gap, with entries: [LogEntry], in space: String) throws {
    guard try self.gap(in: space) == gap else {
      throw StoreError(
        .cursor, "another program fetched history of \(space) into \(path) meanwhile",
        hint: "Sync again.")
    }
    for entry in entries { try keep(entry) }
    guard let last = entries.last else { return }
    guard last.seq >= gap.upTo.seq else {
      return try setGap(
        Gap(after: .init(seq: last.seq, hash: last.hash), upTo: gap.upTo), in: space)
    }
    guard last.seq == gap.upTo.seq, last.hash == gap.upTo.hash else {
      throw StoreError(.chain, "the history before \(gap.upTo.seq) is not the one of the snapshot")
    }
    for (dot, hash) in try snapshotHeads(of: space) {
      guard try storedHash(dot, in: space) == hash else {
        throw StoreError(.chain, "the snapshot named another change \(dot) than the history holds")
      }
    }
    try setGap(nil, in: space)
  }

  /// The hash of a change that is held here, or that a snapshot named whose history is missing.
  public func namedHash(_ dot: Dot, in space: String) throws -> Hash? {
    try changeHash(dot, in: space) ?? snapshotHeads(of: space).first { $0.0 == dot }?.1
  }

  /// Remembers the heads a snapshot named, to be compared with the history when it comes.
  func setSnapshotHeads(_ heads: [(Dot, Hash)], of space: String) throws {
    var bytes: [UInt8] = []
    for (dot, hash) in heads {
      bytes += dot.actor.bytes + hash.bytes
      Varint.append(dot.n, to: &bytes)
    }
    try setMeta("gap.\(space).heads", .blob(bytes))
  }

  func snapshotHeads(of space: String) throws -> [(Dot, Hash)] {
    guard case .blob(let bytes)? = try meta("gap.\(space).heads") else { return [] }
    var heads: [(Dot, Hash)] = []
    var place = 0
    while place + 56 < bytes.count {
      guard let actor = ActorID(bytes: Array(bytes[place..<place + 24])),
        let hash = Hash(bytes: Array(bytes[place + 24..<place + 56]))
      else { break }
      place += 56
      heads.append((Dot(actor: actor, n: Varint.read(bytes, &place)), hash))
    }
    guard place == bytes.count else {
      throw StoreError(.corrupt, "\(path) has lost the heads of a snapshot of \(space)")
    }
    return heads
  }

  private func keep(_ entry: LogEntry) throws {
    let dot = entry.change.dot
    let space = entry.change.header.space
    if let held = try storedHash(dot, in: space) {
      guard held == entry.change.hash else {
        throw StoreError(.chain, "central's change \(dot) is not the one held here")
      }
      try setState(.logged, of: dot, in: space)
    } else {
      try insert(entry.change, state: .logged)
    }
    let isLogged = try db.first("SELECT 1 FROM cordee_log WHERE seq = ?", .int(entry.seq)) { _ in
      true
    }
    if isLogged == nil { try log(entry) }
  }
}

import Causality
import Changes
import Mutants
import Seal
import Session
import Store
import Wire

/// Going over into a later life of central by a bundle alone. `[SP-1509]`
///
/// Central's signed list of lives tells that the bundle's is a later one than this file's, and its signed checkpoint, by its
/// chain, up to where both logs are one. Nobody else can say either, and an older bundle names an older life last.
extension Replica {
  /// Why a bundle leads into no other life, when it does not say.
  static let isUnled =
    "a bundle that central's keeper makes with `cordee bundle export --data` leads there, or a sync"

  /// A space's part of a bundle, held against the log here.
  private struct Meeting {
    /// The last place of both logs.
    var place = LogPlace.start
    /// What was read, up to central's checkpoint; nil for a log that is empty there as here.
    var verification: Verification?
  }

  /// Goes over into the life of a bundle if that is later than this file's: a new epoch, and back to where both logs part.
  ///
  /// The whole bundle is verified first; then all of it happens at once or nothing. The import that follows reads on from there.
  ///
  /// - Returns: why the bundle does not lead over; nil when it does, or need not.
  func goOver(by path: String, at: String, _ report: inout BundleReport) throws -> String? {
    var reader = try BundleReader(path)
    guard let first = try reader.next(), first.kind == .lives else { return nil }
    guard let (note, signed, signatures) = try? LivesNote.parse(line: first.bytes),
      note.network == identity.network,
      signatures.contains(where: {
        identity.centralKey.verifies($0.value, of: Preimage.lives(signed))
      }) || mutant(63, "R9: anybody's list of lives leads into another life"),
      let life = note.lives.last?.instance
    else { return "central did not sign its list of lives; have the bundle made again" }
    let away = try identity.spaces.filter { try cursor(of: $0).instance != life }
    guard !away.isEmpty else { return nil }
    let earlier = Set(note.lives.dropLast().map(\.instance))
    guard try away.allSatisfy({ try earlier.contains(cursor(of: $0).instance) }) else {
      return
        "it does not say that the life this file is in was before it: it is an older bundle, or "
        + "central forgot that life; sync with central"
    }
    do {
      let (meetings, standing, received) = try meet(away, &reader, in: life)
      try goOver(meetings, to: life, standing, note.lives, statement: first.bytes, at: at, &report)
      if report.epoch != nil { report.received += received }
      return nil
    } catch let error as SyncError where error.code == Self.unmet || error.code.hasPrefix("log.") {
      return error.message
    }
  }

  /// The code of what does not meet this file's log: nothing has happened yet.
  private static let unmet = "bundle.life"

  /// Holds every part of the bundle against the log here, and nothing is changed.
  ///
  /// - Returns: where each space stands; up to which count central's log or receipts have the present actor's changes; and of
  ///   how many the receipts are the first word.
  private func meet(_ spaces: [String], _ reader: inout BundleReader, in life: InstanceID) throws
    -> ([String: Meeting], standing: [String: Int], received: Int)
  {
    var meetings: [String: Meeting] = [:]
    var standing: [String: Int] = [:]
    var received = 0
    var space: String?
    while let (kind, bytes) = try reader.next() {
      switch kind {
      case .space(let name):
        space = spaces.contains(name) ? name : nil
        // Of a space in which nothing was ever merged nothing is signed, and nothing of it is here.
        if let space, try cursor(of: space).seq == 0 { meetings[space] = Meeting() }
      case .receipt:
        guard let space, let note = try word(of: bytes, in: space).0, note.instance == life
        else { continue }
        for head in note.heads where head.dot.actor == identity.actor {
          guard try store.changeHash(head.dot, in: space) == head.hash else { continue }
          standing[space] = max(standing[space] ?? 0, head.dot.n)
          received += try max(0, head.dot.n - store.received(of: identity.actor, in: space))
        }
      case .wire:
        guard let space else { continue }
        reader.giveBack(bytes)
        let (meeting, n) = try meet(space, &reader, in: life)
        meetings[space] = meeting
        standing[space] = max(standing[space] ?? 0, n)
      case .lives, .end: break
      }
    }
    if let missing = spaces.first(where: { meetings[$0] == nil }) {
      throw SyncError(Self.unmet, "it holds no log of \(missing); sync with central")
    }
    return (meetings, standing, received)
  }

  /// Reads one space's part up to central's checkpoint.
  private func meet(_ space: String, _ reader: inout BundleReader, in life: InstanceID) throws
    -> (Meeting, standing: Int)
  {
    let start = try start(of: space, reader.bundle, in: life)
    var reading = verification(
      of: space, from: Cursor(instance: life, seq: start.seq, hash: start.hash))
    let end = try cursor(of: space).seq
    var (place, standing) = (start, 0)
    while let (kind, bytes) = try reader.next() {
      guard kind == .wire else {
        reader.giveBack(bytes)
        break
      }
      let line = try LogLine.parse(bytes)
      if case .entry(let seq, _, _, _, _) = line, seq <= start.seq { continue }
      guard let entry = try self.entry(line, in: &reading, after: start) else {
        return (Meeting(place: place, verification: reading), standing)
      }
      if entry.seq <= end, try store.logHash(of: space, at: entry.seq) == entry.hash {
        place = LogPlace(seq: entry.seq, hash: entry.hash)
      }
      let dot = entry.change.dot
      guard dot.actor.replica == identity.actor.replica else { continue }
      guard try store.changeHash(dot, in: space) == entry.change.hash else {
        throw SyncError(Self.unmet, "a copy of this file wrote under its name; sync with central")
      }
      if dot.actor == identity.actor { standing = max(standing, dot.n) }
    }
    throw SyncError(
      Self.unmet,
      "the log of \(space) in it ends before a checkpoint of central; have it made again")
  }

  /// The next entry; nil at central's checkpoint.
  private func entry(_ line: LogLine, in reading: inout Verification, after start: LogPlace) throws
    -> LogEntry?
  {
    do {
      return try reading.entry(line)
    } catch let error as SyncError where error.code == "log.checkpoint" {
      // Central's own word over another log: both parted where this file knows no places.
      guard reading.signedCheckpoint != nil, let gap = try store.gap(in: reading.space),
        gap.upTo.seq == start.seq
      else { throw error }
      throw Self.lacksHistory(of: reading.space, before: start.seq)
    }
  }

  private static func lacksHistory(of space: String, before seq: Int) -> SyncError {
    SyncError(
      unmet,
      "this file has to go back in \(space) before entry \(seq), and the history there is not held here; sync with central"
    )
  }

  /// Where the comparison begins: the bundle's first place, or where a snapshot stood, with the hash that is held here.
  private func start(of space: String, _ bundle: Bundle, in life: InstanceID) throws -> LogPlace {
    let end = try cursor(of: space)
    guard
      let from = bundle.sections.first(where: { $0.space == space }).flatMap({ Cursor($0.from) }),
      from.instance == life
    else { throw SyncError(Self.unmet, "its log of \(space) is not of the life it names last") }
    if from.seq <= end.seq {
      if let gap = try store.gap(in: space), from.seq <= gap.upTo.seq {
        return LogPlace(seq: gap.upTo.seq, hash: gap.upTo.hash)
      }
      if try store.logHash(of: space, at: from.seq) == from.hash {
        return LogPlace(seq: from.seq, hash: from.hash)
      }
    }
    throw SyncError(
      Self.unmet,
      "its log of \(space) begins at entry \(from.seq), where this file's is another; ask for one without --since"
    )
  }

  private func goOver(
    _ meetings: [String: Meeting], to life: InstanceID, _ standing: [String: Int],
    _ lives: [InstanceStart], statement: [UInt8], at: String, _ report: inout BundleReport
  ) throws {
    for (space, meeting) in meetings
    where try meeting.place.seq < cursor(of: space).seq
      && needsSnapshot(space, at: meeting.place)
    {
      throw try Self.lacksHistory(of: space, before: cursor(of: space).seq)
    }
    let (restored, epoch) = try rereadingIdentity {
      try moveAll(meetings, to: life, standing, lives, statement: statement, at: at)
    }
    report.restored += restored
    report.epoch = epoch
  }

  /// Begins the epoch and takes every log to where it meets the other life, in one transaction.
  private func moveAll(
    _ meetings: [String: Meeting], to life: InstanceID, _ standing: [String: Int],
    _ lives: [InstanceStart], statement: [UInt8], at: String
  ) throws -> ([String], Epoch?) {
    try store.write {
      var restored: [String] = []
      let isNew = try store.meta("life")?.text != life.description
      let epoch = isNew ? try beginEpoch(ofLife: life, standing: standing, at: at) : nil
      identity = try Identity(store)
      // Places are counted over all spaces: every log goes back before any goes on.
      for (space, meeting) in meetings.sorted(by: { $0.key < $1.key }) {
        let place = meeting.place
        if let words = try watchFloor(of: space, lives, place, statement: statement, at: at) {
          restored.append(words)
        }
        let undone = try step(
          space, over: Cursor(instance: life, seq: place.seq, hash: place.hash), at: at)
        if let reading = meeting.verification, reading.cursor.seq == place.seq {
          try finish(reading, at: at)
        }
        restored.append(try tellRestored(space, undone: undone, above: place, at: at))
      }
      return (restored, epoch)
    }
  }
}

import Causality
import Changes
import SQLite
import Store
import Wire

/// One entry that was offered, and where it hangs.
struct OfferedEntry {
  let place: LogPlace
  let previous: LogPlace
  let actor: ActorID
  let n: Int
  /// The author's hash before this change, and at it.
  let authorPrevious: Hash
  let change: Hash
}

/// One history of a space that members offered: from central's log up to a checkpoint that no longer one goes through.
struct Branch {
  /// Where it leaves central's log; nil when nobody offered what lies between.
  let root: LogPlace?
  /// The first entry's predecessor, on which it hangs.
  let base: LogPlace
  /// Its last entry that a checkpoint covers.
  let tip: LogPlace
  /// The checkpoint's own time; a label.
  let at: String
  /// The member that showed it first.
  let offeredBy: String
  /// Its entries in order.
  let entries: [OfferedEntry]

  /// Whether it can be followed: it goes on where the log ends, and not from a place above which the log went another way.
  func extends(logUpTo end: Int) -> Bool { root?.seq == end }
}

extension Central {
  /// The histories that members offered of a space, the longest first; what is a part of a longer one is not listed.
  ///
  /// - Complexity: O(entries offered).
  func branches(of space: String) throws -> [Branch] {
    let tips = try store.withConnection { connection in
      try connection.all(
        "SELECT seq, hash, at, offered_by FROM cordee_tip WHERE space = ? ORDER BY seq DESC, hash",
        .text(space)
      ) { ($0.int(0), $0.bytes(1), $0.text(2), $0.text(3)) }
    }
    var covered: Set<Hash> = []
    var branches: [Branch] = []
    for (seq, bytes, at, member) in tips {
      guard let hash = Hash(bytes: bytes), !covered.contains(hash) else { continue }
      var entries: [OfferedEntry] = []
      var place = LogPlace(seq: seq, hash: hash)
      while try store.logHash(of: space, at: place.seq) != place.hash,
        let entry = try offered(place.hash, space)
      {
        covered.insert(place.hash)
        entries.append(entry)
        place = entry.previous
      }
      let isRooted = try store.logHash(of: space, at: place.seq) == place.hash
      branches.append(
        Branch(
          root: isRooted ? place : nil, base: place, tip: LogPlace(seq: seq, hash: hash), at: at,
          offeredBy: member, entries: entries.reversed()))
    }
    return branches
  }

  func offered(_ hash: Hash, _ space: String) throws -> OfferedEntry? {
    try store.withConnection { connection in
      try connection.first(
        """
        SELECT seq, previous_seq, previous, actor, n, author_previous, change FROM cordee_offered
        WHERE space = ? AND hash = ?
        """, .text(space), .blob(hash.bytes)
      ) {
        ($0.int(0), $0.int(1), $0.bytes(2), $0.bytes(3), $0.int(4), $0.bytes(5), $0.bytes(6))
      }
    }.flatMap { seq, previousSeq, previous, actor, n, authorPrevious, change in
      guard let previous = Hash(bytes: previous), let actor = ActorID(bytes: actor),
        let authorPrevious = Hash(bytes: authorPrevious), let change = Hash(bytes: change)
      else { return nil }
      return OfferedEntry(
        place: LogPlace(seq: seq, hash: hash), previous: LogPlace(seq: previousSeq, hash: previous),
        actor: actor, n: n, authorPrevious: authorPrevious, change: change)
    }
  }

  /// An offered entry's line.
  func offeredLine(_ hash: Hash, _ space: String) throws -> [UInt8]? {
    try store.withConnection {
      try $0.first(
        "SELECT line FROM cordee_offered WHERE space = ? AND hash = ?", .text(space),
        .blob(hash.bytes)
      ) { $0.bytes(0) }
    }
  }
}

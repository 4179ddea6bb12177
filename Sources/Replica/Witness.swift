public import Causality
public import Changes
import Mutants
public import Store
public import Wire

/// What was last written on this machine for one device's key: kept outside the database, so that a file put back from an
/// old state, or copied, is told from the one that wrote. `[R9]`
///
/// One entry for each actor: a copy beside its original goes on under an epoch of its own and has its own entry.
/// An entry that a mere look began proves nothing, since it may be a copy that was looked at: it counts once central was met.
public struct Witness: Sendable, Hashable {
  /// Where a file lies.
  public struct Place: Sendable, Hashable {
    /// The machine's id; empty when it has none.
    public let machine: String
    /// The file system's number; another after some reboots, so that it alone says nothing.
    public let device: UInt64
    /// The file's number in it.
    public let inode: UInt64
    /// The whole path.
    public let path: String

    /// Makes a place.
    public init(machine: String, device: UInt64, inode: UInt64, path: String) {
      (self.machine, self.device, self.inode, self.path) = (machine, device, inode, path)
    }
  }

  /// One space's head.
  public struct Head: Sendable, Hashable {
    /// The newest change.
    public let n: Int
    /// Its hash.
    public let hash: Hash

    /// Makes a head.
    public init(n: Int, hash: Hash) { (self.n, self.hash) = (n, hash) }
  }

  /// One file as it was last seen.
  public struct Entry: Sendable, Hashable {
    /// Who wrote in it.
    public let actor: ActorID
    /// The actor's head by space.
    public let heads: [String: Head]
    /// Where it lay.
    public let place: Place
    /// Whether central has met this file here: by its enrolment or by a sync.
    public var isConfirmed: Bool

    /// Makes an entry.
    public init(actor: ActorID, heads: [String: Head], place: Place, isConfirmed: Bool = false) {
      (self.actor, self.heads, self.place) = (actor, heads, place)
      self.isConfirmed = isConfirmed
    }
  }

  /// What the comparison of a file with its witness says.
  public enum Finding: Sendable, Hashable {
    /// It is the file that wrote last.
    case sound
    /// Nobody has witnessed anything: hello alone can tell.
    case unwitnessed
    /// It fits what was looked at here, and central has not been met since: hello alone can tell.
    case unconfirmed
    /// It is another file, or an older state of this one.
    case doubt(EpochReason)
  }

  /// The files seen, the latest last.
  public private(set) var entries: [Entry] = []

  /// Nothing seen yet.
  public init() {}

  /// Compares a file with what was witnessed.
  ///
  /// A head above the witness is one whose witness a crash has cut off. A file that only moved keeps its number. Of two files
  /// that only were looked at none is the copy; a head that is missing is missing all the same.
  ///
  /// - Parameters:
  ///   - file: the file as it is.
  ///   - former: the actors it wrote as before.
  ///   - hash: the hash of the actor's `n`-th change in a space, as the file holds it.
  public func finding(
    on file: Entry, former: [ActorID], hash: (_ space: String, _ n: Int) throws -> Hash?
  ) rethrows -> Finding {
    if mutant(40, "R9: no file is ever doubted") { return .sound }
    guard let last = entries.last(where: { $0.actor == file.actor }) else {
      if entries.isEmpty { return .unwitnessed }
      let before = entries.filter { former.contains($0.actor) }
      guard !before.isEmpty else { return .doubt(.old) }
      return before.contains(where: \.isConfirmed) ? .sound : .unconfirmed
    }
    for (space, head) in last.heads where head.n > 0 {
      guard try hash(space, head.n) == head.hash else { return .doubt(.old) }
    }
    guard last.isConfirmed else {
      return .unconfirmed
    }
    let (then, now) = (last.place, file.place)
    guard then.machine == now.machine, then.inode == now.inode,
      then.device == now.device || then.path == now.path
    else { return .doubt(.copied) }
    return .sound
  }

  /// Takes note of a file; true when that is news.
  ///
  /// What was confirmed of its actor stays so.
  public mutating func note(_ file: Entry) -> Bool {
    var file = file
    if entries.contains(where: { $0.actor == file.actor && $0.isConfirmed }) {
      file.isConfirmed = true
    }
    if entries.last == file { return false }
    entries.removeAll { $0.actor == file.actor }
    entries.append(file)
    entries.removeFirst(max(0, entries.count - ReplicaLimits.witnessEntriesMax))
    return true
  }
}

extension Witness.Entry {
  /// A replica as it is now.
  ///
  /// - Parameter isConfirmed: whether central has met it just now.
  public init(of store: Store, at place: Witness.Place, isConfirmed: Bool = false) throws {
    let identity = try Identity(store)
    var heads: [String: Witness.Head] = [:]
    for space in identity.spaces {
      let head = try store.head(of: identity.actor, in: space)
      if head.n > 0 { heads[space] = Witness.Head(n: head.n, hash: head.hash) }
    }
    self.init(actor: identity.actor, heads: heads, place: place, isConfirmed: isConfirmed)
  }
}

extension Witness {
  /// The witness as its file holds it.
  public var json: JSON {
    .object([
      (
        "files",
        .array(
          entries.map { entry in
            .object([
              ("actor", .string(entry.actor.description)),
              (
                "heads",
                .object(
                  entry.heads.keys.sorted().compactMap { space in
                    entry.heads[space].map {
                      (
                        space,
                        .object([
                          ("n", .integer(Int64($0.n))), ("hash", .string($0.hash.description)),
                        ])
                      )
                    }
                  })
              ),
              ("machine", .string(entry.place.machine)),
              // A string, since not every reader of JSON holds 64 bits.
              ("device", .string(String(entry.place.device))),
              ("inode", .string(String(entry.place.inode))), ("path", .string(entry.place.path)),
              ("confirmed", .bool(entry.isConfirmed)),
            ])
          })
      )
    ])
  }

  /// Reads a witness; nil for anything else, which counts as none.
  public init?(_ json: JSON) {
    guard let files = json["files"]?.array else { return nil }
    for file in files {
      guard let actor = file["actor"]?.string.flatMap({ ActorID($0) }),
        case .object(let members)? = file["heads"], let machine = file["machine"]?.string,
        let device = file["device"]?.string.flatMap({ UInt64($0) }),
        let inode = file["inode"]?.string.flatMap({ UInt64($0) }), let path = file["path"]?.string
      else { return nil }
      var heads: [String: Head] = [:]
      for (space, head) in members {
        guard let n = head["n"]?.integer, let hash = head["hash"]?.string.flatMap({ Hash($0) })
        else { return nil }
        heads[space] = Head(n: Int(n), hash: hash)
      }
      let place = Place(machine: machine, device: device, inode: inode, path: path)
      // What an earlier version wrote does not say whether central was met; the next sync does.
      entries.append(
        Entry(
          actor: actor, heads: heads, place: place,
          isConfirmed: file["confirmed"]?.isTrue == true))
    }
  }
}

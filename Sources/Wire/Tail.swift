public import Causality
public import Changes

/// One place of a space's log: where, and the log's hash there, which stands for everything before it.
public struct LogPlace: Sendable, Hashable {
  /// The place; 0 before the first entry.
  public let seq: Int
  /// The log's hash there.
  public let hash: Hash

  /// Names a place.
  public init(seq: Int, hash: Hash) {
    self.seq = seq
    self.hash = hash
  }

  /// Before the first entry.
  public static let start = LogPlace(seq: 0, hash: .zero)

  /// `[seq, "hash"]`.
  public var json: JSON { .array([.integer(Int64(seq)), .string(hash.description)]) }

  /// Reads `[seq, "hash"]`.
  public init(_ json: JSON?) throws(WireError) {
    guard let pair = json?.array, pair.count == 2, let seq = pair[0].integer, seq >= 0,
      seq <= ChangeLimits.countMax, let hash = pair[1].string.flatMap({ Hash($0) })
    else { throw WireError(.shape, "a place of the log is not a number and a hash") }
    self.init(seq: Int(seq), hash: hash)
  }
}

/// What a replica says before it gives back a piece of the log that central lost, or asks what central holds. `[SP-1203]`
///
/// A second line holds the newest checkpoint the replica remembers, where it has one; the entries follow.
public struct TailHead: Sendable {
  /// The entry before the first that follows.
  public let after: LogPlace
  /// For each author in the piece the hash of its change before its first one there; none for a first change.
  public let heads: [ActorID: Hash]
  /// Places of the replica's log: the highest that central holds is asked for.
  public let marks: [LogPlace]

  /// Makes a head; without entries it is a question.
  public init(after: LogPlace = .start, heads: [ActorID: Hash] = [:], marks: [LogPlace]) {
    self.after = after
    self.heads = heads
    self.marks = marks
  }

  /// The line, without its line feed.
  public var line: [UInt8] {
    var members: [(String, JSON)] = [("marks", .array(marks.map(\.json)))]
    if !heads.isEmpty || after != .start {
      members += [
        ("after", after.json),
        (
          "heads",
          .object(
            heads.sorted { $0.key < $1.key }.map {
              ($0.key.description, .string($0.value.description))
            })
        ),
      ]
    }
    return JSON.object([("tail", .object(members))]).bytes()
  }

  /// Reads the line; nil when it begins another message.
  public static func parse(_ bytes: [UInt8]) throws(WireError) -> TailHead? {
    guard let tail = try JSON.parse(bytes)["tail"] else { return nil }
    guard let list = tail["marks"]?.array, list.count <= WireLimits.tailMarksMax
    else {
      throw WireError(.shape, "a tail needs at most \(WireLimits.tailMarksMax) marks")
    }
    var marks: [LogPlace] = []
    for item in list { marks.append(try LogPlace(item)) }
    var heads: [ActorID: Hash] = [:]
    if case .object(let members)? = tail["heads"] {
      for (name, value) in members {
        guard let actor = ActorID(name), let hash = value.string.flatMap({ Hash($0) }) else {
          throw WireError(.shape, "a tail names a head that is none")
        }
        heads[actor] = hash
      }
    }
    return TailHead(
      after: tail["after"] == nil ? .start : try LogPlace(tail["after"]), heads: heads, marks: marks
    )
  }
}

/// What central answers to a tail. `[SP-1204]`
public struct TailAnswer: Sendable, Hashable {
  /// Central's present life.
  public let instance: InstanceID
  /// Whether it takes offers and gives no log.
  public let isRestoring: Bool
  /// The highest of the marks that central holds, in its log or among what was offered; the start when it holds none.
  public let common: LogPlace
  /// Changes of the asking device whose bodies central lacks.
  public let wants: [Dot]

  /// Makes an answer.
  public init(instance: InstanceID, isRestoring: Bool, common: LogPlace, wants: [Dot]) {
    self.instance = instance
    self.isRestoring = isRestoring
    self.common = common
    self.wants = wants
  }

  /// The message's bytes.
  public var bytes: [UInt8] {
    JSON.object([
      ("instance", .string(instance.description)), ("restoring", .bool(isRestoring)),
      ("common", common.json), ("wants", .array(wants.map { .string($0.description) })),
    ]).bytes()
  }

  /// Reads an answer.
  public static func parse(_ bytes: [UInt8]) throws(WireError) -> TailAnswer {
    let json = try JSON.parse(bytes)
    guard let instance = json["instance"]?.string.flatMap({ InstanceID($0) }),
      let wants = json["wants"]?.array
    else { throw WireError(.shape, "the answer to a tail lacks a part") }
    return TailAnswer(
      instance: instance, isRestoring: json["restoring"]?.isTrue == true,
      common: try LogPlace(json["common"]),
      wants: wants.compactMap { $0.string.flatMap(ChangeDecoding.dot) })
  }
}

/// A question and its answer: up to which change central holds each author's chain, merged or received. `[SP-1207]`
public struct HeldHeads: Sendable, Hashable {
  /// The authors asked about; in the answer with the last count held, 0 for none.
  public let counts: [ActorID: Int]

  /// Makes a question or an answer.
  public init(_ counts: [ActorID: Int]) { self.counts = counts }

  /// The line, without its line feed.
  public var line: [UInt8] {
    JSON.object([
      (
        "held",
        .object(
          counts.sorted { $0.key < $1.key }.map { ($0.key.description, .integer(Int64($0.value))) })
      )
    ]).bytes()
  }

  /// Reads the line; nil when it begins another message.
  public static func parse(_ bytes: [UInt8]) throws(WireError) -> HeldHeads? {
    guard let held = try JSON.parse(bytes)["held"] else { return nil }
    guard case .object(let members) = held, members.count <= WireLimits.heldActorsMax
    else {
      throw WireError(.shape, "held names at most \(WireLimits.heldActorsMax) authors")
    }
    var counts: [ActorID: Int] = [:]
    for (name, value) in members {
      guard let actor = ActorID(name), let n = value.integer,
        (0...Int64(ChangeLimits.countMax)) ~= n
      else { throw WireError(.shape, "held names an author that is none") }
      counts[actor] = Int(n)
    }
    return HeldHeads(counts)
  }
}

/// What comes before bodies that central asked for: each line after it is one change. `[SP-1208]`
public enum BodiesHead {
  /// The line, without its line feed.
  public static let line = Array(#"{"bodies":true}"#.utf8)

  /// Whether a line is it.
  public static func matches(_ bytes: [UInt8]) -> Bool {
    (try? JSON.parse(bytes))?["bodies"]?.isTrue == true
  }
}

/// One life of central and where each space's log stood when it began. `[SP-1201]`
public struct InstanceStart: Sendable, Hashable {
  /// The life.
  public let instance: InstanceID
  /// When it began; a label.
  public let at: String
  /// The last place of each space's log that comes from earlier lives; a space that is missing began empty.
  public let places: [String: LogPlace]

  /// Makes a start.
  public init(instance: InstanceID, at: String, places: [String: LogPlace]) {
    self.instance = instance
    self.at = at
    self.places = places
  }

  /// As it stands in messages.
  public var json: JSON {
    .object([
      ("instance", .string(instance.description)), ("at", .string(at)),
      ("places", Self.json(places)),
    ])
  }

  /// Places by space.
  public static func json(_ places: [String: LogPlace]) -> JSON {
    .object(places.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) })
  }

  /// Reads places by space.
  public static func places(_ json: JSON?) throws(WireError) -> [String: LogPlace] {
    guard case .object(let members)? = json else {
      throw WireError(.shape, "places are not an object")
    }
    var places: [String: LogPlace] = [:]
    for (name, value) in members { places[name] = try LogPlace(value) }
    return places
  }

  /// Reads a list of lives, the oldest first.
  public static func list(_ json: JSON?) throws(WireError) -> [InstanceStart] {
    var starts: [InstanceStart] = []
    for item in json?.array ?? [] {
      guard let instance = item["instance"]?.string.flatMap({ InstanceID($0) }) else {
        throw WireError(.shape, "a life of central lacks its name")
      }
      starts.append(
        InstanceStart(
          instance: instance, at: item["at"]?.string ?? "", places: try places(item["places"])))
    }
    return starts
  }
}

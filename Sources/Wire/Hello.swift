public import Causality
public import Changes

/// How far a replica has read one space's log: place and hash, under one life of central. `[SP-1003]`
public struct Cursor: Sendable, Hashable {
  /// Central's life.
  public let instance: InstanceID
  /// The last entry read; 0 before the first.
  public let seq: Int
  /// The log's hash there.
  public let hash: Hash

  /// Makes a cursor.
  public init(instance: InstanceID, seq: Int, hash: Hash) {
    self.instance = instance
    self.seq = seq
    self.hash = hash
  }

  /// `instance.seq.hash`.
  public var text: String { "\(instance).\(seq).\(hash)" }

  /// Reads `instance.seq.hash`; nil for anything else.
  public init?(_ text: String) {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    guard parts.count == 3, let instance = InstanceID(parts[0]),
      let seq = ChangeDecoding.count(parts[1]),
      let hash = Hash(parts[2])
    else { return nil }
    self.init(instance: instance, seq: seq, hash: hash)
  }
}

/// What a replica says first: where it stands in every space it reads. `[SP-701]`
public struct Hello: Sendable, Hashable {
  /// The actor it writes as.
  public let actor: ActorID
  /// Its standing, by space.
  public let spaces: [Space]

  /// One space's standing.
  public struct Space: Sendable, Hashable {
    /// The space.
    public let name: String
    /// The actor's newest change.
    public let n: Int
    /// Its hash.
    public let hash: Hash
    /// How far the log was read.
    public let cursor: Cursor

    /// Makes a standing.
    public init(name: String, n: Int, hash: Hash, cursor: Cursor) {
      self.name = name
      self.n = n
      self.hash = hash
      self.cursor = cursor
    }
  }

  /// Makes a hello.
  public init(actor: ActorID, spaces: [Space]) {
    self.actor = actor
    self.spaces = spaces
  }

  /// The message's bytes.
  public var bytes: [UInt8] {
    let spaces = spaces.map { space -> (String, JSON) in
      var members: [(String, JSON)] = [("cursor", .string(space.cursor.text))]
      if space.n > 0 {
        members += [("n", .integer(Int64(space.n))), ("hash", .string(space.hash.description))]
      }
      return (space.name, .object(members))
    }
    return JSON.object([("actor", .string(actor.description)), ("spaces", .object(spaces))]).bytes()
  }

  /// Reads a hello.
  public static func parse(_ bytes: [UInt8]) throws(WireError) -> Hello {
    let json = try JSON.parse(bytes)
    guard let actor = json["actor"]?.string.flatMap({ ActorID($0) }),
      case .object(let members)? = json["spaces"]
    else { throw WireError(.shape, "hello lacks actor or spaces") }
    var spaces: [Space] = []
    for (name, value) in members {
      guard let cursor = value["cursor"]?.string.flatMap({ Cursor($0) }) else {
        throw WireError(.shape, "hello lacks a cursor")
      }
      let n =
        try value["n"].map { (n) throws(WireError) in try ChangeDecoding.count(n, "hello.n") } ?? 0
      let hash = value["hash"]?.string.flatMap { Hash($0) }
      guard (n > 0) == (hash != nil) else {
        throw WireError(.shape, "hello names a change without its hash")
      }
      spaces.append(Space(name: name, n: n, hash: hash ?? .zero, cursor: cursor))
    }
    return Hello(actor: actor, spaces: spaces)
  }
}

/// Central's answer to hello. `[SP-702]`
public struct HelloAnswer: Sendable, Hashable {
  /// Central's present life.
  public let instance: InstanceID
  /// Its side of each space asked about.
  public let spaces: [Space]

  /// One space.
  public struct Space: Sendable, Hashable {
    /// The space.
    public let name: String
    /// The actor's newest contiguous change that central holds.
    public let heldN: Int
    /// Its hash.
    public let heldHash: Hash
    /// Whether central holds the very change that hello named as the actor's newest, and all below it.
    public let holdsHead: Bool
    /// The end of the signed log.
    public let seq: Int
    /// Whether the cursor stands in central's log.
    public let knowsCursor: Bool
    /// Whether a snapshot is a shorter way than the log.
    public let offersSnapshot: Bool

    /// Makes an answer for one space.
    public init(
      name: String, heldN: Int, heldHash: Hash, holdsHead: Bool = true, seq: Int,
      knowsCursor: Bool, offersSnapshot: Bool = false
    ) {
      self.offersSnapshot = offersSnapshot
      self.holdsHead = holdsHead
      self.name = name
      self.heldN = heldN
      self.heldHash = heldHash
      self.seq = seq
      self.knowsCursor = knowsCursor
    }
  }

  /// Whether central was restored and gives no log until it is accepted.
  public let isRestoring: Bool
  /// Central's lives, the oldest first, where the asker's cursor is of another than the present one.
  public let starts: [InstanceStart]

  /// Makes an answer.
  public init(
    instance: InstanceID, spaces: [Space], isRestoring: Bool = false, starts: [InstanceStart] = []
  ) {
    self.instance = instance
    self.spaces = spaces
    self.isRestoring = isRestoring
    self.starts = starts
  }

  /// The message's bytes; what is zero or true is left out, so that an idle sync is short.
  public var bytes: [UInt8] {
    let spaces = spaces.map { space -> (String, JSON) in
      var members: [(String, JSON)] = [("seq", .integer(Int64(space.seq)))]
      if space.heldN > 0 {
        members += [
          ("n", .integer(Int64(space.heldN))), ("hash", .string(space.heldHash.description)),
        ]
      }
      if !space.holdsHead { members.append(("holds_head", .bool(false))) }
      if !space.knowsCursor { members.append(("rewound", .bool(true))) }
      if space.offersSnapshot { members.append(("snapshot", .bool(true))) }
      return (space.name, .object(members))
    }
    var members: [(String, JSON)] = [
      ("instance", .string(instance.description)), ("spaces", .object(spaces)),
    ]
    if isRestoring { members.append(("restoring", .bool(true))) }
    if !starts.isEmpty { members.append(("instances", .array(starts.map(\.json)))) }
    return JSON.object(members).bytes()
  }

  /// Reads an answer.
  public static func parse(_ bytes: [UInt8]) throws(WireError) -> HelloAnswer {
    let json = try JSON.parse(bytes)
    guard let instance = json["instance"]?.string.flatMap({ InstanceID($0) }),
      case .object(let members)? = json["spaces"]
    else { throw WireError(.shape, "the answer to hello lacks instance or spaces") }
    var spaces: [Space] = []
    for (name, value) in members {
      guard let seq = value["seq"]?.integer, seq >= 0 else {
        throw WireError(.shape, "an answer lacks seq")
      }
      let n =
        try value["n"].map { (n) throws(WireError) in try ChangeDecoding.count(n, "answer.n") } ?? 0
      let hash = value["hash"]?.string.flatMap { Hash($0) }
      guard (n > 0) == (hash != nil) else {
        throw WireError(.shape, "an answer names a change without its hash")
      }
      spaces.append(
        Space(
          name: name, heldN: n, heldHash: hash ?? .zero,
          holdsHead: value["holds_head"]?.isTrue ?? true, seq: Int(seq),
          knowsCursor: value["rewound"]?.isTrue != true,
          offersSnapshot: value["snapshot"]?.isTrue == true))
    }
    return HelloAnswer(
      instance: instance, spaces: spaces, isRestoring: json["restoring"]?.isTrue == true,
      starts: try InstanceStart.list(json["instances"]))
  }
}

/// The answer to hello, and with it the logs that are short enough to need no second round trip. `[SP-713]`
public struct HelloReply: Sendable, Hashable {
  /// Where central stands.
  public let answer: HelloAnswer
  /// Logs after the asker's cursors, each up to its checkpoint.
  public let logs: [Log]

  /// One space's log.
  public struct Log: Sendable, Hashable {
    /// The space.
    public let space: String
    /// Its lines in short form, without their line feeds.
    public let lines: [[UInt8]]

    /// The line before them.
    public var heading: [UInt8] { HelloReply.heading(ofLog: space, lines: lines.count) }

    /// Makes a log.
    public init(space: String, lines: [[UInt8]]) {
      self.space = space
      self.lines = lines
    }
  }

  /// Makes a reply.
  public init(_ answer: HelloAnswer, logs: [Log] = []) {
    self.answer = answer
    self.logs = logs
  }

  /// The line before a log's lines, which it counts.
  public static func heading(ofLog space: String, lines: Int) -> [UInt8] {
    JSON.object([("log", .string(space)), ("lines", .integer(Int64(lines)))]).bytes()
  }

  /// Reads a reply of several lines.
  public static func parse(lines: [[UInt8]]) throws(WireError) -> HelloReply {
    guard let first = lines.first else { throw WireError(.shape, "the answer to hello is empty") }
    var logs: [Log] = []
    var rest = lines.dropFirst()
    while let heading = rest.popFirst() {
      let json = try JSON.parse(heading)
      guard let space = json["log"]?.string, let count = json["lines"]?.integer,
        (1...Int64(max(1, rest.count))) ~= count, !rest.isEmpty
      else { throw WireError(.shape, "a log told with the answer to hello lacks lines") }
      logs.append(Log(space: space, lines: Array(rest.prefix(Int(count)))))
      rest.removeFirst(Int(count))
    }
    return HelloReply(try HelloAnswer.parse(first), logs: logs)
  }
}

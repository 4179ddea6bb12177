public import Causality
public import Changes

/// The head of a run of changes that is pushed, and who signs for it. `[SP-705]`
public struct Segment: Sendable {
  /// The author.
  public let actor: ActorID
  /// The first count.
  public let from: Int
  /// The last count.
  public let to: Int
  /// The hash before the first.
  public let previous: Hash
  /// The hash of the last.
  public let head: Hash
  /// Who signs the head.
  public let signatures: [Signature]

  /// Makes a segment.
  public init(
    actor: ActorID, from: Int, to: Int, previous: Hash, head: Hash, signatures: [Signature]
  ) {
    self.actor = actor
    self.from = from
    self.to = to
    self.previous = previous
    self.head = head
    self.signatures = signatures
  }
}

/// One signature and whose it is; formats hold a list, so that several may sign.
public struct Signature: Sendable {
  /// The signer's replica id.
  public let key: ReplicaID
  /// The 64 bytes.
  public let value: [UInt8]

  /// Makes a signature.
  public init(key: ReplicaID, value: [UInt8]) {
    self.key = key
    self.value = value
  }

  /// As it stands in messages.
  public var json: JSON {
    .object([("key", .string(key.description)), ("value", .string(Base64URL.encode(value)))])
  }

  /// Reads a list of signatures.
  public static func list(_ json: JSON?) throws(WireError) -> [Signature] {
    guard let items = json?.array, items.count <= WireLimits.signaturesMax else {
      throw WireError(
        .shape, "signatures are not a list of at most \(WireLimits.signaturesMax)")
    }
    var signatures: [Signature] = []
    for item in items {
      guard let key = item["key"]?.string.flatMap({ ReplicaID($0) }),
        let value = item["value"]?.string.flatMap(Base64URL.decode), value.count == 64
      else { throw WireError(.shape, "a signature is not a key and 64 bytes") }
      signatures.append(Signature(key: key, value: value))
    }
    return signatures
  }
}

extension Segment {
  /// The segment's line, without its line feed.
  public var line: [UInt8] {
    JSON.object([
      (
        "segment",
        .object([
          ("actor", .string(actor.description)), ("from", .integer(Int64(from))),
          ("to", .integer(Int64(to))),
          ("previous", .string(previous.description)), ("head", .string(head.description)),
        ])
      ), ("signatures", .array(signatures.map(\.json))),
    ]).bytes()
  }

  /// Reads a segment's line.
  public static func parse(_ bytes: [UInt8]) throws(WireError) -> Segment {
    let json = try JSON.parse(bytes)
    guard let segment = json["segment"] else {
      throw WireError(.shape, "a push begins with a segment")
    }
    guard let actor = segment["actor"]?.string.flatMap({ ActorID($0) }),
      let previous = segment["previous"]?.string.flatMap({ Hash($0) }),
      let head = segment["head"]?.string.flatMap({ Hash($0) })
    else { throw WireError(.shape, "a segment lacks actor, previous or head") }
    let from = try ChangeDecoding.count(segment["from"], "segment.from")
    let to = try ChangeDecoding.count(segment["to"], "segment.to")
    guard to >= from, to - from < ChangeLimits.segmentChangesMax else {
      throw WireError(.tooLarge, "a segment holds 1 to \(ChangeLimits.segmentChangesMax) changes")
    }
    return Segment(
      actor: actor, from: from, to: to, previous: previous, head: head,
      signatures: try Signature.list(json["signatures"]))
  }
}

/// Central's signed word on a space's log at one moment. `[SP-808]`
public struct Checkpoint: Sendable, Hashable {
  /// The network.
  public let network: NetworkID
  /// Central's life.
  public let instance: InstanceID
  /// The space.
  public let space: String
  /// The last entry.
  public let seq: Int
  /// The log's hash there.
  public let hash: Hash
  /// When; a label.
  public let at: String

  /// Makes a checkpoint.
  public init(
    network: NetworkID, instance: InstanceID, space: String, seq: Int, hash: Hash, at: String
  ) {
    self.network = network
    self.instance = instance
    self.space = space
    self.seq = seq
    self.hash = hash
    self.at = at
  }

  /// The exact bytes that are signed.
  public var bytes: [UInt8] {
    JSON.object([
      ("network", .string(network.description)), ("instance", .string(instance.description)),
      ("space", .string(space)), ("seq", .integer(Int64(seq))), ("hash", .string(hash.description)),
      ("at", .string(at)),
    ]).bytes()
  }

  /// Reads a checkpoint.
  public static func parse(_ bytes: [UInt8]) throws(WireError) -> Checkpoint {
    let json = try JSON.parse(bytes)
    guard let network = json["network"]?.string.flatMap({ NetworkID($0) }),
      let instance = json["instance"]?.string.flatMap({ InstanceID($0) }),
      let space = json["space"]?.string,
      let seq = json["seq"]?.integer, seq >= 0,
      let hash = json["hash"]?.string.flatMap({ Hash($0) }),
      let at = json["at"]?.string
    else { throw WireError(.shape, "a checkpoint lacks a part") }
    return Checkpoint(
      network: network, instance: instance, space: space, seq: Int(seq), hash: hash, at: at)
  }
}

/// Lines of NDJSON, without their line feeds; an empty last line is no line.
public enum Lines {
  /// Cuts bytes at line feeds.
  public static func split(_ bytes: [UInt8]) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var start = 0
    let end = UInt8(ascii: "\n")
    for place in bytes.indices where bytes[place] == end {
      if place > start { lines.append(Array(bytes[start..<place])) }
      start = place + 1
    }
    if start < bytes.count { lines.append(Array(bytes[start...])) }
    return lines
  }
}

public import Causality
public import Changes

/// Central's signed word that segments are on its disk: what a member can hold against it. `[SP-709]`
///
/// A receipt for one change covers all below it in its author's chain.
public struct ReceiptNote: Sendable, Hashable {
  /// The network.
  public let network: NetworkID
  /// Central's life.
  public let instance: InstanceID
  /// The space.
  public let space: String
  /// When; a label.
  public let at: String
  /// The heads received: dots and hashes.
  public let heads: [Head]

  /// One head.
  public struct Head: Sendable, Hashable {
    /// The change.
    public let dot: Dot
    /// Its hash.
    public let hash: Hash

    /// Makes a head.
    public init(dot: Dot, hash: Hash) {
      self.dot = dot
      self.hash = hash
    }
  }

  /// Makes a note.
  public init(network: NetworkID, instance: InstanceID, space: String, at: String, heads: [Head]) {
    self.network = network
    self.instance = instance
    self.space = space
    self.at = at
    self.heads = heads
  }

  /// The exact bytes that are signed.
  public var bytes: [UInt8] {
    JSON.object([
      ("network", .string(network.description)), ("instance", .string(instance.description)),
      ("space", .string(space)), ("at", .string(at)),
      (
        "heads",
        .array(
          heads.map {
            .object([
              ("actor", .string($0.dot.actor.description)), ("n", .integer(Int64($0.dot.n))),
              ("hash", .string($0.hash.description)),
            ])
          })
      ),
    ]).bytes()
  }

  /// `{"receipt": …, "signatures": …}`, without a line feed.
  public func line(signatures: [Signature]) -> [UInt8] {
    Array("{\"receipt\":".utf8) + bytes + Array(",\"signatures\":".utf8)
      + JSON.array(signatures.map(\.json)).bytes() + [UInt8(ascii: "}")]
  }

  /// Reads a line that holds a receipt.
  ///
  /// Other members are let through. `signed` are the bytes the signatures are about.
  public static func parse(line: [UInt8]) throws(WireError) -> (
    note: ReceiptNote, signed: [UInt8], signatures: [Signature]
  ) {
    var parts: [String: [UInt8]] = [:]
    for (key, range) in try JSON.members(of: line) { parts[key] = Array(line[range]) }
    guard let signed = parts["receipt"], let signatures = parts["signatures"] else {
      throw WireError(.shape, "an answer lacks its receipt or its signatures")
    }
    return (try parse(signed), signed, try Signature.list(try JSON.parse(signatures)))
  }

  private static func parse(_ bytes: [UInt8]) throws(WireError) -> ReceiptNote {
    let json = try JSON.parse(bytes)
    guard let network = json["network"]?.string.flatMap({ NetworkID($0) }),
      let instance = json["instance"]?.string.flatMap({ InstanceID($0) }),
      let space = json["space"]?.string, let at = json["at"]?.string,
      let items = json["heads"]?.array
    else { throw WireError(.shape, "a receipt lacks a part") }
    var heads: [Head] = []
    for item in items {
      guard let actor = item["actor"]?.string.flatMap({ ActorID($0) }),
        let hash = item["hash"]?.string.flatMap({ Hash($0) })
      else { throw WireError(.shape, "a receipt names no change") }
      let n = try ChangeDecoding.count(item["n"], "receipt.n")
      heads.append(Head(dot: Dot(actor: actor, n: n), hash: hash))
    }
    return ReceiptNote(network: network, instance: instance, space: space, at: at, heads: heads)
  }
}

extension Preimage {
  /// What central signs of a receipt.
  public static func receipt(_ note: [UInt8]) -> [UInt8] {
    Array("cordee.receipt.1\n".utf8) + note
  }
}

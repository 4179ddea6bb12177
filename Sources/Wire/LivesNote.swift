public import Causality

/// Central's signed list of its lives, the present one last: by it a member tells, without a network, that a log is of a
/// later life than its own. `[SP-1509]`
public struct LivesNote: Sendable, Hashable {
  /// The network.
  public let network: NetworkID
  /// Where each life began, the oldest first.
  public let lives: [InstanceStart]

  /// Makes a note.
  public init(network: NetworkID, lives: [InstanceStart]) {
    self.network = network
    self.lives = lives
  }

  /// The exact bytes that are signed.
  public var bytes: [UInt8] {
    JSON.object([
      ("network", .string(network.description)), ("instances", .array(lives.map(\.json))),
    ]).bytes()
  }

  /// `{"lives": …, "signatures": …}`, without a line feed.
  public func line(signatures: [Signature]) -> [UInt8] {
    Array("{\"lives\":".utf8) + bytes + Array(",\"signatures\":".utf8)
      + JSON.array(signatures.map(\.json)).bytes() + [UInt8(ascii: "}")]
  }

  /// Reads a line.
  ///
  /// Other members are let through. `signed` are the bytes the signatures are about.
  public static func parse(line: [UInt8]) throws(WireError) -> (
    note: LivesNote, signed: [UInt8], signatures: [Signature]
  ) {
    var parts: [String: [UInt8]] = [:]
    for (key, range) in try JSON.members(of: line) { parts[key] = Array(line[range]) }
    guard let signed = parts["lives"], let signatures = parts["signatures"] else {
      throw WireError(.shape, "a list of lives lacks its content or its signatures")
    }
    let json = try JSON.parse(signed)
    guard let network = json["network"]?.string.flatMap({ NetworkID($0) }),
      case .array? = json["instances"]
    else { throw WireError(.shape, "a list of lives lacks a part") }
    let note = LivesNote(network: network, lives: try InstanceStart.list(json["instances"]))
    return (note, signed, try Signature.list(try JSON.parse(signatures)))
  }
}

extension Preimage {
  /// What central signs: the exact bytes of its list of lives. `[SP-1509]`
  public static func lives(_ note: [UInt8]) -> [UInt8] {
    Array("cordee.lives.1\n".utf8) + note
  }
}

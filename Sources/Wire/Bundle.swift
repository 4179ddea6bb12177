public import Causality
import Changes

/// The first line of a bundle: the same lines as on the wire, carried in a file. `[SP-1501]`
public struct Bundle: Sendable, Hashable {
  /// What it carries.
  public enum Kind: String, Sendable {
    /// Members' segments for central.
    case changes
    /// Central's log for members.
    case log
  }

  /// What it carries.
  public let kind: Kind
  /// The network.
  public let network: NetworkID
  /// Who made it: a device, or central's key.
  public let maker: ReplicaID
  /// Whom it is for; nil for whoever may read every space in it.
  public let reader: ReplicaID?
  /// When; a label.
  public let at: String
  /// Its sections.
  public let sections: [Section]

  /// One space's part, in the order of the lines.
  public struct Section: Sendable, Hashable {
    /// The space.
    public let space: String
    /// For people: what comes before the first line, such as a cursor or a count.
    public let from: String
    /// For people: what the last line reaches.
    public let to: String

    /// Makes a section.
    public init(space: String, from: String, to: String) {
      self.space = space
      self.from = from
      self.to = to
    }
  }

  /// Makes a first line.
  public init(
    kind: Kind, network: NetworkID, maker: ReplicaID, reader: ReplicaID?, at: String,
    sections: [Section]
  ) {
    self.kind = kind
    self.network = network
    self.maker = maker
    self.reader = reader
    self.at = at
    self.sections = sections
  }

  /// The line, without its line feed.
  public var line: [UInt8] {
    var members: [(String, JSON)] = [
      ("bundle", .integer(1)), ("kind", .string(kind.rawValue)),
      ("network", .string(network.description)), ("maker", .string(maker.description)),
    ]
    if let reader { members.append(("for", .string(reader.description))) }
    members += [
      ("at", .string(at)),
      (
        "sections",
        .array(
          sections.map {
            .object([
              ("space", .string($0.space)), ("from", .string($0.from)), ("to", .string($0.to)),
            ])
          })
      ),
    ]
    return JSON.object(members).bytes()
  }

  /// Reads a first line.
  public static func parse(_ bytes: [UInt8]) throws(WireError) -> Bundle {
    let json = try JSON.parse(bytes)
    guard let version = json["bundle"]?.integer else {
      throw WireError(.shape, "this is no bundle")
    }
    guard version == 1 else {
      throw WireError(.shape, "a bundle of form \(version), which is newer than this program")
    }
    guard let kind = json["kind"]?.string.flatMap(Kind.init(rawValue:)),
      let network = json["network"]?.string.flatMap({ NetworkID($0) }),
      let maker = json["maker"]?.string.flatMap({ ReplicaID($0) }),
      let at = json["at"]?.string, let items = json["sections"]?.array
    else { throw WireError(.shape, "a bundle's first line lacks a part") }
    var sections: [Section] = []
    for item in items {
      guard let space = item["space"]?.string, isIdentifier(space),
        let from = item["from"]?.string, let to = item["to"]?.string
      else { throw WireError(.shape, "a bundle names a section that is none") }
      sections.append(Section(space: space, from: from, to: to))
    }
    return Bundle(
      kind: kind, network: network, maker: maker,
      reader: json["for"]?.string.flatMap { ReplicaID($0) }, at: at, sections: sections)
  }
}

/// What a line of a bundle is, after the first. `[SP-1502]`
public enum BundleLine: Sendable, Hashable {
  /// The lines of a space follow.
  case space(String)
  /// Central's signed receipt.
  case receipt
  /// Central's signed list of its lives.
  case lives
  /// A line as on the wire: of a segment, a change, an entry or a checkpoint.
  case wire
  /// The last line: how many came between the first and this one.
  case end(Int)

  /// Tells by the line's first member.
  public static func parse(_ bytes: [UInt8]) throws(WireError) -> BundleLine {
    for start in plain where bytes.starts(with: start) { return .wire }
    let members = try JSON.members(of: bytes)
    guard let (key, range) = members.first else { throw WireError(.shape, "an empty line") }
    switch key {
    case "space":
      guard let name = try JSON.parse(Array(bytes[range])).string, isIdentifier(name) else {
        throw WireError(.shape, "a section's space is not a name")
      }
      return .space(name)
    case "receipt": return .receipt
    case "lives": return .lives
    case "end":
      guard let count = try JSON.parse(Array(bytes[range])).integer, count >= 0 else {
        throw WireError(.shape, "a bundle's last line holds no count")
      }
      return .end(Int(count))
    default: return .wire
    }
  }

  private static let plain = [#"{"seq":"#, #"{"header":"#, #"{"segment":"#].map { Array($0.utf8) }

  /// The line that begins a section.
  public static func section(_ space: String) -> [UInt8] {
    JSON.object([("space", .string(space))]).bytes()
  }

  /// The last line.
  public static func end(after lines: Int) -> [UInt8] {
    JSON.object([("end", .integer(Int64(lines)))]).bytes()
  }
}

public import Causality
public import Changes

/// Central's signed word on an image of one space: where it stands and which bytes it is. `[SP-1101]`
///
/// A snapshot is one line with this description and its signatures, then the image, a SQLite database.
public struct Snapshot: Sendable, Hashable {
  /// The network.
  public let network: NetworkID
  /// Central's life.
  public let instance: InstanceID
  /// The space.
  public let space: String
  /// The last log entry whose effect the image holds.
  public let seq: Int
  /// The log's hash there.
  public let logHash: Hash
  /// When it was made; a label.
  public let at: String
  /// Rows in the image, deleted ones included.
  public let rows: Int
  /// The image's size in bytes.
  public let bytes: Int
  /// The image's hash.
  public let hash: Hash
  /// The shared tables in the image.
  public let tables: [Table]

  /// A shared table as the image has it.
  public struct Table: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Its columns after `id`, in order; empty for a table that central itself only carries.
    public let columns: [Column]

    /// Makes a table.
    public init(name: String, columns: [Column]) {
      self.name = name
      self.columns = columns
    }
  }

  /// A column.
  public struct Column: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Its type.
    public let type: FieldType

    /// Makes a column.
    public init(name: String, type: FieldType) {
      self.name = name
      self.type = type
    }
  }

  /// Makes a description.
  public init(
    network: NetworkID, instance: InstanceID, space: String, seq: Int, logHash: Hash, at: String,
    rows: Int, bytes: Int, hash: Hash, tables: [Table]
  ) {
    self.network = network
    self.instance = instance
    self.space = space
    self.seq = seq
    self.logHash = logHash
    self.at = at
    self.rows = rows
    self.bytes = bytes
    self.hash = hash
    self.tables = tables
  }

  /// The cursor from which the log goes on.
  public var cursor: Cursor { Cursor(instance: instance, seq: seq, hash: logHash) }

  /// The exact bytes that are signed.
  public var encoded: [UInt8] {
    JSON.object([
      ("network", .string(network.description)), ("instance", .string(instance.description)),
      ("space", .string(space)), ("seq", .integer(Int64(seq))),
      ("log_hash", .string(logHash.description)), ("at", .string(at)),
      ("rows", .integer(Int64(rows))), ("bytes", .integer(Int64(bytes))),
      ("hash", .string(hash.description)),
      (
        "tables",
        .object(
          tables.map { table in
            (
              table.name,
              .array(
                table.columns.map { .array([.string($0.name), .string($0.type.rawValue)]) })
            )
          })
      ),
    ]).bytes()
  }

  /// The snapshot's first line, without its line feed.
  ///
  /// - Parameter checkpoint: the line of central's checkpoint for the very place, if it has one.
  public func line(signatures: [Signature], checkpoint: [UInt8]? = nil) -> [UInt8] {
    Array("{\"snapshot\":".utf8) + encoded + Array(",\"signatures\":".utf8)
      + JSON.array(signatures.map(\.json)).bytes()
      + (checkpoint.map { Array(",\"checkpoint\":".utf8) + $0 } ?? []) + [UInt8(ascii: "}")]
  }

  /// The exact bytes of the checkpoint in a snapshot's first line; nil when it brings none. `[SP-1108]`
  public static func checkpoint(in line: [UInt8]) throws(WireError) -> [UInt8]? {
    for (key, range) in try JSON.members(of: line) where key == "checkpoint" {
      return Array(line[range])
    }
    return nil
  }

  /// Reads the first line; `signed` are the bytes the signatures are about.
  public static func parse(line: [UInt8]) throws(WireError) -> (
    snapshot: Snapshot, signed: [UInt8], signatures: [Signature]
  ) {
    var parts: [String: [UInt8]] = [:]
    for (key, range) in try JSON.members(of: line) { parts[key] = Array(line[range]) }
    guard let signed = parts["snapshot"], let signatures = parts["signatures"] else {
      throw WireError(.shape, "a snapshot lacks its description or its signatures")
    }
    return (try parse(signed), signed, try Signature.list(try JSON.parse(signatures)))
  }

  private static func parse(_ bytes: [UInt8]) throws(WireError) -> Snapshot {
    let json = try JSON.parse(bytes)
    guard let network = json["network"]?.string.flatMap({ NetworkID($0) }),
      let instance = json["instance"]?.string.flatMap({ InstanceID($0) }),
      let space = json["space"]?.string, let seq = json["seq"]?.integer, seq >= 0,
      let logHash = json["log_hash"]?.string.flatMap({ Hash($0) }), let at = json["at"]?.string,
      let rows = json["rows"]?.integer, rows >= 0, let size = json["bytes"]?.integer, size >= 0,
      let hash = json["hash"]?.string.flatMap({ Hash($0) }),
      case .object(let members)? = json["tables"]
    else { throw WireError(.shape, "a snapshot's description lacks a part") }
    var tables: [Table] = []
    for (name, value) in members {
      guard isTableName(name),
        let columns = value.array
      else { throw WireError(.shape, "a snapshot names a table that is none") }
      var read: [Column] = []
      for column in columns {
        guard let pair = column.array, pair.count == 2, let name = pair[0].string,
          isIdentifier(name), name != "id",
          let type = pair[1].string.flatMap(FieldType.init(rawValue:))
        else { throw WireError(.shape, "a snapshot names a column that is none") }
        read.append(Column(name: name, type: type))
      }
      tables.append(Table(name: name, columns: read))
    }
    return Snapshot(
      network: network, instance: instance, space: space, seq: Int(seq), logHash: logHash, at: at,
      rows: Int(rows), bytes: Int(size), hash: hash, tables: tables)
  }
}

extension Preimage {
  /// What central signs of a snapshot.
  public static func snapshot(_ description: [UInt8]) -> [UInt8] {
    Array("cordee.snapshot.1\n".utf8) + description
  }

  /// What the hash of an image begins with.
  public static let image = Array("cordee.image.1\n".utf8)
}

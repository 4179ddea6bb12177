public import Causality

/// A record's name inside a network: its table and its key, compared by bytes.
public struct RowKey: Sendable {
  /// The table.
  public let table: String
  /// The row's `id`.
  public let id: String

  /// Names a row.
  public init(table: String, id: String) {
    self.table = table
    self.id = id
  }
}

extension RowKey: Hashable, Comparable {
  /// Compares bytes.
  public static func == (left: RowKey, right: RowKey) -> Bool {
    left.id.hasBytes(of: right.id) && left.table.hasBytes(of: right.table)
  }

  /// Feeds the bytes that `==` compares.
  public func hash(into hasher: inout Hasher) {
    let bytes = id.utf8.span
    var word: UInt64 = 0
    for index in bytes.indices {
      word = word << 8 | UInt64(bytes[index])
      if index & 7 == 7 { hasher.combine(word) }
    }
    hasher.combine(word)
    hasher.combine(bytes.count)
  }

  /// Orders by table, then by id, by bytes.
  public static func < (left: RowKey, right: RowKey) -> Bool {
    left.table.hasBytes(of: right.table)
      ? left.id.precedes(bytesOf: right.id) : left.table.precedes(bytesOf: right.table)
  }
}

/// One field and the value written to it.
public struct FieldValue: Sendable, Hashable {
  /// The field's name, ASCII.
  public let name: String
  /// What is written.
  public let value: Value

  /// Pairs a field with a value.
  public init(_ name: String, _ value: Value) {
    self.name = name
    self.value = value
  }
}

/// What a write does to its row.
public enum Verb: Sendable, Hashable {
  /// Creates the row: writes its liveness and every field, NULLs included.
  case insert([FieldValue])
  /// Writes some fields.
  case set([FieldValue])
  /// Writes false to the liveness: the row leaves its table, its values stay in its history.
  case delete
  /// Writes true to the liveness.
  case undelete

  /// The fields written, if any.
  public var fields: [FieldValue] {
    switch self {
    case .insert(let fields), .set(let fields): fields
    case .delete, .undelete: []
    }
  }
}

/// One row's part of a change.
public struct Write: Sendable, Hashable {
  /// Which row.
  public let row: RowKey
  /// What happens to it.
  public let verb: Verb

  /// Makes a write.
  public init(_ row: RowKey, _ verb: Verb) {
    self.row = row
    self.verb = verb
  }
}

/// What a change says of itself, never withheld and never erased. `[SP-301]`
public struct Header: Sendable, Hashable {
  /// The network it was made for.
  public let network: NetworkID
  /// The one space it belongs to.
  public let space: String
  /// Its name in that space.
  public let dot: Dot
  /// What its author had integrated since its own previous change; other actors only.
  public let context: VersionVector

  /// Makes a header.
  public init(network: NetworkID, space: String, dot: Dot, context: VersionVector) {
    self.network = network
    self.space = space
    self.dot = dot
    self.context = context
  }
}

/// What a change does; may be withheld from those who may not read it. `[SP-303]`
public struct Body: Sendable, Hashable {
  /// 16 random bytes, so that the hash of a short body tells nothing about it.
  public let key: [UInt8]
  /// When its author's clock said it was made: a label, RFC 3339.
  public let at: String
  /// The dot the same edit had before it was sealed again.
  public let was: Dot?
  /// The rows it touches, each once.
  public let writes: [Write]

  /// Makes a body.
  public init(key: [UInt8], at: String, was: Dot? = nil, writes: [Write]) {
    self.key = key
    self.at = at
    self.was = was
    self.writes = writes
  }
}

/// One immutable edit as it is kept, hashed and sent: the exact bytes of its header and of its body.
public struct Change: Sendable {
  /// The header, decoded.
  public let header: Header
  /// The header's exact bytes.
  public let headerBytes: [UInt8]
  /// The body's exact bytes; nil when the body is withheld.
  public let bodyBytes: [UInt8]?
  /// The hash of the body.
  public let bodyHash: Hash
  /// The hash of this change and, through it, of all its author's changes below it.
  public let hash: Hash

  /// Puts the parts together; nothing is checked here.
  public init(header: Header, headerBytes: [UInt8], bodyBytes: [UInt8]?, bodyHash: Hash, hash: Hash)
  {
    self.header = header
    self.headerBytes = headerBytes
    self.bodyBytes = bodyBytes
    self.bodyHash = bodyHash
    self.hash = hash
  }

  /// The change's name.
  public var dot: Dot { header.dot }
}

/// Central's one judgement of a change.
public enum Verdict: Sendable, Hashable {
  /// It took effect.
  case applied
  /// It is kept but takes no effect; the reason is `code: text`.
  case quarantined(reason: String)

  /// `applied`, or `quarantined` and the reason.
  public var text: String {
    switch self {
    case .applied: "applied"
    case .quarantined(let reason): "quarantined \(reason)"
    }
  }

  /// Whether it took effect.
  public var isApplied: Bool { self == .applied }
}

extension Table {
  /// The members' devices and their keys: written by central, needed by every network to verify changes offline.
  ///
  /// Every schema holds it in its first space. `id` is the replica id.
  public static func replica(space: String) -> Table {
    Table(
      "replica", space: space, writers: .central,
      label: Label("A member's device and its key", fr: "Appareil d'un membre et sa clé"),
      fields: [
        Field(
          "key", isRequired: true,
          label: Label("Ed25519 public key, base64url", fr: "Clé publique Ed25519")),
        Field(
          "organisation_id", references: "organisation",
          label: Label("Whose device it is", fr: "Organisation")),
        Field("role", isRequired: true, label: Label("What it may do", fr: "Rôle")),
        Field("name", label: Label("How its edits are signed for readers", fr: "Nom affiché")),
        Field("enrolled_at", label: Label("When central enrolled it", fr: "Date d'inscription")),
        Field("revoked_at", label: Label("When central revoked it", fr: "Date de révocation")),
        Field(
          "succeeds_id", references: "replica",
          label: Label("The key it replaces", fr: "Clé remplacée")),
      ])
  }
}

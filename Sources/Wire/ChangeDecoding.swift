public import Causality
public import Changes

/// Bytes as changes: strict, bounded, and every refusal says what and where.
public enum ChangeDecoding {
  /// The parts of one change line; nothing is verified yet.
  public struct Line: Sendable {
    /// The header, decoded.
    public let header: Header
    /// The header's exact bytes.
    public let headerBytes: [UInt8]
    /// The body's exact bytes, unless withheld.
    public let bodyBytes: [UInt8]?
    /// The body's hash, where the body is withheld.
    public let bodyHash: Hash?
    /// The body, when reading the line has decoded it already.
    public let body: Body?

    /// Makes a line of parts that were decoded already.
    public init(
      header: Header, headerBytes: [UInt8], bodyBytes: [UInt8]?, bodyHash: Hash?, body: Body?
    ) {
      self.header = header
      self.headerBytes = headerBytes
      self.bodyBytes = bodyBytes
      self.bodyHash = bodyHash
      self.body = body
    }

    /// The body, decoded; nil where it is withheld.
    public func decodedBody() throws(WireError) -> Body? {
      if let body { return body }
      return try bodyBytes.map { (bytes) throws(WireError) in try ChangeDecoding.body(bytes) }
    }
  }

  /// Reads one change line.
  ///
  /// Unknown members beside header and body are refused: they would not be covered by the hash.
  ///
  /// - Throws: `WireError` naming the member; nothing of the line is to be used then.
  public static func line(_ bytes: [UInt8]) throws(WireError) -> Line {
    if let line = PlainReader.line(bytes) { return line }
    var headerBytes: [UInt8]?
    var bodyBytes: [UInt8]?
    var bodyHash: Hash?
    for (key, range) in try JSON.members(of: bytes) {
      switch key {
      case "header": headerBytes = Array(bytes[range])
      case "body": bodyBytes = Array(bytes[range])
      case "body_hash":
        bodyHash = try JSON.parse(Array(bytes[range])).string.flatMap(Hash.init)
        if bodyHash == nil {
          throw WireError(.shape, "body_hash is not 43 characters of base64url")
        }
      default:
        throw WireError(.shape, "a change line holds header and body or body_hash, nothing else")
      }
    }
    guard let headerBytes else { throw WireError(.shape, "a change line without a header") }
    guard (bodyBytes == nil) != (bodyHash == nil) else {
      throw WireError(.shape, "a change line holds either a body or a body_hash")
    }
    guard headerBytes.count <= ChangeLimits.headerBytesMax else {
      throw WireError(
        .tooLarge,
        "a header of \(headerBytes.count) bytes; the limit is \(ChangeLimits.headerBytesMax)")
    }
    if let bodyBytes, bodyBytes.count > ChangeLimits.bodyBytesMax {
      throw WireError(
        .tooLarge, "a body of \(bodyBytes.count) bytes; the limit is \(ChangeLimits.bodyBytesMax)")
    }
    return Line(
      header: try header(headerBytes), headerBytes: headerBytes, bodyBytes: bodyBytes,
      bodyHash: bodyHash, body: nil)
  }

  /// Reads a header.
  ///
  /// Unknown members are let through: newer writers may add some, and the bytes are kept.
  public static func header(_ bytes: [UInt8]) throws(WireError) -> Header {
    if let header = PlainReader.header(bytes) { return header }
    let json = try JSON.parse(bytes)
    guard let network = json["network"]?.string.flatMap({ NetworkID($0) }) else {
      throw WireError(.shape, "header.network is not an identifier of 32 hexadecimal digits")
    }
    guard let space = json["space"]?.string, isIdentifier(space) else {
      throw WireError(.shape, "header.space is not a name")
    }
    guard let actor = json["actor"]?.string.flatMap({ ActorID($0) }) else {
      throw WireError(.shape, "header.actor is not an actor of 48 hexadecimal digits")
    }
    let n = try count(json["n"], "header.n")
    let context = try json["context"].map { (value) throws(WireError) in
      try vector(value, "header.context")
    }
    guard context?[actor] ?? 0 == 0 else {
      throw WireError(.shape, "header.context names its own author")
    }
    return Header(
      network: network, space: space, dot: Dot(actor: actor, n: n),
      context: context ?? VersionVector())
  }

  /// What every body begins with, byte for byte: the short form leaves it out with the key behind it. `[SP-303]`
  public static let bodyStart = Array(#"{"key":""#.utf8)

  /// Reads a body in the one form that `ChangeEncoding` gives the common ones; nil for every other form, good or not.
  public static func plainBody(_ bytes: [UInt8]) -> Body? { PlainReader.body(bytes) }

  /// Reads a body.
  ///
  /// Unknown members are let through; unknown verbs are refused, since they could not be applied. A body that does not begin
  /// with its key is read: whether it may stand is judged where it would enter a log. `[SP-303]`
  public static func body(_ bytes: [UInt8]) throws(WireError) -> Body {
    if let body = PlainReader.body(bytes) { return body }
    let json = try JSON.parse(bytes)
    guard let key = json["key"]?.string.flatMap(Base64URL.decode), key.count == 16 else {
      throw WireError(.shape, "body.key is not 16 bytes of base64url")
    }
    guard let at = json["at"]?.string, at.utf8.count <= WireLimits.timeBytesMax else {
      throw WireError(.shape, "body.at is not a time")
    }
    guard case .array(let items)? = json["writes"], !items.isEmpty else {
      throw WireError(.shape, "body.writes is not a list of writes")
    }
    guard items.count <= ChangeLimits.writesMax else {
      throw WireError(
        .tooLarge, "\(items.count) writes in one change; the limit is \(ChangeLimits.writesMax)")
    }
    var was: Dot?
    if let value = json["was"] {
      was = value.string.flatMap(dot)
      if was == nil { throw WireError(.shape, "body.was is not a dot") }
    }
    let writes = try items.map(write)
    guard Set(writes.map(\.row)).count == writes.count else {
      throw WireError(.shape, "a change touches a row twice")
    }
    return Body(key: key, at: at, was: was, writes: writes)
  }

  /// Reads `actor:n`.
  public static func dot(_ text: String) -> Dot? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let actor = ActorID(String(parts[0])), let n = count(parts[1]), n > 0
    else {
      return nil
    }
    return Dot(actor: actor, n: n)
  }

  /// Reads digits without a leading zero, 0 to 2^53−1; nil for anything else.
  static func count(_ digits: some StringProtocol) -> Int? {
    guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      digits == "0" || digits.utf8.first != UInt8(ascii: "0"), let number = Int(digits),
      number <= ChangeLimits.countMax
    else { return nil }
    return number
  }

  /// Reads an object of actor to count.
  public static func vector(_ json: JSON, _ place: String) throws(WireError) -> VersionVector {
    guard case .object(let members) = json else {
      throw WireError(.shape, "\(place) is not an object")
    }
    var vector = VersionVector()
    for (key, value) in members {
      guard let actor = ActorID(key) else {
        throw WireError(.shape, "\(place) names something that is no actor")
      }
      vector.raise(actor, to: try count(value, place))
    }
    return vector
  }

  /// Reads a count: 1 to 2^53−1.
  public static func count(_ json: JSON?, _ place: String) throws(WireError) -> Int {
    guard case .integer(let number)? = json, number >= 1, number <= ChangeLimits.countMax else {
      throw WireError(.shape, "\(place) is not a count from 1 to \(ChangeLimits.countMax)")
    }
    return Int(number)
  }

  private static func write(_ json: JSON) throws(WireError) -> Write {
    guard let table = json["table"]?.string, isTableName(table) else {
      throw WireError(.shape, "a write's table is not a name of a table")
    }
    guard let id = json["id"]?.string, !id.isEmpty, id.utf8.count <= ChangeLimits.rowIDBytesMax
    else {
      throw WireError(
        .shape, "a write's id is not a text of 1 to \(ChangeLimits.rowIDBytesMax) bytes")
    }
    let row = RowKey(table: table, id: id)
    guard ["insert", "set", "delete", "undelete"].count(where: { json[$0] != nil }) == 1 else {
      throw WireError(.shape, "a write has exactly one of insert, set, delete and undelete")
    }
    if let members = json["insert"] { return Write(row, .insert(try fields(members))) }
    if let members = json["set"] { return Write(row, .set(try fields(members))) }
    if json["delete"]?.isTrue == true { return Write(row, .delete) }
    if json["undelete"]?.isTrue == true { return Write(row, .undelete) }
    throw WireError(.shape, "a write's delete or undelete is not true")
  }

  private static func fields(_ json: JSON) throws(WireError) -> [FieldValue] {
    guard case .object(let members) = json else {
      throw WireError(.shape, "a write's fields are not an object")
    }
    var fields: [FieldValue] = []
    fields.reserveCapacity(members.count)
    for (name, member) in members {
      guard isIdentifier(name) else { throw WireError(.shape, "a field's name is not a name") }
      fields.append(FieldValue(name, try value(member)))
    }
    return fields
  }

  /// Reads a SQLite value. `[SP-206]`
  public static func value(_ json: JSON) throws(WireError) -> Value {
    switch json {
    case .null: return .null
    case .integer(let number): return .integer(number)
    case .real(let number): return .real(number == 0 ? 0 : number)
    case .string(let text): return .text(text)
    case .object(let members) where members.count == 1:
      guard let text = members[0].1.string else { break }
      switch members[0].0 {
      case "blob": if let bytes = Base64URL.decode(text) { return .blob(bytes) }
      case "text": if let bytes = Base64URL.decode(text) { return .malformedText(bytes) }
      case "real" where text == "Infinity": return .real(.infinity)
      case "real" where text == "-Infinity": return .real(-.infinity)
      default: break
      }
    default: break
    }
    throw WireError(
      .shape, "a value is not null, a number, a string or one of {blob}, {text}, {real}")
  }
}

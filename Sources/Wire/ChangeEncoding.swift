public import Causality
public import Changes
import Mutants

/// Changes as bytes: `[SP-301]` to `[SP-307]`.
///
/// What is encoded here is kept, hashed and sent as it is.
public enum ChangeEncoding {
  /// The exact bytes of a header.
  public static func bytes(of header: Header) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(192)
    out += #"{"network":""#.utf8
    header.network.appendDigits(to: &out)
    out += #"","space":"#.utf8
    JSON.write(header.space, to: &out)
    out += #","actor":""#.utf8
    header.dot.actor.appendDigits(to: &out)
    out += #"","n":"#.utf8
    out += String(header.dot.n).utf8
    if !header.context.isEmpty, !mutant(9, "R5: a header leaves its context out") {
      out += #","context":"#.utf8
      json(header.context).write(to: &out)
    }
    out.append(UInt8(ascii: "}"))
    return out
  }

  /// The exact bytes of a body.
  public static func bytes(of body: Body) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(256)
    out += #"{"key":""#.utf8
    out += Base64URL.encodedBytes(body.key)
    out += #"","at":"#.utf8
    JSON.write(body.at, to: &out)
    if let was = body.was {
      out += #","was":""#.utf8
      out += was.description.utf8
      out.append(UInt8(ascii: "\""))
    }
    out += #","writes":["#.utf8
    for (place, write) in body.writes.enumerated() {
      if place > 0 { out.append(UInt8(ascii: ",")) }
      append(write, to: &out)
    }
    out += "]}".utf8
    return out
  }

  /// A vector as an object of actor to count, sorted by actor.
  public static func json(_ vector: VersionVector) -> JSON {
    .object(vector.entries.map { ($0.actor.description, .integer(Int64($0.n))) })
  }

  /// A SQLite value as JSON, without loss. `[SP-206]`
  public static func json(_ value: Value) -> JSON {
    switch value {
    case .null: .null
    case .integer(let number): .integer(number)
    case .real(let number) where number.isInfinite:
      .object([("real", .string(number > 0 ? "Infinity" : "-Infinity"))])
    case .real(let number): .real(number)
    case .text(let text): .string(text)
    case .malformedText(let bytes): .object([("text", .string(Base64URL.encode(bytes)))])
    case .blob(let bytes): .object([("blob", .string(Base64URL.encode(bytes)))])
    }
  }

  private static func append(_ write: Write, to out: inout [UInt8]) {
    out += #"{"table":"#.utf8
    JSON.write(write.row.table, to: &out)
    out += #","id":"#.utf8
    JSON.write(write.row.id, to: &out)
    switch write.verb {
    case .insert(let fields):
      out += #","insert":{"#.utf8
      append(fields, to: &out)
    case .set(let fields):
      out += #","set":{"#.utf8
      append(fields, to: &out)
    case .delete: out += #","delete":true"#.utf8
    case .undelete: out += #","undelete":true"#.utf8
    }
    out.append(UInt8(ascii: "}"))
  }

  /// The members and the closing bracket.
  private static func append(_ fields: [FieldValue], to out: inout [UInt8]) {
    for (place, field) in fields.enumerated() {
      if place > 0 { out.append(UInt8(ascii: ",")) }
      JSON.write(field.name, to: &out)
      out.append(UInt8(ascii: ":"))
      if case .text(let text) = field.value {
        JSON.write(text, to: &out)
      } else {
        json(field.value).write(to: &out)
      }
    }
    out.append(UInt8(ascii: "}"))
  }

  /// One line of a push or of the log, without its line feed. `[SP-305]`
  public static func line(of change: Change) -> [UInt8] {
    var line: [UInt8] = []
    line.reserveCapacity(change.headerBytes.count + (change.bodyBytes?.count ?? 64) + 32)
    append(change, to: &line)
    return line
  }

  /// Appends such a line.
  public static func append(
    _ change: Change, withholdsBody: Bool = false, to line: inout [UInt8]
  ) {
    line += #"{"header":"#.utf8
    line += change.headerBytes
    if !withholdsBody, let body = change.bodyBytes {
      line += #","body":"#.utf8
      line += body
    } else {
      line += #","body_hash":""#.utf8
      line += Base64URL.encodedBytes(change.bodyHash.bytes)
      line.append(UInt8(ascii: "\""))
    }
    line.append(UInt8(ascii: "}"))
  }
}

/// What is fed to BLAKE2b-256, in order; each with its domain, so that no hash can stand for another kind. `[SP-306]`
public enum Preimage {
  private static let body = Array("cordee.body.1\n".utf8)
  private static let change = Array("cordee.change.1\n".utf8)
  private static let log = Array("cordee.log.1\n".utf8)
  private static let key = Array("cordee.key.1\n".utf8)

  /// A body's key, BLAKE2b-128 of this, comes from its run's secret and its change's count. `[SP-313]`
  public static func key(secret: [UInt8], n: Int) -> [[UInt8]] {
    [key, secret, Array("\(n)\n".utf8)]
  }

  /// The hash of a body covers its exact bytes.
  public static func body(_ bytes: [UInt8]) -> [[UInt8]] {
    mutant(10, "R11: the hash of a body covers none of it") ? [body] : [body, bytes]
  }

  /// The hash of a change covers the one before it in its author's chain, its body's hash and its header.
  public static func change(previous: Hash, bodyHash: Hash, header: [UInt8]) -> [[UInt8]] {
    var start: [UInt8] = []
    start.reserveCapacity(change.count + 64)
    start += change
    if !mutant(11, "R6: a change does not cover its past") { previous.append(to: &start) }
    bodyHash.append(to: &start)
    return [start, header]
  }

  /// The hash of a log entry covers the one before it in the space's log, its place, the verdict with its reason, and
  /// the change.
  public static func log(previous: Hash, seq: Int, dot: Dot, verdict: Verdict, hash: Hash)
    -> [[UInt8]]
  {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(log.count + 192)
    bytes += log
    previous.append(to: &bytes)
    bytes += String(seq).utf8
    bytes.append(UInt8(ascii: " "))
    dot.actor.appendDigits(to: &bytes)
    bytes.append(UInt8(ascii: " "))
    bytes += String(dot.n).utf8
    bytes.append(UInt8(ascii: " "))
    bytes += verdict.text.utf8
    bytes.append(UInt8(ascii: "\n"))
    hash.append(to: &bytes)
    return [bytes]
  }

  /// What an author signs: its head in one space, and through the chain all below it. `[SP-706]`
  public static func segment(network: NetworkID, space: String, head: Dot, hash: Hash) -> [UInt8] {
    Array("cordee.segment.1\n\(network)\n\(space)\n\(head.actor)\n\(head.n)\n\(hash)\n".utf8)
  }

  /// What central signs: the exact bytes of a checkpoint. `[SP-808]`
  public static func checkpoint(_ bytes: [UInt8]) -> [UInt8] {
    Array("cordee.checkpoint.1\n".utf8) + bytes
  }
}

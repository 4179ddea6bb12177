import Causality
public import Changes
public import Wire

/// The header that an author's next change without a context has, byte for byte.
private struct NextHeader {
  private let before: Header
  private let prefix: [UInt8]
  private var n: Int

  /// Follows `header`.
  init(after header: Header) {
    before = Header(
      network: header.network, space: header.space, dot: header.dot, context: VersionVector())
    // The count and the closing bracket come last.
    prefix = ChangeEncoding.bytes(of: before).dropLast("\(header.dot.n)}".utf8.count)
    n = header.dot.n + 1
  }

  var count: Int { n }

  var bytes: [UInt8] { prefix + "\(n)}".utf8 }

  var header: Header {
    Header(
      network: before.network, space: before.space,
      dot: Dot(actor: before.dot.actor, n: n), context: before.context)
  }

  mutating func advance() { n += 1 }
}

/// Writes a push or a piece of the log in short form: what the line before says already is left out. `[SP-1012]`
///
/// Every line stands for exactly one full line; what does not fit is written in full. In a push alone a body that does not
/// begin with its key cannot be said, and is refused.
public struct ShortWriter {
  /// The lines so far, each with its line feed.
  public private(set) var bytes: [UInt8] = []
  private var seq = 0
  private var next: NextHeader?
  private var secret: [UInt8]?

  /// Starts a stream.
  public init() {}

  /// Adds a line that is no change, as it is; what was said before holds no longer.
  public mutating func append(line: [UInt8]) {
    bytes += line
    bytes.append(UInt8(ascii: "\n"))
    (seq, next, secret) = (0, nil, nil)
  }

  /// Adds a change with its body, an entry of the log as one that was applied.
  ///
  /// - Parameters:
  ///   - seq: its place in the log; nil in a push.
  ///   - signatures: of the segment it ends.
  ///   - run: the run whose secret the reader may be given.
  public mutating func append(
    _ change: Change, seq: Int? = nil, signatures: [UInt8]? = nil, run: Run? = nil
  ) {
    let whole = change.bodyBytes ?? []
    if let seq, !whole.starts(with: KeyMember.start) {
      // No short line stands for it.
      return append(
        line: LogLine.entryLine(
          seq: seq, change: change, verdict: .applied, signatures: signatures,
          withholdsBody: change.bodyBytes == nil))
    }
    let body = shortened(whole, of: change.dot.n, run)
    bytes.append(UInt8(ascii: "{"))
    if let seq {
      if seq != self.seq + 1 || self.seq == 0 {
        bytes += #""seq":"#.utf8
        bytes += "\(seq),".utf8
      }
      self.seq = seq
    }
    if let signatures {
      bytes += #""signatures":"#.utf8
      bytes += signatures
      bytes.append(UInt8(ascii: ","))
    }
    if next?.bytes == change.headerBytes {
      next?.advance()
    } else {
      bytes += #""header":"#.utf8
      bytes += change.headerBytes
      bytes.append(UInt8(ascii: ","))
      next = NextHeader(after: change.header)
    }
    bytes += #""body":"#.utf8
    bytes += body
    bytes += "}\n".utf8
  }

  /// The body without its key, where the run's secret gives it; says the secret first when it is a new one.
  private mutating func shortened(_ body: [UInt8], of n: Int, _ run: Run?) -> [UInt8] {
    guard let run, run.to > n || run.secret == secret else { return body }
    let key = KeyMember.bytes(Run.key(secret: run.secret, n: n))
    guard body.starts(with: key) else { return body }
    if run.secret != secret {
      bytes += #"{"run":""#.utf8
      bytes += Base64URL.encodedBytes(run.secret)
      bytes += "\"}\n".utf8
      secret = run.secret
    }
    return [UInt8(ascii: "{")] + body.dropFirst(key.count)
  }
}

/// Reads a push or a piece of the log, in short or full form, as full lines. `[SP-1012]`
public struct ShortReader {
  /// The secret that gave the key of the last line's body; nil when its body held the key.
  public private(set) var secretUsed: [UInt8]?
  private let isLog: Bool
  private let bytesMax: Int
  private var bytesGiven = 0
  private var seq = 0
  private var next: NextHeader?
  private var secret: [UInt8]?

  /// Starts a stream.
  ///
  /// - Parameters:
  ///   - isLog: whether lines have places.
  ///   - bytesMax: how many bytes all full lines may have.
  public init(isLog: Bool, bytesMax: Int) {
    self.isLog = isLog
    self.bytesMax = bytesMax
  }

  /// The full line that `line` stands for; nil when it only says a secret.
  ///
  /// - Throws: `WireError` when something is left out that no earlier line says, or when it grows too large.
  public mutating func full(_ line: [UInt8]) throws(WireError) -> [UInt8]? {
    secretUsed = nil
    guard let full = try expand(line) else { return nil }
    try count(full.count)
    return full
  }

  /// What the full line says that a line of a log stands for; nil when it only says a secret.
  ///
  /// The same as reading what `full` gives. The common line, in which all but the body follows from the one before, is not
  /// written out for it.
  public mutating func logLine(_ line: [UInt8]) throws(WireError) -> LogLine? {
    if let entry = try commonEntry(line) { return entry }
    guard let full = try full(line) else { return nil }
    return try LogLine.parse(full)
  }

  /// The entry of a common line; nil for every other, and then nothing was taken of it.
  private mutating func commonEntry(_ line: [UInt8]) throws(WireError) -> LogLine? {
    guard isLog, seq > 0, seq < ChangeLimits.countMax, let common = Parts.commonBody(of: line),
      let known = next, known.count <= ChangeLimits.countMax
    else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(common.count + 40)
    secretUsed = nil
    try append(common, of: known.count, to: &bytes)
    guard bytes.count <= ChangeLimits.bodyBytesMax, let body = ChangeDecoding.plainBody(bytes)
    else { return nil }
    let header = known.bytes
    seq += 1
    next?.advance()
    try count(header.count + bytes.count)
    return .entry(
      seq: seq,
      change: ChangeDecoding.Line(
        header: known.header, headerBytes: header, bodyBytes: bytes, bodyHash: nil, body: body),
      verdict: .applied, signatures: [], rawSignatures: nil)
  }

  private mutating func count(_ bytes: Int) throws(WireError) {
    bytesGiven += bytes
    guard bytesGiven <= bytesMax else {
      throw WireError(.tooLarge, "the lines in full form have more than \(bytesMax) bytes")
    }
  }

  private mutating func expand(_ line: [UInt8]) throws(WireError) -> [UInt8]? {
    var parts = Parts()
    if let body = Parts.commonBody(of: line) {
      // Looked at once, by whoever reads the full line.
      parts.body = body
    } else {
      guard try parts.read(line) else {
        (seq, next, secret) = (0, nil, nil)
        return line
      }
    }
    if let secret = parts.secret {
      self.secret = secret
      return nil
    }
    guard let body = parts.body else { throw WireError(.shape, "a short line lacks its body") }
    let header: [UInt8]
    if let given = parts.header {
      header = given
      next = NextHeader(after: try ChangeDecoding.header(given))
    } else {
      guard let known = next, known.count <= ChangeLimits.countMax else {
        throw WireError(.shape, "a short line follows no header")
      }
      header = known.bytes
      next?.advance()
    }
    return try compose(parts, header, body)
  }

  private mutating func compose(
    _ parts: Parts, _ header: [UInt8], _ body: ArraySlice<UInt8>
  ) throws(WireError) -> [UInt8] {
    var full: [UInt8] = []
    full.reserveCapacity(header.count + body.count + 160)
    if isLog {
      guard let place = parts.seq ?? (seq > 0 ? seq + 1 : nil) else {
        throw WireError(.shape, "a short line follows no place in the log")
      }
      seq = place
      full += #"{"seq":"#.utf8
      full += "\(place)".utf8
      if let signatures = parts.signatures {
        full += #","signatures":"#.utf8
        full += signatures
      }
      full += #","change":"#.utf8
    }
    full += #"{"header":"#.utf8
    full += header
    full += #","body":"#.utf8
    try append(body, of: next.map { $0.count - 1 }, to: &full)
    full += isLog ? "}}".utf8 : "}".utf8
    return full
  }

  /// Adds a body with its key, which is that of change `n` where the body lacks it.
  private mutating func append(
    _ body: ArraySlice<UInt8>, of n: Int?, to full: inout [UInt8]
  ) throws(WireError) {
    if body.starts(with: KeyMember.start) {
      full += body
      return
    }
    guard let secret, let n else {
      throw WireError(.shape, "a short line's body lacks its key")
    }
    secretUsed = secret
    full += KeyMember.bytes(Run.key(secret: secret, n: n))
    full += body.dropFirst()
  }

  /// The members of a short line.
  private struct Parts {
    private static let bodyStart = Array(#"{"body":"#.utf8)

    /// The body of a line that holds nothing else, as far as its ends tell.
    static func commonBody(of line: [UInt8]) -> ArraySlice<UInt8>? {
      guard line.starts(with: bodyStart), line.last == UInt8(ascii: "}") else { return nil }
      return line[bodyStart.count..<line.count - 1]
    }

    var seq: Int?
    var signatures: [UInt8]?
    var header: [UInt8]?
    var body: ArraySlice<UInt8>?
    var secret: [UInt8]?

    /// False for a line that is no short one.
    mutating func read(_ line: [UInt8]) throws(WireError) -> Bool {
      for (key, range) in try JSON.members(of: line) {
        let bytes = Array(line[range])
        switch key {
        case "seq": seq = try ChangeDecoding.count(try JSON.parse(bytes), "seq")
        case "signatures": signatures = bytes
        case "header": header = bytes
        case "body": body = line[range]
        case "run":
          secret = try JSON.parse(bytes).string.flatMap(Base64URL.decode)
          guard secret?.count == 16 else {
            throw WireError(.shape, "a run's secret is not 16 bytes of base64url")
          }
        default: return false
        }
      }
      return true
    }
  }
}

/// A body's first member.
private enum KeyMember {
  static let start = ChangeDecoding.bodyStart

  /// Up to the comma behind it.
  static func bytes(_ key: [UInt8]) -> [UInt8] {
    start + Base64URL.encodedBytes(key) + [UInt8(ascii: "\""), UInt8(ascii: ",")]
  }
}

public import Causality
public import Changes
import Mutants
import SQLite
import Seal
package import Store
package import Wire

/// What central says of a pushed segment: it is on disk. `[SP-709]`
public struct Receipt: Sendable, Hashable {
  /// The author.
  public let actor: ActorID
  /// The head of the segment.
  public let n: Int
  /// Its hash.
  public let hash: Hash
}

/// Receiving: whole signed segments, verified, then on disk before the receipt is given.
extension Central {
  /// Takes a push of a member into the inbox.
  ///
  /// The same push sent twice is harmless; a segment that does not follow yet waits.
  ///
  /// - Returns: a receipt a segment, once all of them are committed with `synchronous=FULL`.
  /// - Throws: `Problem`; then nothing of the push was taken.
  public func receive(_ body: [UInt8], from member: Member, space: String, at: String) throws
    -> [Receipt]
  {
    guard store.schema.spaces.contains(space) else {
      throw Problem("space.unknown", status: 404, "there is no space of that name")
    }
    guard store.schema.role(member.role)?.writes.contains(space) == true else {
      throw Problem(
        "space.forbidden", status: 403, "the role \(member.role) may not write in \(space)")
    }
    try checkDisk(for: body.count)
    let segments = try Self.segments(of: body)
    return try store.write {
      try checkQueue(of: member.replica, adding: segments.reduce(0) { $0 + $1.1.bytes })
      return try segments.map { segment, content in
        try accept(segment, content, from: member, space: space, at: at)
      }
    }
  }

  /// What stands under a segment's line.
  package struct SegmentContent {
    /// A line a change, in full form.
    package var lines: [[UInt8]] = []
    /// The runs whose secrets came with them.
    package var runs: [Run] = []
    /// Why a line could not be read; a push is refused then, an offer for this segment alone.
    package var failure: Problem?
    /// The bytes it takes in the inbox.
    var bytes: Int { lines.reduce(0) { $0 + $1.count } }
  }

  private func accept(
    _ segment: Segment, _ content: SegmentContent, from member: Member, space: String, at: String
  ) throws -> Receipt {
    guard segment.actor.replica == member.replica else {
      throw Problem(
        "segment.foreign", status: 403, "a segment of another member's device",
        hint: "Each device pushes its own changes; others' go to offers.")
    }
    return try keep(segment, content, key: member.key, space: space, at: at)
  }

  /// Verifies a segment and puts it into the inbox, unless its head is held already; call inside `write`.
  ///
  /// - Throws: `Problem`; then nothing of the segment was kept.
  func keep(
    _ segment: Segment, _ content: SegmentContent, key: PublicKey, space: String, at: String,
    allowsWithheld: Bool = false
  ) throws -> Receipt {
    let receipt = Receipt(actor: segment.actor, n: segment.to, hash: segment.head)
    if let failure = content.failure { throw failure }
    let changes = try segment.verify(
      content.lines, key: key, network: network, space: space, allowsWithheld: allowsWithheld)
    try checkChain(segment, changes.map(\.change.hash), in: space)
    if try holds(segment, in: space) { return receipt }
    let head = Dot(actor: segment.actor, n: segment.to)
    guard try !isLost(head, in: space) else {
      throw Problem(
        "change.lost", status: 409, "change \(head) was declared lost before it came back",
        hint: "Its content can be written again; tell whoever keeps central.")
    }
    guard try !followsLost(segment, in: space) else {
      throw Problem(
        "change.lost", status: 409,
        "change \(head) follows what was declared lost and never came",
        hint: "Its content can be written again; tell whoever keeps central.")
    }
    if mutant(49, "R1: the receipt is given, the disk gets nothing") { return receipt }
    let signatures = JSON.array(segment.signatures.map(\.json)).bytes()
    try store.withConnection {
      try $0.run(
        """
        INSERT INTO cordee_inbox(space, actor, n_from, n_to, previous, head, signatures, lines, runs, received_at)
        VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """, .text(space), .blob(segment.actor.bytes), .int(segment.from), .int(segment.to),
        .blob(segment.previous.bytes), .blob(segment.head.bytes),
        .textBytes(signatures),
        .blob(Array(content.lines.joined(separator: [UInt8(ascii: "\n")]))),
        .textBytes(JSON.array(content.runs.map(\.json)).bytes()), .text(at))
    }
    verified.keep(changes, signatures: signatures, of: segment, bytes: content.bytes)
    return receipt
  }

  /// The newest change of an actor up to which central holds everything, merged or in the inbox.
  public func heldHead(of actor: ActorID, in space: String) throws -> (n: Int, hash: Hash) {
    let head = try store.head(of: actor, in: space)
    var (n, hash) = (head.n, head.hash)
    let segments = try store.withConnection { connection in
      try connection.all(
        "SELECT n_from, n_to, head FROM cordee_inbox WHERE space = ? AND actor = ? ORDER BY n_from",
        .text(space), .blob(actor.bytes)
      ) { ($0.int(0), $0.int(1), $0.bytes(2)) }
    }
    for (from, to, bytes) in segments where to > n {
      guard from <= n + 1, let head = Hash(bytes: bytes) else { break }
      (n, hash) = (to, head)
    }
    return (n, hash)
  }

  /// The segments of a push, in full form.
  ///
  /// - Throws: `Problem` when it is no list of segments, or over the limit in full form; then nothing of it is to be used.
  /// - Complexity: O(bytes in full form).
  package static func segments(of body: [UInt8]) throws -> [(Segment, SegmentContent)] {
    var lines = Lines.split(body)[...]
    var reader = ShortReader(isLog: false, bytesMax: CentralLimits.pushBytesMax)
    var segments: [(Segment, SegmentContent)] = []
    while let first = lines.popFirst() {
      _ = try wire { () throws(WireError) in try reader.full(first) }
      let segment = try wire { () throws(WireError) in try Segment.parse(first) }
      let count = segment.to - segment.from + 1
      var content = SegmentContent()
      while content.lines.count < count {
        guard let line = lines.popFirst() else {
          throw Problem(
            "wire.truncated", status: 400,
            "a segment announces \(count) changes and holds \(content.lines.count)")
        }
        do {
          guard let full = try reader.full(line) else { continue }
          content.add(full, n: segment.from + content.lines.count, secret: reader.secretUsed)
        } catch {
          guard error.code != .tooLarge else { throw Problem(error) }
          content.failure = content.failure ?? Problem(error)
          content.lines.append(line)
        }
      }
      segments.append((segment, content))
    }
    return segments
  }

  static func wire<T>(_ body: () throws(WireError) -> T) throws -> T {
    do { return try body() } catch { throw Problem(error) }
  }
}

extension Central {
  /// Segments that wait for a merge.
  public func inboxCount() throws -> Int {
    try store.withConnection { connection in
      try connection.first("SELECT count(*) FROM cordee_inbox") { $0.int(0) }
    } ?? 0
  }

  /// Segments that were received and could not take their place.
  public func asideCount() throws -> Int {
    try store.withConnection { connection in
      try connection.first("SELECT count(*) FROM cordee_aside") { $0.int(0) }
    } ?? 0
  }
}

extension Central.SegmentContent {
  /// Adds the line of change `n`, whose body's key came from `secret`.
  fileprivate mutating func add(_ line: [UInt8], n: Int, secret: [UInt8]?) {
    lines.append(line)
    guard let secret else { return }
    if let last = runs.last, last.secret == secret, last.to == n - 1 {
      runs[runs.count - 1].to = n
    } else {
      runs.append(Run(from: n, to: n, secret: secret))
    }
  }
}

extension Run {
  /// As the inbox keeps it.
  var json: JSON {
    .array([.integer(Int64(from)), .integer(Int64(to)), .string(Base64URL.encode(secret))])
  }

  /// Reads what the inbox keeps; nothing where it is damaged, since secrets only save bytes.
  static func list(_ bytes: [UInt8]) -> [Run] { text(bytes) ?? [] }

  /// Reads what the inbox keeps; nil where it is damaged.
  static func text(_ bytes: [UInt8]) -> [Run]? {
    guard let items = (try? JSON.parse(bytes))?.array else { return nil }
    let runs = items.compactMap { Run($0) }
    return runs.count == items.count ? runs : nil
  }

  private init?(_ json: JSON) {
    guard let parts = json.array, parts.count == 3, let from = parts[0].integer,
      let to = parts[1].integer, let secret = parts[2].string.flatMap(Base64URL.decode),
      from > 0, to >= from, secret.count == 16
    else { return nil }
    self.init(from: Int(from), to: Int(to), secret: secret)
  }
}

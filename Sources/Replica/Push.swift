public import Causality
public import Changes
import HTTP
import Mutants
import Seal
import Store
import Wire

/// Own changes to central, in whole signed segments.
extension Replica {
  /// Bytes of one push in full form, before compression.
  static let pushBytesMax = 900_000
  /// Changes read at once.
  private static let batch = 2_000

  /// Sends the changes above `n`; after each push its receipts are kept, so that a cut loses little.
  ///
  /// - Complexity: O(changes sent); memory stays within one batch.
  ///
  /// - Parameter actor: who made them; nil for the present actor.
  /// - Returns: changes sent.
  func push(
    _ space: String, as actor: ActorID? = nil, after n: Int, at: String, _ line: Line
  ) throws -> Int {
    let actor = actor ?? identity.actor
    var sent = 0
    var heads: [Dot: Hash] = [:]
    var body: [UInt8] = []
    var size = 0
    let all = try store.head(of: actor, in: space).n - n
    line.reckon(.push, done: 0, of: all)
    func send() throws {
      if mutant(32, "R1: what is sent counts as received") {
        try store.write { try store.markReceived(actor, upTo: n + sent, in: space) }
      }
      let answer = try post(body, to: "changes", space, line)
      _ = try takeReceipt(
        answer, for: heads, in: space, at: at,
        upTo: actor == identity.actor ? heads.keys.map(\.n).max() : nil)
      (body, heads, size) = ([], [:], 0)
      line.reckon(.push, done: sent, of: all)
    }
    try forEachSegment(of: space, as: actor, after: n) { segment in
      if size > 0, size + segment.fullBytes > Self.pushBytesMax { try send() }
      body += segment.lines
      size += segment.fullBytes
      sent += segment.changes
      heads[segment.head] = segment.hash
    }
    if !body.isEmpty { try send() }
    return sent
  }

  /// Sends as `push` does; own edits that the role may not send, or that were declared lost meanwhile, stay here, and what
  /// others wrote comes all the same.
  ///
  /// Changes of an actor whose name a twin took are sealed again: a former one's in this conversation or the next, the present
  /// one's once a restored central's life is accepted.
  func pushIfAllowed(
    _ space: String, as actor: ActorID? = nil, after n: Int, at: String, _ line: Line,
    _ report: inout SyncReport
  ) throws -> Int {
    do {
      return try push(space, as: actor, after: n, at: at, line)
    } catch let refusal as SyncError
      where ["space.forbidden", "change.lost"].contains(refusal.code)
    {
      if !report.refused.contains(refusal.message) { report.refused.append(refusal.message) }
      return 0
    } catch let refusal as SyncError
      where refusal.code == "segment.fork" && (actor != nil || report.isCentralRestoring)
    {
      return 0
    }
  }

  /// Brings others' changes that bundles left here; each is kept until central has it or refuses it for good.
  ///
  /// - Returns: how many segments central received.
  func offerParcels(_ line: Line, at: String) throws -> Int {
    var received = 0
    for space in identity.spaces {
      var after = 0
      while true {
        let parcels = try store.parcels(in: space, after: after, bytesMax: Self.pushBytesMax)
        guard let last = parcels.last else { break }
        after = last.id
        let heads = Dictionary(parcels.map { ($0.head, $0.hash) }, uniquingKeysWith: { $1 })
        let answer = try post(parcels.flatMap(\.lines), to: "offers", space, line)
        let refused = try takeReceipt(answer, for: heads, in: space, at: at)
        received += parcels.count - refused.count
        try store.write {
          for parcel in parcels {
            if let code = refused[parcel.head] { try store.markRefused(parcel.id, code) }
          }
          try store.dropDelivered(in: space)
        }
      }
    }
    return received
  }

  /// One signed segment as it is sent.
  public struct SegmentLines {
    /// Its lines in short form, each with its line feed.
    public let lines: [UInt8]
    /// Its last change.
    public let head: Dot
    /// How many changes it holds.
    public let changes: Int
    /// Its last change's hash.
    public let hash: Hash
    /// At least the bytes its lines have in full form.
    public let fullBytes: Int
    let segmentLine: [UInt8]
    let content: ArraySlice<Change>

    /// Its lines in full form, each with its line feed.
    public var full: [UInt8] {
      var bytes = segmentLine + [UInt8(ascii: "\n")]
      for change in content { bytes += ChangeEncoding.line(of: change) + [UInt8(ascii: "\n")] }
      return bytes
    }
  }

  /// Gives own changes above `n` in whole signed segments.
  ///
  /// - Complexity: O(changes); memory stays within one batch.
  public func forEachSegment(
    of space: String, as actor: ActorID? = nil, after n: Int, _ body: (SegmentLines) throws -> Void
  ) throws {
    let actor = actor ?? identity.actor
    try store.write { try store.closeRuns() }
    var runs = RunFinder(store, space: space)
    var reached = n
    while true {
      let changes = try store.ownChanges(of: actor, in: space, after: reached, limit: Self.batch)
      guard let first = changes.first, let last = changes.last else { return }
      // A restored central may hold less than what has its verdict here.
      var previous =
        try store.changeHash(Dot(actor: actor, n: first.dot.n - 1), in: space) ?? .zero
      var start = 0
      while start < changes.count {
        let (end, size) = Self.segmentEnd(in: changes, from: start)
        let segment = segment(changes[start..<end], space: space, previous: previous)
        var writer = ShortWriter()
        writer.append(line: segment.line)
        for change in changes[start..<end] {
          let run = try runs.run(of: change.dot)
          // What stands in another segment may be judged at another time, and one of its bodies withheld.
          let isWhole = run.map { $0.from >= segment.from && $0.to <= segment.to } ?? false
          writer.append(change, run: isWhole ? run : nil)
        }
        try body(
          SegmentLines(
            lines: writer.bytes, head: changes[end - 1].dot, changes: end - start,
            hash: segment.head, fullBytes: size, segmentLine: segment.line,
            content: changes[start..<end]))
        previous = segment.head
        start = end
      }
      reached = last.dot.n
    }
  }

  /// The end of the longest segment from `start`, whose first change alone carries a context; and a bound of its bytes in
  /// full form.
  private static func segmentEnd(in changes: [Change], from start: Int) -> (end: Int, size: Int) {
    func size(_ change: Change) -> Int {
      change.headerBytes.count + (change.bodyBytes?.count ?? 0) + 22
    }
    var total = 512 + size(changes[start])
    var end = start + 1
    while end < changes.count, changes[end].header.context.isEmpty,
      end - start < ChangeLimits.segmentChangesMax
    {
      let more = size(changes[end])
      if total + more > pushBytesMax { break }
      total += more
      end += 1
    }
    return (end, total)
  }

  private func segment(_ run: ArraySlice<Change>, space: String, previous: Hash) -> Segment {
    let head = run[run.endIndex - 1]
    let message = Preimage.segment(
      network: identity.network, space: space, head: head.dot, hash: head.hash)
    return Segment(
      actor: head.dot.actor, from: run[run.startIndex].dot.n, to: head.dot.n, previous: previous,
      head: head.hash,
      signatures: [Signature(key: identity.actor.replica, value: key.sign(message))])
  }

  /// Posts lines to an address of a space, compressed where it pays; the log may be longer then than hello told.
  func post(_ body: [UInt8], to address: String, _ space: String, _ line: Line) throws
    -> [UInt8]
  {
    var headers: Headers = ["Content-Type": "application/x-ndjson"]
    var content = body
    if body.count > 256 {
      content = Zstd.compress(body)
      headers.add("Content-Encoding", "zstd")
    }
    line.forgetTold()
    return try line.ask(
      "POST", "/v1/spaces/\(space)/\(address)", body: content, headers: headers, phase: .push
    ).bytes
  }
}

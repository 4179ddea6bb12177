public import Causality
import Changes
import HTTP
import Seal
import Store
import Wire

/// Own changes to central, in whole signed segments.
extension Replica {
  /// Bytes of one push before compression.
  private static let pushBytesMax = 900_000
  /// Changes read at once.
  private static let batch = 2_000

  /// Sends the changes above `n`; after each push its receipts are kept, so that a cut loses little.
  ///
  /// - Complexity: O(changes sent); memory stays within one batch.
  func push(_ space: String, after n: Int, _ line: Line) throws -> Int {
    var sent = n
    var reached = n
    var body: [UInt8] = []
    try forEachSegment(of: space, after: n) { bytes, head in
      if !body.isEmpty, body.count + bytes.count > Self.pushBytesMax {
        sent = try send(body, upTo: reached, space, line)
        body = []
      }
      body += bytes
      reached = head.n
    }
    if !body.isEmpty { sent = try send(body, upTo: reached, space, line) }
    return sent - n
  }

  /// Gives own changes above `n` in whole signed segments: the lines of each, as they are sent, and its head.
  ///
  /// - Complexity: O(changes); memory stays within one batch.
  public func forEachSegment(
    of space: String, after n: Int, _ body: (_ lines: [UInt8], _ head: Dot) throws -> Void
  ) throws {
    var reached = n
    while true {
      let changes = try store.ownChanges(
        of: identity.actor, in: space, after: reached, limit: Self.batch)
      guard let last = changes.last else { return }
      var previous =
        try store.changeHash(Dot(actor: identity.actor, n: reached), in: space) ?? .zero
      var start = 0
      while start < changes.count {
        let (end, lines) = Self.run(in: changes, from: start)
        let segment = segment(changes[start..<end], space: space, previous: previous)
        var bytes = segment.line + [UInt8(ascii: "\n")]
        for line in lines { bytes += line + [UInt8(ascii: "\n")] }
        try body(bytes, changes[end - 1].dot)
        previous = segment.head
        start = end
      }
      reached = last.dot.n
    }
  }

  /// The longest run from `start` that one segment may hold: only its first change carries a context.
  private static func run(in changes: [Change], from start: Int) -> (end: Int, lines: [[UInt8]]) {
    var lines = [ChangeEncoding.line(of: changes[start])]
    var size = lines[0].count
    var end = start + 1
    while end < changes.count, changes[end].header.context.isEmpty,
      end - start < ChangeLimits.segmentChangesMax
    {
      let line = ChangeEncoding.line(of: changes[end])
      size += line.count + 1
      if size > pushBytesMax - 10_000 { break }
      lines.append(line)
      end += 1
    }
    return (end, lines)
  }

  private func segment(_ run: ArraySlice<Change>, space: String, previous: Hash) -> Segment {
    let head = run[run.endIndex - 1]
    let message = Preimage.segment(
      network: identity.network, space: space, head: head.dot, hash: head.hash)
    return Segment(
      actor: identity.actor, from: run[run.startIndex].dot.n, to: head.dot.n, previous: previous,
      head: head.hash,
      signatures: [Signature(key: identity.actor.replica, value: key.sign(message))])
  }

  private func send(_ body: [UInt8], upTo n: Int, _ space: String, _ line: Line) throws -> Int {
    var headers: Headers = ["Content-Type": "application/x-ndjson"]
    var content = body
    if body.count > 256 {
      content = Zstd.compress(body)
      headers.add("Content-Encoding", "zstd")
    }
    _ = try line.ask(
      "POST", "/v1/spaces/\(space)/changes", body: content, headers: headers, phase: .push)
    try store.write { try store.markReceived(identity.actor, upTo: n, in: space) }
    return n
  }
}

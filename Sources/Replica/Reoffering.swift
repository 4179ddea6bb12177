import Causality
import Changes
import HTTP
import Seal
import Store
import Wire

/// What no checkpoint of a restored central covers is offered again, own and others' changes: any member can heal central.
extension Replica {
  /// Offers what central does not hold of the changes that are adrift, and of own ones that former actors have waiting.
  ///
  /// - Returns: changes sent.
  func offerAgain(_ space: String, at: String, _ line: Line, _ report: inout SyncReport) throws
    -> Int
  {
    let adrift = try store.adrift(in: space)
    // Hello speaks of the present actor alone.
    let former = try store.epochs().map(\.from).filter { actor in
      guard actor.replica == identity.actor.replica, actor != identity.actor else { return false }
      return try !store.ownChanges(of: actor, in: space, limit: 1).isEmpty
    }
    guard !adrift.isEmpty || !former.isEmpty else { return 0 }
    var asked: [ActorID: Int] = [:]
    for change in adrift { asked[change.change.dot.actor] = 0 }
    for actor in former { asked[actor] = 0 }
    let held = try askHeld(asked, space, line)
    var sent = 0
    for actor in former {
      sent += try pushIfAllowed(
        space, as: actor, after: held[actor] ?? 0, at: at, line, &report)
    }
    let others = adrift.filter { $0.change.dot.actor.replica != identity.actor.replica }
    let (count, refused) = try offer(others, above: held, space, line)
    sent += count
    try store.write {
      for (dot, reason) in refused { try store.refuseAdrift(upTo: dot, in: space, reason: reason) }
    }
    return sent
  }

  private func askHeld(_ asked: [ActorID: Int], _ space: String, _ line: Line) throws
    -> [ActorID: Int]
  {
    var held: [ActorID: Int] = [:]
    let actors = asked.keys.sorted()
    for start in stride(from: 0, to: actors.count, by: WireLimits.heldActorsMax) {
      let part = actors[start..<min(start + WireLimits.heldActorsMax, actors.count)]
      let question = HeldHeads(Dictionary(uniqueKeysWithValues: part.map { ($0, 0) }))
      let answer = try post(
        question.line + [UInt8(ascii: "\n")], to: "offers", space, line)
      guard let told = try HeldHeads.parse(answer) else {
        throw SyncError("offers.answer", "central does not say what it holds of \(space)")
      }
      held.merge(told.counts) { $1 }
    }
    return held
  }

  /// Others' changes above what central holds.
  private func offer(
    _ changes: [AdriftChange], above held: [ActorID: Int], _ space: String, _ line: Line
  ) throws -> (sent: Int, refused: [(Dot, String)]) {
    var body: [UInt8] = []
    var sent = 0
    var refused: [(Dot, String)] = []
    func flush() throws {
      if !body.isEmpty {
        refused += try Self.refusals(in: try post(body, to: "offers", space, line))
      }
      body = []
    }
    let wanted = changes.filter {
      let dot = $0.change.dot
      // Central may have used the places of its own changes again: what it wrote there first is in no count.
      return dot.actor.replica == identity.centralKey.replica || dot.n > held[dot.actor] ?? 0
    }
    try forEachSegment(of: wanted) { bytes, count in
      if body.count + bytes.count > Self.pushBytesMax { try flush() }
      body += bytes
      sent += count
    }
    try flush()
    return (sent, refused)
  }

  /// Changes that are adrift in the segments their authors signed: lines in full form, and how many changes.
  ///
  /// Under one name there may be several histories, one beside the other: a segment is of one of them.
  ///
  /// - Parameter changes: those of one author together, by their numbers.
  /// - Complexity: O(changes).
  func forEachSegment(of changes: [AdriftChange], _ body: ([UInt8], Int) throws -> Void) throws {
    // What may still go on: of one author, and up to the number before.
    var open: [[Change]] = []
    for held in changes {
      let change = held.change
      open.removeAll {
        let last = $0[$0.count - 1].dot
        return last.actor != change.dot.actor || last.n < change.dot.n - 1
      }
      let place =
        change.header.context.isEmpty
        ? open.firstIndex {
          let last = $0[$0.count - 1]
          return last.dot.n == change.dot.n - 1 && Store.isSealed(change, after: last.hash)
        } : nil
      var run = place.map { open.remove(at: $0) } ?? []
      run.append(change)
      guard let raw = held.signatures else {
        open.append(run)
        continue
      }
      guard let previous = try store.hash(before: run[0]) else { continue }
      let segment = Segment(
        actor: change.dot.actor, from: run[0].dot.n, to: change.dot.n, previous: previous,
        head: change.hash, signatures: try Signature.list(try JSON.parse(raw)))
      var bytes = segment.line + [UInt8(ascii: "\n")]
      for change in run { bytes += ChangeEncoding.line(of: change) + [UInt8(ascii: "\n")] }
      try body(bytes, run.count)
    }
  }

  private static func refusals(in answer: [UInt8]) throws -> [(Dot, String)] {
    let lasting: Set<String> = ["segment.fork", "change.lost"]
    return try (JSON.parse(answer)["refused"]?.array ?? []).compactMap { item in
      guard let actor = item["actor"]?.string.flatMap({ ActorID($0) }), let n = item["n"]?.integer,
        let code = item["code"]?.string, lasting.contains(code)
      else { return nil }
      return (Dot(actor: actor, n: Int(n)), "\(code): \(item["detail"]?.string ?? "")")
    }
  }

  /// Shows a central that forgot this device the change with which it enrolled it.
  ///
  /// - Returns: false when this file does not hold it.
  func showEnrolment(_ line: Line) throws -> Bool {
    guard let space = identity.spaces.first else { return false }
    let row = RowKey(table: "replica", id: identity.actor.replica.description)
    for held in try store.enrolments(of: row, by: identity.centralKey.replica, in: space) {
      let change = held.change
      guard let signatures = held.signatures, let previous = try store.hash(before: change) else {
        continue
      }
      var body = Array(
        "{\"key\":\"\(Base64URL.encode(key.publicKey.bytes))\",\"entry\":{\"previous\":\"\(previous)\",\"signatures\":"
          .utf8)
      body += signatures + Array(",\"change\":".utf8) + ChangeEncoding.line(of: change)
      body += Array("}}".utf8)
      _ = try line.ask("POST", "/v1/enrolments", body: body)
      return true
    }
    return false
  }
}

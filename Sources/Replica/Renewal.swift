import Causality
import Changes
import HTTP
import Mutants
import Seal
import Session
public import Store
import Wire

/// A file that was copied, or put back from an old state, goes on under a new epoch.
extension Replica {
  /// Begins an epoch without asking central, for what leaves this file by another way than the network.
  ///
  /// What is not known to stand at central is sealed again: it may come to stand twice, as one edit, and is not lost.
  ///
  /// - Parameter at: the time as a label.
  /// - Returns: nil when no epoch is due.
  public func beginDueEpochUnasked(at: String) throws -> Epoch? {
    let epoch = try rereadingIdentity {
      try store.write { () throws -> Epoch? in
        guard let reason = try store.epochDue() else { return nil }
        var standing: [String: Int] = [:]
        for space in identity.spaces {
          standing[space] = try store.knownStanding(of: identity.actor, in: space)
        }
        return try store.beginEpoch(
          reason, as: freshActor, author: author(at: at), standing: standing)
      }
    }
    identity = try Identity(store)
    return epoch
  }

  /// Begins an epoch when one is due or central's answer shows a fork: only after hello has told what stands.
  func beginEpochIfDue(_ hello: Hello, _ answer: HelloAnswer, at: String, _ line: Line) throws
    -> Epoch?
  {
    let isForked = try isForked(hello, answer)
    let former = try forkedFormers(line)
    let isDue = isForked || !former.isEmpty
    guard let reason = try store.epochDue() ?? (isDue ? .forked : nil) else { return nil }
    return try renew(reason, hello, answer, former: former, at: at, line)
  }

  /// Begins an epoch when a twin took a former name under which changes wait here: before the log brings the twin's.
  func beginEpochIfTaken(at: String, _ line: Line) throws -> Epoch? {
    let former = try forkedFormers(line).filter { $0.key.replica == key.publicKey.replica }
    guard !former.isEmpty else { return nil }
    let hello = try hello()
    return try renew(.forked, hello, try ask(hello, line), former: former, at: at, line)
  }

  private func renew(
    _ reason: EpochReason, _ hello: Hello, _ answer: HelloAnswer,
    former: [ActorID: [String: Int]], at: String, _ line: Line
  ) throws -> Epoch {
    let standing = try standing(of: hello.actor, hello, answer, line)
    let epoch = try store.write {
      try store.beginEpoch(
        reason, as: freshActor, author: author(at: at), standing: standing, former: former)
    }
    identity = try Identity(store)
    return epoch
  }

  /// Former actors whose waiting changes could never stand under their name, and up to where central holds what they wrote.
  ///
  /// A twin wrote under that name and a central that was put back heard it first; or hello's answer, which is not signed,
  /// was altered on its way when the epoch began; or the name is of a key this file had before it was adopted, and central
  /// forgot what it had received: nobody can sign it any more.
  func forkedFormers(_ line: Line) throws -> [ActorID: [String: Int]] {
    var forked: [ActorID: [String: Int]] = [:]
    for actor in try store.waitingFormerActors() {
      let isForeign = actor.replica != key.publicKey.replica
      let hello = try hello(as: actor)
      let answer = try ask(hello, line)
      let standing = try standing(of: actor, hello, answer, line)
      for space in answer.spaces {
        let point = standing[space.name] ?? 0
        guard isForeign || space.heldN > point,
          try !store.ownChanges(of: actor, in: space.name, after: point, limit: 1).isEmpty
        else { continue }
        forked[actor, default: [:]][space.name] = point
      }
    }
    return forked
  }

  func isForked(_ hello: Hello, _ answer: HelloAnswer) throws -> Bool {
    try Plan.isForked(hello, answer) { space, n in
      try store.changeHash(Dot(actor: hello.actor, n: n), in: space)
    }
  }

  /// For each space, up to which of an actor's changes central holds what this file does.
  ///
  /// - Parameters:
  ///   - actor: an actor this file wrote as, be it another device's.
  ///   - hello: what was said of it.
  ///   - answer: what central answered.
  /// - Complexity: O(log changes) round trips.
  func standing(of actor: ActorID, _ hello: Hello, _ answer: HelloAnswer, _ line: Line) throws
    -> [String: Int]
  {
    var points: [String: CommonPoint] = [:]
    for space in hello.spaces {
      guard let central = answer.spaces.first(where: { $0.name == space.name }) else { continue }
      // A receipt says nothing here: a central that was put back unnoticed forgot what it gave.
      points[space.name] = try CommonPoint(
        space, central, isForeign: actor.replica != key.publicKey.replica,
        logged: store.lastLogged(actor, space.name)
      ) { try store.changeHash(Dot(actor: actor, n: $0), in: space.name) }
    }
    while points.values.contains(where: { $0.probe != nil }) {
      let probes = try hello.spaces.compactMap { space -> Hello.Space? in
        guard let n = points[space.name]?.probe else { return nil }
        return Hello.Space(
          name: space.name, n: n,
          hash: try store.changeHash(Dot(actor: actor, n: n), in: space.name) ?? .zero,
          cursor: space.cursor)
      }
      let told = try ask(Hello(actor: actor, spaces: probes), line)
      for probe in probes {
        guard let central = told.spaces.first(where: { $0.name == probe.name }) else {
          throw SyncError("hello.shape", "central does not answer for \(probe.name)")
        }
        points[probe.name]?.take(holds: central.holdsHead)
      }
    }
    return points.mapValues(\.known)
  }

  /// Says hello.
  ///
  /// - Parameter takesLogs: whether central may send short logs at once; `line` keeps them for the pull.
  func ask(_ hello: Hello, _ line: Line, takesLogs: Bool = false) throws -> HelloAnswer {
    let response = try line.ask(
      "POST", "/v1/hello", body: hello.bytes, headers: takesLogs ? Self.takesLogs : Headers())
    guard response.headers["Content-Type"] == "application/x-ndjson" else {
      line.keep([], after: hello)
      return try HelloAnswer.parse(response.bytes)
    }
    let reply = try HelloReply.parse(lines: Lines.split(try Line.decoded(response)))
    line.keep(reply.logs, after: hello)
    return reply.answer
  }

  private static let takesLogs: Headers = [
    "Accept": "application/x-ndjson, application/json", "Accept-Encoding": "zstd",
  ]

  func author(at: String) -> Author {
    Author(network: identity.network, actor: identity.actor, at: at)
  }

  /// This key's actor under a newly drawn epoch.
  var freshActor: ActorID {
    let isCounted = mutant(39, "R9: epochs are counted, not drawn")
    let epoch = isCounted ? identity.actor.epoch &+ 1 : Randomness.uint64()
    return ActorID(replica: key.publicKey.replica, epoch: epoch)
  }
}

extension PublicKey {
  /// The device whose key this is.
  var replica: ReplicaID { ReplicaID(bytes: fingerprint) ?? ID128(high: 0, low: 0) }
}

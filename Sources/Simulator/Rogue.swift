import Causality
import Central
import Changes
import HTTP
import Replica
import Seal
import Store
import Wire

/// An enrolled member that does not use our program: it makes its changes by hand, and lies when it likes.
final class Rogue {
  let key: SigningKey
  let actor: ActorID
  private var n = 0
  private var head = Hash.zero
  /// What it has claimed to have seen so far.
  private var context = VersionVector()
  private var claimsTooMuch = false
  private let line: Int

  static let kinds: [Mark] = [
    .forgedContext, .foreignSegment, .forkedSegment, .badSignature, .replayedRequest,
  ]

  init(line: Int) {
    key = .generate()
    actor = ActorID(
      replica: ReplicaID(bytes: key.publicKey.fingerprint) ?? ID128(high: 0, low: 0),
      epoch: Randomness.uint64())
    self.line = line
  }

  /// Does one thing, mostly bad.
  func act(in world: World, _ draw: inout Seeded) throws {
    let routes = try world.running()
    guard draw.chance(600) else { return try write(in: world, routes, nil, &draw) }
    let kind = draw.pick(Self.kinds)
    switch kind {
    case .forgedContext:
      world.marks.hit(kind)
      try write(in: world, routes, kind, &draw)
    case .foreignSegment:
      guard let victim = world.stations.first, let other = victim.replica?.identity.actor else {
        return
      }
      try attack(kind, in: world, routes, writer: other, n: 900, &draw)
    case .forkedSegment:
      guard n > 0 else { return }
      try attack(kind, in: world, routes, writer: actor, n: n, &draw)
    case .badSignature: try attack(kind, in: world, routes, writer: actor, n: n + 1, &draw)
    default:
      let request = signed("POST", "/v1/hello", Array("{}".utf8), in: world)
      _ = try world.answer(request, from: nil)
      let response = try world.answer(request, from: nil)
      tell(kind, response, in: world)
    }
  }

  /// A change that follows its chain; with a context that nobody can have, when that is the kind.
  private func write(in world: World, _ routes: Routes, _ kind: Mark?, _ draw: inout Seeded) throws
  {
    try world.observeCentral()
    let store = routes.central.store
    var seen = try store.known(in: "commons")
    seen.remove(actor)
    if kind == .forgedContext {
      let stranger = ActorID(replica: ID128(high: draw.next(), low: draw.next()), epoch: 1)
      let victim = draw.chance(500) ? stranger : seen.entries.last?.actor ?? stranger
      seen.raise(victim, to: seen[victim] + 1_000_000)
      claimsTooMuch = true
    }
    let change = change(
      world, Dot(actor: actor, n: n + 1), context: seen.exceeding(context), previous: head, &draw)
    context.merge(seen)
    let response = try push(change, previous: head, in: world)
    guard response.status == 200 else {
      world.tell("  rogue was answered \(response.status)")
      return
    }
    (n, head) = (n + 1, change.hash)
    let body = try ChangeDecoding.body(change.bodyBytes ?? [])
    world.happened(
      .accepted(
        Accepted(
          name: body.key, node: "rogue", role: "member", space: "commons", dot: change.dot,
          hash: change.hash, writes: body.writes,
          sight: Sight(life: 0, seq: world.seenSeq, line: line, order: n),
          claimsTooMuch: claimsTooMuch)))
  }

  private func attack(
    _ kind: Mark, in world: World, _ routes: Routes, writer: ActorID, n: Int,
    _ draw: inout Seeded
  ) throws {
    world.marks.hit(kind)
    let change = change(
      world, Dot(actor: writer, n: n), context: VersionVector(), previous: head, &draw)
    let response = try push(
      change, previous: head, in: world, spoilsSignature: kind == .badSignature)
    tell(kind, response, in: world)
  }

  private func tell(_ kind: Mark, _ response: Response, in world: World) {
    if kind == .replayedRequest { world.marks.hit(kind) }
    world.tell("  \(kind.rawValue): \(response.status)")
    world.happened(.hostileAnswered(kind: kind, status: response.status))
  }

  private func change(
    _ world: World, _ dot: Dot, context: VersionVector, previous: Hash, _ draw: inout Seeded
  ) -> Change {
    let row = RowKey(table: "place", id: "pl-\(draw.below(world.scenario.pool))")
    let text = Value.text("v\(world.token())")
    let verb: Verb =
      draw.chance(300)
      ? .insert([FieldValue("label", text), FieldValue("note", .null)])
      : .set([FieldValue("label", text)])
    return Store.change(
      Header(network: world.network, space: "commons", dot: dot, context: context),
      Body(key: Randomness.bytes(16), at: world.label(0), writes: [Write(row, verb)]),
      previous: previous)
  }

  private func push(
    _ change: Change, previous: Hash, in world: World, spoilsSignature: Bool = false
  ) throws -> Response {
    var value = key.sign(
      Preimage.segment(
        network: world.network, space: "commons", head: change.dot, hash: change.hash))
    if spoilsSignature { value[0] ^= 1 }
    let segment = Segment(
      actor: change.dot.actor, from: change.dot.n, to: change.dot.n, previous: previous,
      head: change.hash, signatures: [Signature(key: actor.replica, value: value)])
    let body =
      segment.line + [UInt8(ascii: "\n")] + ChangeEncoding.line(of: change) + [UInt8(ascii: "\n")]
    return try world.answer(
      signed("POST", "/v1/spaces/commons/changes", body, in: world), from: nil)
  }

  /// Redeems an invite by hand.
  func enrol(in world: World) throws {
    let routes = try world.running()
    let now = world.time(world.house.offset)
    let invite = try routes.central.invite(
      organisation: "club", role: "member", expires: now + 86_400)
    let secret = invite.split(separator: ".").first.map(String.init) ?? ""
    let body = JSON.object([
      ("secret", .string(secret)), ("key", .string(Base64URL.encode(key.publicKey.bytes))),
    ]).bytes()
    let response = try world.answer(
      signed("POST", "/v1/enrolments", body, in: world), from: nil)
    world.tell("  rogue enrolled: \(response.status)")
  }

  private func signed(_ method: String, _ target: String, _ body: [UInt8], in world: World)
    -> Request
  {
    let request = Request(
      method: method, target: target, body: body, scheme: "http", authority: "127.0.0.1")
    return MessageSignature.sign(
      request, keyID: actor.replica.description, created: Int(world.time(world.house.offset)),
      nonce: Base64URL.encode(Randomness.bytes(12)), sha256: { SHA256.hash($0) }, sign: key.sign)
  }
}

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
  /// How much of that nobody can have; no later claim takes an earlier one back.
  private var claims: [ActorID: Int] = [:]
  private let line: Int
  /// The first request it ever sent.
  private var first: Request?

  static let kinds: [Mark] = [
    .forgedContext, .foreignSegment, .forkedSegment, .badSignature, .replayedRequest, .stolenName,
    .alteredBody, .oldRequest, .stolenKeyID, .foreignTable,
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
    case .forgedContext, .foreignTable:
      world.marks.hit(kind)
      try write(in: world, routes, kind, &draw)
    case .alteredBody: try alter(in: world, routes, &draw)
    case .oldRequest:
      guard let first else { return }
      // A request is good for some minutes.
      world.now += 2 * CentralLimits.clockSkewSecondsMax
      tell(kind, try world.answer(first, from: nil).status, in: world)
    case .stolenKeyID:
      guard let victim = world.stations.first?.key.publicKey.fingerprint else { return }
      let name = ReplicaID(bytes: victim)?.description ?? ""
      let request = signed("POST", "/v1/hello", Array("{}".utf8), in: world, keyID: name)
      tell(kind, try world.answer(request, from: nil).status, in: world)
    case .stolenName:
      guard let victim = world.stations.first, let other = victim.replica?.identity.actor else {
        return
      }
      let held = try routes.central.store.head(of: other, in: "commons").n
      try attack(kind, in: world, routes, writer: other, n: held + 1, &draw)
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
      tell(kind, try world.answer(request, from: nil).status, in: world)
    }
  }

  /// A change that follows its chain; with a context that nobody can have, when that is the kind.
  private func write(in world: World, _ routes: Routes, _ kind: Mark?, _ draw: inout Seeded) throws
  {
    try world.observeCentral()
    let store = routes.central.store
    var (seen, claims) = (try store.known(in: "commons"), claims)
    seen.remove(actor)
    if kind == .forgedContext {
      let stranger = ActorID(replica: ID128(high: draw.next(), low: draw.next()), epoch: 1)
      let known = seen.entries.map(\.actor)
      let victim = known.isEmpty || draw.chance(300) ? stranger : draw.pick(known)
      // What is next to come is seldom what nobody will ever have.
      seen.raise(victim, to: seen[victim] + (draw.chance(500) ? 1_000_000 : 1 + draw.below(3)))
      claims[victim] = max(claims[victim] ?? 0, seen[victim])
    }
    let change = change(
      world, Dot(actor: actor, n: n + 1), context: seen.exceeding(context), previous: head, &draw,
      table: kind == .foreignTable ? "draft" : "place")
    let response = try push(change, previous: head, in: world)
    guard response.status == 200 else {
      world.tell("  rogue was answered \(response.status)")
      return
    }
    (n, head, self.claims) = (n + 1, change.hash, claims)
    context.merge(seen)
    world.accept(
      Accepted(
        node: "rogue", role: "member", space: "commons", dot: change.dot, hash: change.hash,
        writes: try ChangeDecoding.body(change.bodyBytes ?? []).writes,
        sight: Sight(head: world.logEnds["commons"]?.hash ?? .zero, line: line, order: n),
        claims: claims))
  }

  /// Offers a member's change with another body under its author's own signature.
  private func alter(in world: World, _ routes: Routes, _ draw: inout Seeded) throws {
    var found: [(entry: LogEntry, previous: Hash)] = []
    let store = routes.central.store
    try store.forEachEntry(of: "commons", after: max(0, world.seenSeq - 40)) { entry in
      let dot = entry.change.dot
      if entry.signatures != nil, entry.change.bodyBytes != nil,
        dot.actor.replica != routes.central.keyID
      {
        let before = Dot(actor: dot.actor, n: dot.n - 1)
        found.append((entry, try store.changeHash(before, in: "commons") ?? .zero))
      }
      return true
    }
    guard !found.isEmpty else { return }
    world.marks.hit(.alteredBody)
    let (entry, previous) = draw.pick(found)
    let body = try ChangeDecoding.body(entry.change.bodyBytes ?? [])
    let forged = Store.change(
      entry.change.header,
      Body(key: body.key, at: "2001-01-01T00:00:00Z", was: body.was, writes: body.writes),
      previous: previous)
    let segment = Segment(
      actor: forged.dot.actor, from: forged.dot.n, to: forged.dot.n, previous: previous,
      head: forged.hash,
      signatures: try Signature.list(try JSON.parse(entry.signatures ?? [])))
    let lines = [segment.line, ChangeEncoding.line(of: forged), []]
    let response = try world.answer(
      signed(
        "POST", "/v1/spaces/commons/offers", Array(lines.joined(separator: [UInt8(ascii: "\n")])),
        in: world), from: nil)
    let note = try? ReceiptNote.parse(line: response.bytes).note
    let isTaken = note?.heads.contains { $0.hash == forged.hash } == true
    tell(.alteredBody, isTaken ? 200 : response.status == 200 ? 422 : response.status, in: world)
  }

  private func attack(
    _ kind: Mark, in world: World, _ routes: Routes, writer: ActorID, n: Int,
    _ draw: inout Seeded
  ) throws {
    world.marks.hit(kind)
    let change = change(
      world, Dot(actor: writer, n: n), context: VersionVector(), previous: head, &draw)
    let response = try push(
      change, previous: head, in: world, signer: kind == .stolenName ? writer.replica : nil,
      spoilsSignature: kind == .badSignature)
    tell(kind, response.status, in: world)
  }

  private func tell(_ kind: Mark, _ status: Int, in world: World) {
    if [.replayedRequest, .oldRequest, .stolenKeyID].contains(kind) { world.marks.hit(kind) }
    world.tell("  \(kind.rawValue): \(status)")
    world.happened(.hostileAnswered(kind: kind, status: status))
  }

  private func change(
    _ world: World, _ dot: Dot, context: VersionVector, previous: Hash, _ draw: inout Seeded,
    table: String = "place"
  ) -> Change {
    let row = RowKey(table: table, id: "pl-\(draw.below(world.scenario.pool))")
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
    _ change: Change, previous: Hash, in world: World, signer: ReplicaID? = nil,
    spoilsSignature: Bool = false
  ) throws -> Response {
    var value = key.sign(
      Preimage.segment(
        network: world.network, space: "commons", head: change.dot, hash: change.hash))
    if spoilsSignature { value[0] ^= 1 }
    let segment = Segment(
      actor: change.dot.actor, from: change.dot.n, to: change.dot.n, previous: previous,
      head: change.hash, signatures: [Signature(key: signer ?? actor.replica, value: value)])
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

  private func signed(
    _ method: String, _ target: String, _ body: [UInt8], in world: World, keyID: String? = nil
  ) -> Request {
    let request = Request(
      method: method, target: target, body: body, scheme: "http", authority: "127.0.0.1")
    let signed = MessageSignature.sign(
      request, keyID: keyID ?? actor.replica.description,
      created: Int(world.time(world.house.offset)),
      nonce: Base64URL.encode(Randomness.bytes(12)), sha256: { SHA256.hash($0) }, sign: key.sign)
    if first == nil { first = signed }
    return signed
  }
}

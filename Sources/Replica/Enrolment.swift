import Causality
import Changes
public import HTTP
public import Seal
public import Store
import Wire

/// What stands after `#` in an invite's link: a secret, good once, and the fingerprint of central's key.
struct Invite {
  let secret: String
  let pin: ReplicaID

  init(_ text: String) throws {
    let parts = text.split(separator: ".").map(String.init)
    guard parts.count == 2, let pin = ReplicaID(parts[1]) else {
      throw SyncError(
        "invite.shape", "this is no invite", hint: "Copy the whole link, with what stands after #.")
    }
    (secret, self.pin) = (parts[0], pin)
  }
}

/// Central's answer to whoever redeems an invite.
struct Enrolled {
  let network: NetworkID
  let instance: InstanceID
  let centralKey: PublicKey
  let spaces: [String]
  let role: String?

  /// Redeems an invite; the same key may ask again.
  ///
  /// Central shows its key before the secret leaves this device: a mistyped link, or another central under the
  /// address, leaves the invite as good as it was.
  init(_ invite: Invite, key: SigningKey, name: String?, _ line: Line) throws {
    let shown = try JSON.parse(try line.ask("GET", "/v1").bytes)
    guard try Self.centralKey(shown, is: invite.pin) != nil else {
      throw SyncError(
        "central.shape", "what answers under this address is no central node",
        hint: "Check the invite's link, up to the #.")
    }
    var members: [(String, JSON)] = [
      ("secret", .string(invite.secret)), ("key", .string(Base64URL.encode(key.publicKey.bytes))),
    ]
    if let name { members.append(("name", .string(name))) }
    let answer = try JSON.parse(
      try line.ask("POST", "/v1/enrolments", body: JSON.object(members).bytes()).bytes)
    guard let network = answer["network"]?.string.flatMap({ NetworkID($0) }),
      let instance = answer["instance"]?.string.flatMap({ InstanceID($0) }),
      let centralKey = try Self.centralKey(answer, is: invite.pin),
      let spaces = answer["spaces"]?.array?.compactMap(\.string)
    else { throw SyncError("enrolment.shape", "central's answer is not an enrolment") }
    (self.network, self.instance) = (network, instance)
    (self.centralKey, self.spaces) = (centralKey, spaces)
    role = answer["role"]?.string
  }

  /// The key that an answer names as central's; nil where it names none.
  ///
  /// - Throws: `SyncError` `central.key` when it is not the key that the invite pins.
  private static func centralKey(_ answer: JSON, is pin: ReplicaID) throws -> PublicKey? {
    guard let bytes = answer["key"]?.string.flatMap(Base64URL.decode),
      let key = PublicKey(bytes: bytes)
    else { return nil }
    guard key.fingerprint == pin.bytes else {
      throw SyncError(
        "central.key", "this is not the central that wrote the invite",
        hint: "Copy the whole link again, with what stands after #, or ask who gave it to you.")
    }
    return key
  }

  /// Keeps where central is and what is received.
  ///
  /// A space read already is read on from its cursor. Call inside `write`.
  func keep(in store: Store, origin: Origin) throws {
    try store.setMeta("central_url", .text(origin.description))
    try store.setMeta("spaces", .text(spaces.joined(separator: " ")))
    try store.setMeta("role", role.map { .text($0) } ?? .null)
    for space in spaces where try store.meta("cursor.\(space)") == nil {
      try store.setCursor(Cursor(instance: instance, seq: 0, hash: .zero), of: space)
    }
  }
}

extension Replica {
  /// Gives a copy an identity of its own: a new key under a new invite, its unsent edits sealed again under it.
  ///
  /// A call that was cut is repeated with the same key.
  ///
  /// - Parameters:
  ///   - invite: `secret.fingerprint`, the part of the link after `#`.
  ///   - now: Unix seconds, for signatures.
  ///   - at: the time as a label.
  /// - Throws: `SyncError` `adopt.network` when the file is another network's; whatever is thrown, the file is as it was.
  public static func adopt(
    _ store: Store, invite: String, origin: Origin, key: SigningKey, name: String?, now: Int64,
    at: String, exchange: any Exchange
  ) throws -> (replica: Replica, epoch: Epoch) {
    try Conversation.alone(store.path, .none) {
      try adoptAlone(
        store, invite: invite, origin: origin, key: key, name: name, now: now, at: at,
        exchange: exchange)
    }
  }

  private static func adoptAlone(
    _ store: Store, invite: String, origin: Origin, key: SigningKey, name: String?, now: Int64,
    at: String, exchange: any Exchange
  ) throws -> (replica: Replica, epoch: Epoch) {
    let copy = try Replica(unchecked: store, key: key, exchange: exchange)
    let invite = try Invite(invite)
    let other = SyncError(
      "adopt.network", "\(store.path) belongs to another network than this invite",
      hint: "Ask for an invite of the network the file joined, or join into a new file.")
    guard invite.pin.bytes == copy.identity.centralKey.fingerprint else { throw other }
    let line = Line(key: key, exchange: exchange, origin: origin, patience: .none, now: { now })
    let enrolled = try Enrolled(invite, key: key, name: name, line)
    guard enrolled.network == copy.identity.network else { throw other }
    // What the original has sent stands under its name; hello tells how much of it this copy holds.
    let hello = try copy.hello()
    let answer = try copy.ask(hello, line)
    let standing = try copy.standing(of: hello.actor, hello, answer, line)
    let former = try copy.forkedFormers(line)
    let epoch = try store.write {
      let epoch = try store.beginEpoch(
        .adopted, as: copy.freshActor, author: copy.author(at: at), standing: standing,
        former: former)
      try enrolled.keep(in: store, origin: origin)
      return epoch
    }
    return (try Replica(store: store, key: key, exchange: exchange), epoch)
  }
}

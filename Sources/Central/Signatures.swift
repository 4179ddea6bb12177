import Causality
public import HTTP
import Mutants
import SQLite
import Seal
import Store
import Wire

/// Who a request is from: judged by its head, before any of its body is read, and once more with the whole. `[SP-508]`
extension Routes {
  /// What becomes of a request whose body is still to come: a device's is taken as far as its route goes, a stranger's up to
  /// a little, and what will be refused whatever its body says is refused at once. `[SP-515]`
  public func admission(_ head: Request, now: Int64) -> Admission {
    let parts = head.path.split(separator: "/").map(String.init)
    let isEnrolment = parts == ["v1", "enrolments"]
    let isDevices =
      parts == ["v1", "hello"]
      || parts.count == 4 && parts.starts(with: ["v1", "spaces"]) && Self.takesChanges(head.path)
    guard head.method == "POST", isEnrolment || isDevices else {
      return .refused(Self.unanswered(head.method, parts))
    }
    guard isDevices else { return .stranger(bodyBytesMax: Limits.unsignedBodyBytesMax) }
    do {
      let (member, parsed) = try signer(of: head)
      try verifyHead(parsed, key: member.key, now: now)
      guard try !central.hasSeen(nonce: parsed.nonce, of: parsed.keyID) else { throw Self.replayed }
      return .caller(
        parsed.keyID,
        bodyBytesMax: Self.takesChanges(head.path)
          ? CentralLimits.pushBytesMax : CentralLimits.messageBytesMax)
    } catch {
      return .refused(refusal(error))
    }
  }

  /// The enrolled device that says to have signed, and what it says; nothing is verified yet.
  ///
  /// - Throws: `Problem` 401; the same for unknown and revoked devices.
  func signer(of request: Request) throws -> (Member, MessageSignature.Parsed) {
    guard let parsed = try? MessageSignature.parse(request), let replica = ReplicaID(parsed.keyID),
      let member = try central.member(replica),
      member.revokedAt == nil || mutant(44, "R12: a revoked device is let in")
    else { throw Self.notEnrolled }
    return (member, parsed)
  }

  /// A request's signature as its head has it.
  static func signature(of request: Request) throws(Problem) -> MessageSignature.Parsed {
    do {
      return try MessageSignature.parse(request)
    } catch {
      throw Problem("signature.refused", status: 401, "\(error)")
    }
  }

  /// Everything about a signature that the head tells.
  ///
  /// - Throws: `Problem` 401.
  func verifyHead(_ parsed: MessageSignature.Parsed, key: PublicKey, now: Int64) throws(Problem) {
    let isSigned = key.verifies(parsed.signature, of: parsed.base)
    guard isSigned || mutant(45, "R7: requests need no signature") else { throw Self.notEnrolled }
    guard abs(Int64(parsed.created) - now) <= CentralLimits.clockSkewSecondsMax else {
      throw Problem(
        "signature.time", status: 401,
        "the request's time is \(Int64(parsed.created) - now) seconds off central's \(now)",
        hint: "Sign again with central's time.")
    }
  }

  /// Holds the body against the digest that was signed, and takes the nonce for used.
  ///
  /// - Throws: `Problem` 400 for another body, 401 for a request that was sent before.
  func consume(_ request: Request, _ parsed: MessageSignature.Parsed, now: Int64) throws {
    guard MessageSignature.digestMatches(request, sha256: { SHA256.hash($0) }) else {
      throw Problem("digest.mismatch", status: 400, "the content is not the one that was signed")
    }
    try central.remember(nonce: parsed.nonce, of: parsed.keyID, now: now)
  }

  static let notEnrolled = Problem(
    "signature.refused", status: 401, "the request's signature is not an enrolled device's",
    hint: "This device was revoked, or this is another central; ask the secretariat.")
  static let replayed = Problem(
    "signature.replayed", status: 401, "this request was sent before")
}

extension Central {
  /// Refuses a nonce seen within the window of signatures.
  ///
  /// Waiting for the disk would be most of an answer's time, and guard nothing: a request that a power cut lets pass twice
  /// does what it did before.
  func remember(nonce: String, of key: String, now: Int64) throws {
    try store.write(awaitsDisk: false) {
      try store.withConnection { connection in
        try connection.run("DELETE FROM cordee_nonce WHERE until < ?", .integer(now))
        let isSeen = try connection.first(
          "SELECT 1 FROM cordee_nonce WHERE key = ? AND nonce = ?", .text(key), .text(nonce)
        ) { _ in true }
        guard isSeen == nil || mutant(46, "R7: a request may be sent again by anybody") else {
          throw Routes.replayed
        }
        try connection.run(
          "INSERT INTO cordee_nonce(key, nonce, until) VALUES(?, ?, ?)", .text(key), .text(nonce),
          .integer(now + 2 * CentralLimits.clockSkewSecondsMax))
      }
    }
  }

  /// Whether a nonce was used by a key within the window of signatures.
  func hasSeen(nonce: String, of key: String) throws -> Bool {
    try store.withConnection { connection in
      try connection.first(
        "SELECT 1 FROM cordee_nonce WHERE key = ? AND nonce = ?", .text(key), .text(nonce)
      ) { _ in true }
    } ?? false
  }
}

import Causality
import Changes
public import HTTP
import SQLite
import Seal
import Store
public import Wire

/// Central's HTTP face: requests in, responses out; sockets are elsewhere. `[SP-501]`
///
/// Times are given: Unix seconds for the window of signatures, from which the labels are made by `label`.
public struct Routes {
  /// The node behind.
  public let central: Central
  /// What a push is followed by; for the schedule `on-push`.
  public var afterPush: () throws -> Void = {}
  /// Is told what failed inside, which members learn nothing of but that it did.
  public var observe: (any Error) -> Void = { _ in }

  /// Bytes after which a piece of the log is cut.
  public var logPieceBytes = 2 * 1024 * 1024

  /// Puts a face to a node.
  public init(_ central: Central) {
    self.central = central
  }

  /// Answers one request; every failure is a problem (RFC 9457).
  ///
  /// - Parameters:
  ///   - now: Unix seconds.
  ///   - at: the same as a label, RFC 3339.
  public func answer(_ request: Request, now: Int64, at: String) -> Response {
    var caller: ReplicaID?
    var response = answer(request, now: now, at: at, &caller)
    response.caller = caller?.description
    return response
  }

  private func answer(_ request: Request, now: Int64, at: String, _ caller: inout ReplicaID?)
    -> Response
  {
    do {
      return try route(request, now: now, at: at, &caller)
    } catch {
      return refusal(error)
    }
  }

  /// A failure as a response.
  func refusal(_ error: any Error) -> Response {
    switch error {
    case let problem as Problem: return Self.response(problem)
    case let error as WireError: return Self.response(Problem(error))
    case let error as StoreError where error.code == .full:
      return Self.response(
        Problem(error.code.rawValue, status: 507, "central's disk is full", hint: error.hint))
    default:
      observe(error)
      return Self.response(
        Problem(
          "internal", status: 500, "central failed; its log says why",
          hint: "Nothing was lost here; sync again later, and tell the secretariat."))
    }
  }

  /// - Parameter caller: is set once the request is known to be a device's, whatever becomes of it then.
  private func route(
    _ request: Request, now: Int64, at: String, _ caller: inout ReplicaID?
  ) throws -> Response {
    let parts = request.path.split(separator: "/").map(String.init)
    // HEAD is answered as GET; the server keeps the body back.
    switch (request.method == "HEAD" ? "GET" : request.method, parts.count) {
    case ("GET", 1) where parts == ["v1"]: return Self.json(try about(at: at))
    case ("POST", 2) where parts == ["v1", "enrolments"]:
      return try enrol(request, now: now, at: at)
    case ("POST", 2) where parts == ["v1", "hello"]:
      return try hello(request, by: authenticate(request, now: now, &caller))
    case ("POST", 4) where parts[0] == "v1" && parts[1] == "spaces" && parts[3] == "changes":
      return try push(
        request, by: authenticate(request, now: now, &caller), space: parts[2], at: at)
    case ("POST", 4) where parts[0] == "v1" && parts[1] == "spaces" && parts[3] == "offers":
      return try offer(
        request, by: authenticate(request, now: now, &caller), space: parts[2], at: at)
    case ("GET", 4) where parts[0] == "v1" && parts[1] == "spaces" && parts[3] == "log":
      return try log(request, by: authenticate(request, now: now, &caller), space: parts[2])
    case ("GET", 4) where parts[0] == "v1" && parts[1] == "spaces" && parts[3] == "snapshot":
      return try snapshot(
        request, by: authenticate(request, now: now, &caller), space: parts[2], at: at)
    default: return Self.unanswered(request.method, parts)
    }
  }

  /// Whether an address is of the protocol; all others are the public pages'.
  public static func owns(_ path: String) -> Bool {
    path.utf8.elementsEqual("/v1".utf8) || path.utf8.starts(with: "/v1/".utf8)
  }

  /// Whether bodies sent to an address are segments: these may be long, and what comes there is merged.
  public static func takesChanges(_ path: String) -> Bool {
    path.hasSuffix("/changes") || path.hasSuffix("/offers")
  }

  /// A wrong method with what is allowed, or an unknown address.
  static func unanswered(_ method: String, _ parts: [String]) -> Response {
    let isSpace = parts.count == 4 && parts.starts(with: ["v1", "spaces"])
    let allowed: String? =
      switch (parts.count, parts.last) {
      case (1, "v1"): "GET, HEAD"
      case (2, "enrolments") where parts[0] == "v1", (2, "hello") where parts[0] == "v1": "POST"
      case (4, "changes") where isSpace, (4, "offers") where isSpace: "POST"
      case (4, "log") where isSpace, (4, "snapshot") where isSpace: "GET, HEAD"
      default: nil
      }
    guard let allowed else {
      return response(
        Problem("route.unknown", status: 404, "central has nothing at this address"))
    }
    var response = response(
      Problem(
        "method.not_allowed", status: 405, "\(method) is not for this address",
        hint: "Use \(allowed)."))
    response.headers.set("Allow", allowed)
    return response
  }

  private func about(at: String) throws -> JSON {
    .object([
      ("network", .string(central.network.description)),
      ("instance", .string(central.instance.description)),
      ("key", .string(Base64URL.encode(central.publicKey.bytes))),
      ("protocol", .array([.integer(1)])),
      ("name", .string(try central.store.meta("name")?.text ?? "")), ("time", .string(at)),
      ("restoring", .bool(central.isRestoring)),
      ("instances", .array(try central.starts().map(\.json))),
      ("spaces", .array(central.store.schema.spaces.map { .string($0) })),
      ("merge", central.plan?.json ?? .null),
      ("limits", central.limits.json),
    ])
  }

  private func enrol(_ request: Request, now: Int64, at: String) throws -> Response {
    let body = try Encoding.plainBody(of: request)
    let json = try JSON.parse(body)
    // A central that forgot a device knows it again by what it once signed.
    let entry = try JSON.members(of: body).first { $0.key == "entry" }.map { Array(body[$0.range]) }
    guard let secret = entry == nil ? json["secret"]?.string.flatMap(Base64URL.decode) : [],
      let key = json["key"]?.string.flatMap(Base64URL.decode).flatMap({ PublicKey(bytes: $0) })
    else {
      throw Problem(
        "enrolment.shape", status: 400, "an enrolment needs an invite's secret and a key")
    }
    // Proves that the key is held; the window is checked too, so that an old request is of no use.
    let parsed = try Self.signature(of: request)
    try verifyHead(parsed, key: key, now: now)
    try consume(request, parsed, now: now)
    let enrolment =
      try entry.map { try central.readmit($0, key: key) }
      ?? central.enrol(
        secret: secret, key: key, name: json["name"]?.string, now: now, at: at)
    return Self.json(
      .object([
        ("network", .string(enrolment.network.description)),
        ("instance", .string(enrolment.instance.description)),
        ("key", .string(Base64URL.encode(enrolment.centralKey.bytes))),
        ("role", .string(enrolment.role)),
        ("name", .string(enrolment.name)), ("spaces", .array(enrolment.spaces.map { .string($0) })),
      ]), status: 201)
  }

  private func hello(_ request: Request, by member: Member) throws -> Response {
    let hello = try Hello.parse(Encoding.plainBody(of: request))
    // Of another device's actor central says only whether it holds what the asker does: a file adopted under another key.
    let isOwn = hello.actor.replica == member.replica
    let reads = central.store.schema.role(member.role)?.reads ?? []
    let takesLogs = request.headers.values("Accept").joined().contains("application/x-ndjson")
    return try central.store.read {
      let spaces = try hello.spaces.filter { reads.contains($0.name) }.map { space in
        let standing = try central.standing(
          of: hello.actor, in: space.name, head: (space.n, space.hash),
          cursor: (space.cursor.seq, space.cursor.hash))
        return HelloAnswer.Space(
          name: space.name, heldN: isOwn ? standing.heldN : 0,
          heldHash: isOwn ? standing.heldHash : .zero, holdsHead: standing.holdsHead,
          seq: standing.seq, knowsCursor: standing.knowsCursor,
          offersSnapshot: try central.offersSnapshot(
            of: space.name, after: space.cursor.seq, end: standing.seq, to: hello.actor))
      }
      let answer = HelloAnswer(
        instance: central.instance, spaces: spaces, isRestoring: central.isRestoring,
        starts: hello.spaces.allSatisfy { $0.cursor.instance == central.instance }
          ? [] : try central.starts())
      let logs =
        takesLogs
        ? try central.shortLogs(
          for: hello, answer, to: member,
          bytesMax: min(CentralLimits.helloLogBytesMax, logPieceBytes)) : []
      guard !logs.isEmpty else {
        return Response(status: 200, contentType: "application/json", bytes: answer.bytes)
      }
      let end = UInt8(ascii: "\n")
      var bytes = answer.bytes
      bytes.append(end)
      for (space, log) in logs {
        bytes += HelloReply.heading(ofLog: space, lines: log.lineCount)
        bytes.append(end)
        bytes += log.bytes
      }
      // The last line feed.
      bytes.removeLast()
      return Encoding.encode(
        Response(status: 200, contentType: "application/x-ndjson", bytes: bytes), for: request)
    }
  }

  private func push(
    _ request: Request, by member: Member, space: String, at: String
  ) throws -> Response {
    let body = try Encoding.decodedBody(of: request, limit: CentralLimits.pushBytesMax)
    let receipts = try central.receive(body, from: member, space: space, at: at)
    try afterPush()
    return Response(
      status: 200, contentType: "application/json",
      bytes: central.signedReceipt(for: receipts, space: space, at: at))
  }

  private func offer(
    _ request: Request, by member: Member, space: String, at: String
  ) throws -> Response {
    let body = try Encoding.decodedBody(of: request, limit: CentralLimits.pushBytesMax)
    if let answer = try heal(body, from: member, space: space, at: at) { return answer }
    let answer = try central.receiveOffers(body, space: space, at: at)
    try afterPush()
    return Response(
      status: 200, contentType: "application/json",
      bytes: central.signedReceipt(
        for: answer.receipts, refused: answer.refused, space: space, at: at))
  }

  /// What heals a restored central besides segments: a log tail, a question for heads, bodies; nil when it is none of them.
  private func heal(_ body: [UInt8], from member: Member, space: String, at: String) throws
    -> Response?
  {
    let first = Array(body.prefix { $0 != UInt8(ascii: "\n") })
    if !first.isEmpty, try TailHead.parse(first) != nil {
      let answer = try central.receiveTail(body, from: member, space: space, at: at)
      return Response(status: 200, contentType: "application/json", bytes: answer.bytes)
    }
    if !first.isEmpty, let asked = try HeldHeads.parse(first) {
      try central.checkReads(space, by: member)
      let counts = try asked.counts.map { actor, _ in
        (actor, try central.heldHead(of: actor, in: space).n)
      }
      return Response(
        status: 200, contentType: "application/json",
        bytes: HeldHeads(Dictionary(counts) { first, _ in first }).line)
    }
    guard BodiesHead.matches(first) else { return nil }
    let count = try central.receiveBodies(Array(Lines.split(body).dropFirst()), space: space)
    return Self.json(.object([("bodies", .integer(Int64(count)))]))
  }

  private func log(_ request: Request, by member: Member, space: String) throws -> Response {
    try central.checkServes()
    guard let cursor = request.query["after"].flatMap({ Cursor($0) }) else {
      throw Problem("cursor.shape", status: 400, "after is not a cursor")
    }
    guard cursor.instance == central.instance,
      try central.store.logHash(of: space, at: cursor.seq) == cursor.hash
    else { throw Problem("cursor.unknown", status: 409, "central's log does not hold this cursor") }
    let piece = Response(
      status: 200, contentType: "application/x-ndjson",
      bytes: try central.logPiece(
        of: space, after: cursor.seq, for: member, bytesMax: logPieceBytes,
        isShort: request.query["form"] == "short"))
    return Encoding.encode(piece, for: request)
  }

  private func snapshot(
    _ request: Request, by member: Member, space: String, at: String
  ) throws -> Response {
    try central.checkReads(space, by: member)
    try central.checkServes()
    let isBeginning =
      request.method == "GET" && request.headers["If-Match"] == nil
      && request.headers["Range"]?.hasPrefix("bytes=0-") != false
    guard
      let snapshot = try central.snapshot(
        of: space, isPacked: Encoding.isAccepted(by: request),
        beginner: isBeginning ? member.replica : nil, at: at)
    else {
      throw Problem(
        "snapshot.none", status: 404, "no snapshot of \(space) is given now", hint: "Read the log.")
    }
    return try snapshot.response(to: request)
  }

  /// The enrolled device that signed the request.
  ///
  /// - Throws: `Problem` 401; the same for unknown and revoked devices.
  private func authenticate(
    _ request: Request, now: Int64, _ caller: inout ReplicaID?
  ) throws -> Member {
    let (member, parsed) = try signer(of: request)
    if request.admitted != parsed.keyID { try verifyHead(parsed, key: member.key, now: now) }
    try consume(request, parsed, now: now)
    let replica = member.replica
    caller = replica
    if let seconds = central.allowance.take(
      replica, now: now, perMinute: central.limits.requestsPerMinute)
    {
      throw Problem(
        "requests.too_many", status: 429, "this device asks too often",
        hint: "Ask again in \(seconds) s.", retryAfter: seconds)
    }
    return member
  }

  /// A problem as a response.
  public static func response(_ problem: Problem) -> Response {
    var response = Response(
      status: problem.status, contentType: "application/problem+json", bytes: problem.json.bytes())
    if let seconds = problem.retryAfter { response.headers.set("Retry-After", "\(seconds)") }
    return response
  }

  private static func json(_ json: JSON, status: Int = 200) -> Response {
    Response(status: status, contentType: "application/json", bytes: json.bytes())
  }
}

import Causality
import Changes
import HTTP
import Mutants
import Seal
import Wire

/// How a replica bears a bad network: how often it tries a request again, and how it waits between.
public struct Patience {
  /// The most times one request is sent.
  public var attemptsMax: Int
  /// Waits; throws when the person wants to stop.
  public var pause: (Duration) throws -> Void

  /// Makes a patience.
  public init(attemptsMax: Int, pause: @escaping (Duration) throws -> Void) {
    self.attemptsMax = attemptsMax
    self.pause = pause
  }

  /// Fails at the first failure.
  public static var none: Patience { Patience(attemptsMax: 1) { _ in } }

  /// The wait before attempt `attempt` (1 for the first repetition): half a second, doubled each time up to half a
  /// minute, times a random factor between a half and three halves so that many replicas do not come at once.
  ///
  /// - Parameters:
  ///   - told: the seconds that central asks for (`Retry-After`): no less, but up to a minute alone.
  ///   - random: evenly drawn from all 64-bit numbers.
  public static func wait(before attempt: Int, told: Int = 0, random: UInt64) -> Duration {
    let base = min(30_000, 500 << min(max(attempt, 1) - 1, 6))
    let own = Duration.milliseconds(base / 2 + Int(random % UInt64(base + 1)))
    return max(own, .seconds(min(max(told, 0), 60)))
  }
}

/// How far a transfer has come, for a progress bar.
public struct Transferred: Sendable, Hashable {
  /// What is transferred.
  public enum Phase: String, Sendable {
    /// Own changes to central.
    case push
    /// A snapshot from central.
    case snapshot
    /// The log from central.
    case pull
    /// History older than the snapshot.
    case history
  }

  /// What is transferred.
  public let phase: Phase
  /// Bytes so far in this phase, as they crossed the network.
  public let bytes: Int
  /// Bytes in all: as central told, or reckoned from how much of the work they did; nil before either.
  public let total: Int?
}

/// The line to central: signs, sends, repeats, decodes.
final class Line {
  private let key: SigningKey
  private let exchange: any Exchange
  private let origin: Origin
  private let now: () -> Int64
  private let patience: Patience
  private let observe: (Transferred) -> Void
  /// Seconds by which central's clock is ahead, once it said so; used for signing alone.
  private var offset: Int64 = 0
  private var crossed: [Transferred.Phase: Int] = [:]
  /// The bytes of a phase in all, once known.
  var totals: [Transferred.Phase: Int] = [:]

  /// Bytes of a phase that had crossed when its present work began.
  private var origins: [Transferred.Phase: Int] = [:]

  /// Logs that came with the last answer to hello, and the cursors they follow.
  private var told: [String: (after: Cursor, lines: [[UInt8]])] = [:]

  init(
    key: SigningKey, exchange: any Exchange, origin: Origin, patience: Patience,
    now: @escaping () -> Int64, observe: @escaping (Transferred) -> Void = { _ in }
  ) {
    self.key = key
    self.exchange = exchange
    self.origin = origin
    self.now = now
    self.patience = patience
    self.observe = observe
  }

  /// Tells how far a phase has come.
  func tell(_ phase: Transferred.Phase, crossed bytes: Int = 0) {
    crossed[phase, default: 0] += bytes
    observe(Transferred(phase: phase, bytes: crossed[phase] ?? 0, total: totals[phase]))
  }

  /// Reckons the bytes of a phase in all, from the places of its work that are done.
  func reckon(_ phase: Transferred.Phase, done: Int, of all: Int) {
    let bytes = crossed[phase] ?? 0
    guard done > 0, let origin = origins[phase] else {
      (origins[phase], totals[phase]) = (bytes, nil)
      return
    }
    totals[phase] = origin + (bytes - origin) * max(all, done) / done
  }

  /// Keeps the logs that came with the answer to a hello, instead of those before.
  func keep(_ logs: [HelloReply.Log], after hello: Hello) {
    told = [:]
    for log in logs {
      guard let cursor = hello.spaces.first(where: { $0.name == log.space })?.cursor else {
        continue
      }
      told[log.space] = (cursor, log.lines)
    }
  }

  /// The log that central told already after a cursor, once.
  func takeTold(of space: String, after cursor: Cursor) -> [[UInt8]]? {
    guard let log = told.removeValue(forKey: space), log.after == cursor else { return nil }
    return log.lines
  }

  /// Forgets what was told: after a push there may be more.
  func forgetTold() { told = [:] }

  /// Sends a request until there is an answer.
  ///
  /// Every request of the protocol may be sent twice without harm.
  ///
  /// - Throws: `SyncError` for a refusal, `HTTPFailure` when the patience ends.
  func ask(
    _ method: String, _ target: String, body: [UInt8] = [], headers: Headers = Headers(),
    phase: Transferred.Phase? = nil
  ) throws -> Response {
    let (response, cut) = try send(method, target, body: body, headers: headers, phase, false)
    if let cut { throw cut }
    return response
  }

  /// The same, for a body whose beginning is of use: when the answer is cut, `cut` says why, and the response has what came.
  ///
  /// The caller keeps that, then calls `bear`.
  func askForPart(
    _ target: String, headers: Headers, phase: Transferred.Phase
  ) throws -> (response: Response, cut: HTTPFailure?) {
    try send("GET", target, body: [], headers: headers, phase, true)
  }

  /// Waits after a failure.
  ///
  /// - Parameter attempt: how often in a row nothing of use came.
  /// - Throws: the failure, when the patience ends.
  func bear(_ failure: HTTPFailure, attempt: Int) throws {
    guard failure.isRetryable, attempt < patience.attemptsMax else { throw failure }
    try pause(attempt)
  }

  private func pause(_ attempt: Int, told: Int = 0) throws {
    try patience.pause(Patience.wait(before: attempt, told: told, random: Randomness.uint64()))
  }

  private func send(
    _ method: String, _ target: String, body: [UInt8], headers: Headers,
    _ phase: Transferred.Phase?, _ takesPart: Bool
  ) throws -> (response: Response, cut: HTTPFailure?) {
    var request = Request(method: method, origin: origin, target: target, body: body)
    for field in headers.fields { request.headers.add(field.name, field.value) }
    if let phase { tell(phase) }
    var attempt = 0
    while true {
      attempt += 1
      do {
        let response = try signedOnce(request)
        if ![429, 502, 503, 504].contains(response.status) || attempt >= patience.attemptsMax {
          if let phase { tell(phase, crossed: body.count + response.bytes.count) }
          return (try accepted(response), nil)
        }
        try pause(attempt, told: response.headers["Retry-After"].flatMap { Int($0) } ?? 0)
      } catch let failure as HTTPFailure {
        if takesPart, let part = failure.received, let taken = try? accepted(part) {
          if let phase { tell(phase, crossed: part.bytes.count) }
          return (taken, failure)
        }
        try bear(failure, attempt: attempt)
      }
    }
  }

  /// Signs and sends; a clock that is off is corrected once by central's time.
  private func signedOnce(_ request: Request) throws -> Response {
    let id = (ReplicaID(bytes: key.publicKey.fingerprint) ?? ID128(high: 0, low: 0)).description
    var response = Response(status: 500)
    for attempt in 0..<2 {
      let created = now() + offset
      let signed = MessageSignature.sign(
        request, keyID: id, created: Int(created), nonce: Base64URL.encode(Randomness.bytes(12)),
        sha256: { SHA256.hash($0) }, sign: key.sign)
      response = try exchange.send(signed, responseBytesMax: ReplicaLimits.answerBytesMax)
      guard attempt == 0, response.status == 401,
        let problem = Problem.parse(response.bytes, status: 401), problem.code == "signature.time",
        let told = problem.detail.split(separator: " ").last.flatMap({ Int64($0) })
      else { break }
      if mutant(42, "R13: a wrong clock keeps a replica from syncing") { break }
      offset = told - now()
    }
    return response
  }

  /// An answer of central's that is none of its refusals.
  private func accepted(_ response: Response) throws -> Response {
    let isPage = response.headers["Content-Type"]?.lowercased().hasPrefix("text/html") == true
    guard isPage || !(200..<300).contains(response.status) else { return response }
    if let problem = Problem.parse(response.bytes, status: response.status) {
      throw SyncError(problem.code, problem.detail, hint: problem.hint)
    }
    let answer = "\(response.status)" + (isPage ? " with a web page" : "")
    throw SyncError(
      "central.status", "\(origin) answered \(answer), not as central does",
      hint: "Nothing was lost here. If this network wants a login first, do that; then sync again.")
  }

  /// The whole lines of an answer that was cut, decompressed as far as they came.
  static func decodedPart(_ response: Response) -> [UInt8] {
    var bytes = response.bytes
    if response.headers["Content-Encoding"]?.lowercased() == "zstd" {
      var decoder = ZstdDecoder(limit: ReplicaLimits.answerBytesMax)
      decoder.feed(bytes)
      bytes = []
      while let piece = try? decoder.next() { bytes += piece }
    }
    let end = bytes.lastIndex(of: UInt8(ascii: "\n")) ?? -1
    return Array(bytes[...end])
  }

  /// The body of an answer, decompressed.
  static func decoded(_ response: Response) throws -> [UInt8] {
    switch response.headers["Content-Encoding"]?.lowercased() {
    case nil, "identity": return response.bytes
    case "zstd":
      do {
        return try Zstd.decompress(response.bytes, limit: ReplicaLimits.answerBytesMax)
      } catch {
        throw SyncError(
          "answer.damaged", "central's answer is damaged: \(error)", hint: "Sync again.")
      }
    case let other?:
      throw SyncError("answer.encoding", "central answered in the encoding \(other)")
    }
  }
}

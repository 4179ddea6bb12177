import Wire

/// How the command ended, for the shell that called it.
enum ExitCode: Int32, Sendable {
  /// What was asked for is done.
  case done = 0
  /// It could not be done; the failure says why.
  case failed = 1
  /// The command line was not understood; nothing was tried.
  case usage = 2
  /// Done as far as it goes: what is left needs a person's decision.
  case needsPerson = 3
}

/// Why a command stopped: what happened and where, and what to do about it.
struct Failure: Error, Equatable, Sendable {
  /// Stable text for programs, such as `option.unknown`.
  var code: String
  /// What happened and where; no full stop at the end, no row values.
  var message: String
  /// What to do next; empty when nothing can be advised.
  var hint: String
  /// How the command ends.
  var exit: ExitCode
  /// What a library said, for those who look into it; shown to programs alone.
  var cause: String?

  init(
    code: String, message: String, hint: String = "", exit: ExitCode = .failed,
    cause: String? = nil
  ) {
    self.code = code
    self.message = message
    self.hint = hint
    self.exit = exit
    self.cause = cause
  }

  /// What was thrown, as it stands or under `command.failed`.
  init(_ error: any Error) {
    self = (error as? Failure) ?? Failure(code: "command.failed", message: "\(error)")
  }

  /// A command line that was not understood.
  static func usage(_ code: String, _ message: String, hint: String = "") -> Failure {
    Failure(code: code, message: message, hint: hint, exit: .usage)
  }
}

extension Failure {
  /// The one line for people: `cordee: MESSAGE. HINT`.
  var line: String {
    let advice = hint.prefix(1).uppercased() + hint.dropFirst()
    let sentences = [Self.closed(message)] + (hint.isEmpty ? [] : [Self.closed(advice)])
    return terminalSafe("cordee: " + sentences.joined(separator: " "))
  }

  /// The object for programs (RFC 9457 §3).
  var problem: JSON {
    var members: [(String, JSON)] = [
      ("type", .string("urn:cordee:problem:\(code)")),
      ("title", .string(title)),
      ("detail", .string(message)),
    ]
    if !hint.isEmpty { members.append(("hint", .string(hint))) }
    if let cause { members.append(("cause", .string(terminalSafe(cause)))) }
    return .object(members)
  }

  /// What the type is, the same at each occurrence.
  private var title: String {
    if let title = Problem.titles[code] { return title }
    return switch exit {
    case .done: "Done"
    case .failed: "The command failed"
    case .usage: "The command line was not understood"
    case .needsPerson: "A person must decide"
    }
  }

  private static func closed(_ sentence: String) -> String {
    switch sentence.last {
    case ".", "?", "!": sentence
    default: sentence + "."
    }
  }
}

extension Failure {
  /// The same, as one of many lines of `sync --every`: when it happened, and when the next try comes.
  func passing(at time: String, next pause: Duration) -> Failure {
    var failure = self
    failure.message = "\(time) \(message)"
    let next = "The next try comes in \(Durations.text(.seconds(pause.components.seconds)))"
    failure.hint = hint.isEmpty ? next : "\(Self.closed(hint)) \(next)"
    return failure
  }

  /// Whether the same command may succeed later with nothing changed here: the network, mostly.
  var isPassing: Bool { Self.passing.contains(code) || code.hasPrefix("wire.") }

  // What a network, a portal that answers in central's place, a central that is being looked after or has much to do, or
  // a neighbour's transaction brings.
  private static let passing: Set<String> = [
    "http.unreachable", "http.timed-out", "http.interrupted", "http.bad-response", "http.tls",
    "http.too-large", "http.internal", "central.status", "central.restoring", "internal",
    "disk.reserve", "queue.full", "requests.too_many", "digest.mismatch", "signature.replayed",
    "snapshot.lost", "snapshot.replaced", "log.incomplete", "answer.damaged", "answer.encoding",
    "store.busy", "store.full", "store.cursor", "sync.under_way", "sync.overtaken", "spool.unfit",
    "snapshot.damaged",
  ]
}

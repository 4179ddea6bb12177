/// One thing an audit found.
public struct Finding: Sendable, Hashable {
  /// How bad it is.
  public enum Kind: String, Sendable {
    /// Bytes are not what they were, or somebody pretends: nothing here may be trusted unseen.
    case damage
    /// Sound, but not all of it can be shown yet.
    case incomplete
    /// Sound, and worth knowing.
    case notice
  }

  /// How bad it is.
  public let kind: Kind
  /// A stable code.
  public let code: String
  /// Where and what, in one line without values of fields.
  public let message: String
  /// Whether a person should look; a notice of what somebody added on purpose asks nobody.
  public let asksPerson: Bool
  /// What to do, in whole sentences; empty where the verdict on the whole file says it.
  public let advice: String

  /// Makes a finding.
  public init(
    _ kind: Kind, _ code: String, _ message: String, asksPerson: Bool = true, advice: String = ""
  ) {
    self.kind = kind
    self.code = code
    self.message = message
    self.asksPerson = asksPerson
    self.advice = advice
  }

  /// The same of another file than the one in question.
  public func of(_ path: String) -> Finding {
    Finding(kind, code, "\(path): \(message)", asksPerson: asksPerson, advice: advice)
  }
}

/// What an audit looked at and found.
public struct AuditReport: Sendable {
  /// What was found, in the order it was met; at most `findingsMax`, of which no notice takes a damage's place.
  public private(set) var findings: [Finding] = []
  /// Findings beyond the limit.
  public private(set) var more = 0
  /// Whether anything that was found asks for a person, kept or not.
  public private(set) var asksPerson = false
  /// Changes whose bytes, chain and place were checked.
  public var changes = 0
  /// Signatures checked.
  public var signatures = 0
  /// Rows compared with what the log makes of them.
  public var rows = 0

  /// The most findings that are kept.
  public static let findingsMax = 100

  /// Makes an empty report.
  public init() {}

  /// Adds a finding.
  public mutating func add(_ finding: Finding) {
    asksPerson = asksPerson || finding.asksPerson
    if findings.count == Self.findingsMax {
      more += 1
      guard finding.kind == .damage, let place = findings.lastIndex(where: { $0.kind != .damage })
      else { return }
      findings.remove(at: place)
    }
    findings.append(finding)
  }

  /// Whether anything of a kind was found.
  public func has(_ kind: Finding.Kind) -> Bool { findings.contains { $0.kind == kind } }
}

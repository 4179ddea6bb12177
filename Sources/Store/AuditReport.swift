/// One thing an audit found.
public struct Finding: Sendable, Hashable {
  /// How bad it is.
  public enum Kind: String, Sendable {
    /// Bytes are not what they were, or somebody pretends: nothing here may be trusted unseen.
    case damage
    /// Sound, but not all of it can be shown yet.
    case incomplete
    /// A person should look.
    case notice
  }

  /// How bad it is.
  public let kind: Kind
  /// A stable code.
  public let code: String
  /// Where and what, in one line without values of fields.
  public let message: String

  /// Makes a finding.
  public init(_ kind: Kind, _ code: String, _ message: String) {
    self.kind = kind
    self.code = code
    self.message = message
  }
}

/// What an audit looked at and found.
public struct AuditReport: Sendable {
  /// What was found, in the order it was met; at most `findingsMax`.
  public private(set) var findings: [Finding] = []
  /// Findings beyond the limit.
  public private(set) var more = 0
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
    if findings.count < Self.findingsMax { findings.append(finding) } else { more += 1 }
  }

  /// Whether anything of a kind was found.
  public func has(_ kind: Finding.Kind) -> Bool { findings.contains { $0.kind == kind } }
}

import Changes
import FoundationEssentials
import Store
import Wire

/// What `cordee doctor` looks at: everything around a file that can go wrong, each with what to do.
enum DoctorActions {
  /// One thing looked at.
  struct Check {
    enum State: String { case ok, mended, look, wrong }
    let name: String
    var state: State
    var says: String
    var advice = ""
    /// What can be mended without a risk, if something can.
    var fix: Fix?

    /// Something that deserves a look only when `advice` is given.
    static func look(_ name: String, _ says: String, unless isFine: Bool, _ advice: String) -> Check
    {
      Check(name: name, state: isFine ? .ok : .look, says: says, advice: isFine ? "" : advice)
    }
  }

  /// A safe change: told first, done after, and only when asked for.
  struct Fix {
    let will: String
    let did: String
    let make: () throws -> Void
  }

  /// Days without a backup, a sync or news that deserve a word.
  static let daysMax = 30

  static func doctor(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      var checks =
        try invocation.option("data").map { try CentralDoctor.checks($0) }
        ?? ReplicaDoctor.checks(invocation)
      let told = try mend(&checks, invocation)
      if invocation.wantsJSON {
        invocation.console.print(.array(zip(checks, told).map(json)))
      } else {
        for check in checks {
          let advice = check.advice.isEmpty ? "" : " " + check.advice
          invocation.console.printValues(
            "\(check.state.rawValue)\t\(check.name): \(check.says).\(advice)")
        }
      }
      if checks.contains(where: { $0.state == .wrong }) { return .failed }
      return checks.contains { $0.state == .look } ? .needsPerson : .done
    }
  }

  /// With `--fix`, says of all that can be mended what will be done, and then does it.
  ///
  /// - Returns: what was or would be done, for each check.
  private static func mend(_ checks: inout [Check], _ invocation: Invocation) throws -> [String?] {
    let told = checks.map { $0.fix?.will }
    guard invocation.flag("fix") else {
      for place in checks.indices where checks[place].fix != nil {
        checks[place].advice += (checks[place].advice.isEmpty ? "" : " ") + "`--fix` mends it."
      }
      return told
    }
    if !invocation.wantsJSON {
      for will in told.compactMap({ $0 }) { invocation.console.printValues("to do\t\(will)") }
    }
    for place in checks.indices {
      guard let fix = checks[place].fix else { continue }
      try fix.make()
      checks[place].state = .mended
      (checks[place].says, checks[place].advice) = (fix.did, "")
    }
    return told
  }

  private static func json(_ check: Check, _ fix: String?) -> JSON {
    .object([
      ("check", .string(check.name)), ("state", .string(check.state.rawValue)),
      ("says", .string(check.says)), ("advice", .string(check.advice)),
      ("fix", fix.map { .string($0) } ?? .null),
    ])
  }

  /// Unix seconds of an RFC 3339 label in UTC.
  static func seconds(of label: String) -> Int64? {
    (try? Date.ISO8601FormatStyle().parse(label)).map { Int64($0.timeIntervalSince1970) }
  }

  /// Whole days from a label to now; nil when it is no time.
  static func days(since label: String) -> Int? {
    seconds(of: label).map { Int(Now().seconds - $0) / 86_400 }
  }
}

import Causality
import Changes
import Mutants
import SQLite
import Store
import Wire

/// What the acceptance of a new life did: kept among the merge reports.
public struct RestoreReport: Sendable {
  /// Why the life began.
  public var cause = ""
  /// For each space where its log ended before, and where it ends with what was taken over.
  public var spaces: [(space: String, before: Int, after: Int)] = []
  /// Entries taken over with their places and verdicts.
  public var takenOver = 0
  /// Changes of histories that were not followed, and of entries no checkpoint covers: they are judged anew.
  public var judgedAnew = 0
  /// What could not be recovered, by name.
  public var lost: [String] = []

  /// What it says beside a merge report's usual members.
  var json: JSON {
    .object([
      ("cause", .string(cause)), ("taken_over", .integer(Int64(takenOver))),
      ("judged_anew", .integer(Int64(judgedAnew))),
      (
        "spaces",
        .object(
          spaces.map { space, before, after in
            (
              space,
              .object([("before", .integer(Int64(before))), ("after", .integer(Int64(after)))])
            )
          })
      ), ("lost", .array(lost.map { .string($0) })),
    ])
  }
}

/// Accepting a new life: what members gave back of the log is taken over as it was, the rest is judged anew.
extension Central {
  /// Ends the restoring: takes over the longest history offered of each space, places, verdicts and hashes as they were,
  /// and signs where the new life begins.
  ///
  /// - Parameter choices: beginnings of the hashes of checkpoints to follow, or `own` for what the log holds itself, where
  ///   histories differ.
  /// - Throws: `Problem` `restore.fork` when histories differ and none is named; then nothing has happened.
  /// - Complexity: O(entries offered).
  @discardableResult
  public func accept(choosing choices: [String] = [], at: String) throws -> RestoreReport {
    guard isRestoring else {
      throw Problem(
        "restore.none", status: 409, "central is not restoring", hint: "There is nothing to accept."
      )
    }
    let report = try store.write {
      var report = RestoreReport()
      report.cause = try cause()
      var places: [String: LogPlace] = [:]
      for space in store.schema.spaces {
        let before = try store.logEnd(of: space).seq
        try settle(space, choices, at: at, &report)
        let end = try store.logEnd(of: space)
        report.spaces.append((space, before, end.seq))
        places[space] = LogPlace(seq: end.seq, hash: end.hash)
        report.lost += try store.withheldNames(in: space)
      }
      try store.withConnection { connection in
        try connection.execute("DELETE FROM cordee_offered; DELETE FROM cordee_tip")
        try connection.run(
          "UPDATE cordee_instance SET places = ? WHERE instance = ?",
          .textBytes(InstanceStart.json(places).bytes()), .blob(instance.bytes))
      }
      for member in try members() {
        try store.forgetMeta(Self.offeredKey + "\(member.replica)")
      }
      store.guardRows(of: .tip)
      store.guardRows(of: .instance)
      try enrolAuthors(at: at)
      for space in store.schema.spaces where try store.logEnd(of: space).seq > 0 {
        try sign(space, at: at)
      }
      try keepReport(at: at, [("restore", report.json)])
      return report
    }
    isRestoring = false
    return report
  }

  /// Enrols again the authors in any space's log whom the first one's does not name: there another history was followed.
  ///
  /// Members read between now and the next merge, and need every key.
  private func enrolAuthors(at: String) throws {
    let authors = try store.withConnection { connection in
      try connection.all(
        "SELECT DISTINCT substr(a.actor, 1, 16) FROM cordee_log l JOIN cordee_actor a ON a.id = l.actor"
      ) { ReplicaID(bytes: $0.bytes(0)) }
    }.compactMap(\.self).sorted()
    let strangers = try authors.compactMap { try member($0) }.filter { try !isInLog($0) }
    guard !strangers.isEmpty else { return }
    try queue(strangers.map(Self.enrolling), space: store.schema.spaces[0], at: at)
    var report = MergeReport()
    var touched: Set<String> = []
    try mergeOwn(at: at, &report, &touched)
  }

  /// One space: the history that is followed is taken over, all others' changes go to the inbox.
  private func settle(
    _ space: String, _ choices: [String], at: String, _ report: inout RestoreReport
  ) throws {
    let branches = try branches(of: space)
    let chosen = try choose(among: branches, of: space, choices)
    var followed: Set<Hash> = []
    if let chosen {
      if let reason = try objection(to: chosen, in: space) {
        report.lost.append("\(space): the history up to \(chosen.tip.seq) was not taken: \(reason)")
      } else {
        for entry in chosen.entries { try takeOver(entry, in: space) }
        report.takenOver += chosen.entries.count
        followed = Set(chosen.entries.map(\.place.hash))
      }
    }
    for branch in branches where branch.root == nil {
      report.lost.append(
        "\(space): nobody offered what lies between \(try store.logEnd(of: space).seq) and "
          + "\(branch.base.seq) of the log")
    }
    report.judgedAnew += try judgeAnew(besides: followed, in: space, at: at)
  }

  /// The history to follow; nil to stay with the log as it is.
  private func choose(among branches: [Branch], of space: String, _ choices: [String]) throws
    -> Branch?
  {
    let end = try store.logEnd(of: space)
    let extending = branches.filter { $0.extends(logUpTo: end.seq) }
    guard isForked(branches, end: end.seq) else { return extending.first }
    let named = extending.filter { branch in
      choices.contains { $0.utf8.count >= 4 && branch.tip.hash.description.hasPrefix($0) }
    }
    // One may be followed here, and the log itself in another space.
    if named.count == 1 { return named[0] }
    if choices.contains("own") { return nil }
    let message = "members hold histories of \(space) that differ"
    guard !extending.isEmpty else {
      throw Problem(
        "restore.fork", status: 409, message,
        hint:
          "None goes on where the log ends, so only --tail own can be taken: the log stays as it is, "
          + "and the changes of the others are judged anew.")
    }
    let names = (extending.map(\.tip.hash.description) + ["own"]).joined(separator: ", ")
    throw Problem(
      "restore.fork", status: 409, message,
      hint: "See `cordee central status`, then name the one to follow with --tail: \(names).")
  }

  /// Why a history cannot be taken over although its checkpoint is signed; nil when it can.
  private func objection(to branch: Branch, in space: String) throws -> String? {
    var heads: [ActorID: (n: Int, hash: Hash)] = [:]
    var unsigned: Set<ActorID> = []
    for entry in branch.entries {
      let head =
        try heads[entry.actor]
        ?? {
          let head = try store.head(of: entry.actor, in: space)
          return (head.n, head.hash)
        }()
      guard entry.n == head.n + 1, entry.authorPrevious == head.hash else {
        return "change \(entry.n) of \(entry.actor) does not follow what the log holds"
      }
      heads[entry.actor] = (entry.n, entry.change)
      let isTaken = try store.withConnection {
        try $0.first("SELECT 1 FROM cordee_log WHERE seq = ?", .int(entry.place.seq)) { _ in true }
      }
      if isTaken != nil { return "another space holds the place \(entry.place.seq)" }
      guard let line = try offeredLine(entry.place.hash, space),
        case .entry(_, _, _, let signatures, _) = try LogLine.parse(line)
      else { return "the entry \(entry.place.seq) is missing" }
      if signatures.isEmpty { unsigned.insert(entry.actor) } else { unsigned.remove(entry.actor) }
    }
    return unsigned.isEmpty ? nil : "it ends within a segment"
  }

  private func takeOver(_ entry: OfferedEntry, in space: String) throws {
    guard let bytes = try offeredLine(entry.place.hash, space),
      case .entry(let seq, let line, let verdict, _, let signatures) = try LogLine.parse(bytes)
    else { return }
    let change = Store.change(line, previous: entry.authorPrevious)
    if entry.actor.replica == keyID, let body = change.bodyBytes { try forgetQueued(body) }
    try store.integrate(
      LogEntry(
        seq: seq, change: change,
        verdict: mutant(60, "R8: verdicts change when central is restored") ? .applied : verdict,
        hash: entry.place.hash, signatures: signatures))
  }

  /// Puts every offered change that was not taken over into the inbox; gives how many.
  private func judgeAnew(besides followed: Set<Hash>, in space: String, at: String) throws -> Int {
    let hashes = try store.withConnection { connection in
      try connection.all(
        "SELECT hash FROM cordee_offered WHERE space = ? ORDER BY seq", .text(space)
      ) { $0.bytes(0) }
    }.compactMap { Hash(bytes: $0) }.filter { !followed.contains($0) }
    var open: [ActorID: [(entry: OfferedEntry, line: ChangeDecoding.Line)]] = [:]
    var count = 0
    for hash in hashes {
      guard let entry = try offered(hash, space), let bytes = try offeredLine(hash, space),
        case .entry(_, let line, _, let signatures, _) = try LogLine.parse(bytes)
      else { continue }
      // Where two histories share an author's chain the second copy begins anew.
      if let last = open[entry.actor]?.last?.entry, last.change != entry.authorPrevious {
        open[entry.actor] = nil
      }
      // Only the first change of a segment may carry a context.
      if !line.header.context.isEmpty { open[entry.actor] = nil }
      open[entry.actor, default: []].append((entry, line))
      guard !signatures.isEmpty, let run = open.removeValue(forKey: entry.actor) else { continue }
      let segment = Segment(
        actor: entry.actor, from: run[0].entry.n, to: entry.n,
        previous: run[0].entry.authorPrevious,
        head: entry.change, signatures: signatures)
      let lines = run.map {
        ChangeEncoding.line(of: Store.change($0.line, previous: $0.entry.authorPrevious))
      }
      if try keepOffered(segment, lines, space: space, at: at) { count += run.count }
    }
    return count
  }
}

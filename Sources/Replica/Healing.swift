import Causality
import Changes
import HTTP
import Seal
import Session
import Store
import Wire

/// Meeting a central that was restored: giving back what it lost, going back to the common place, going on in its new life.
///
/// Everything may be cut anywhere and begins anew at the next sync: central answers what it holds, and what is given twice
/// is taken once.
extension Replica {
  /// Heals central and goes over into its present life.
  ///
  /// - Returns: whether central still waits to be accepted: then it gives no log yet.
  func heal(
    _ hello: Hello, _ first: HelloAnswer, at: String, _ line: Line, _ report: inout SyncReport
  )
    throws -> Bool
  {
    var common: [String: LogPlace] = [:]
    var instance = first.instance
    var isRestoring = first.isRestoring
    var wants: [(space: String, dots: [Dot])] = []
    for space in identity.spaces {
      try showWhatMayBeForgotten(of: space, first, line)
      let (place, answer) = try commonPlace(of: space, line)
      common[space] = place
      (instance, isRestoring) = (answer.instance, answer.isRestoring)
      if !answer.wants.isEmpty { wants.append((space, answer.wants)) }
    }
    for space in hello.spaces where instance == space.cursor.instance && !isRestoring {
      guard try common[space.name]?.seq == space.cursor.seq || !isSigned(space.cursor, space.name)
      else {
        throw SyncError(
          "sync.rewound", "central's log of \(space.name) does not hold what it gave before",
          hint: "Tell the secretariat: its file may have been put back. Nothing here was changed.")
      }
    }
    if isRestoring {
      for space in identity.spaces {
        report.offered += try offerTail(of: space, after: common[space] ?? .start, line)
      }
      report.notes.append(
        "Central was restored and is not accepted yet: \(report.offered) log entries were given back to it."
      )
    }
    try beginLife(instance, hello, first, at: at, line, &report)
    if !isRestoring {
      // Places are counted over all spaces: every log goes back before any goes on.
      var moved: [String] = []
      for space in identity.spaces {
        let (cursor, place) = (try cursor(of: space), common[space] ?? .start)
        guard cursor.instance != instance || place.seq < cursor.seq else { continue }
        try goOver(
          space, to: instance, from: place, first, at: at, line, &report)
        moved.append(space)
      }
      if let epoch = try beginEpochIfTaken(at: at, line) { report.epoch = epoch }
      for space in moved { try pull(space, author: author(at: at), line, &report) }
    }
    for (space, dots) in wants { try giveBodies(dots, space, line) }
    return isRestoring
  }

  /// Whether central signed anything in the life a file stands in: what an answer alone said of it, on the way to being
  /// accepted, is no promise.
  private func isSigned(_ cursor: Cursor, _ space: String) throws -> Bool {
    guard let line = try heldCheckpoint(of: space),
      case .checkpoint(_, let checkpoint, _) = try LogLine.parse(line)
    else { return false }
    return checkpoint.instance == cursor.instance
  }

  /// A new life of central means a new epoch, always: what a restored central forgot of this actor another copy of the file
  /// may have written.
  private func beginLife(
    _ instance: InstanceID, _ hello: Hello, _ answer: HelloAnswer, at: String, _ line: Line,
    _ report: inout SyncReport
  ) throws {
    guard try store.meta("life")?.text != instance.description,
      hello.spaces.contains(where: { $0.cursor.instance != instance })
    else { return }
    let standing = try standing(of: hello.actor, hello, answer, line)
    report.epoch = try beginEpoch(ofLife: instance, standing: standing, at: at)
    identity = try Identity(store)
  }

  /// Begins the epoch of a new life; what is known to stand without asking stands in any case.
  func beginEpoch(ofLife instance: InstanceID, standing: [String: Int], at: String) throws -> Epoch
  {
    var standing = standing
    for space in identity.spaces {
      standing[space] = try max(
        standing[space] ?? 0, store.knownStanding(of: identity.actor, in: space))
    }
    return try store.write {
      let epoch = try store.beginEpoch(
        .central, as: freshActor, author: author(at: at), standing: standing)
      try store.setMeta("life", .text(instance.description))
      return epoch
    }
  }

  /// Goes back to the common place of one space, if need be, and on into the new life.
  private func goOver(
    _ space: String, to instance: InstanceID, from place: LogPlace, _ answer: HelloAnswer,
    at: String, _ line: Line, _ report: inout SyncReport
  ) throws {
    let cursor = try cursor(of: space)
    if let words = try watchFloor(
      of: space, answer.starts, place, statement: answer.bytes, at: at)
    {
      report.notes.append(words)
    }
    let new = Cursor(instance: instance, seq: place.seq, hash: place.hash)
    var undone = 0
    if place.seq < cursor.seq, try needsSnapshot(space, at: place) {
      report.snapshotRows += try takeSnapshot(
        of: space, author: author(at: at), line, goingBackTo: new, undone: &undone)
    } else {
      undone = try store.write { try step(space, over: new, at: at) }
    }
    report.notes.append(try tellRestored(space, undone: undone, above: place, at: at))
  }

  /// Goes back to a place of a new life's log that this file holds, if need be, and stands there; call inside `write`.
  ///
  /// - Returns: how many entries were undone.
  func step(_ space: String, over new: Cursor, at: String) throws -> Int {
    try store.seal(as: author(at: at))
    let isBack = try new.seq < cursor(of: space).seq
    let undone =
      isBack ? try store.goBack(space, to: LogPlace(seq: new.seq, hash: new.hash)) : 0
    try store.setCursor(new, of: space)
    // Central's word for what is gone goes, too; the log that follows brings the next.
    if isBack { try store.setMeta("checkpoint.\(space)", .null) }
    return undone
  }

  /// Keeps what happened to a space, and gives it in words.
  func tellRestored(_ space: String, undone: Int, above place: LogPlace, at: String) throws
    -> String
  {
    let words =
      undone == 0
      ? "Central was restored; nothing of \(space) was lost."
      : "Central was restored: \(undone) log entries of \(space) above \(place.seq) are offered again and judged anew."
    try store.write { try store.setMeta("restored.\(space)", .text("\(at) \(words)")) }
    return words
  }

  /// Keeps evidence when central's log differs below the place up to which its own list of lives says that it was kept:
  /// central signed two histories, since it was rewound and merged on before anybody noticed, or is not honest.
  ///
  /// Nothing is lost by going on, since all of this file's history is offered again; what central signed is kept to be shown.
  ///
  /// - Parameter statement: the list, as it came.
  /// - Returns: what to tell; nil when all is as it says.
  func watchFloor(
    of space: String, _ starts: [InstanceStart], _ place: LogPlace, statement: [UInt8], at: String
  ) throws -> String? {
    let cursor = try cursor(of: space)
    let standing = Hello.Space(name: space, n: 0, hash: .zero, cursor: cursor)
    guard let floor = Plan.floor(of: standing, starts), place.seq < min(floor, cursor.seq),
      try knowsHistory(of: space, at: min(floor, cursor.seq))
    else { return nil }
    let words =
      "central says that its log of \(space) was kept up to \(floor), but it differs from \(place.seq) on "
      + "from what it signed before"
    // Its own checkpoints from there on, with what it says now.
    let signed = try store.checkpoints(of: space).filter { $0.checkpoint.seq > place.seq }
    _ = try suspect(
      Self.parted, space, at: at, words, signed.suffix(2).map(\.line) + [statement])
    return "Tell the other members: \(words). `cordee evidence` writes the signatures."
  }

  /// The code of two histories that central told in two lives of it.
  static let parted = "log.parted"

  /// Whether this file knows what the log was at a place: behind a snapshot it cannot tell whether central's is the same.
  private func knowsHistory(of space: String, at seq: Int) throws -> Bool {
    guard let gap = try store.gap(in: space) else { return true }
    return seq <= gap.after.seq || seq >= gap.upTo.seq
  }

  /// Whether the state at a place cannot be made from the history held here.
  func needsSnapshot(_ space: String, at place: LogPlace) throws -> Bool {
    guard let gap = try store.gap(in: space) else { return false }
    return place.seq > gap.after.seq
  }

  /// Where this file's log and central's part.
  private func commonPlace(of space: String, _ line: Line) throws -> (LogPlace, TailAnswer) {
    let cursor = try cursor(of: space)
    let end = LogPlace(seq: cursor.seq, hash: cursor.hash)
    var search = CommonPlace(upTo: end.seq)
    var marks = end.seq > 0 ? [end] : []
    while true {
      if search.apart - search.known.seq > 1 {
        marks += try store.marks(
          of: space, above: search.known.seq, upTo: search.apart - 1,
          count: WireLimits.tailMarksMax - 2
        ).filter { !marks.contains($0) }
        if let gap = try store.gap(in: space), gap.upTo.seq < search.apart {
          let place = LogPlace(seq: gap.upTo.seq, hash: gap.upTo.hash)
          if place.seq > search.known.seq, !marks.contains(place) { marks.append(place) }
        }
      }
      let answer = try askTail(space, TailHead(marks: marks), entries: [], line)
      search.take(marks, common: answer.common)
      marks = try store.marks(
        of: space, above: search.known.seq, upTo: search.apart - 1, count: 1)
      if marks.isEmpty || search.apart - search.known.seq <= 1 { return (search.known, answer) }
      marks = []
    }
  }

  /// Where central signed nothing in the life this file stands in, shows it what it signed in its own present life, and, if it
  /// does not name the former, what it signed last: it may have forgotten either.
  private func showWhatMayBeForgotten(of space: String, _ answer: HelloAnswer, _ line: Line) throws
  {
    guard try heldCheckpoint(of: space) == nil else { return }
    let kept = try store.checkpoints(of: space)
    let life = try cursor(of: space).instance
    let isNamed = answer.starts.contains { $0.instance == life }
    var shown: [UInt8]?
    for word in [
      kept.last { $0.checkpoint.instance == answer.instance }, isNamed ? nil : kept.last,
    ] {
      guard let word, word.line != shown else { continue }
      _ = try askTail(space, TailHead(marks: []), entries: [], showing: word.line, line)
      shown = word.line
    }
  }

  /// Asks central about a tail, or gives it one.
  ///
  /// - Parameter word: what central signed; else how far it signed this file's log, if it did.
  private func askTail(
    _ space: String, _ head: TailHead, entries: [UInt8], showing word: [UInt8]? = nil, _ line: Line
  ) throws -> TailAnswer {
    var body = head.line + [UInt8(ascii: "\n")]
    let checkpoint = try word ?? heldCheckpoint(of: space)
    if let checkpoint { body += checkpoint + [UInt8(ascii: "\n")] + entries }
    return try TailAnswer.parse(try post(body, to: "offers", space, line))
  }

  /// What central signed last of this file's log as it stands: at its end, or, where a later life signed nothing yet, before.
  private func signedEnd(of space: String) throws -> (checkpoint: Checkpoint, line: [UInt8])? {
    if let line = try heldCheckpoint(of: space),
      case .checkpoint(_, let checkpoint, _) = try LogLine.parse(line)
    {
      return (checkpoint, line)
    }
    return try store.checkpoints(of: space).filter {
      try store.logHash(of: space, at: $0.checkpoint.seq) == $0.checkpoint.hash
    }.max { $0.checkpoint.seq < $1.checkpoint.seq }
  }

  /// Gives central the log above a place, in pieces.
  ///
  /// - Returns: entries given.
  private func offerTail(of space: String, after common: LogPlace, _ line: Line) throws -> Int {
    guard let (checkpoint, word) = try signedEnd(of: space) else { return 0 }
    let gap = try store.gap(in: space)
    var place = common
    var count = 0
    while place.seq < checkpoint.seq {
      var upTo = checkpoint.seq
      // What a snapshot left out is not here to be given: the log comes in two parts, before it and after.
      if let gap, place.seq < gap.upTo.seq {
        if place.seq < gap.after.seq {
          upTo = min(gap.after.seq, checkpoint.seq)
        } else {
          place = LogPlace(seq: gap.upTo.seq, hash: gap.upTo.hash)
        }
      }
      let (head, lines, end, size) = try piece(of: space, after: place, upTo: upTo)
      guard size > 0 else { break }
      do {
        _ = try askTail(space, head, entries: lines, showing: word, line)
      } catch let refusal as SyncError where refusal.code == "author.unknown" {
        // What enrolled that author lies in the gap here: once somebody gave it, the next sync gives this.
        break
      }
      place = end
      count += size
    }
    // Even one who has nothing to give shows how far the log went.
    if count == 0 { _ = try askTail(space, TailHead(marks: []), entries: [], showing: word, line) }
    return count
  }

  private func piece(of space: String, after place: LogPlace, upTo end: Int) throws -> (
    head: TailHead, lines: [UInt8], end: LogPlace, count: Int
  ) {
    var lines: [UInt8] = []
    var heads: [ActorID: Hash] = [:]
    var last = place
    var seen: Set<ActorID> = []
    var count = 0
    try store.forEachEntry(of: space, after: place.seq) { entry in
      guard entry.seq <= end, lines.count < Self.pushBytesMax - 100_000 else { return false }
      let dot = entry.change.dot
      if seen.insert(dot.actor).inserted, dot.n > 1 {
        heads[dot.actor] = try store.namedHash(Dot(actor: dot.actor, n: dot.n - 1), in: space)
      }
      lines += LogLine.entryLine(
        seq: entry.seq, change: entry.change, verdict: entry.verdict,
        signatures: entry.signatures, withholdsBody: false)
      lines.append(UInt8(ascii: "\n"))
      last = LogPlace(seq: entry.seq, hash: entry.hash)
      count += 1
      return true
    }
    return (TailHead(after: place, heads: heads, marks: []), lines, last, count)
  }

  private func giveBodies(_ dots: [Dot], _ space: String, _ line: Line) throws {
    var body = BodiesHead.line + [UInt8(ascii: "\n")]
    var count = 0
    for dot in dots {
      guard let change = try store.change(dot, in: space), change.bodyBytes != nil,
        body.count < Self.pushBytesMax
      else { continue }
      body += ChangeEncoding.line(of: change) + [UInt8(ascii: "\n")]
      count += 1
    }
    if count > 0 { _ = try post(body, to: "offers", space, line) }
  }
}

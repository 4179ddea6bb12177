import Causality
import Changes

/// What somebody had seen when writing: the log up to a place, and the own changes before.
struct Sight: Sendable, Hashable {
  /// Which of central's lives the place is counted in.
  var life: Int
  /// The last place of central's log that was there.
  var seq: Int
  /// The file's own past in the space: which line of copies, and how many own changes stood in it.
  var line: Int
  var order: Int

  init(life: Int, seq: Int, line: Int, order: Int) {
    (self.life, self.seq, self.line, self.order) = (life, seq, line, order)
  }
}

/// A change that was sealed or queued: accepted, so that it may never be lost.
struct Accepted: Sendable {
  /// Names it, wherever it goes: its body's random key.
  var name: [UInt8]
  /// Who.
  var node: String
  var role: String
  var space: String
  var dot: Dot
  var hash: Hash
  var writes: [Write]
  var sight: Sight
  /// Whether its author claims to have seen what nobody wrote.
  var claimsTooMuch = false

  init(
    name: [UInt8], node: String, role: String, space: String, dot: Dot, hash: Hash,
    writes: [Write], sight: Sight, claimsTooMuch: Bool = false
  ) {
    self.name = name
    self.node = node
    self.role = role
    self.space = space
    self.dot = dot
    self.hash = hash
    self.writes = writes
    self.sight = sight
    self.claimsTooMuch = claimsTooMuch
  }
}

/// One entry of central's log, as it stands in its file.
struct LoggedEntry: Sendable, Hashable {
  var seq: Int
  var space: String
  var dot: Dot
  var hash: Hash
  var logHash: Hash
  var reason: String?
  /// The body's key; nil where the body is withheld.
  var name: [UInt8]?

  init(
    seq: Int, space: String, dot: Dot, hash: Hash, logHash: Hash, reason: String?, name: [UInt8]?
  ) {
    self.seq = seq
    self.space = space
    self.dot = dot
    self.hash = hash
    self.logHash = logHash
    self.reason = reason
    self.name = name
  }
}

/// What stood behind a failure.
enum Cause: String, Sendable {
  /// Nothing that could excuse it.
  case none
  /// The link lost, doubled or delayed whole messages.
  case lossy
  /// The link cut or altered bytes, or a disk failed.
  case damaged
  /// Central lied.
  case hostile
}

/// One thing that happened in a run, as an onlooker sees it: files, bytes on the link, answers.
enum Event: Sendable {
  /// A change stands in its author's file.
  case accepted(Accepted)
  /// A file's own past parts from what was written before: an epoch, a copy, a restore.
  case branched(line: Int, from: Int, order: Int)
  /// A file goes on under another actor: of the one before it may hold less from here on.
  case renewed(node: String, space: String, actor: ActorID)
  /// Central put a change into its log.
  case merged(LoggedEntry, life: Int, schema: Int)
  /// Central shut a device out, before the next merge.
  case revoked(ReplicaID)
  /// Central answered a push with success.
  case acknowledged(node: String, space: String, dot: Dot, hash: Hash)
  /// Where a file stands in one space: its cursor and its vector.
  case standing(node: String, space: String, seq: Int, vector: [ActorID: Int])
  /// The file was put back to an older copy: it may stand lower from here on.
  case restored(node: String)
  /// A sync, a merge or a join failed.
  case failed(node: String, code: String, cause: Cause, words: String)
  /// Central lied to a replica in a way that has to be noticed: at once, or at the next honest contact.
  case lied(node: String, kind: Mark, wasNoticed: Bool)
  /// A hostile request was answered.
  case hostileAnswered(kind: Mark, status: Int)
  /// At the end: the log in a file.
  case finalLog(node: String, [LoggedEntry])
  /// At the end: a space's dump, parsed by the onlooker.
  case finalDump(node: String, space: String, lines: [String])
  /// At the end: a shared table as people see it.
  case finalTable(node: String, table: String, fields: [String], rows: [RowKey: [Value]])
  /// At the end: bodies of refused changes in a file of somebody else than their author.
  case foreignRefusedBodies(node: String, count: Int)
  /// At the end: what an audit found.
  case audited(node: String, damage: [String])
  /// At the end: what still waits in a file.
  case waiting(node: String, count: Int)
  /// At the end: segments in central's inbox.
  case inbox(count: Int)
}

/// Something that must never happen.
package struct Violation: Sendable, Hashable {
  /// Which promise.
  package let rule: String
  /// What, in one line.
  package let words: String

  package init(_ rule: String, _ words: String) {
    self.rule = rule
    self.words = words
  }
}

/// Watches a history for one promise.
protocol Checker {
  /// Takes the next event.
  mutating func see(_ event: Event)
  /// What was broken, once all was seen.
  func verdict() -> [Violation]
}

import Causality
import Changes
import Store

/// What somebody had seen when writing: the log up to a place, and the own changes before.
struct Sight: Sendable, Hashable {
  /// The log's hash where the space's log ended in the file: it stands for all before it, in whichever of central's lives.
  var head: Hash
  /// The file's own past in the space: which line of copies, and how many own changes stood in it.
  var line: Int
  var order: Int
}

/// A change that was sealed or queued: accepted, so that it may never be lost.
///
/// Its hash names it, wherever it goes.
struct Accepted: Sendable {
  /// Who.
  var node: String
  var role: String
  var space: String
  var dot: Dot
  var hash: Hash
  var writes: [Write]
  var sight: Sight
  /// The change that this one seals again.
  var again: Hash?
  /// What its author claims to have seen beyond that, up to which change of whom.
  var claims: [ActorID: Int] = [:]
  /// Whose edit it is, where central gave it a place of its own; else the dot tells.
  var editor: ReplicaID?

  /// Whose rights count.
  var author: ReplicaID { editor ?? dot.actor.replica }

  /// In a trace.
  var words: String {
    "\(node) \(String(dot.actor.epoch, radix: 16).prefix(4)):\(dot.n) in \(space)"
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
  case branched(line: Int, from: Int, order: Int, keepsContext: Bool)
  /// A file goes on under another actor: of the one before it may hold less from here on.
  case renewed(node: String, space: String, actor: ActorID)
  /// A member's new file stands where central stands.
  case joined(node: String)
  /// A file has a twin from here on, or is one: then of whom.
  case copied(node: String, of: String? = nil)
  /// A file began an epoch and said so.
  case epoch(node: String, reason: EpochReason, mayBeMisled: Bool)
  /// The file was put back to an older copy: it may stand lower from here on.
  case restored(node: String)
  /// Changes went with a file that was replaced.
  case abandoned(Set<Hash>)
  /// Central put a change into its log.
  case merged(LoggedEntry, schema: Int)
  /// Central's file was put back: what its log is now, and whom it holds to be shut out.
  case wentBack(log: [LoggedEntry], revoked: Set<ReplicaID>)
  /// When central's file was put back: the changes a member's file holds whole.
  case holds(node: String, Set<Hash>)
  /// Central began a life, by its keeper's word or because a member brought what it had signed itself.
  case lifeBegan
  /// Central stands in a life again that it had left: the file put back was of it.
  case lifeReturned
  /// Central's new life was accepted: the ends of logs that members gave back, where no histories differed; too early,
  /// perhaps, where a member had not given yet.
  case lifeAccepted(life: String, given: [LogEnd], mayBeEarly: Bool)
  /// Whoever keeps central gave up an author's changes.
  case declaredLost(ActorID)
  /// Central shut a device out, before the next merge.
  case revoked(ReplicaID)
  /// Central answered a push with success.
  case acknowledged(node: String, space: String, dot: Dot, hash: Hash)
  /// Where a file stands in one space: central's life, its cursor and its vector.
  case standing(node: String, space: String, life: String, seq: Int, vector: [ActorID: Int])
  /// A sync, a merge or a join failed.
  case failed(node: String, code: String, cause: Cause, words: String)
  /// Central lied to a replica in a way that has to be noticed, at once or at the next honest contact, and what shows it
  /// has to be kept.
  case lied(node: String, kind: Mark, wasNoticed: Bool, isKept: Bool)
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
  /// At the end: what a file holds against central.
  case accused(node: String, kind: Evidence.Kind, code: String, isSettled: Bool)
}

/// Where a member's log of a space ended.
struct LogEnd: Sendable, Hashable {
  var node: String
  var space: String
  var hash: Hash
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

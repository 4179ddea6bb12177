import Causality
import Central
import Changes

/// What one node holds: rows, vector, and what waits in its inbox.
///
/// Central's own queue and waiting rule say whose turn it is.
struct Node {
  private static let space = "commons"

  private(set) var rows: [RowKey: RowState] = [:]
  private(set) var known = VersionVector()
  private(set) var waiting: [Edit] = []
  /// Edits that were made to wait, and edits that came again.
  private(set) var waited = 0
  private(set) var repeated = 0

  /// Takes edits however they come, in one merge with what waits: known ones are skipped, those that come too early wait.
  mutating func take(_ news: some Collection<Edit>) {
    let inbox = waiting + news
    var isTaken = [Bool](repeating: false, count: inbox.count)
    var queue = MergeQueue(inbox.indices.map { Self.segment(of: inbox[$0].dot, id: $0) })
    while let entry = queue.next(isMerged: { dot, _ in known.sees(dot) }) {
      let edit = inbox[entry.segment.id]
      if known.sees(edit.dot) {
        repeated += 1
      } else {
        let needs = needs(of: edit)
        guard needs.isEmpty else {
          waited += 1
          queue.hold(entry, for: needs)
          continue
        }
        apply(edit)
        queue.release([edit.dot.n], of: edit.dot.actor, in: Self.space)
      }
      isTaken[entry.segment.id] = true
    }
    waiting = inbox.indices.filter { !isTaken[$0] }.map { inbox[$0] }
  }

  private func needs(of edit: Edit) -> [Dot] {
    if let before = WaitingRule.before(edit.dot, head: known[edit.dot.actor]) { return [before] }
    return WaitingRule.missing(of: edit.author.context, after: VersionVector()) { known.sees($0) }
  }

  private static func segment(of dot: Dot, id: Int) -> QueuedSegment {
    QueuedSegment(
      id: id, space: space, actor: dot.actor, from: dot.n, to: dot.n, previous: [], head: [],
      signatures: [], runs: [])
  }

  private mutating func apply(_ edit: Edit) {
    for write in edit.writes where !edit.isRefused {
      rows[write.row, default: RowState()].apply(write.verb, by: edit.author)
    }
    known.raise(edit.dot.actor, to: edit.dot.n)
  }

  /// Whether both hold the same: the vector, every sibling, and so every shown value; and nothing waits.
  func agrees(with other: Node) -> Bool {
    waiting.isEmpty && other.waiting.isEmpty && known == other.known
      && rows == other.rows
  }
}

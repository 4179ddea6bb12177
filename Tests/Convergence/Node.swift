import Causality
import Changes

/// What one node holds: rows, vector, and what waits for its context.
struct Node {
  private(set) var rows: [RowKey: RowState] = [:]
  private(set) var known = VersionVector()
  private(set) var waiting: [Edit] = []
  /// Edits that had to wait, and edits that came again.
  private(set) var waited = 0
  private(set) var repeated = 0

  /// Takes an edit however it comes: known ones are skipped, those that come too early wait.
  mutating func take(_ edit: Edit) {
    guard !known.sees(edit.dot) else { return repeated += 1 }
    guard isReady(edit) else {
      waited += 1
      return waiting.append(edit)
    }
    apply(edit)
    while let place = waiting.firstIndex(where: { isReady($0) || known.sees($0.dot) }) {
      let next = waiting.remove(at: place)
      if known.sees(next.dot) { repeated += 1 } else { apply(next) }
    }
  }

  private func isReady(_ edit: Edit) -> Bool {
    let order = edit.author.context.compare(known)
    return known[edit.dot.actor] + 1 == edit.dot.n && (order == .before || order == .equal)
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

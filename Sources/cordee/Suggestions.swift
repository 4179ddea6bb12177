/// The word of `candidates` that was most likely meant by `typed`; nil when none is near.
///
/// Near is one slip in three letters, at most three, or the beginning of just one candidate.
///
/// - Complexity: O(candidates · letters²).
func nearest(to typed: String, among candidates: [String]) -> String? {
  let begun = candidates.filter { typed.count >= 2 && $0.hasPrefix(typed) }
  if begun.count == 1 { return begun.first }
  let slips = max(1, min(3, typed.count / 3))
  return
    candidates
    .map { (word: $0, distance: editDistance(Array(typed), Array($0))) }
    .filter { $0.distance <= slips && $0.distance < $0.word.count }
    .min { $0.distance < $1.distance }?.word
}

/// Letters to insert, drop, change or swap with their neighbour (optimal string alignment).
private func editDistance(_ from: [Character], _ to: [Character]) -> Int {
  var before: [Int] = []
  var last = Array(0...to.count)
  for (row, letter) in from.enumerated() {
    var current = [row + 1]
    for (column, other) in to.enumerated() {
      var least = min(last[column + 1] + 1, current[column] + 1)
      least = min(least, last[column] + (letter == other ? 0 : 1))
      if row > 0, column > 0, letter == to[column - 1], from[row - 1] == other {
        least = min(least, before[column - 1] + 1)
      }
      current.append(least)
    }
    before = last
    last = current
  }
  return last[to.count]
}

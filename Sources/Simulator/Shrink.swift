/// Makes a failing run short: steps are left out as long as the same promise stays broken (delta debugging; Zeller, 1999).
package struct Shrink {
  private let folder: () throws -> String
  /// Runs left to spend.
  private var runsLeft: Int

  /// - Parameters:
  ///   - runsMax: how many runs may be spent.
  ///   - folder: gives a new empty folder for each run.
  package init(runsMax: Int, folder: @escaping () throws -> String) {
    runsLeft = runsMax
    self.folder = folder
  }

  /// The shortest run found that breaks the rule `outcome` broke first.
  package mutating func shortest(_ simulation: Simulation, breaking rule: String) throws
    -> Simulation
  {
    var best = simulation
    var size = max(1, best.kept.count / 2)
    while size >= 1, runsLeft > 0 {
      var start = 0
      var hasShrunk = false
      while start < best.kept.count, runsLeft > 0 {
        var candidate = best
        candidate.kept.removeSubrange(start..<min(start + size, best.kept.count))
        runsLeft -= 1
        if try candidate.run(in: folder()).violations.contains(where: { $0.rule == rule }) {
          best = candidate
          hasShrunk = true
        } else {
          start += size
        }
      }
      if size == 1, !hasShrunk { break }
      if !hasShrunk || size > best.kept.count { size = max(1, min(size, best.kept.count) / 2) }
      if size == 1, best.kept.count <= 1 { break }
    }
    return best
  }
}

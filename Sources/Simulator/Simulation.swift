/// One run: a seed, some steps, and what came of it.
package struct Simulation: Sendable {
  /// What is drawn from.
  package let seed: UInt64
  /// How many steps the seed draws.
  package let steps: Int
  /// Which of them are carried out; all unless a shrink left some out.
  package var kept: [Step]

  private let scenario: Scenario

  /// Draws the steps of a run.
  package init(seed: UInt64, steps: Int) {
    self.seed = seed
    self.steps = steps
    scenario = Scenario(seed: seed, steps: steps)
    kept = scenario.steps
  }

  /// Takes a run from its script.
  package init(script line: String) throws(Script.Malformed) {
    (scenario, steps) = try Script.parse(line)
    seed = scenario.seed
    kept = scenario.steps
  }

  /// The script of what is carried out.
  package var script: String { Script.line(scenario, kept, of: steps) }

  /// What came of a run.
  package struct Outcome: Sendable {
    /// Broken promises; none in a good run.
    package var violations: [Violation]
    /// What happened how often.
    package var marks: Marks
    /// What was done, in words.
    package var trace: [String]
    /// All that was done and all bytes that crossed the link, in one hash.
    package var hash: String
  }

  /// Runs it in a folder that is empty, exists, and goes afterwards by the caller's hand.
  ///
  /// - Complexity: O(steps); a thousand take about a second.
  package func run(in folder: String) -> Outcome {
    var failure: String?
    var world: World?
    do {
      let made = try World(scenario, folder: folder)
      world = made
      try made.draws.lend { try carryOut(in: made) }
    } catch {
      failure = "\(error)"
    }
    guard let world else {
      return Outcome(
        violations: [Violation("simulator", failure ?? "")], marks: Marks(), trace: [], hash: "")
    }
    var violations = Checkers.verdict(on: world.events)
    if let failure { violations.append(Violation("simulator", failure)) }
    let outcome = Outcome(
      violations: violations, marks: world.marks, trace: world.trace, hash: world.digest())
    world.end()
    return outcome
  }

  private func carryOut(in world: World) throws {
    world.begin(-1)
    try world.begin()
    for step in kept { try world.perform(step) }
    try world.heal(steps + 1)
    if world.house.schema < 2 || world.stations.contains(where: { $0.schema < 2 }) {
      // Upgrades change nothing of what is held.
      try world.lookAtEverything(audits: false)
      for station in world.stations { try world.rise(station) }
      world.house.routes = nil
      world.house.schema = 2
      try world.heal(steps + 2)
    }
    try world.lookAtEverything(audits: true)
  }
}

// Seeded faults, to test the tests: the engine asks at some fifty places whether it is to commit one. `scripts/mutants`
// builds with them, switches on one after the other and tells what noticed.

#if MUTANTS
  import Foundation

  /// The fault of this process: the number in `CORDEE_MUTANT`, 0 for none.
  private let chosen = Int(ProcessInfo.processInfo.environment["CORDEE_MUTANT"] ?? "") ?? 0

  /// Whether this process is to commit a fault.
  ///
  /// - Parameters:
  ///   - number: its number, used at one place.
  ///   - words: the rule it breaks, and what is done instead of the right thing; `scripts/mutants --list` reads them.
  public func mutant(_ number: Int, _ words: StaticString) -> Bool { number == chosen }
#else
  /// False: without the build condition `MUTANTS` the compiler folds the question away, with the fault behind it and its words.
  ///
  /// - Parameters:
  ///   - number: its number, used at one place.
  ///   - words: the rule it breaks, and what is done instead of the right thing; `scripts/mutants --list` reads them.
  @export(implementation)
  public func mutant(_ number: Int, _ words: StaticString) -> Bool { false }
#endif

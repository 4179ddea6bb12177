/// One door that bytes from strangers come through, and what must hold behind it whatever they are.
///
/// A target returns for every input; a broken promise stops the program, which is what a fuzzer and a test both notice.
public struct FuzzTarget: Sendable {
  /// Its name, as a folder of `Fixtures/fuzz` and an argument of `scripts/fuzz`.
  public let name: String
  /// Takes one input.
  public let run: @Sendable ([UInt8]) -> Void

  /// All of them.
  public static let all: [FuzzTarget] = [
    FuzzTarget(name: "json", run: json),
    FuzzTarget(name: "change", run: change),
    FuzzTarget(name: "batch", run: batch),
    FuzzTarget(name: "log", run: log),
    FuzzTarget(name: "push", run: push),
    FuzzTarget(name: "bundle", run: bundle),
    FuzzTarget(name: "notes", run: notes),
    FuzzTarget(name: "witness", run: witness),
    FuzzTarget(name: "http", run: http),
    FuzzTarget(name: "invite", run: invite),
    FuzzTarget(name: "seed", run: seed),
    FuzzTarget(name: "schedule", run: schedule),
    FuzzTarget(name: "zstd", run: zstd),
    FuzzTarget(name: "database", run: database),
  ]
}

/// Stops the program with the promise that was broken.
func hold(_ promise: Bool, _ words: StaticString) {
  precondition(promise, "\(words)")
}

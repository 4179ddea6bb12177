/// A command line that cannot be followed.
struct UsageError: Error {
  let words: String
}

/// What is to be run.
struct Options {
  var seeds: ClosedRange<UInt64> = 1...20
  var steps = 1000
  var jobs = 1
  var prints = false
  var shrinkRunsMax = 300
  var stopsAtFirst = false
  /// A file of scripts to run instead of seeds.
  var scripts: String?

  static let usage = """
    usage: cordee-sim [--seeds A..B] [--steps N] [--jobs N] [--trace] [--shrink RUNS] [--first]
           cordee-sim --script FILE [--trace]
      --seeds   one seed, or a range of them (1..20)
      --steps   steps of each run (1000)
      --jobs    runs side by side, each in one thread (1)
      --trace   print what happens, step by step
      --shrink  runs spent to find the shortest failing script; 0 prints none (300)
      --first   stop at the first failing seed
      --script  run the scripts of a file, one a line; what follows # is a comment
    Exit: 0 no promise broken, 1 one was, 2 usage.
    """

  init(_ words: [String]) throws {
    var rest = words[...]
    func value(_ name: String) throws -> String {
      guard let value = rest.popFirst() else { throw UsageError(words: "\(name) needs a value") }
      return value
    }
    func number(_ name: String) throws -> Int {
      let text = try value(name)
      guard let number = Int(text), number >= 0 else {
        throw UsageError(words: "\(name) needs a number, not \(text)")
      }
      return number
    }
    while let word = rest.popFirst() {
      switch word {
      case "--seeds": seeds = try Self.range(try value(word))
      case "--steps": steps = try number(word)
      case "--jobs": jobs = max(1, try number(word))
      case "--trace": prints = true
      case "--shrink": shrinkRunsMax = try number(word)
      case "--first": stopsAtFirst = true
      case "--script": scripts = try value(word)
      case "--help":
        print(Self.usage)
        throw UsageError(words: "that was the help")
      default: throw UsageError(words: "unknown word \(word)")
      }
    }
  }

  private static func range(_ text: String) throws -> ClosedRange<UInt64> {
    let parts = text.replacing("..", with: " ").split(separator: " ").compactMap { UInt64($0) }
    guard let first = parts.first, let last = parts.last, parts.count <= 2, first <= last else {
      throw UsageError(words: "--seeds needs a seed or a range as 1..20, not \(text)")
    }
    return first...last
  }
}

import Causality
import Changes
public import Wire

/// Where a replica's log and a restored central's part, narrowed down by asking about places: each question names up to
/// `WireLimits.tailMarksMax`. `[SP-1204]`
public struct CommonPlace: Sendable, Hashable {
  /// The highest place known to be held by both.
  public private(set) var known: LogPlace
  /// The lowest place asked about that central did not hold; one above the end of the file's log at first.
  public private(set) var apart: Int

  /// Begins with everything in doubt.
  public init(upTo end: Int) {
    known = .start
    apart = end + 1
  }

  /// Central's answer to a question about `marks`, highest first.
  public mutating func take(_ marks: [LogPlace], common: LogPlace) {
    if common.seq > known.seq { known = common }
    for mark in marks where mark.seq > known.seq { apart = min(apart, mark.seq) }
  }
}

extension Plan {
  /// Whether central lives another life than the file knows, or its log does not hold the file's place.
  public static func meetsAnotherLife(_ hello: Hello, _ answer: HelloAnswer) -> Bool {
    answer.isRestoring
      || hello.spaces.contains { space in
        guard let central = answer.spaces.first(where: { $0.name == space.name }) else {
          return false
        }
        return answer.instance != space.cursor.instance || !central.knowsCursor
      }
  }

  /// The lowest place to which central's own list of lives lets a file go back in a space; nil when it does not say.
  ///
  /// A common place below it means that central's log was altered without a new life: that is no restore.
  public static func floor(of space: Hello.Space, _ starts: [InstanceStart]) -> Int? {
    guard let index = starts.lastIndex(where: { $0.instance == space.cursor.instance }) else {
      return nil
    }
    return starts[(index + 1)...].map { ($0.places[space.name] ?? .start).seq }.min()
  }
}

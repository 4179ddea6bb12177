/// Spans of time as people type them: a whole number and one of `s`, `m`, `h`, `d`.
enum Durations {
  /// Longest span taken: ten years of days, far from any overflow.
  static let secondsMax: Int64 = 3_650 * 86_400

  /// Reads `30s`, `15m`, `6h` or `2d`; nil for anything else, zero and more than ten years included.
  static func parse(_ text: String) -> Duration? {
    let bytes = Array(text.utf8)
    guard let unit = bytes.last, let seconds = seconds(of: unit) else { return nil }
    let digits = bytes.dropLast()
    guard !digits.isEmpty, digits.count <= 9,
      digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let count = Int64(String(decoding: digits, as: UTF8.self)),
      count > 0, count * seconds <= secondsMax
    else { return nil }
    return .seconds(count * seconds)
  }

  /// The two largest units that are not zero, as `1h 20m`; `0s` below one second.
  static func text(_ duration: Duration) -> String {
    var left = max(0, duration.components.seconds)
    var parts: [String] = []
    for (name, seconds) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] as [(String, Int64)] {
      if left >= seconds { parts.append("\(left / seconds)\(name)") }
      left %= seconds
    }
    return parts.isEmpty ? "0s" : parts.prefix(2).joined(separator: " ")
  }

  private static func seconds(of unit: UInt8) -> Int64? {
    switch unit {
    case UInt8(ascii: "s"): 1
    case UInt8(ascii: "m"): 60
    case UInt8(ascii: "h"): 3_600
    case UInt8(ascii: "d"): 86_400
    default: nil
    }
  }
}

import Wire

/// Moments as people type them: a span back from now, a day, or a time of day with its offset (ISO 8601).
enum Moments {
  /// The label of the moment `text` means, a day beginning at midnight UTC; nil for anything else.
  ///
  /// - Parameter now: Unix seconds.
  static func label(_ text: String, now: Int64) -> String? {
    if let span = Durations.parse(text) {
      return Timestamp.text(unixSeconds: now - span.components.seconds)
    }
    return seconds(of: text).map { Timestamp.text(unixSeconds: $0) }
  }

  private static func seconds(of text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count > 10 else { return Timestamp.unixSeconds("\(text)T00:00:00Z") }
    let east = bytes.last == UInt8(ascii: "Z") ? 0 : offset(bytes.suffix(6))
    guard let east else { return nil }
    let hasZ = bytes.last == UInt8(ascii: "Z")
    // Seconds may be left out.
    let local = String(decoding: bytes.dropLast(hasZ ? 1 : 6), as: UTF8.self)
    return Timestamp.unixSeconds("\(local)\(local.utf8.count == 16 ? ":00" : "")Z").map {
      $0 - east
    }
  }

  /// Seconds east of UTC that `+hh:mm` or `-hh:mm` tells.
  private static func offset(_ end: ArraySlice<UInt8>) -> Int64? {
    guard let sign = end.first, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(sign) else {
      return nil
    }
    let time = String(decoding: end.dropFirst(), as: UTF8.self)
    return Timestamp.unixSeconds("1970-01-01T\(time):00Z").map {
      sign == UInt8(ascii: "+") ? $0 : -$0
    }
  }
}

import Causality
import Changes

/// Headers in the exact form that `ChangeEncoding` gives those without a context: nearly all of them.
///
/// Each change's header is read several times on its way; without a tree that costs a tenth.
enum PlainHeader {
  /// Reads it; nil for any other form, which says nothing about its worth.
  static func read(_ bytes: [UInt8]) -> Header? {
    var cursor = Cursor(bytes: bytes)
    guard cursor.take(#"{"network":""#), let networkHigh = cursor.word(),
      let networkLow = cursor.word(), cursor.take(#"","space":""#), let space = cursor.name(),
      cursor.take(#"","actor":""#), let replicaHigh = cursor.word(),
      let replicaLow = cursor.word(), let epoch = cursor.word(), cursor.take(#"","n":"#),
      let n = cursor.count(), cursor.take("}"), cursor.isAtEnd
    else { return nil }
    let actor = ActorID(replica: ReplicaID(high: replicaHigh, low: replicaLow), epoch: epoch)
    return Header(
      network: NetworkID(high: networkHigh, low: networkLow), space: space,
      dot: Dot(actor: actor, n: n), context: VersionVector())
  }

  private struct Cursor {
    let bytes: [UInt8]
    var place = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { place == bytes.count }

    mutating func take(_ text: String) -> Bool {
      let count = text.utf8.count
      guard bytes.count - place >= count else { return false }
      var index = place
      for byte in text.utf8 {
        guard bytes[index] == byte else { return false }
        index += 1
      }
      place = index
      return true
    }

    /// Sixteen lower-case hexadecimal digits.
    mutating func word() -> UInt64? {
      guard bytes.count - place >= 16 else { return nil }
      var word: UInt64 = 0
      for index in place..<place + 16 {
        let digit: UInt8
        switch bytes[index] {
        case let byte where byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"):
          digit = byte - UInt8(ascii: "0")
        case let byte where byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f"):
          digit = byte - UInt8(ascii: "a") + 10
        default: return nil
        }
        word = word << 4 | UInt64(digit)
      }
      place += 16
      return word
    }

    mutating func name() -> String? {
      guard let end = bytes[place...].firstIndex(of: UInt8(ascii: "\"")) else { return nil }
      let name = String(decoding: bytes[place..<end], as: UTF8.self)
      guard isIdentifier(name) else { return nil }
      place = end
      return name
    }

    /// 1 to 2^53−1, without a leading zero.
    mutating func count() -> Int? {
      let start = place
      var number = 0
      while place < bytes.count, place - start < 16, bytes[place] >= UInt8(ascii: "0"),
        bytes[place] <= UInt8(ascii: "9")
      {
        number = number * 10 + Int(bytes[place] - UInt8(ascii: "0"))
        place += 1
      }
      guard place > start, bytes[start] != UInt8(ascii: "0"), number <= ChangeLimits.countMax else {
        return nil
      }
      return number
    }
  }
}

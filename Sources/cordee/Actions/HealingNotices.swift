import Changes
import Store

/// What a restored central meant for this replica, for `cordee status`.
enum HealingNotices {
  static func lines(_ store: Store, spaces: [String]) throws -> [String] {
    var lines: [String] = []
    let adrift = try store.adriftCount()
    if adrift.all > 0 {
      let refused = adrift.refused > 0 ? ", of which central refused \(adrift.refused)" : ""
      lines.append("  adrift       \(adrift.all)\(refused)  (lost by central, offered to it again)")
    }
    for space in spaces {
      if let words = try store.meta("restored.\(space)")?.text { lines.append("  \(words)") }
    }
    return lines
  }
}

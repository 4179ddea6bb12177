import Foundation
import Schedules

/// The zones of the machine that tests.
enum Zones {
  static let folder = "/usr/share/zoneinfo"

  static func bytes(_ name: String) -> [UInt8]? {
    FileManager.default.contents(atPath: "\(folder)/\(name)").map { Array($0) }
  }

  static func load(_ name: String) throws(ZoneError) -> ZoneRules {
    guard let bytes = bytes(name) else { throw ZoneError(.unknown, "time zone \(name): none") }
    return try ZoneRules(tzif: bytes)
  }

  static func schedule(_ text: String) throws(ScheduleError) -> Schedule {
    try Schedule(parsing: text, zone: load)
  }
}

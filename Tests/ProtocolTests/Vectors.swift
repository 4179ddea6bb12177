import Foundation
import Testing
import Wire

/// `SyncProtocol/`: the specification and its vectors, as any language reads them.
enum Specification {
  /// The repository.
  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../..").standardizedFileURL
  static let folder = root.appending(path: "SyncProtocol")

  /// One file of vectors.
  static func vectors(_ name: String) throws -> JSON {
    let data = try Data(contentsOf: folder.appending(path: "vectors/\(name).json"))
    return try JSON.parse(Array(data), nodesMax: .max)
  }

  /// Every file below a folder of the repository with one of these endings.
  static func files(below path: String, _ endings: [String]) throws -> [URL] {
    let base = root.appending(path: path)
    let found = try #require(FileManager.default.enumerator(atPath: base.path))
    return found.compactMap { $0 as? String }
      .filter { name in endings.contains { name.hasSuffix($0) } }.sorted()
      .map { base.appending(path: $0) }
  }
}

extension JSON {
  /// The cases of a group; a missing group is a failure of the vectors.
  func cases(_ name: String) throws -> [JSON] { try #require(self[name]?.array) }

  func text(_ name: String) throws -> String { try #require(self[name]?.string) }

  func number(_ name: String) throws -> Int { Int(try #require(self[name]?.integer)) }

  func member(_ name: String) throws -> JSON { try #require(self[name]) }

  func isTrue(_ name: String) -> Bool { self[name]?.isTrue == true }

  /// The members of an object.
  var members: [(String, JSON)] { if case .object(let members) = self { members } else { [] } }

  /// A long text stands as [before, unit, times, after]; a unit with # is numbered and joined by commas.
  func line(_ name: String) throws -> String {
    if let text = self[name]?.string { return text }
    let parts = try cases("repeat")
    let unit = try #require(parts[1].string)
    let count = Int(try #require(parts[2].integer))
    let middle =
      unit.contains("#")
      ? (0..<count).map { unit.replacingOccurrences(of: "#", with: "\($0)") }
        .joined(separator: ",") : String(repeating: unit, count: count)
    return try #require(parts[0].string) + middle + #require(parts[3].string)
  }
}

/// What a reader says: `accepted`, or the code of its refusal.
func verdict(_ read: () throws(WireError) -> Void) -> String {
  do throws(WireError) {
    try read()
    return "accepted"
  } catch { return error.code.rawValue }
}

func bytes(hex: String) -> [UInt8] {
  let digits = Array(hex.utf8).map { Int($0) }.map { $0 < 58 ? $0 - 48 : $0 - 87 }
  return stride(from: 0, to: digits.count - 1, by: 2).map {
    UInt8(digits[$0] * 16 + digits[$0 + 1])
  }
}

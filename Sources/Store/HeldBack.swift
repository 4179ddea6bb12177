public import Changes
import SQLite
import Wire

/// One edited row that no change can carry: it stays as it is, untouched and unsent, until a person mends it.
///
/// Central refuses what breaks the published limits before it can give a verdict; sealed, such a row would stand in the
/// way of everything its author writes after it.
public struct HeldBack: Sendable, Hashable {
  /// Which row; an id that is no text is shown with the replacement character.
  public let row: RowKey
  /// What is wrong with it.
  public let reason: String
}

/// What a seal would do now.
public struct SealPreview: Sendable {
  /// How many changes it would make in each space.
  public var spaces: [String: Int] = [:]
  /// How many changes it would make.
  public var changes: Int { spaces.values.reduce(0, +) }
  /// The rows it would leave.
  public var heldBack: [HeldBack] = []
}

extension Store {
  /// Tells what a seal would do, and does nothing.
  ///
  /// - Complexity: O(touched cells).
  public func sealPreview() throws -> SealPreview {
    let (touched, unnamed) = try touchedAll()
    var preview = SealPreview(heldBack: try hold(unnamed))
    for (row, old) in touched {
      guard let plan = plans[row.table], let pending = try pending(row, old, plan) else { continue }
      // A label and a key have the same length in every change.
      let body = Body(
        key: [UInt8](repeating: 0, count: 16), at: "2000-01-01T00:00:00Z", writes: [pending.write])
      let reason =
        try Self.objection(toID: row.id) ?? objection(toSpace: plan.table.space)
        ?? Self.objection(toBodyOf: ChangeEncoding.bytes(of: body).count)
      if let reason {
        preview.heldBack.append(HeldBack(row: row, reason: reason))
      } else {
        preview.spaces[plan.table.space, default: 0] += 1
      }
    }
    preview.heldBack.sort { $0.row < $1.row }
    return preview
  }

  /// The rows that the last seal of this store left.
  public var heldBack: [HeldBack] { cache.heldBack.sorted { $0.row < $1.row } }

  /// A touched row whose id is no valid text, by its bytes.
  struct Unnamed {
    let table: String
    let id: [UInt8]
  }

  /// Holds back rows without a valid name as long as they stand in their table.
  func hold(_ unnamed: [Unnamed]) throws -> [HeldBack] {
    try unnamed.filter { row in
      try db.first(
        "SELECT 1 FROM \(Layout.quoted(row.table)) WHERE id = ?", .textBytes(row.id)
      ) { _ in true } ?? false
    }.map {
      HeldBack(
        row: RowKey(table: $0.table, id: String(decoding: $0.id, as: UTF8.self)),
        reason: "its id is not valid UTF-8")
    }
  }

  /// Why no change can carry a row's id; nil when one can.
  static func objection(toID id: String) -> String? {
    if id.isEmpty { return "its id is empty" }
    guard id.utf8.count > ChangeLimits.rowIDBytesMax else { return nil }
    return "its id is longer than \(ChangeLimits.rowIDBytesMax) bytes"
  }

  /// Why no change can have a body of so many bytes; nil when one can.
  static func objection(toBodyOf bytes: Int) -> String? {
    bytes > ChangeLimits.bodyBytesMax
      ? "it is larger than \(ChangeLimits.bodyBytesMax / 1024) KiB" : nil
  }

  /// Why this device's edits in a space cannot be sent; nil when they can.
  ///
  /// Central, which keeps no list of spaces, reads all.
  func objection(toSpace space: String) throws -> String? {
    guard let read = try meta("spaces")?.text,
      !read.split(separator: " ").contains(where: { $0 == space })
    else { return nil }
    return "this device does not read \(space); remove the row, or ask the secretariat for a role "
      + "that does"
  }

  /// Refuses to write over a row that holds an edit no change carries. `[R16]`
  func checkNotHeld(_ row: RowKey) throws {
    guard let held = cache.heldBack.first(where: { $0.row == row }) else { return }
    throw StoreError(
      .heldBack,
      "others changed \(row.table)/\(row.id), which holds an edit that cannot be sent: \(held.reason)",
      hint: "Shorten or undo it, then sync again; nothing was lost.")
  }

  /// Forgets what was noted of sealed rows, and keeps it of those held back.
  func forgetTouched(_ sealed: [RowKey]) throws {
    guard !cache.heldBack.isEmpty else { return try db.run("DELETE FROM cordee_touched") }
    for row in sealed {
      try db.run(
        "DELETE FROM cordee_touched WHERE tbl = ? AND id = ?", .text(row.table), .text(row.id))
    }
  }
}

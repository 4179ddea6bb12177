internal import Glibc

/// The prepared statements of one connection, by their SQL text.
///
/// A statement in use is never handed out a second time: who asks for it meanwhile gets a temporary one.
@safe final class StatementCache {
  /// Above what the engine's fixed texts need; each costs a few kilobytes.
  private static let statementsMax = 200

  private let connection: OpaquePointer
  private var statements: [Text: Statement] = [:]
  /// The statement used last with a text that lies at such an address: most texts are literals, each at one place.
  private var recent = [Statement?](repeating: nil, count: 256)
  /// Statements handed out so far; the clock of their last uses.
  private(set) var taken = 0

  init(on connection: OpaquePointer) {
    unsafe self.connection = connection
  }

  /// Hands out the statement for a text; give it back to `finish`.
  func take(_ sql: String) throws(SQLiteError) -> Statement {
    taken += 1
    let text = Text(sql)
    let place = text.place
    if let known = recent[place], !known.isInUse, Text(known.sql) == text {
      known.isInUse = true
      known.lastUse = taken
      return known
    }
    if let known = statements[text] {
      guard !known.isInUse else {
        return unsafe try Statement(sql, on: connection, isCached: false)
      }
      known.isInUse = true
      known.lastUse = taken
      recent[place] = known
      return known
    }
    let fresh = unsafe try Statement(sql, on: connection, isCached: true)
    fresh.isInUse = true
    fresh.lastUse = taken
    if statements.count >= Self.statementsMax { dropOldest() }
    statements[text] = fresh
    return fresh
  }

  /// Takes a statement back; a temporary one dies with its last reference.
  func finish(_ statement: Statement) {
    statement.reset()
    statement.isInUse = false
  }

  /// Finalizes every statement.
  func removeAll() {
    statements.removeAll()
    for place in recent.indices { recent[place] = nil }
  }

  private func dropOldest() {
    let idle = statements.filter { !$0.value.isInUse }
    guard let oldest = idle.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return }
    statements[oldest.key] = nil
    for place in recent.indices where recent[place] === oldest.value { recent[place] = nil }
  }
}

/// SQL text compared by its bytes: canonically equal texts may hold different literals.
private struct Text: Hashable {
  private var sql: String

  init(_ sql: String) {
    self.sql = sql
    // Every native string is contiguous already; only then does hashing see the bytes.
    self.sql.makeContiguousUTF8()
  }

  /// Where its bytes lie, as one of 256 numbers.
  var place: Int {
    let address = unsafe sql.utf8.withContiguousStorageIfAvailable {
      UInt(bitPattern: $0.baseAddress)
    }
    return Int((address ?? 0) >> 4 & 255)
  }

  static func == (left: Text, right: Text) -> Bool {
    let isEqual = unsafe left.sql.utf8.withContiguousStorageIfAvailable { one in
      unsafe right.sql.utf8.withContiguousStorageIfAvailable { other in
        guard let start = one.baseAddress, let otherStart = other.baseAddress else {
          return one.isEmpty && other.isEmpty
        }
        return unsafe one.count == other.count && memcmp(start, otherStart, one.count) == 0
      }
    }
    return isEqual == true
  }

  func hash(into hasher: inout Hasher) {
    unsafe sql.utf8.withContiguousStorageIfAvailable {
      // Texts differ in length or near one of their ends; hashing all of each would cost as much as running it.
      hasher.combine($0.count)
      unsafe hasher.combine(
        bytes: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0).prefix(48)))
      unsafe hasher.combine(
        bytes: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0).suffix(24)))
    }
  }
}

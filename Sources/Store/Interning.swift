import Causality
import Changes
import SQLite

/// Short numbers for long names; local to one file.
///
/// Reading gives a name that was never written the number −1, under which nothing is found.
extension Store {
  func number(ofName name: String) throws -> Int {
    if let known = cache.names[name] { return known }
    if let found = try db.first(
      "SELECT id FROM cordee_name WHERE name = ?", .text(name), read: { $0.int(0) })
    {
      cache.names[name] = found
      cache.nameOf[found] = name
      return found
    }
    guard isWriting else { return -1 }
    try db.run("INSERT INTO cordee_name(name) VALUES(?)", .text(name))
    let number = Int(db.lastInsertRowID)
    cache.names[name] = number
    cache.nameOf[number] = name
    return number
  }

  func name(ofNumber number: Int) throws -> String {
    if let known = cache.nameOf[number] { return known }
    let found =
      try db.first("SELECT name FROM cordee_name WHERE id = ?", .int(number)) { $0.text(0) } ?? ""
    cache.nameOf[number] = found
    return found
  }

  func number(of actor: ActorID) throws -> Int {
    if let known = cache.actors[actor] { return known }
    let bytes = actor.bytes
    var number = try db.first("SELECT id FROM cordee_actor WHERE actor = ?", .blob(bytes)) {
      $0.int(0)
    }
    if number == nil {
      guard isWriting else { return -1 }
      try db.run("INSERT INTO cordee_actor(actor) VALUES(?)", .blob(bytes))
      number = Int(db.lastInsertRowID)
    }
    cache.actors[actor] = number
    if let number { cache.actorOf[number] = actor }
    return number ?? 0
  }

  func actor(ofNumber number: Int) throws -> ActorID {
    if let known = cache.actorOf[number] { return known }
    let bytes = try db.first("SELECT actor FROM cordee_actor WHERE id = ?", .int(number)) {
      $0.bytes(0)
    }
    guard let actor = bytes.flatMap({ ActorID(bytes: $0) }) else {
      throw StoreError(
        .corrupt, "\(path): actor \(number) is missing", hint: "Restore it from a backup.")
    }
    cache.actorOf[number] = actor
    return actor
  }

  /// A vector as pairs of interned actor and count, in variable-length integers.
  func packed(_ vector: VersionVector) throws -> [UInt8] {
    var out: [UInt8] = []
    for entry in vector.entries {
      Varint.append(try number(of: entry.actor), to: &out)
      Varint.append(entry.n, to: &out)
    }
    return out
  }

  func vector(_ bytes: [UInt8]) throws -> VersionVector {
    var vector = VersionVector()
    var place = 0
    while place < bytes.count {
      let actor = try actor(ofNumber: Varint.read(bytes, &place))
      vector.raise(actor, to: Varint.read(bytes, &place))
    }
    return vector
  }
}

/// LEB128: small numbers take one byte.
enum Varint {
  static func append(_ value: Int, to out: inout [UInt8]) {
    var rest = UInt64(bitPattern: Int64(value))
    while rest >= 0x80 {
      out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    out.append(UInt8(truncatingIfNeeded: rest))
  }

  static func read(_ bytes: [UInt8], _ place: inout Int) -> Int {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while place < bytes.count, shift < 64 {
      let byte = bytes[place]
      place += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { break }
      shift += 7
    }
    return Int(Int64(bitPattern: value))
  }
}

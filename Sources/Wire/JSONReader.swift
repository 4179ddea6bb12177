import Mutants

/// The strict reader behind `JSON`: a cursor over bytes.
struct JSONReader {
  private let bytes: [UInt8]
  private var place = 0
  private var nodes = 0
  private let nodesMax: Int

  init(_ bytes: [UInt8], nodesMax: Int) {
    self.bytes = bytes
    self.nodesMax = nodesMax
  }

  mutating func skipSpace() {
    while place < bytes.count {
      switch bytes[place] {
      case 0x20, 0x0A, 0x0D, 0x09: place += 1
      default: return
      }
    }
  }

  mutating func end() throws(WireError) {
    skipSpace()
    if place < bytes.count {
      throw WireError(.syntax, "something follows the JSON value", at: place)
    }
  }

  mutating func value(depth: Int) throws(WireError) -> JSON {
    try count()
    switch try peek() {
    case UInt8(ascii: "{"):
      var members: [(String, JSON)] = []
      members.reserveCapacity(4)
      try object(depth: depth) { (reader, key, inner) throws(WireError) in
        members.append((key, try reader.value(depth: inner)))
      }
      return .object(members)
    case UInt8(ascii: "["):
      var items: [JSON] = []
      try array(depth: depth) { (reader, inner) throws(WireError) in
        items.append(try reader.value(depth: inner))
      }
      return .array(items)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"):
      try word("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try word("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try word("null")
      return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw WireError(.syntax, "this is not JSON", at: place)
    }
  }

  /// Checks one value as `value` does, building nothing.
  private mutating func skip(depth: Int) throws(WireError) {
    try count()
    switch try peek() {
    case UInt8(ascii: "{"):
      try object(depth: depth) { (reader, _, inner) throws(WireError) in
        try reader.skip(depth: inner)
      }
    case UInt8(ascii: "["):
      try array(depth: depth) { (reader, inner) throws(WireError) in
        try reader.skip(depth: inner)
      }
    case UInt8(ascii: "\""): if try !skipPlainString() { _ = try string() }
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): _ = try number()
    default: throw WireError(.syntax, "this is not JSON", at: place)
    }
  }

  private mutating func count() throws(WireError) {
    nodes += 1
    guard nodes <= nodesMax else {
      throw WireError(.tooManyNodes, "more than \(nodesMax) JSON values", at: place)
    }
  }

  mutating func memberRanges() throws(WireError) -> [(key: String, range: Range<Int>)] {
    guard try peek() == UInt8(ascii: "{") else {
      throw WireError(.shape, "not a JSON object", at: place)
    }
    var members: [(key: String, range: Range<Int>)] = []
    try object(depth: 0) { (reader, key, inner) throws(WireError) in
      let start = reader.place
      try reader.skip(depth: inner)
      members.append((key, start..<reader.place))
    }
    return members
  }

  private func peek() throws(WireError) -> UInt8 {
    guard place < bytes.count else {
      throw WireError(.truncated, "the JSON ends too early", at: place)
    }
    return bytes[place]
  }

  private mutating func object(
    depth: Int, member: (inout JSONReader, String, Int) throws(WireError) -> Void
  ) throws(WireError) {
    try enter(depth)
    var keys: [String] = []
    keys.reserveCapacity(6)
    var seen: Set<[UInt8]> = []
    while try !closes(UInt8(ascii: "}"), first: keys.isEmpty) {
      guard try peek() == UInt8(ascii: "\"") else {
        throw WireError(.syntax, "a member needs a name", at: place)
      }
      let start = place
      let key = try string()
      // Few members are compared one by one; many go through a set, so that the work stays linear.
      let isKnown =
        keys.count < 16
        ? keys.contains { $0 == key && $0.utf8.elementsEqual(key.utf8) }
        : Self.isKnown(key, among: keys, &seen)
      if isKnown, !mutant(12, "R15: a member may be named twice") {
        throw WireError(.duplicateKey, "an object names a member twice", at: start)
      }
      keys.append(key)
      skipSpace()
      guard try peek() == UInt8(ascii: ":") else {
        throw WireError(.syntax, "a colon is missing", at: place)
      }
      place += 1
      skipSpace()
      try member(&self, key, depth + 1)
    }
  }

  private static func isKnown(
    _ key: String, among keys: [String], _ seen: inout Set<[UInt8]>
  ) -> Bool {
    if seen.isEmpty { seen = Set(keys.map { Array($0.utf8) }) }
    return !seen.insert(Array(key.utf8)).inserted
  }

  private mutating func array(
    depth: Int, item: (inout JSONReader, Int) throws(WireError) -> Void
  ) throws(WireError) {
    try enter(depth)
    var isFirst = true
    while try !closes(UInt8(ascii: "]"), first: isFirst) {
      isFirst = false
      try item(&self, depth + 1)
    }
  }

  private mutating func enter(_ depth: Int) throws(WireError) {
    guard depth < WireLimits.depthMax || mutant(13, "R15: no depth is too deep") else {
      throw WireError(.tooDeep, "nested deeper than \(WireLimits.depthMax) levels", at: place)
    }
    place += 1
  }

  /// Steps over the closing bracket, or over the comma before the next item.
  private mutating func closes(_ bracket: UInt8, first: Bool) throws(WireError) -> Bool {
    skipSpace()
    if try peek() == bracket {
      place += 1
      return true
    }
    if !first {
      guard try peek() == UInt8(ascii: ",") else {
        throw WireError(.syntax, "a comma is missing", at: place)
      }
      place += 1
      skipSpace()
      if try peek() == bracket {
        throw WireError(.syntax, "a comma before a closing bracket", at: place)
      }
    }
    return false
  }

  private mutating func word(_ word: StaticString) throws(WireError) {
    for byte in word.description.utf8 {
      guard try peek() == byte else { throw WireError(.syntax, "this is not JSON", at: place) }
      place += 1
    }
  }

  private mutating func number() throws(WireError) -> JSON {
    let start = place
    var isInteger = true
    if bytes[place] == UInt8(ascii: "-") { place += 1 }
    let leadsWithZero = try peek() == UInt8(ascii: "0")
    let whole = try digits()
    if leadsWithZero && whole > 1 { throw WireError(.number, "a number begins with 0", at: start) }
    if place < bytes.count, bytes[place] == UInt8(ascii: ".") {
      isInteger = false
      place += 1
      _ = try digits()
    }
    if place < bytes.count, bytes[place] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      place += 1
      if place < bytes.count, bytes[place] == UInt8(ascii: "+") || bytes[place] == UInt8(ascii: "-")
      {
        place += 1
      }
      _ = try digits()
    }
    guard place - start <= WireLimits.numberLengthMax else {
      throw WireError(.number, "a number is too long", at: start)
    }
    if isInteger, place - start <= 18 {
      let isNegative = bytes[start] == UInt8(ascii: "-")
      var sum: Int64 = 0
      for index in (isNegative ? start + 1 : start)..<place {
        sum = sum * 10 + Int64(bytes[index] - UInt8(ascii: "0"))
      }
      return .integer(isNegative ? -sum : sum)
    }
    let text = String(decoding: bytes[start..<place], as: UTF8.self)
    if isInteger, let value = Int64(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw WireError(.number, "a number is out of range", at: start)
    }
    return .real(value)
  }

  private mutating func digits() throws(WireError) -> Int {
    let start = place
    while place < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[place]) {
      place += 1
    }
    guard place > start else { throw WireError(.number, "a number lacks digits", at: place) }
    return place - start
  }

  private mutating func string() throws(WireError) -> String {
    let start = place + 1
    if try skipPlainString() {
      return String(decoding: bytes[start..<place - 1], as: UTF8.self)
    }
    place = start
    while place < bytes.count {
      let byte = bytes[place]
      if byte == UInt8(ascii: "\"") {
        let text = try Self.utf8(bytes[start..<place], at: start)
        place += 1
        return text
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
      if byte < 0x20 { throw WireError(.syntax, "a control character in a string", at: place) }
      place += 1
    }
    throw WireError(.truncated, "a string does not end", at: start)
  }

  /// Steps over a string of plain ASCII; stays before any other string and says false.
  private mutating func skipPlainString() throws(WireError) -> Bool {
    var index = place + 1
    let end = bytes.count
    while index < end {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") {
        place = index + 1
        return true
      }
      if byte < 0x20 || byte >= 0x80 || byte == UInt8(ascii: "\\") { break }
      index += 1
    }
    if index == end { throw WireError(.truncated, "a string does not end", at: place + 1) }
    return false
  }

  private mutating func escapedString(from start: Int) throws(WireError) -> String {
    var content = Array(bytes[start..<place])
    while place < bytes.count {
      let byte = bytes[place]
      place += 1
      switch byte {
      case UInt8(ascii: "\""): return try Self.utf8(content[...], at: start)
      case UInt8(ascii: "\\"): try escape(into: &content)
      case 0x00..<0x20: throw WireError(.syntax, "a control character in a string", at: place - 1)
      default: content.append(byte)
      }
    }
    throw WireError(.truncated, "a string does not end", at: start)
  }

  private mutating func escape(into content: inout [UInt8]) throws(WireError) {
    let letter = try peek()
    place += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(letter)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      var unit = try hexUnit()
      if (0xD800..<0xDC00).contains(unit) {
        guard place + 1 < bytes.count, bytes[place] == UInt8(ascii: "\\"),
          bytes[place + 1] == UInt8(ascii: "u")
        else { throw WireError(.notUTF8, "a lone surrogate", at: place) }
        place += 2
        let low = try hexUnit()
        guard (0xDC00..<0xE000).contains(low) else {
          throw WireError(.notUTF8, "a lone surrogate", at: place)
        }
        unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(unit) else {
        throw WireError(.notUTF8, "a lone surrogate", at: place)
      }
      content += UTF8.encode(scalar).map(Array.init) ?? []
    default: throw WireError(.syntax, "an unknown escape", at: place - 1)
    }
  }

  private mutating func hexUnit() throws(WireError) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(try peek())).hexDigitValue, bytes[place] < 0x80
      else {
        throw WireError(.syntax, "\\u needs four hexadecimal digits", at: place)
      }
      unit = unit << 4 | UInt32(digit)
      place += 1
    }
    return unit
  }

  private static func utf8(_ slice: ArraySlice<UInt8>, at offset: Int) throws(WireError) -> String {
    guard let text = String(validating: slice, as: UTF8.self) else {
      throw WireError(.notUTF8, "a string is not UTF-8", at: offset)
    }
    return text
  }
}

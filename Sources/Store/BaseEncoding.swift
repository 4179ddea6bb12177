import Causality
import Changes
import Wire

/// A base as bytes: a settled row by its stamp and values, any other as JSON; local to one file.
extension Store {
  private static let nothing: UInt8 = 0
  private static let settled: UInt8 = 1

  func encodeBase(_ known: KnownRow) throws -> [UInt8] {
    switch known {
    case .nothing: return [Self.nothing]
    case .state(let state): return RowStateEncoding.encode(state)
    case .settled(let stamp, let values):
      var out = [Self.settled]
      out.reserveCapacity(400)
      let exceptions = try packed(stamp.exceptions)
      for number in [
        try number(of: stamp.dot.actor), stamp.dot.n, stamp.weight, stamp.width, exceptions.count,
      ] {
        Varint.append(number, to: &out)
      }
      out += exceptions
      for value in values { Self.append(value, to: &out) }
      return out
    }
  }

  func decodeBase(_ bytes: [UInt8], _ plan: TablePlan?) throws -> RowState {
    switch bytes.first {
    case Self.nothing: return RowState()
    case Self.settled: break
    default: return try RowStateEncoding.decode(bytes)
    }
    var place = 1
    let actor = try actor(ofNumber: Varint.read(bytes, &place))
    let n = Varint.read(bytes, &place)
    let weight = Varint.read(bytes, &place)
    let width = Varint.read(bytes, &place)
    let packed = Varint.read(bytes, &place)
    guard packed >= 0, packed <= bytes.count - place else { throw damaged }
    let exceptions = try exceptions(Array(bytes[place..<place + packed]))
    place += packed
    var values: [Value] = []
    while place < bytes.count { values.append(try value(bytes, &place)) }
    let stamp = Stamp(
      dot: Dot(actor: actor, n: n), weight: weight, width: width, exceptions: exceptions)
    return state(of: .settled(stamp, values), plan)
  }

  private var damaged: StoreError {
    StoreError(.corrupt, "\(path): a base is damaged", hint: "Restore it from a backup.")
  }

  private static func append(_ value: Value, to out: inout [UInt8]) {
    func append(_ kind: UInt8, _ bytes: some Collection<UInt8>) {
      out.append(kind)
      Varint.append(bytes.count, to: &out)
      out.append(contentsOf: bytes)
    }
    switch value {
    case .null: out.append(0)
    case .integer(let number):
      out.append(1)
      Varint.append(Int(number), to: &out)
    case .real(let number):
      out.append(2)
      Varint.append(Int(truncatingIfNeeded: number.bitPattern), to: &out)
    case .text(let text): append(3, text.utf8)
    case .malformedText(let bytes): append(4, bytes)
    case .blob(let bytes): append(5, bytes)
    }
  }

  private func value(_ bytes: [UInt8], _ place: inout Int) throws -> Value {
    let kind = bytes[place]
    place += 1
    switch kind {
    case 0: return .null
    case 1: return .integer(Int64(Varint.read(bytes, &place)))
    case 2: return .real(Double(bitPattern: UInt64(bitPattern: Int64(Varint.read(bytes, &place)))))
    case 3, 4, 5:
      let count = Varint.read(bytes, &place)
      guard count >= 0, count <= bytes.count - place else { throw damaged }
      let part = Array(bytes[place..<place + count])
      place += count
      if kind == 3 { return .text(String(decoding: part, as: UTF8.self)) }
      return kind == 4 ? .malformedText(part) : .blob(part)
    default: throw damaged
    }
  }
}

/// A row's state as JSON, for the base.
enum RowStateEncoding {
  static func encode(_ state: RowState) -> [UInt8] {
    var members: [(String, JSON)] = [("", json(state.liveness))]
    for name in state.cells.keys.sorted() { members.append((name, json(state.cells[name] ?? []))) }
    return JSON.object(members).bytes()
  }

  static func decode(_ bytes: [UInt8]) throws -> RowState {
    guard case .object(let members) = try JSON.parse(bytes) else {
      throw WireError(.shape, "a base is no object")
    }
    var state = RowState()
    for (name, list) in members {
      let siblings = try (list.array ?? []).map(sibling)
      if name.isEmpty { state.liveness = siblings } else { state.cells[name] = siblings }
    }
    return state
  }

  private static func json(_ siblings: [Sibling]) -> JSON {
    .array(
      siblings.map { sibling in
        .array([
          .string(sibling.dot.description), .integer(Int64(sibling.weight)),
          .bool(sibling.isSeenByDelete),
          ChangeEncoding.json(sibling.value),
        ])
      })
  }

  private static func sibling(_ json: JSON) throws -> Sibling {
    guard let items = json.array, items.count == 4,
      let dot = items[0].string.flatMap(ChangeDecoding.dot),
      let weight = items[1].integer
    else { throw WireError(.shape, "a base holds a sibling that is none") }
    return Sibling(
      dot: dot, weight: Int(weight), value: try ChangeDecoding.value(items[3]),
      isSeenByDelete: items[2].isTrue)
  }
}

import Causality
import Changes
import Wire

/// One history that another program drew, so that it can compare what comes of it with what it holds to be right.
///
/// Read from one line of JSON: `edits` (`actor`, `n`, the full `context`, `refused`, `writes` as `[row, verb, fields]`),
/// `deliveries` (`order`, the places of edits as they come, and `looks`, after how many of them to look), and `log`, the
/// places in an order that respects causality.
struct Replay {
  private let edits: [Edit]
  private let deliveries: [(order: [Int], looks: [Int])]
  private let log: [Int]

  struct Malformed: Error, CustomStringConvertible {
    let description: String
  }

  init(_ line: [UInt8]) throws {
    let json = try JSON.parse(line)
    edits = try Self.list(json, "edits").map(Self.edit)
    deliveries = try Self.list(json, "deliveries").map {
      (try Self.places($0, "order"), try Self.places($0, "looks"))
    }
    log = try Self.places(json, "log")
    let places = deliveries.flatMap(\.order) + log
    guard places.allSatisfy(edits.indices.contains) else { throw Malformed(description: "places") }
  }

  /// A line for each look at each delivery, then the lines of a store that took the log, then an empty one.
  func forEachLine(_ body: (String) -> Void) throws {
    for delivery in deliveries {
      var node = Node()
      for (place, edit) in delivery.order.enumerated() {
        node.take([edits[edit]])
        if delivery.looks.contains(place + 1) { body(Self.json(node).text()) }
      }
    }
    for line in try Stores.content(of: log.map { edits[$0] }) {
      body(String(decoding: line, as: UTF8.self))
    }
    body("")
  }

  private static func json(_ node: Node) -> JSON {
    let waiting = Set(node.waiting.map(\.dot)).sorted()
    return .object([
      ("known", ChangeEncoding.json(node.known)),
      ("waiting", .array(waiting.map { .string($0.description) })),
      ("rows", .object(node.rows.sorted { $0.key < $1.key }.map { ($0.key.id, json($0.value)) })),
    ])
  }

  private static func json(_ row: RowState) -> JSON {
    .object([
      ("shown", .bool(row.isShown)),
      ("contested", .bool(row.isContested)),
      ("contested fields", .array(row.contestedFields.map(JSON.string))),
      ("alive", json(row.liveness)),
      ("fields", .object(row.cells.sorted { $0.key < $1.key }.map { ($0.key, json($0.value)) })),
      ("values", .object(row.cells.keys.sorted().map { ($0, ChangeEncoding.json(row.shown($0))) })),
    ])
  }

  private static func json(_ siblings: [Sibling]) -> JSON {
    .array(
      siblings.map {
        .array([
          .string($0.dot.description), .integer(Int64($0.weight)), ChangeEncoding.json($0.value),
          .bool($0.isSeenByDelete),
        ])
      })
  }

  private static func edit(_ json: JSON) throws -> Edit {
    guard let actor = json["actor"]?.string.flatMap({ ActorID($0) }), let n = json["n"]?.integer,
      case .object(let counts)? = json["context"]
    else { throw Malformed(description: "an edit's name") }
    let context = try counts.map { name, count in
      guard let actor = ActorID(name), let n = count.integer else {
        throw Malformed(description: "the context of \(actor):\(n)")
      }
      return (actor, Int(n))
    }
    let dot = Dot(actor: actor, n: Int(n))
    return Edit(
      author: Authorship(dot: dot, context: VersionVector(context)),
      writes: try list(json, "writes").map(write), isRefused: json["refused"]?.isTrue == true)
  }

  private static func write(_ json: JSON) throws -> Write {
    guard let parts = json.array, parts.count == 3, let row = parts[0].string,
      case .object(let members) = parts[2]
    else { throw Malformed(description: "a write") }
    let fields = members.map { FieldValue($0, $1.string.map(Value.text) ?? .null) }
    let verb: Verb
    switch parts[1].string {
    case "insert": verb = .insert(fields)
    case "set": verb = .set(fields)
    case "delete": verb = .delete
    case "undelete": verb = .undelete
    default: throw Malformed(description: "a verb")
    }
    return Write(RowKey(table: Cases.table, id: row), verb)
  }

  private static func list(_ json: JSON, _ key: String) throws -> [JSON] {
    guard let items = json[key]?.array else { throw Malformed(description: key) }
    return items
  }

  private static func places(_ json: JSON, _ key: String) throws -> [Int] {
    try list(json, key).compactMap(\.integer).map { Int($0) }
  }
}

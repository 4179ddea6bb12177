import Causality
import Changes
import Wire

/// Who wrote what having seen what, kept apart from the engine: no vectors, no stamps, no contexts.
///
/// A write had seen another when the other stood in the part of central's log that its author's file held, or among the
/// file's own earlier changes. From that alone follows which values must stand in the end.
struct Model {
  private(set) var accepted: [Hash: Accepted] = [:]
  /// Central's log as it is now.
  private(set) var log: [LoggedEntry] = []
  /// Every log central ever had, as one tree: where each of its hashes stands.
  private var tree: [Hash: Node] = [:]
  private var branches: [Branch] = []
  private var ends: [String: Hash] = [:]
  /// Where each change ever stood.
  private var places: [Hash: [Node]] = [:]
  /// Where each line of copies left others.
  private var parents: [Int: [Parent]] = [:]
  /// The changes of each line, in order.
  private var lines: [Int: [Accepted]] = [:]
  /// Central's own changes, by the actor of each life.
  private var central: [ActorID: [Accepted]] = [:]
  /// How far up the tree the author of each change had seen: one place, or several once central went back.
  private var heads: [Hash: [Node]] = [:]
  private var weights: [Hash: Int] = [:]

  /// A place in the tree of logs: how far up one branch.
  private struct Node {
    var branch: Int
    var height: Int
  }

  private struct Branch {
    var root: Node?
    var height = 0
  }

  private struct Parent {
    var line: Int
    var order: Int
    var keepsContext: Bool
  }

  init() {}

  mutating func accept(_ change: Accepted) {
    accepted[change.hash] = change
    lines[change.sight.line, default: []].append(change)
    if change.node == "central" { central[change.dot.actor, default: []].append(change) }
  }

  mutating func branch(_ line: Int, from: Int, at order: Int, keepsContext: Bool) {
    parents[line, default: []].append(Parent(line: from, order: order, keepsContext: keepsContext))
  }

  /// Works out what each author had seen of the log, once all of it is known.
  ///
  /// What one change had seen the later ones of its author claim too, be it that central forgot it meanwhile.
  mutating func settle() {
    heads = [:]
    for line in lines.keys.sorted() {
      var seen: [Node] = inherited(by: line)
      for change in lines[line] ?? [] {
        for node in [tree[change.sight.head]].compactMap(\.self)
          + (change.again.flatMap { heads[$0] } ?? [])
        {
          guard !seen.contains(where: { isBelow(node, $0) }) else { continue }
          seen = seen.filter { !isBelow($0, node) } + [node]
        }
        heads[change.hash] = seen
      }
    }
  }

  private func context(of line: Int, before order: Int) -> [Node] {
    if let last = lines[line]?.last(where: { $0.sight.order < order }) {
      return heads[last.hash] ?? []
    }
    return inherited(by: line)
  }

  private func inherited(by line: Int) -> [Node] {
    (parents[line] ?? []).filter(\.keepsContext).flatMap {
      context(of: $0.line, before: $0.order)
    }
  }

  mutating func add(_ entry: LoggedEntry) {
    log.append(entry)
    defer { ends[entry.space] = entry.logHash }
    if tree[entry.logHash] != nil { return }
    let root = ends[entry.space].flatMap { tree[$0] }
    var node = Node(branch: branches.count, height: 1)
    if let root, branches[root.branch].height == root.height {
      node = Node(branch: root.branch, height: root.height + 1)
    } else {
      branches.append(Branch(root: root))
    }
    branches[node.branch].height = node.height
    tree[entry.logHash] = node
    places[entry.hash, default: []].append(node)
  }

  /// Central goes on from another log.
  mutating func goBack(to entries: [LoggedEntry]) {
    log = []
    ends = [:]
    for entry in entries { add(entry) }
  }

  /// Whether the author of `change` had seen `other` when writing.
  ///
  /// A rewound central may have used a place of its own twice; contexts name places, so that who saw one of the two claims
  /// both.
  func sees(_ change: Accepted, _ other: Accepted) -> Bool {
    if seesItself(change, other) { return true }
    guard other.node == "central", let twins = central[other.dot.actor], twins.count > 1 else {
      return false
    }
    return twins.contains { $0.dot.n >= other.dot.n && seesItself(change, $0) }
  }

  private func seesItself(_ change: Accepted, _ other: Accepted) -> Bool {
    if let claimed = change.claims[other.dot.actor], other.dot.n <= claimed { return true }
    for head in heads[change.hash] ?? [] {
      if places[other.hash]?.contains(where: { isBelow($0, head) }) == true { return true }
    }
    return precedes(other.sight, change.sight.line, change.sight.order)
  }

  /// Whether a place is part of the past of another one.
  private func precedes(_ sight: Sight, _ line: Int, _ order: Int) -> Bool {
    if sight.line == line { return sight.order < order }
    return parents[line]?.contains { precedes(sight, $0.line, $0.order) } == true
  }

  private func isBelow(_ node: Node, _ head: Node) -> Bool {
    var place: Node? = head
    while let now = place {
      if now.branch == node.branch { return node.height <= now.height }
      place = branches[now.branch].root
    }
    return false
  }

  /// How much the author of an entry had seen: what decides which of several values is shown.
  mutating func weight(of entry: LoggedEntry, _ change: Accepted) -> Int {
    if let known = weights[entry.logHash] { return known }
    // A change that never stood anywhere was seen by nobody but its author, who sealed it again.
    var seen = change.claims.filter { $0.key != entry.dot.actor }
    for other in accepted.values
    where other.space == entry.space && other.dot.actor != entry.dot.actor
      && other.dot.n > seen[other.dot.actor] ?? 0 && places[other.hash] != nil
      && sees(change, other)
    {
      seen[other.dot.actor] = other.dot.n
    }
    let weight = seen.values.reduce(entry.dot.n, +)
    weights[entry.logHash] = weight
    return weight
  }

  /// Every row as the applied changes make it.
  func rows() -> [RowKey: Row] {
    var rows: [RowKey: Row] = [:]
    for entry in log where entry.reason == nil {
      guard let change = accepted[entry.hash] else { continue }
      let writer = Writer(change: change, entry: entry)
      for write in change.writes {
        rows[write.row, default: Row()].take(write.verb, by: writer, in: self)
      }
    }
    return rows
  }

  struct Writer {
    let change: Accepted
    let entry: LoggedEntry
  }

  struct Row {
    var alive: [(writer: Writer, value: Bool)] = []
    var cells: [String: [(writer: Writer, value: Value)]] = [:]
    /// The space the row's first write came in.
    var space = ""

    mutating func take(_ verb: Verb, by writer: Writer, in model: Model) {
      space = writer.change.space
      func remains(_ other: Writer) -> Bool {
        !(other.entry.dot.actor == writer.entry.dot.actor)
          && !model.sees(writer.change, other.change)
      }
      switch verb {
      case .insert, .undelete, .delete:
        alive = alive.filter { remains($0.writer) } + [(writer, verb != .delete)]
      case .set: break
      }
      for field in verb.fields {
        cells[field.name] =
          (cells[field.name] ?? []).filter { remains($0.writer) } + [(writer, field.value)]
      }
    }

    /// Shown while somebody says it lives, or wrote to it what no standing delete had seen.
    func isShown(in model: Model) -> Bool {
      if alive.contains(where: \.value) { return true }
      guard !alive.isEmpty else { return false }
      return cells.values.contains { siblings in
        siblings.contains { sibling in
          !alive.contains { deletion in
            let (first, second) = (deletion.writer, sibling.writer)
            return model.sees(first.change, second.change)
              || (first.entry.dot.actor == second.entry.dot.actor
                && second.entry.dot.n < first.entry.dot.n)
          }
        }
      }
    }

    /// The value people see.
    func shown(_ field: String, in model: inout Model) -> Value {
      let siblings = cells[field] ?? []
      guard siblings.count > 1 else { return siblings.first?.value ?? .null }
      let first = siblings.max { left, right in
        let (one, other) = (left.writer, right.writer)
        let weights = (
          model.weight(of: one.entry, one.change), model.weight(of: other.entry, other.change)
        )
        return weights.0 == weights.1
          ? one.entry.dot.actor < other.entry.dot.actor : weights.0 < weights.1
      }
      return first?.value ?? .null
    }

    /// The row as `dump` prints it.
    func line(_ key: RowKey, in model: Model) -> String {
      func list(_ siblings: [(Dot, Value)]) -> JSON {
        .array(
          siblings.sorted { $0.0 < $1.0 }.map {
            .array([.string($0.0.description), ChangeEncoding.json($0.1)])
          })
      }
      let json = JSON.object([
        ("table", .string(key.table)), ("id", .string(key.id)),
        ("shown", .bool(isShown(in: model))),
        ("alive", list(alive.map { ($0.writer.entry.dot, .integer($0.value ? 1 : 0)) })),
        (
          "fields",
          .object(
            cells.keys.sorted().map { name in
              (name, list((cells[name] ?? []).map { ($0.writer.entry.dot, $0.value) }))
            })
        ),
      ])
      return String(decoding: json.bytes(), as: UTF8.self)
    }
  }
}

import Causality
import Changes
import Wire

/// Who wrote what having seen what, kept apart from the engine: no vectors, no stamps, no contexts.
///
/// A write had seen another when the other stood in the part of central's log that its author's file held, or among the
/// file's own earlier changes. From that alone follows which values must stand in the end.
struct Model {
  private(set) var accepted: [[UInt8]: Accepted] = [:]
  /// Central's log, life by life.
  private(set) var logs: [Int: [LoggedEntry]] = [:]
  private var places: [Int: [[UInt8]: Int]] = [:]
  /// Where each line of copies left another.
  var parents: [Int: (line: Int, order: Int)] = [:]
  private(set) var life = 0

  mutating func accept(_ change: Accepted) { accepted[change.name] = change }

  mutating func log(_ entry: LoggedEntry, life: Int) {
    self.life = max(self.life, life)
    logs[life, default: []].append(entry)
    if let name = entry.name { places[life, default: [:]][name] = entry.seq }
  }

  /// Central's log as it is now.
  var log: [LoggedEntry] { logs[life] ?? [] }

  /// Whether the author of `change` had seen `other` when writing.
  func sees(_ change: Accepted, _ other: Accepted) -> Bool {
    if let seq = places[change.sight.life]?[other.name], seq <= change.sight.seq { return true }
    var (line, order) = (change.sight.line, change.sight.order)
    while true {
      if other.sight.line == line { return other.sight.order < order }
      guard let parent = parents[line] else { return false }
      (line, order) = (parent.line, parent.order)
    }
  }

  /// How much the author of an entry had seen: what decides which of several values is shown.
  func weight(of entry: LoggedEntry, _ change: Accepted) -> Int {
    let seen = accepted.values.filter {
      $0.space == entry.space && $0.dot.actor != entry.dot.actor && sees(change, $0)
    }
    return seen.count + entry.dot.n
  }

  /// Every row as the applied changes make it.
  func rows() -> [RowKey: Row] {
    var rows: [RowKey: Row] = [:]
    for entry in log where entry.reason == nil {
      guard let name = entry.name, let change = accepted[name] else { continue }
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
    func shown(_ field: String, in model: Model) -> Value {
      let siblings = cells[field] ?? []
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

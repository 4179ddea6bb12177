public import Causality
import Mutants

/// One surviving value of a cell and where it came from.
public struct Sibling: Sendable, Hashable {
  /// The change that wrote it.
  public let dot: Dot
  /// How much its author knew: the sum of the counts in the write's context and its own count. `[SP-403]`
  public let weight: Int
  /// The value.
  public let value: Value
  /// Whether a delete has seen this value: then it alone does not keep the row in its table. `[SP-404]`
  public var isSeenByDelete: Bool

  /// Makes a sibling.
  public init(dot: Dot, weight: Int, value: Value, isSeenByDelete: Bool = false) {
    self.dot = dot
    self.weight = weight
    self.value = value
    self.isSeenByDelete = isSeenByDelete
  }

  /// Whether this one is shown rather than `other`: by weight, then by actor; never by a clock.
  func outranks(_ other: Sibling) -> Bool {
    if mutant(3, "R3: the value of whoever knew less is shown") { return weight < other.weight }
    return weight == other.weight ? other.dot.actor < dot.actor : weight > other.weight
  }
}

/// Who writes, and what that writer had seen: decides which siblings a write replaces.
public struct Authorship: Sendable {
  /// The change's name.
  public let dot: Dot
  /// The author's full context at sealing; other actors only.
  public let context: VersionVector
  /// The weight of the values it writes.
  public var weight: Int

  /// Makes an authorship from the author's full context.
  public init(dot: Dot, context: VersionVector) {
    self.dot = dot
    self.context = context
    let (sum, overflow) = context.sum.addingReportingOverflow(dot.n)
    weight = overflow ? Int.max : sum
  }

  /// Whether this writer had seen the change called `other`. `[SP-401]`
  public func supersedes(_ other: Dot) -> Bool {
    if mutant(4, "R5: an author does not know its own past") { return context.sees(other) }
    return other.actor == dot.actor ? other.n < dot.n : context.sees(other)
  }
}

/// All that is known of one row: the siblings of its liveness and of each field.
///
/// Applying the same set of changes in any causal order gives the same shown row and the same siblings.
public struct RowState: Sendable, Hashable {
  /// Whether the row is there: integer 1 or 0.
  public var liveness: [Sibling] = []
  /// The siblings of each field that was ever written, sorted by dot.
  public var cells: [String: [Sibling]] = [:]

  /// A row nobody wrote.
  public init() {}

  /// Takes one write into the row. `[SP-402]`
  public mutating func apply(_ verb: Verb, by author: Authorship) {
    switch verb {
    case .insert(let fields):
      Self.write(.integer(1), to: &liveness, by: author)
      for field in fields {
        Self.write(field.value, to: &cells[field.name, default: []], by: author)
      }
    case .set(let fields):
      for field in fields {
        Self.write(field.value, to: &cells[field.name, default: []], by: author)
      }
    case .undelete:
      Self.write(.integer(1), to: &liveness, by: author)
    case .delete:
      Self.write(.integer(0), to: &liveness, by: author)
      if mutant(5, "R2: a delete drops the values of its row") { return cells = [:] }
      for name in cells.keys { mark(name, seenBy: author) }
    }
  }

  /// Whether the row stands in its table: alive, or edited by somebody whose edit no delete has seen. `[SP-406]`
  public var isShown: Bool {
    if liveness.contains(where: { $0.value == .integer(1) }) { return true }
    if mutant(6, "R5: what a delete had not seen goes with the row") { return false }
    return !liveness.isEmpty
      && cells.values.contains { $0.contains { !$0.isSeenByDelete } }
  }

  /// Whether a delete stands against the row although it is shown: somebody has to settle it.
  public var isContested: Bool {
    isShown && liveness.contains { $0.value == .integer(0) }
  }

  /// The value shown for a field: a pure function of its siblings.
  public func shown(_ field: String) -> Value {
    cells[field].flatMap(Self.winner)?.value ?? .null
  }

  /// The fields with siblings of different value, sorted by name.
  public var contestedFields: [String] {
    cells.filter { Set($0.value.map(\.value)).count > 1 }.keys.sorted()
  }

  /// The sibling that is shown.
  public static func winner(_ siblings: [Sibling]) -> Sibling? {
    siblings.dropFirst().reduce(siblings.first) { best, next in
      best.map { next.outranks($0) ? next : $0 }
    }
  }

  private static func write(_ value: Value, to siblings: inout [Sibling], by author: Authorship) {
    if mutant(7, "R5: a write drops what it had not seen") { siblings = [] }
    siblings.removeAll { author.supersedes($0.dot) }
    siblings.append(Sibling(dot: author.dot, weight: author.weight, value: value))
    if siblings.count > 1 { siblings.sort { $0.dot < $1.dot } }
  }

  private mutating func mark(_ field: String, seenBy author: Authorship) {
    if mutant(8, "R3: a delete marks nothing of what it had seen") { return }
    guard var siblings = cells[field] else { return }
    for index in siblings.indices where author.supersedes(siblings[index].dot) {
      siblings[index].isSeenByDelete = true
    }
    cells[field] = siblings
  }
}

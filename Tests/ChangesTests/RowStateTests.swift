import Causality
import Changes
import Testing

private func actor(_ number: UInt64) -> ActorID {
  ActorID(replica: ReplicaID(high: 0, low: number), epoch: number)
}

/// A small world: replicas that edit one row with what they have seen, and learn from each other.
private struct Author {
  let id: ActorID
  var known = VersionVector()
  var n = 0

  mutating func write(_ verb: Verb) -> (Verb, Authorship) {
    n += 1
    var context = known
    context.remove(id)
    known.raise(id, to: n)
    return (verb, Authorship(dot: Dot(actor: id, n: n), context: context))
  }
}

private struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ (state >> 33)
  }
}

@Suite("How a row takes writes")
struct RowStateTests {
  private let created = Verb.insert([FieldValue("name", .text("a")), FieldValue("city", .null)])

  @Test("a write replaces what its author had seen and stands beside what it had not")
  func siblings() {
    var (one, two) = (Author(id: actor(1)), Author(id: actor(2)))
    var row = RowState()
    let first = one.write(created)
    row.apply(first.0, by: first.1)
    two.known.raise(one.id, to: 1)
    let (b, c) = (
      two.write(.set([FieldValue("name", .text("b"))])),
      one.write(.set([FieldValue("name", .text("c"))]))
    )
    row.apply(b.0, by: b.1)
    row.apply(c.0, by: c.1)
    #expect(row.contestedFields == ["name"])
    #expect(Set(row.cells["name", default: []].map(\.value)) == [.text("b"), .text("c")])
    one.known.raise(two.id, to: 1)
    let settled = one.write(.set([FieldValue("name", .text("d"))]))
    row.apply(settled.0, by: settled.1)
    #expect(row.contestedFields.isEmpty)
    #expect(row.shown("name") == .text("d"))
  }

  @Test("equal values are no conflict but keep their dots")
  func equalValues() {
    var (one, two) = (Author(id: actor(1)), Author(id: actor(2)))
    var row = RowState()
    for write in [one.write(created), two.write(created)] { row.apply(write.0, by: write.1) }
    #expect(row.contestedFields.isEmpty && row.isShown && !row.isContested)
    #expect(row.cells["name", default: []].count == 2)
  }

  @Test("a delete takes the row away, an edit it had not seen keeps it whole and listed")
  func deleteAgainstEdit() {
    var (one, two) = (Author(id: actor(1)), Author(id: actor(2)))
    var row = RowState()
    let first = one.write(created)
    row.apply(first.0, by: first.1)
    two.known.raise(one.id, to: 1)
    let delete = one.write(.delete)
    row.apply(delete.0, by: delete.1)
    #expect(!row.isShown)
    let edit = two.write(.set([FieldValue("city", .text("Rabat"))]))
    row.apply(edit.0, by: edit.1)
    #expect(row.isShown && row.isContested)
    #expect(row.shown("name") == .text("a") && row.shown("city") == .text("Rabat"))
    one.known.raise(two.id, to: 1)
    let again = one.write(.delete)
    row.apply(again.0, by: again.1)
    #expect(!row.isShown)
  }

  @Test("text is compared by bytes: two spellings of one letter are two values")
  func bytes() {
    #expect(Value.text("e\u{301}") != Value.text("\u{e9}"))
    #expect(Value.real(0.1) == Value.real(0.1))
  }

  @Test("the same changes in any causal order give the same row", arguments: 0..<200)
  func convergence(seed: Int) {
    var random = Seeded(state: UInt64(seed))
    var authors = (1...3).map { Author(id: actor(UInt64($0))) }
    var writes: [(verb: Verb, by: Authorship)] = []
    for step in 0..<9 {
      let index = step == 0 ? 0 : Int.random(in: 0..<3, using: &random)
      if Bool.random(using: &random) || step == 1 {
        let other = Int.random(in: 0..<3, using: &random)
        authors[index].known.merge(authors[other].known)
      }
      let value = Value.integer(Int64(step))
      let verb: Verb =
        switch step == 0 ? -1 : Int.random(in: 0..<8, using: &random) {
        case -1: created
        case 0: .delete
        case 1: .undelete
        case 2: .insert([FieldValue("name", value), FieldValue("city", value)])
        case 3, 4: .set([FieldValue("name", value)])
        default: .set([FieldValue("city", value)])
        }
      writes.append(authors[index].write(verb))
    }
    let rows = Set((0..<40).map { _ in Self.delivered(writes, using: &random) })
    #expect(rows.count == 1)
  }

  /// Applies all writes in a random order that respects what each had seen, some of them looked at twice.
  private static func delivered(
    _ writes: [(verb: Verb, by: Authorship)], using random: inout Seeded
  ) -> String {
    var row = RowState()
    var known = VersionVector()
    var waiting = writes.shuffled(using: &random)
    while !waiting.isEmpty {
      guard
        let next = waiting.firstIndex(where: { write in
          known[write.by.dot.actor] == write.by.dot.n - 1
            && write.by.context.entries.allSatisfy { known[$0.actor] >= $0.n }
        })
      else { return "stuck" }
      let write = waiting.remove(at: next)
      row.apply(write.verb, by: write.by)
      known.raise(write.by.dot.actor, to: write.by.dot.n)
    }
    let cells = row.cells.keys.sorted().map { key in
      "\(key)=\(row.cells[key, default: []].map { "\($0.dot)\($0.value)" })"
    }
    return "\(row.isShown) \(row.liveness.map { "\($0.dot)\($0.value)" }) \(cells)"
  }
}

import Causality
import Changes

/// Splitmix64: the same seed, the same case.
struct Dice: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

/// One change as a node takes it: its name, what its author had seen, what it writes, and whether central refused it.
struct Edit {
  let author: Authorship
  let writes: [Write]
  var isRefused = false

  var dot: Dot { author.dot }
}

/// Authors who edit two rows, each having seen some of the others' work.
struct Cases {
  static let table = "club"
  static let fields = ["name", "city"]

  /// `count` edits by `actors` authors, in an order that respects what each had seen.
  static func edits(_ count: Int, actors: Int, _ dice: inout Dice) -> [Edit] {
    let ids = (0..<actors).map {
      ActorID(replica: ReplicaID(high: dice.next(), low: UInt64($0)), epoch: dice.next())
    }
    var seen = [VersionVector](repeating: VersionVector(), count: actors)
    var made: [Edit] = []
    for _ in 0..<count {
      let author = Int.random(in: 0..<actors, using: &dice)
      // What an author hears of, it hears of with all that its author had seen.
      for other in made where dice.chance(30) {
        seen[author].merge(other.author.context)
        seen[author].raise(other.dot.actor, to: other.dot.n)
      }
      var context = seen[author]
      let n = context[ids[author]] + 1
      context.remove(ids[author])
      seen[author].raise(ids[author], to: n)
      made.append(
        Edit(
          author: Authorship(dot: Dot(actor: ids[author], n: n), context: context),
          writes: writes(&dice)))
    }
    return made
  }

  private static func writes(_ dice: inout Dice) -> [Write] {
    let rows = dice.chance(25) ? ["a", "b"] : [dice.chance(60) ? "a" : "b"]
    return rows.map { Write(RowKey(table: table, id: $0), verb(&dice)) }
  }

  private static func verb(_ dice: inout Dice) -> Verb {
    func value(_ dice: inout Dice) -> Value {
      dice.chance(15) ? .null : .text("\(Int.random(in: 0..<4, using: &dice))")
    }
    switch Int.random(in: 0..<10, using: &dice) {
    case 0, 1, 2: return .insert(fields.map { FieldValue($0, value(&dice)) })
    case 3, 4: return .delete
    case 5: return .undelete
    case 6: return .set(fields.map { FieldValue($0, value(&dice)) })
    default: return .set([FieldValue(fields[dice.chance(50) ? 0 : 1], value(&dice))])
    }
  }

  /// Every order of `0..<count`, by Heap's method.
  static func forEachOrder(of count: Int, _ body: ([Int]) -> Void) {
    var order = Array(0..<count)
    var counters = [Int](repeating: 0, count: count)
    body(order)
    var place = 1
    while place < count {
      guard counters[place] < place else {
        counters[place] = 0
        place += 1
        continue
      }
      order.swapAt(place.isMultiple(of: 2) ? 0 : counters[place], place)
      body(order)
      counters[place] += 1
      place = 1
    }
  }
}

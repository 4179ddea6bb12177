import Causality
import Changes
import Glibc

/// Equal sets of changes give equal content, in whatever order and however often they arrive (R3).
///
/// `cordee-converge CASES SETS STORES`: random exchanges among three to eight nodes; all 5,040 orders of SETS sets of seven
/// edits, through central's queue; STORES sets through SQLite in orders that respect causality. Prints one line of JSON;
/// exit 1 at the first difference, with its seed.
///
/// `cordee-converge --replay`: takes histories that another program drew, and prints what they come to (`Replay`).
@main struct Convergence {
  static func main() {
    if CommandLine.arguments.dropFirst().elementsEqual(["--replay"]) { return replay() }
    let counts = CommandLine.arguments.dropFirst().compactMap { Int($0) }
    guard counts.count == 3 else {
      print("usage: cordee-converge CASES SETS STORES | --replay")
      exit(2)
    }
    do {
      let exchanged = try exchanges(counts[0])
      let ordered = try orders(counts[1])
      let stored = try stores(counts[2])
      print(
        """
        {"cases": \(counts[0]), "sets": \(counts[1]), "orders": \(ordered.orders), "waited": \
        \(exchanged.waited + ordered.waited), "repeated": \(exchanged.repeated + ordered.repeated), \
        "store sets": \(counts[2]), "store orders": \(stored), "conflicts": \(ordered.conflicts), \
        "differences": 0}
        """)
    } catch {
      print("\(error)")
      exit(1)
    }
  }

  private static func replay() {
    do {
      while let line = readLine() { try Replay(Array(line.utf8)).forEachLine { print($0) } }
    } catch {
      print("\(error)")
      exit(2)
    }
  }

  struct Difference: Error, CustomStringConvertible {
    let description: String
  }

  /// Nodes hear of edits in random orders, again and again, in pieces, and from each other.
  private static func exchanges(_ cases: Int) throws -> (waited: Int, repeated: Int) {
    var total = (waited: 0, repeated: 0)
    for seed in 0..<UInt64(cases) {
      var dice = Dice(state: seed)
      let edits = Cases.edits(
        Int.random(in: 5...30, using: &dice), actors: 3 + Int(seed % 6), &dice)
      let nodes = (0..<(3 + Int(seed % 6))).map { _ in
        var node = Node()
        var left = edits.shuffled(using: &dice)[...]
        while !left.isEmpty {
          var piece = Array(left.prefix(Int.random(in: 1...6, using: &dice)))
          left = left.dropFirst(piece.count)
          while dice.chance(20) {
            piece.append(edits[Int.random(in: 0..<edits.count, using: &dice)])
          }
          node.take(piece)
        }
        return node
      }
      for node in nodes {
        guard node.agrees(with: nodes[0]) else {
          throw Difference(description: "case \(seed): two nodes differ after the same edits")
        }
        total.waited += node.waited
        total.repeated += node.repeated
      }
    }
    return total
  }

  /// All orders of seven edits.
  private static func orders(_ sets: Int) throws -> (
    orders: Int, waited: Int, repeated: Int, conflicts: Int
  ) {
    var (orders, waited, repeated, conflicts) = (0, 0, 0, 0)
    for seed in 0..<UInt64(sets) {
      var dice = Dice(state: 1 << 32 | seed)
      let edits = Cases.edits(7, actors: 2 + Int(seed % 4), &dice)
      var right = Node()
      for edit in edits { right.take([edit]) }
      conflicts += right.rows.values.reduce(0) { $0 + $1.contestedFields.count }
      var wrong: [Int]?
      Cases.forEachOrder(of: edits.count) { order in
        var node = Node()
        // In one merge or in two, cut at every place in turn.
        let cut = orders % order.count
        if cut > 0 { node.take(order[..<cut].map { edits[$0] }) }
        node.take(order[cut...].map { edits[$0] })
        orders += 1
        waited += node.waited
        repeated += node.repeated
        if wrong == nil, !node.agrees(with: right) { wrong = order }
      }
      if let wrong {
        throw Difference(description: "set \(seed): the order \(wrong) gives other content")
      }
    }
    return (orders, waited, repeated, conflicts)
  }

  /// The same through the store: dump and tables are equal, byte for byte, and show what the rules say.
  private static func stores(_ sets: Int) throws -> Int {
    var count = 0
    for seed in 0..<UInt64(sets) {
      var dice = Dice(state: 2 << 32 | seed)
      let edits = Cases.edits(7, actors: 2 + Int(seed % 4), &dice)
      let right = try Stores.content(of: edits)
      var node = Node()
      for edit in edits { node.take([edit]) }
      guard right.count == node.rows.count + Stores.shown(by: node) else {
        throw Difference(
          description: "store set \(seed): the tables show other rows than the rules")
      }
      for _ in 0..<6 {
        let order = causal(edits, &dice)
        count += 1
        guard try Stores.content(of: order) == right else {
          throw Difference(
            description: "store set \(seed): \(order.map(\.dot.n)) gives other content")
        }
      }
    }
    return count
  }

  /// A random order in which nobody comes before what it had seen.
  private static func causal(_ edits: [Edit], _ dice: inout Dice) -> [Edit] {
    var (left, taken, known) = (edits.shuffled(using: &dice), [Edit](), VersionVector())
    while let place = left.firstIndex(where: { edit in
      let order = edit.author.context.compare(known)
      return known[edit.dot.actor] + 1 == edit.dot.n && (order == .before || order == .equal)
    }) {
      let edit = left.remove(at: place)
      known.raise(edit.dot.actor, to: edit.dot.n)
      taken.append(edit)
    }
    return taken
  }
}

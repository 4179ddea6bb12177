import Causality
import Testing

/// Every vector over two actors with counts 0 to 2: small enough to try all pairs and triples.
private let actors = (1...2).map { ActorID(replica: ReplicaID(high: 0, low: UInt64($0)), epoch: 7) }
private let small = (0...2).flatMap { a in
  (0...2).map { b in VersionVector([(actors[0], a), (actors[1], b)]) }
}

@Suite("Version vectors")
struct VersionVectorTests {
  @Test("compare gives exactly one of four cases, and its mirror the other way round")
  func fourCases() {
    for left in small {
      for right in small {
        let less = actors.contains { left[$0] < right[$0] }
        let more = actors.contains { left[$0] > right[$0] }
        let expected: CausalOrder =
          less ? (more ? .concurrent : .before) : (more ? .after : .equal)
        #expect(left.compare(right) == expected)
      }
    }
  }

  @Test("merging is commutative, associative and idempotent, and never forgets")
  func mergeLaws() {
    func joined(_ a: VersionVector, _ b: VersionVector) -> VersionVector {
      var result = a
      result.merge(b)
      return result
    }
    for a in small {
      #expect(joined(a, a) == a)
      for b in small {
        #expect(joined(a, b) == joined(b, a))
        #expect([.equal, .after].contains(joined(a, b).compare(a)))
        for c in small { #expect(joined(joined(a, b), c) == joined(a, joined(b, c))) }
      }
    }
  }

  @Test("a delta merged into its base gives the vector back")
  func deltas() {
    for base in small {
      for full in small where [.equal, .after].contains(full.compare(base)) {
        var rebuilt = base
        rebuilt.merge(full.exceeding(base))
        #expect(rebuilt == full)
      }
    }
  }

  @Test("a lower or zero count changes nothing, and the sum saturates")
  func raising() {
    var vector = VersionVector([(actors[0], 5)])
    vector.raise(actors[0], to: 3)
    vector.raise(actors[1], to: 0)
    #expect(vector.entries.count == 1 && vector[actors[0]] == 5)
    #expect(vector.sees(Dot(actor: actors[0], n: 5)) && !vector.sees(Dot(actor: actors[0], n: 6)))
    vector.raise(actors[1], to: Int.max)
    #expect(vector.sum == Int.max)
  }
}

@Suite("Identifiers")
struct IdentifierTests {
  @Test("text and bytes give the identifier back, and text order is byte order")
  func roundTrip() throws {
    let ids = [
      ActorID(replica: ReplicaID(high: 1, low: .max), epoch: 2),
      ActorID(replica: ReplicaID(high: .max, low: 0), epoch: 0),
    ]
    for id in ids {
      #expect(ActorID(id.description) == id)
      #expect(ActorID(bytes: id.bytes) == id)
    }
    #expect((ids[0] < ids[1]) == (ids[0].description < ids[1].description))
  }

  @Test(
    "what is not exactly lower-case hexadecimal of the right length is refused",
    arguments: [
      "", "0", String(repeating: "0", count: 31), String(repeating: "A", count: 32),
      String(repeating: "g", count: 32), " " + String(repeating: "0", count: 31),
    ])
  func refused(text: String) {
    #expect(ReplicaID(text) == nil)
    #expect(ActorID(text) == nil)
  }
}

import Foundation
import Schedules
import Testing
import Wire

/// The vectors that any implementation runs: `SyncProtocol/vectors/schedules.json`.
struct Vectors: Decodable {
  struct Runs: Decodable, CustomTestStringConvertible {
    let name: String
    let schedule: String
    let after: String
    let next: [String]
    var testDescription: String { name }
  }
  struct Refused: Decodable, CustomTestStringConvertible {
    let schedule: String
    let code: String
    var testDescription: String { schedule.debugDescription }
  }
  let vectors: [Runs]
  let refused: [Refused]

  static let all: Vectors = {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../SyncProtocol/vectors/schedules.json")
    do {
      return try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: path))
    } catch {
      Issue.record(error)
      return Vectors(vectors: [], refused: [])
    }
  }()
}

@Suite(.timeLimit(.minutes(15))) struct VectorTests {
  @Test func `the vectors are there`() {
    #expect(Vectors.all.vectors.count > 40)
    #expect(Vectors.all.refused.count > 30)
  }

  @Test(arguments: Vectors.all.vectors) func `runs are those of the vectors`(_ vector: Vectors.Runs)
    throws
  {
    let schedule = try Zones.schedule(vector.schedule)
    var instant = try #require(Timestamp.unixSeconds(vector.after))
    for expected in vector.next {
      instant = try #require(schedule.next(after: instant))
      #expect(Timestamp.text(unixSeconds: instant) == expected)
    }
    if vector.next.isEmpty { #expect(schedule.next(after: instant) == nil) }
  }

  @Test(arguments: Vectors.all.vectors) func `a schedule's own text means the same`(
    _ vector: Vectors.Runs
  ) throws {
    let schedule = try Zones.schedule(vector.schedule)
    #expect(try Zones.schedule(schedule.text) == schedule)
  }

  @Test(arguments: Vectors.all.refused) func `what is no schedule is refused in one line`(
    _ vector: Vectors.Refused
  ) throws {
    let error = #expect(throws: ScheduleError.self) { try Zones.schedule(vector.schedule) }
    #expect(error?.code.rawValue == vector.code)
    #expect(error?.description.contains("\n") == false)
  }
}

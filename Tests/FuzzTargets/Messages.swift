import Causality
import Central
import Changes
import Registry
import Schedules
import Seal
import Wire

extension FuzzTarget {
  /// The JSON guard: what it takes, it writes, and takes again as the same.
  @Sendable static func json(_ bytes: [UInt8]) {
    guard let value = try? JSON.parse(bytes) else { return }
    let written = value.bytes()
    hold((try? JSON.parse(written))?.bytes() == written, "what was written reads as another value")
    if let members = try? JSON.members(of: bytes) {
      for (_, range) in members {
        hold((try? JSON.parse(Array(bytes[range]))) != nil, "a member's bytes are no value")
      }
    }
  }

  /// A change's line, its header and body: what is decoded is encoded into what decodes alike.
  @Sendable static func change(_ bytes: [UInt8]) {
    guard let line = try? ChangeDecoding.line(bytes) else { return }
    let header = try? ChangeDecoding.header(ChangeEncoding.bytes(of: line.header))
    hold(header == line.header, "a header reads otherwise once written")
    hold(line.header.dot.n >= 1, "a change is not counted from one")
    guard let body = try? line.decodedBody() else { return }
    hold(
      (try? ChangeDecoding.body(ChangeEncoding.bytes(of: body))) == body,
      "a body reads otherwise once written")
    var state = RowState()
    let author = Authorship(dot: line.header.dot, context: line.header.context)
    for write in body.writes {
      state.apply(write.verb, by: author)
      let once = state
      state.apply(write.verb, by: author)
      hold(state.isShown == once.isShown, "the same write twice shows another row")
    }
  }

  /// A batch of lines in every form that crosses the network.
  @Sendable static func batch(_ bytes: [UInt8]) {
    for line in Lines.split(bytes) {
      if let segment = try? Segment.parse(line) {
        hold((try? Segment.parse(segment.line))?.head == segment.head, "a segment changes")
        hold(segment.to >= segment.from, "a segment ends before it begins")
      }
      if case .entry(let seq, _, _, _, _)? = try? LogLine.parse(line) {
        hold(seq >= 1 && seq <= ChangeLimits.countMax, "a place of the log is no count")
      }
      if let checkpoint = try? Checkpoint.parse(line) {
        hold((try? Checkpoint.parse(checkpoint.bytes)) == checkpoint, "a checkpoint changes")
      }
      if let hello = try? Hello.parse(line) {
        hold((try? Hello.parse(hello.bytes)) == hello, "a hello changes")
      }
      if let answer = try? HelloAnswer.parse(line) {
        hold((try? HelloAnswer.parse(answer.bytes)) == answer, "an answer changes")
      }
      _ = try? Snapshot.parse(line: line)
      _ = Problem.parse(line, status: 400)
    }
  }

  /// Founding records.
  @Sendable static func seed(_ bytes: [UInt8]) {
    guard let json = try? JSON.parse(bytes) else { return }
    _ = try? Seed(json) { Blake2b.hash([$0]) }
  }

  /// Schedules as people type them, or the rules of a time zone as files hold them.
  @Sendable static func schedule(_ bytes: [UInt8]) {
    if bytes.starts(with: Array("TZif".utf8)) {
      guard let rules = try? ZoneRules(tzif: bytes) else { return }
      let schedule = try? Schedule(parsing: "daily 02:30 Europe/Paris") {
        (_) throws(ZoneError) in rules
      }
      guard let schedule else { return }
      for instant in [Int64(-10_000_000_000), 0, 1_800_000_000] {
        if let next = schedule.next(after: instant) {
          hold(next > instant, "the next run is not after now")
        }
      }
      return
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let schedule = try? Schedule(parsing: text) { (_) throws(ZoneError) in ZoneRules.utc }
    if let next = schedule?.next(after: 1_800_000_000) {
      hold(next > 1_800_000_000, "the next run is not after now")
    }
  }

  /// Compressed bodies: whatever comes in, no more than the limit comes out.
  @Sendable static func zstd(_ bytes: [UInt8]) {
    if let whole = try? Zstd.decompress(bytes, limit: 100_000) {
      hold(whole.count <= 100_000, "more came out than the limit")
    }
    hold(
      (try? Zstd.decompress(Zstd.compress(bytes), limit: bytes.count)) == bytes,
      "what was compressed comes back otherwise")
  }
}

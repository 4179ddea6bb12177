import Causality
import Changes
import Store
import Testing
import Wire

@Suite("The short form of pushes and of the log [SP-1012]")
struct ShortFormTests {
  private let network = ID128(high: 1, low: 2)
  private let secret = [UInt8](0..<16)

  private func actor(_ number: UInt64) -> ActorID {
    ActorID(replica: ReplicaID(high: number, low: number), epoch: number)
  }

  /// Changes of one author, the first with a context, their keys from one secret.
  private func changes(_ count: Int, by author: ActorID, from start: Int = 1) -> [Change] {
    var previous = Hash.zero
    return (start..<start + count).map { n in
      let context = n == 1 ? VersionVector([(actor(9), 5)]) : VersionVector()
      let change = Store.change(
        Header(network: network, space: "commons", dot: Dot(actor: author, n: n), context: context),
        Body(
          key: Run.key(secret: secret, n: n), at: "2027-01-15T08:00:00Z",
          writes: [
            Write(RowKey(table: "t", id: "r\(n)"), .set([FieldValue("a", .text("é\"\(n)"))]))
          ]),
        previous: previous)
      previous = change.hash
      return change
    }
  }

  private func expand(_ bytes: [UInt8], isLog: Bool, max: Int = 1 << 20) throws -> [[UInt8]] {
    var reader = ShortReader(isLog: isLog, bytesMax: max)
    return try Lines.split(bytes).compactMap { try reader.full($0) }
  }

  @Test(
    "a piece of the log comes back byte for byte, whoever writes and wherever places are skipped")
  func logRoundTrip() throws {
    let run = Run(from: 1, to: 8, secret: secret)
    let (ours, theirs) = (changes(8, by: actor(1)), changes(8, by: actor(2)))
    var writer = ShortWriter()
    var full: [[UInt8]] = []
    var seq = 10
    for place in 0..<8 {
      for (change, run) in [(ours[place], Optional(run)), (theirs[place], place < 4 ? nil : run)] {
        seq += place == 5 ? 3 : 1
        let signatures = place == 7 ? Array("[]".utf8) : nil
        let line = LogLine.entryLine(
          seq: seq, change: change, verdict: place == 3 ? .quarantined(reason: "a: b") : .applied,
          signatures: signatures, withholdsBody: place == 3)
        full.append(line)
        if place == 3 {
          writer.append(line: line)
        } else {
          writer.append(change, seq: seq, signatures: signatures, run: run)
        }
      }
    }
    full.append(Array(#"{"checkpoint":{}}"#.utf8))
    writer.append(line: full[full.count - 1])
    #expect(try expand(writer.bytes, isLog: true) == full)
    #expect(writer.bytes.count < full.reduce(0) { $0 + $1.count })
  }

  /// What a stream says: read line by line, or from its full lines; the error's code where one cannot be read.
  private func said(_ bytes: [UInt8], atOnce: Bool) -> [String] {
    var reader = ShortReader(isLog: true, bytesMax: 1 << 20)
    var said: [String] = []
    do {
      for line in Lines.split(bytes) {
        let read =
          try atOnce ? reader.logLine(line) : reader.full(line).map { try LogLine.parse($0) }
        if let read { said.append(String(reflecting: read)) }
      }
    } catch {
      said.append("\(error)")
    }
    return said
  }

  @Test(
    "an entry whose body does not begin with its key is written in full, and what follows is short")
  func keyNotFirst() throws {
    let run = Run(from: 1, to: 6, secret: secret)
    for odd in [#"{ "key":"#, #"{"\u006bey":"#, #"{"x":1,"key":"#] {
      var writer = ShortWriter()
      var full: [[UInt8]] = []
      for (place, change) in changes(6, by: actor(1)).enumerated() {
        var change = change
        if place == 2 {
          let body = Array(odd.utf8) + (change.bodyBytes ?? []).dropFirst(#"{"key":"#.utf8.count)
          change = Store.change(
            ChangeDecoding.Line(
              header: change.header, headerBytes: change.headerBytes, bodyBytes: body,
              bodyHash: nil, body: nil), previous: .zero)
        }
        full.append(
          LogLine.entryLine(
            seq: 3 + place, change: change, verdict: .applied, signatures: nil,
            withholdsBody: false))
        writer.append(change, seq: 3 + place, run: run)
      }
      #expect(try expand(writer.bytes, isLog: true) == full)
      #expect(Lines.split(writer.bytes).last?.starts(with: Array(#"{"body":{"at":"#.utf8)) == true)
    }
  }

  @Test("a line read at once says what its full line says, whatever stands in it")
  func readAtOnce() {
    let run = Run(from: 1, to: 40, secret: secret)
    var writer = ShortWriter()
    for (seq, change) in changes(40, by: actor(1)).enumerated() {
      writer.append(change, seq: 7 + seq, signatures: seq == 39 ? Array("[]".utf8) : nil, run: run)
    }
    let whole = said(writer.bytes, atOnce: true)
    #expect(whole.count == 40 && whole == said(writer.bytes, atOnce: false))
    var (refused, taken) = (0, 0)
    let pieces = [
      #","seq":9"#, #"{"x":1}"#, "}", "{", "\\u0041", "\"", ",", "é", "\n", " ", "null", "0",
    ]
    for index in 0..<2_000 {
      var bytes = writer.bytes
      let place = index * 7_919 % bytes.count
      if index % 2 == 0 {
        bytes[place] ^= UInt8(1 << (index / 2 % 8))
      } else {
        bytes.insert(contentsOf: pieces[index / 2 % pieces.count].utf8, at: place)
      }
      let one = said(bytes, atOnce: true)
      #expect(one == said(bytes, atOnce: false))
      if one.count == whole.count { taken += 1 } else { refused += 1 }
    }
    #expect(taken > 100 && refused > 100)
  }

  @Test("a full form read as a short one is itself")
  func fullIsItself() throws {
    let lines = changes(5, by: actor(1)).map { ChangeEncoding.line(of: $0) }
    let bytes = lines.reduce(into: [UInt8]()) { $0 += $1 + [UInt8(ascii: "\n")] }
    #expect(try expand(bytes, isLog: false) == lines)
  }

  @Test("the common line holds only what is new: no header, no key")
  func shortLines() throws {
    var writer = ShortWriter()
    for change in changes(3, by: actor(1)) {
      writer.append(change, run: Run(from: 1, to: 3, secret: secret))
    }
    let lines = Lines.split(writer.bytes).map { String(decoding: $0, as: UTF8.self) }
    #expect(lines.count == 4)
    #expect(lines[0] == #"{"run":"AAECAwQFBgcICQoLDA0ODw"}"#)
    #expect(lines[3].hasPrefix(#"{"body":{"at":"#))
    var reader = ShortReader(isLog: false, bytesMax: 10_000)
    for (place, line) in lines.enumerated() {
      let full = try reader.full(Array(line.utf8))
      #expect((full == nil) == (place == 0))
      #expect(reader.secretUsed == (place == 0 ? nil : secret))
    }
  }

  @Test("a key that is not the run's is sent with its body")
  func foreignKey() throws {
    let all = changes(3, by: actor(1))
    var writer = ShortWriter()
    for change in all {
      writer.append(change, run: Run(from: 1, to: 3, secret: [UInt8](repeating: 7, count: 16)))
    }
    #expect(!writer.bytes.starts(with: Array(#"{"run""#.utf8)))
    #expect(try expand(writer.bytes, isLog: false) == all.map { ChangeEncoding.line(of: $0) })
  }

  @Test(
    "what no earlier line says cannot be left out",
    arguments: [
      #"{"body":{"at":"x"}}"#, #"{"header":{},"body":{"key":""}}"#, #"{"run":"AAEC"}"#,
      #"{"run":5}"#, #"{"seq":0,"header":{},"body":{}}"#, #"{"seq":4}"#, "{",
    ])
  func refused(_ line: String) {
    for isLog in [true, false] {
      #expect(throws: WireError.self) { try expand(Array(line.utf8), isLog: isLog) }
    }
  }

  @Test("a body without its key follows a secret, and a segment forgets it [R15]")
  func segmentForgets() throws {
    let change = changes(2, by: actor(1))
    var writer = ShortWriter()
    for change in change { writer.append(change, run: Run(from: 1, to: 2, secret: secret)) }
    let last = Lines.split(writer.bytes)[2]
    let segment = Array(#"{"segment":{}}"#.utf8)
    let bytes = writer.bytes + segment + [10] + last
    #expect(throws: WireError.self) { try expand(bytes, isLog: false) }
  }

  @Test("lines that grow beyond the limit are refused [R15]")
  func limit() throws {
    var writer = ShortWriter()
    for change in changes(200, by: actor(1)) {
      writer.append(change, run: Run(from: 1, to: 200, secret: secret))
    }
    let full = try expand(writer.bytes, isLog: false).reduce(0) { $0 + $1.count }
    #expect(throws: Never.self) { try expand(writer.bytes, isLog: false, max: full) }
    #expect(throws: WireError.self) { try expand(writer.bytes, isLog: false, max: full - 1) }
  }
}

import Causality
import Central
import Changes
import Files
import Replica
import Store
import Wire

extension FuzzTarget {
  /// A piece of the log in either form: read at once it says what its full lines say, and what the writer makes of what was
  /// read, whatever it leaves out, reads back as the same.
  @Sendable static func log(_ bytes: [UInt8]) {
    let lines = Lines.split(bytes)
    let read = entries(lines) { try $0.logLine($1) }
    let inFull = entries(lines) { reader, line in
      try reader.full(line).map { try LogLine.parse($0) }
    }
    hold(
      read.isWhole == inFull.isWhole && read.lines.map(\.full) == inFull.lines.map(\.full),
      "a line read at once says something else than its full line")
    var writer = ShortWriter()
    for (line, full, secret) in read.lines {
      guard case .entry(let seq, let parts, .applied, _, let signatures) = line,
        parts.bodyBytes != nil
      else {
        writer.append(line: full)
        continue
      }
      let n = parts.header.dot.n
      writer.append(
        Store.change(parts, previous: .zero), seq: seq, signatures: signatures,
        run: secret.map { Run(from: n, to: n + 1, secret: $0) })
    }
    let back = entries(Lines.split(writer.bytes)) { try $0.logLine($1) }
    hold(
      back.isWhole && back.lines.map(\.full) == read.lines.map(\.full),
      "a log that was written short reads otherwise")
  }

  /// Lines of the log as far as they can be read: what each says, in full form, and the secret that gave its key.
  private static func entries(
    _ lines: [[UInt8]], _ next: (inout ShortReader, [UInt8]) throws -> LogLine?
  ) -> (lines: [(line: LogLine, full: [UInt8], secret: [UInt8]?)], isWhole: Bool) {
    var reader = ShortReader(isLog: true, bytesMax: 1 << 24)
    var found: [(line: LogLine, full: [UInt8], secret: [UInt8]?)] = []
    for bytes in lines {
      do {
        guard let line = try next(&reader, bytes) else { continue }
        found.append((line, full(line), reader.secretUsed))
      } catch {
        return (found, false)
      }
    }
    return (found, true)
  }

  private static func full(_ line: LogLine) -> [UInt8] {
    switch line {
    case .entry(let seq, let parts, let verdict, _, let signatures):
      LogLine.entryLine(
        seq: seq, change: Store.change(parts, previous: .zero), verdict: verdict,
        signatures: signatures, withholdsBody: false)
    case .checkpoint(let bytes, _, let signatures):
      LogLine.checkpointLine(bytes, signatures: signatures)
    }
  }

  /// A push in either form: what is taken of it can be pushed again, and comes as the same.
  @Sendable static func push(_ bytes: [UInt8]) {
    guard let segments = try? Central.segments(of: bytes) else { return }
    var writer = ShortWriter()
    var taken: [[[UInt8]]] = []
    for (segment, content) in segments where content.failure == nil {
      guard let lines = try? content.lines.map({ try ChangeDecoding.line($0) }) else { continue }
      if let header = lines.first?.header {
        _ = try? segment.verify(
          content.lines, key: nil, network: header.network, space: header.space,
          allowsWithheld: true)
      }
      writer.append(line: segment.line)
      var full: [[UInt8]] = []
      for (offset, line) in lines.enumerated() {
        let change = Store.change(line, previous: .zero)
        full.append(ChangeEncoding.line(of: change))
        guard let body = line.bodyBytes else {
          writer.append(line: full[offset])
          continue
        }
        hold(body.starts(with: ChangeDecoding.bodyStart), "a push brought a body without its key")
        let n = segment.from + offset
        writer.append(change, run: content.runs.first { $0.from <= n && n <= $0.to })
      }
      taken.append(full)
    }
    let back = try? Central.segments(of: writer.bytes)
    hold(
      back?.map(\.1.lines) == taken && back?.allSatisfy { $0.1.failure == nil } == true,
      "a push that was taken reads otherwise once written")
  }

  /// A bundle from anywhere, compressed or not: what is read of it makes a bundle that reads the same.
  @Sendable static func bundle(_ bytes: [UInt8]) {
    let path = "\(Scratch.shared.path)/foreign.bundle"
    defer { for ending in ["", ".part"] { Files.remove(path + ending) } }
    guard Scratch.write(bytes, to: path), let told = try? contents(of: path) else { return }
    for (kind, line) in told.lines {
      switch kind {
      case .receipt: _ = try? ReceiptNote.parse(line: line)
      case .lives: _ = try? LivesNote.parse(line: line)
      case .wire: _ = (try? Segment.parse(line).line) ?? (try? LogLine.parse(line)).map(full)
      case .space, .end: break
      }
    }
    guard told.isWhole else { return }
    for plain in [true, false] {
      let again = try? rewritten(told.bundle, told.lines.map(\.1), plain: plain, at: path)
      hold(
        again?.isWhole == true && again?.bundle == told.bundle
          && again?.lines.map(\.1) == told.lines.map(\.1), "a bundle reads otherwise once written")
    }
  }

  private typealias BundleContent = (
    bundle: Bundle, lines: [(BundleLine, [UInt8])], isWhole: Bool
  )

  private static func contents(of path: String) throws -> BundleContent {
    _ = try BundleReader.isBundle(path)
    var reader = try BundleReader(path)
    var lines: [(BundleLine, [UInt8])] = []
    while let next = try reader.next() { lines.append(next) }
    return (reader.bundle, lines, reader.isWhole)
  }

  private static func rewritten(
    _ bundle: Bundle, _ lines: [[UInt8]], plain: Bool, at path: String
  ) throws -> BundleContent {
    var writer = try BundleWriter(path, bundle, plain: plain)
    for line in lines { try writer.write(line) }
    try writer.finish()
    return try contents(of: path)
  }

  /// Single lines that travel beside changes: receipts, lives, heads of bundles and tails, questions, checkpoints, cursors.
  @Sendable static func notes(_ bytes: [UInt8]) {
    for line in Lines.split(bytes) {
      if let (note, _, signatures) = try? ReceiptNote.parse(line: line) {
        let written = note.line(signatures: signatures)
        let again = try? ReceiptNote.parse(line: written)
        hold(again.map { $0.note.line(signatures: $0.signatures) } == written, "a receipt changes")
      }
      if let (note, _, signatures) = try? LivesNote.parse(line: line) {
        let written = note.line(signatures: signatures)
        let again = try? LivesNote.parse(line: written)
        hold(again.map { $0.note.line(signatures: $0.signatures) } == written, "lives change")
      }
      if let word = try? LogLine.parse(line), case .checkpoint = word {
        let written = full(word)
        hold((try? LogLine.parse(written)).map(full) == written, "a checkpoint changes")
      }
      if let bundle = try? Bundle.parse(line) {
        hold((try? Bundle.parse(bundle.line)) == bundle, "a bundle's head changes")
      }
      _ = try? BundleLine.parse(line)
      if let head = (try? TailHead.parse(line)) ?? nil {
        hold((try? TailHead.parse(head.line))??.line == head.line, "a tail's head changes")
      }
      if let answer = try? TailAnswer.parse(line) {
        hold((try? TailAnswer.parse(answer.bytes)) == answer, "a tail's answer changes")
      }
      if let held = (try? HeldHeads.parse(line)) ?? nil {
        hold((try? HeldHeads.parse(held.line)) == held, "a question for heads changes")
      }
      if let cursor = Cursor(String(decoding: line, as: UTF8.self)) {
        hold(Cursor(cursor.text) == cursor, "a cursor changes")
      }
    }
  }

  /// The witness, a file that anybody on the machine may have put there.
  @Sendable static func witness(_ bytes: [UInt8]) {
    guard let json = try? JSON.parse(bytes), let witness = Witness(json) else { return }
    hold(Witness(witness.json) == witness, "a witness reads otherwise once written")
    for entry in witness.entries {
      var noted = witness
      _ = noted.note(entry)
      hold(noted.entries.last == entry, "what was noted is not the latest")
      hold(noted.entries.count <= ReplicaLimits.witnessEntriesMax, "a witness grows")
      _ = noted.finding(on: entry, former: witness.entries.map(\.actor)) { space, _ in
        entry.heads[space]?.hash
      }
    }
  }
}

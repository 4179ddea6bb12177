import Causality
import Changes
import HTTP
import Seal
import Session
import Store
import Wire

/// A hostile central: it holds its own key, and bends one answer so that a member should believe something untrue.
final class Lies {
  let kind: Mark
  private let store: Store
  private let key: SigningKey
  private var draw: Seeded
  /// Whether there was anything to lie about.
  private(set) var wasTold = false
  /// Whose changes stood in what was bent.
  private(set) var authors: Set<ReplicaID> = []

  /// What is told to a member in the run itself, which must not take it.
  ///
  /// What it may take is told to copies (`split`).
  static let kinds: [Mark] = [
    .forgedBody, .forgedBodySigned, .oldCheckpoint, .rewound, .frozen, .changedVerdictUnsigned,
    .strangerSigned,
  ]

  /// What is told to copies: entries of a log, signed anew.
  static let bent: [Mark] = [.droppedEntry, .swappedEntries, .changedVerdict]

  init(_ kind: Mark, store: Store, key: SigningKey, draw: Seeded) {
    self.kind = kind
    self.store = store
    self.key = key
    self.draw = draw
  }

  /// What it means that a kind was noticed.
  enum Notice {
    /// The answer is refused, and nothing of it taken.
    case refused
    /// The answer is refused, and a suspicion kept that the next honest contact settles.
    case suspected
    /// Nothing that was told is untrue: nothing is lost by it, and the next honest contact brings what was kept back.
    case madeGood
  }

  /// What noticing this kind means, when it is told in the run itself.
  var notice: Notice {
    switch kind {
    case .frozen, .oldCheckpoint: .madeGood
    case .rewound: .suspected
    default: .refused
    }
  }

  func bend(_ response: Response, to request: Request) throws -> Response {
    guard !wasTold, [200, 206].contains(response.status) else { return response }
    if request.path == "/v1/hello" { return try bendHello(response, to: request) }
    if request.path.hasSuffix("/snapshot") { return try bendImage(response) }
    guard request.path.hasSuffix("/log"),
      let cursor = request.query["after"].flatMap({ Cursor($0) })
    else { return response }
    var bytes = response.bytes
    if response.headers["Content-Encoding"] == "zstd" {
      bytes = try Zstd.decompress(bytes, limit: 1 << 26)
    }
    var reader = ShortReader(isLog: true, bytesMax: 1 << 26)
    let lines = try Lines.split(bytes).compactMap { try reader.full($0) }
    guard let lie = try bendLog(lines, after: cursor) else { return response }
    wasTold = true
    return Response(status: 200, contentType: "application/x-ndjson", bytes: lie)
  }

  /// Says that nothing is new, or that the log is shorter than it was.
  private func bendHello(_ response: Response, to request: Request) throws -> Response {
    guard kind == .rewound || kind == .frozen else { return response }
    let hello = try Hello.parse(request.body)
    let answer = try HelloAnswer.parse(response.bytes)
    let spaces = answer.spaces.map { space in
      let cursor = hello.spaces.first { $0.name == space.name }?.cursor.seq ?? 0
      let seq = kind == .frozen ? cursor : cursor / 2
      // Where nothing is new, or the log is not known yet, this is the truth.
      if seq < (kind == .frozen ? space.seq : cursor) { wasTold = true }
      return HelloAnswer.Space(
        name: space.name, heldN: space.heldN, heldHash: space.heldHash, seq: seq, knowsCursor: true)
    }
    guard wasTold else { return response }
    return Response(
      status: 200, contentType: "application/json",
      bytes: HelloAnswer(instance: answer.instance, spaces: spaces).bytes)
  }

  /// Alters a value in the image of a snapshot that comes whole; signs it anew, when that is the kind.
  private func bendImage(_ response: Response) throws -> Response {
    guard kind == .forgedImage || kind == .forgedImageSigned else { return response }
    let plain = try Zstd.decompress(response.bytes, limit: 1 << 28)
    guard let end = plain.firstIndex(of: UInt8(ascii: "\n")) else { return response }
    var line = Array(plain[..<end])
    var image = Array(plain[(end + 1)...])
    // A text as members write it, `v` and digits.
    let places = image.indices.dropLast(4).filter { index in
      image[index] == UInt8(ascii: "v")
        && image[(index + 1)...(index + 4)].allSatisfy { (0x30...0x39).contains($0) }
    }
    guard !places.isEmpty else { return response }
    let digit = draw.pick(places) + 1
    image[digit] = image[digit] == UInt8(ascii: "9") ? UInt8(ascii: "8") : UInt8(ascii: "9")
    if kind == .forgedImageSigned {
      let told = try Snapshot.parse(line: line).snapshot
      let snapshot = Snapshot(
        network: told.network, instance: told.instance, space: told.space, seq: told.seq,
        logHash: told.logHash, at: told.at, rows: told.rows, bytes: image.count,
        hash: Store.hash([Preimage.image, image]), tables: told.tables)
      let replica = ReplicaID(bytes: key.publicKey.fingerprint) ?? ID128(high: 0, low: 0)
      let signature = Signature(
        key: replica, value: key.sign(Preimage.snapshot(snapshot.encoded)))
      line = snapshot.line(
        signatures: [signature], checkpoint: try Snapshot.checkpoint(in: line))
    }
    wasTold = true
    var response = response
    let bytes = Zstd.compress(line + [UInt8(ascii: "\n")] + image)
    response.body = .bytes(bytes)
    response.headers.set("Content-Range", "bytes 0-\(bytes.count - 1)/\(bytes.count)")
    return response
  }

  private struct Entry {
    var seq: Int
    var change: Change
    var verdict: Verdict
    var signatures: [UInt8]?
    var wasForged = false
  }

  private func bendLog(_ lines: [[UInt8]], after cursor: Cursor) throws -> [UInt8]? {
    var entries: [Entry] = []
    var checkpoint: Checkpoint?
    for line in lines {
      switch try LogLine.parse(line) {
      case .checkpoint(_, let found, _): checkpoint = found
      case .entry(let seq, let line, let verdict, _, let signatures):
        entries.append(
          Entry(
            seq: seq, change: Store.change(line, previous: .zero), verdict: verdict,
            signatures: signatures))
      }
    }
    guard let checkpoint, !entries.isEmpty else { return nil }
    authors = Set(entries.map(\.change.dot.actor.replica))
    let place = draw.below(entries.count)
    switch kind {
    case .forgedBody:
      // The log and its checkpoint say one thing, this body another.
      guard let target = try forgeable(entries) else { return nil }
      var lines = lines
      entries[target] = try forged(entries[target])
      lines[target] = line(of: entries[target])
      return joined(lines)
    case .forgedBodySigned:
      guard let target = try forgeable(entries) else { return nil }
      entries[target] = try forged(entries[target])
    case .changedVerdictUnsigned:
      guard entries[place].verdict.isApplied else { return nil }
      entries[place].verdict = .quarantined(reason: "value.form: so says central")
      var lines = lines
      lines[place] = line(of: entries[place])
      return joined(lines)
    case .strangerSigned:
      entries.removeLast()
      return try signed(entries, after: cursor, checkpoint, by: .generate())
    case .droppedEntry:
      // Without its last entry a log is only shorter.
      guard entries.count > 1 else { return nil }
      entries.remove(at: draw.below(entries.count - 1))
    case .swappedEntries:
      let pairs = entries.indices.dropLast().filter {
        entries[$0].change.dot.actor != entries[$0 + 1].change.dot.actor
      }
      guard !pairs.isEmpty else { return nil }
      let place = draw.pick(pairs)
      let (first, second) = (entries[place], entries[place + 1])
      entries[place] = second
      entries[place + 1] = first
      entries[place].seq = first.seq
      entries[place + 1].seq = second.seq
    case .changedVerdict:
      guard entries[place].verdict.isApplied else { return nil }
      entries[place].verdict = .quarantined(reason: "value.form: so says central")
    case .oldCheckpoint:
      guard let end = entries[...place].lastIndex(where: { $0.signatures != nil }) else {
        return nil
      }
      entries.removeSubrange((end + 1)...)
    default: return nil
    }
    return try signed(entries, after: cursor, checkpoint)
  }

  /// An entry whose body is there and holds a text.
  private func forgeable(_ entries: [Entry]) throws -> Int? {
    let found = entries.indices.filter { index in
      guard let bytes = entries[index].change.bodyBytes, entries[index].verdict.isApplied,
        let body = try? ChangeDecoding.body(bytes)
      else { return false }
      return body.writes.contains { $0.verb.fields.contains { $0.value.text != nil } }
    }
    return found.isEmpty ? nil : draw.pick(found)
  }

  private func forged(_ entry: Entry) throws -> Entry {
    let body = try ChangeDecoding.body(entry.change.bodyBytes ?? [])
    let writes = body.writes.map { write in
      let fields = write.verb.fields.map {
        $0.value.text == nil ? $0 : FieldValue($0.name, .text("forged"))
      }
      switch write.verb {
      case .insert: return Write(write.row, .insert(fields))
      case .set: return Write(write.row, .set(fields))
      default: return write
      }
    }
    var copy = entry
    copy.change = Store.change(
      entry.change.header, Body(key: body.key, at: body.at, was: body.was, writes: writes),
      previous: .zero)
    return copy
  }

  private func line(of entry: Entry) -> [UInt8] {
    LogLine.entryLine(
      seq: entry.seq, change: entry.change, verdict: entry.verdict, signatures: entry.signatures,
      withholdsBody: false)
  }

  /// The entries as a log that chains, under a checkpoint that central really signed.
  private func signed(
    _ entries: [Entry], after cursor: Cursor, _ checkpoint: Checkpoint, by signer: SigningKey? = nil
  ) throws -> [UInt8] {
    var hash = cursor.hash
    var lines: [[UInt8]] = []
    var heads: [Dot: Hash] = [:]
    for entry in entries {
      let change = entry.change
      let before = Dot(actor: change.dot.actor, n: change.dot.n - 1)
      let previous = try heads[before] ?? store.changeHash(before, in: change.header.space) ?? .zero
      let chained = Store.hash(
        Preimage.change(
          previous: previous, bodyHash: change.bodyHash, header: change.headerBytes))
      heads[change.dot] = chained
      hash = Store.hash(
        Preimage.log(
          previous: hash, seq: entry.seq, dot: change.dot, verdict: entry.verdict, hash: chained))
      lines.append(line(of: entry))
    }
    let bytes = Checkpoint(
      network: checkpoint.network, instance: checkpoint.instance, space: checkpoint.space,
      seq: entries.last?.seq ?? cursor.seq, hash: hash, at: checkpoint.at
    ).bytes
    let replica = ReplicaID(bytes: key.publicKey.fingerprint) ?? ID128(high: 0, low: 0)
    let signature = Signature(
      key: replica, value: (signer ?? key).sign(Preimage.checkpoint(bytes)))
    return joined(lines + [LogLine.checkpointLine(bytes, signatures: [signature])])
  }

  private func joined(_ lines: [[UInt8]]) -> [UInt8] {
    Array(lines.joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")]
  }
}

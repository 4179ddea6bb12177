import Causality
import Changes
import Files
import HTTP
import Seal
import Store
import Wire

/// Snapshots: made when somebody asks, kept beside central's file, served in ranges. `[SP-1102]`
extension Central {
  /// One snapshot on disk, in both forms.
  struct SnapshotFile {
    let seq: Int
    /// The image's hash; names the representation.
    let tag: String
    let plainPath: String
    let plainBytes: Int
    let packedPath: String
    let packedBytes: Int
  }

  /// Whether a snapshot costs a replica less than the log after `seq`.
  ///
  /// An entry of the log is taken to cost three halves of a row in an image. To whoever holds nothing a snapshot costs less:
  /// the log writes each row at least once, be it by many small changes or by few large ones. The asker's own changes stand in
  /// its file already, and what a snapshot leaves out of them is fetched as history all the same: only others' count.
  func offersSnapshot(of space: String, after seq: Int, end: Int, to actor: ActorID) throws -> Bool
  {
    if seq == 0, end > 0, try store.rowCount(of: space) >= snapshotEntriesMin { return true }
    guard end - seq >= snapshotEntriesMin else { return false }
    let entries = try store.entryCount(of: space, after: seq, besides: actor)
    guard entries >= snapshotEntriesMin else { return false }
    return try entries * 3 > store.rowCount(of: space) * 2
  }

  /// The snapshot kept of a space, or a new one when there is none or the log has grown much since.
  ///
  /// - Complexity: O(rows of the space) when it is made anew, else O(1).
  func snapshot(of space: String, at: String) throws -> SnapshotFile? {
    let end = try store.logEnd(of: space)
    guard end.seq > 0, try checkpoint(of: space) != nil else { return nil }
    if let kept = try keptSnapshot(of: space) {
      let grown = try store.entryCount(of: space, after: kept.seq)
      if grown < snapshotEntriesMin { return kept }
      if grown * 10 < (try store.rowCount(of: space)) { return kept }
    }
    return try makeSnapshot(of: space, at: at)
  }

  /// What is on disk, if it is whole.
  func keptSnapshot(of space: String) throws -> SnapshotFile? {
    guard let text = try store.meta("snapshot.\(space)")?.text else { return nil }
    let parts = text.split(separator: " ").map(String.init)
    guard parts.count == 3, parts[0] == instance.description, let seq = Int(parts[1]) else {
      return nil
    }
    let (plain, packed) = paths(of: space, tag: parts[2])
    guard let plainBytes = Files.size(plain), let packedBytes = Files.size(packed) else {
      return nil
    }
    return SnapshotFile(
      seq: seq, tag: parts[2], plainPath: plain, plainBytes: plainBytes, packedPath: packed,
      packedBytes: packedBytes)
  }

  private func paths(of space: String, tag: String) -> (plain: String, packed: String) {
    let base = "\(store.path).snapshot.\(space).\(tag)"
    return (base, base + ".zst")
  }

  private func makeSnapshot(of space: String, at: String) throws -> SnapshotFile {
    let imagePath = "\(store.path).snapshot.\(space).image"
    Files.remove(imagePath)
    defer { Files.remove(imagePath) }
    let end = try store.logEnd(of: space)
    let contents = try store.writeImage(of: space, to: imagePath)
    let hash = try Self.hash(ofImage: imagePath)
    let snapshot = Snapshot(
      network: network, instance: instance, space: space, seq: end.seq, logHash: end.hash, at: at,
      rows: contents.rows, bytes: Files.size(imagePath) ?? 0, hash: hash, tables: contents.tables)
    let signature = Signature(key: keyID, value: key.sign(Preimage.snapshot(snapshot.encoded)))
    let isSigned = try signedEnd(of: space) == end.seq
    let line =
      snapshot.line(
        signatures: [signature], checkpoint: isSigned ? try checkpoint(of: space) : nil)
      + [UInt8(ascii: "\n")]
    let (plain, packed) = paths(of: space, tag: hash.description)
    try Self.pack(imagePath, after: line, plain: plain, packed: packed)
    let before = try keptSnapshot(of: space)
    try store.write {
      try store.setMeta("snapshot.\(space)", .text("\(instance) \(end.seq) \(hash)"))
    }
    if let before, before.tag != hash.description {
      // A transfer under way keeps its open file; the next range of it begins anew.
      Files.remove(before.plainPath)
      Files.remove(before.packedPath)
    }
    guard let kept = try keptSnapshot(of: space) else {
      throw Problem("snapshot.lost", status: 500, "the snapshot could not be kept")
    }
    return kept
  }

  private static func hash(ofImage path: String) throws -> Hash {
    var hash = Blake2b()
    hash.update(Preimage.image)
    var reader = try FileReader(path)
    while true {
      let piece = try reader.read(1 << 18)
      if piece.isEmpty { return Hash(bytes: hash.finalize()) ?? .zero }
      hash.update(piece)
    }
  }

  private static func pack(
    _ imagePath: String, after line: [UInt8], plain: String, packed: String
  ) throws {
    var reader = try FileReader(imagePath)
    var plainWriter = try FileWriter(plain + ".part")
    var packedWriter = try FileWriter(packed + ".part")
    var encoder = ZstdEncoder()
    try plainWriter.write(line)
    try packedWriter.write(encoder.encode(line))
    while true {
      let piece = try reader.read(1 << 18)
      if piece.isEmpty { break }
      try plainWriter.write(piece)
      try packedWriter.write(encoder.encode(piece))
    }
    try packedWriter.write(encoder.finish())
    try plainWriter.sync()
    try packedWriter.sync()
    try Files.rename(plain + ".part", to: plain)
    try Files.rename(packed + ".part", to: packed)
  }
}

/// Answering with a snapshot, whole or a range of it (RFC 9110 §14).
extension Central.SnapshotFile {
  /// The response to a request for this snapshot.
  ///
  /// - Throws: `Problem` 412 when the asker was at another snapshot, 416 for a range outside.
  func response(to request: Request) throws -> Response {
    let isPacked = Encoding.isAccepted(by: request)
    let etag = "\"\(tag)\(isPacked ? ".zst" : "")\""
    let (path, total) = isPacked ? (packedPath, packedBytes) : (plainPath, plainBytes)
    if let wanted = request.headers["If-Match"], wanted != etag {
      throw Problem(
        "snapshot.replaced", status: 412, "this snapshot has been replaced by a newer one",
        hint: "Begin with the newer one.")
    }
    var headers: Headers = [
      "Content-Type": "application/vnd.cordee.snapshot", "ETag": etag, "Accept-Ranges": "bytes",
      "Vary": "Accept-Encoding",
    ]
    if isPacked { headers.add("Content-Encoding", "zstd") }
    guard let range = request.headers["Range"] else {
      return Response(
        status: 200, headers: headers, body: .file(path: path, offset: 0, length: total))
    }
    guard let (first, last) = Self.range(range, total: total) else {
      throw Problem(
        "range.outside", status: 416, "the range \(range) is not within \(total) bytes")
    }
    headers.add("Content-Range", "bytes \(first)-\(last)/\(total)")
    return Response(
      status: 206, headers: headers,
      body: .file(path: path, offset: first, length: last - first + 1))
  }

  /// One range of bytes, `bytes=FIRST-[LAST]`.
  private static func range(_ text: String, total: Int) -> (Int, Int)? {
    guard text.hasPrefix("bytes=") else { return nil }
    let parts = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let first = Int(parts[0]), first >= 0, first < total else { return nil }
    if parts[1].isEmpty { return (first, total - 1) }
    guard let last = Int(parts[1]), last >= first else { return nil }
    return (first, min(last, total - 1))
  }
}

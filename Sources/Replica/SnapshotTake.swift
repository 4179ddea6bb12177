import Changes
import Files
import HTTP
import Mutants
import Seal
import Store
import Wire

/// A cold start, or a return after years: a snapshot instead of the log.
extension Replica {
  /// Bytes of one range.
  private static let rangeBytes = 2 * 1024 * 1024
  /// Bytes of the first range, whose answer tells how many there are in all.
  private static let firstRangeBytes = 64 * 1024
  /// Bytes that make a cut answer count as progress.
  private static let progressBytes = 4096

  /// Downloads, verifies and adopts the snapshot of a space.
  ///
  /// A transfer that is cut goes on at the next sync where it ended.
  ///
  /// - Parameters:
  ///   - place: in a new life of central, the place up to which both logs agree; what stands above is offered again.
  ///   - undone: grows by the entries above it.
  /// - Returns: the rows that came.
  func takeSnapshot(
    of space: String, author: Author, _ line: Line, goingBackTo place: Cursor? = nil,
    undone: inout Int
  ) throws -> Int {
    let packed = "\(store.path).cordee-snapshot-\(space).zst"
    let image = "\(store.path).cordee-snapshot-\(space)"
    let start = try cursor(of: space)
    // An adoption that was cut leaves its journal, which would be played back into the next image.
    func discard() { for side in ["", "-journal"] { Files.remove(image + side) } }
    discard()
    defer { discard() }
    let (snapshot, checkpoint) = try fetch(space, packed, image, from: place ?? start, line)
    try store.adopt(
      imageAt: image, snapshot, author: author, from: place ?? start,
      prepare: {
        guard try cursor(of: space) == start else { throw Self.overtaken }
        if let place {
          undone += try store.unlog(space, above: LogPlace(seq: place.seq, hash: place.hash))
        }
      }
    ) {
      try store.setCursor(snapshot.cursor, of: space)
      // The one before does not fit; where the snapshot brought none, its successor comes with the pull that follows.
      try store.setMeta("checkpoint.\(space)", checkpoint.map { .blob($0.line) } ?? .null)
      if let checkpoint { try store.remember(checkpoint.content, line: checkpoint.line) }
      try store.setMeta("download.\(space)", .null)
    }
    Files.remove(packed)
    return snapshot.rows
  }

  /// Downloads and unpacks; what turns out damaged is fetched once more from the beginning, and then no more: whoever asks
  /// reads the log instead.
  private func fetch(
    _ space: String, _ packed: String, _ image: String, from cursor: Cursor, _ line: Line
  ) throws -> SnapshotReading.Taken {
    var isSecond = false
    while true {
      try download(space, to: packed, line)
      do {
        return try unpack(packed, to: image, space: space, from: cursor)
      } catch {
        if (error as? FileError)?.isFull != true { try forget(packed, space) }
        guard !isSecond, error is SyncError else { throw error }
        isSecond = true
      }
    }
  }

  private func forget(_ packed: String, _ space: String) throws {
    Files.remove(packed)
    try store.write { try store.setMeta("download.\(space)", .null) }
  }

  /// Fetches range after range; which snapshot is being fetched is kept in the replica.
  private func download(_ space: String, to path: String, _ line: Line) throws {
    var (tag, total) = try begun(space)
    if tag == nil { Files.remove(path) }
    var have = Files.size(path) ?? 0
    var (renewals, cuts) = (0, 0)
    line.totals[.snapshot] = total
    line.tell(.snapshot, crossed: have)
    while total.map({ have < $0 }) ?? true {
      var headers: Headers = [
        "Accept-Encoding": "zstd",
        "Range":
          "bytes=\(have)-\(have + (total == nil ? Self.firstRangeBytes : Self.rangeBytes) - 1)",
      ]
      if let tag { headers.add("If-Match", tag) }
      let (response, cut): (Response, HTTPFailure?)
      do {
        (response, cut) = try line.askForPart(
          "/v1/spaces/\(space)/snapshot", headers: headers, phase: .snapshot)
      } catch let error as SyncError
        where ["snapshot.replaced", "range.outside"].contains(error.code) && renewals < 3
      {
        renewals += 1
        try forget(path, space)
        (tag, total, have) = (nil, nil, 0)
        continue
      }
      guard response.headers["Content-Encoding"] == "zstd",
        let (first, size) = Self.range(of: response, isCut: cut != nil), first == have,
        let found = response.headers["ETag"]
      else { throw SyncError("snapshot.range", "central's answer is no range of a snapshot") }
      if tag == nil {
        try store.write { try store.setMeta("download.\(space)", .text("\(found) \(size)")) }
        (tag, total) = (found, size)
        line.totals[.snapshot] = size
      }
      var writer = try FileWriter(path, appends: true)
      try writer.write(response.bytes)
      have += response.bytes.count
      guard let cut else { continue }
      // What came is kept, so that a link that never lasts gets there, too.
      cuts = response.bytes.count < Self.progressBytes ? cuts + 1 : 1
      try line.bear(cut, attempt: cuts)
    }
  }

  private func begun(_ space: String) throws -> (tag: String?, total: Int?) {
    let parts =
      try store.meta("download.\(space)")?.text?.split(separator: " ").map(String.init) ?? []
    guard parts.count == 2, let total = Int(parts[1]) else { return (nil, nil) }
    return (parts[0], total)
  }

  /// First byte and size of the whole, from `Content-Range: bytes FIRST-LAST/SIZE`.
  private static func range(of response: Response, isCut: Bool) -> (first: Int, total: Int)? {
    guard response.status == 206, let text = response.headers["Content-Range"],
      text.hasPrefix("bytes ")
    else { return nil }
    let parts = text.dropFirst(6).split { $0 == "-" || $0 == "/" }.compactMap { Int($0) }
    guard parts.count == 3, parts[1] >= parts[0], parts[2] > parts[1] else { return nil }
    let size = parts[1] - parts[0] + 1
    guard isCut ? response.bytes.count <= size : response.bytes.count == size
    else { return nil }
    return (parts[0], parts[2])
  }

  /// Decompresses a snapshot into its image, verified: central's signature, network, space and hash.
  private func unpack(
    _ packed: String, to image: String, space: String, from cursor: Cursor
  ) throws -> SnapshotReading.Taken {
    var reader = try FileReader(packed)
    var writer = try FileWriter(image)
    var decoder = ZstdDecoder(limit: ReplicaLimits.imageBytesMax)
    var reading = SnapshotReading(key: identity.centralKey, network: identity.network) {
      $0.space == space && $0.instance == cursor.instance && $0.seq >= cursor.seq
    }
    do {
      while true {
        let chunk = try reader.read(1 << 17)
        if chunk.isEmpty { break }
        decoder.feed(chunk)
        while let piece = try decoder.next() { try writer.write(try reading.take(piece)) }
      }
      try decoder.finish()
      return try reading.finish(isAnyRight: mutant(38, "R11: any image will do"))
    } catch let error as SealError {
      throw Self.damaged("\(error)")
    } catch SnapshotFault.damaged(let reason) {
      throw Self.damaged(reason)
    } catch SnapshotFault.unsigned {
      throw SyncError(
        "snapshot.signature", "the snapshot of \(space) is not signed by this network's central",
        hint: "Tell the secretariat; nothing of it was taken.")
    }
  }

  private static func damaged(_ reason: String) -> SyncError {
    SyncError(
      "snapshot.damaged", "the snapshot arrived damaged: \(reason)",
      hint: "Sync again; it is fetched anew.")
  }
}

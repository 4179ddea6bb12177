import Causality
import Changes
import Files
import HTTP
import Seal
import Store
import Wire

/// One snapshot on disk beside central's file, in both forms: plain, and compressed by zstd.
struct KeptSnapshot {
  /// The space.
  let space: String
  /// Central's life when it was made.
  let instance: String
  /// The last entry of the log whose effect it holds.
  let seq: Int
  /// The image's hash; names the representation.
  let tag: String
  /// Whether its rows were held against the log before it was signed; earlier versions of this program did not.
  let isProven: Bool
  /// Where the plain form stands.
  let plainPath: String

  /// What a note in central's file says is kept beside it.
  ///
  /// - Parameter path: central's file.
  init?(_ note: String, of space: String, beside path: String) {
    let parts = note.split(separator: " ").map(String.init)
    guard (3...4).contains(parts.count), let seq = Int(parts[1]) else { return nil }
    self.init(
      space: space, instance: parts[0], seq: seq, tag: parts[2],
      isProven: parts.count == 4 && parts[3] == Self.proof, beside: path)
  }

  init(
    space: String, instance: String, seq: Int, tag: String, isProven: Bool, beside path: String
  ) {
    self.isProven = isProven
    self.space = space
    self.instance = instance
    self.seq = seq
    self.tag = tag
    plainPath = "\(path).snapshot.\(space).\(tag)"
  }

  /// The note that tells of it.
  var note: String { "\(instance) \(seq) \(tag)" + (isProven ? " \(Self.proof)" : "") }

  private static let proof = "log"

  /// Where one of its forms stands.
  func path(isPacked: Bool) -> String { isPacked ? plainPath + ".zst" : plainPath }

  /// Whether both forms are there.
  var isThere: Bool { Files.size(plainPath) != nil && Files.size(path(isPacked: true)) != nil }

  /// Removes both forms; a transfer under way keeps its open file, and the next range of it begins anew.
  func remove() {
    for isPacked in [false, true] { Files.remove(path(isPacked: isPacked)) }
  }

  /// Whether one form is, byte by byte, what central signed under this note.
  ///
  /// - Complexity: O(bytes); memory stays flat.
  func isWhole(isPacked: Bool, key: PublicKey, network: NetworkID) -> Bool {
    var reading = SnapshotReading(key: key, network: network) {
      $0.space == space && $0.instance.description == instance && $0.seq == seq
        && $0.hash.description == tag
    }
    do {
      var reader = try FileReader(path(isPacked: isPacked))
      // Damage may make little unpack to much more than ever was packed.
      var decoder = ZstdDecoder(limit: isPacked ? (Files.size(plainPath) ?? 0) : 0)
      while true {
        let chunk = try reader.read(1 << 17)
        if chunk.isEmpty { break }
        guard isPacked else {
          _ = try reading.take(chunk)
          continue
        }
        decoder.feed(chunk)
        while let piece = try decoder.next() { _ = try reading.take(piece) }
      }
      if isPacked { try decoder.finish() }
      _ = try reading.finish()
      return true
    } catch { return false }
  }
}

extension Store {
  /// What central's file says is kept of a space beside it, there or not.
  ///
  /// - Parameter path: where central's file stands, of which this may be a copy.
  func notedSnapshot(of space: String, beside path: String) throws -> KeptSnapshot? {
    try meta("snapshot.\(space)")?.text.flatMap { KeptSnapshot($0, of: space, beside: path) }
  }
}

/// Answering with a snapshot, whole or a range of it (RFC 9110 §14).
extension KeptSnapshot {
  /// The response to a request for this snapshot.
  ///
  /// - Throws: `Problem` 412 when the asker was at another snapshot, 416 for a range outside.
  func response(to request: Request) throws -> Response {
    let isPacked = Encoding.isAccepted(by: request)
    let etag = "\"\(tag)\(isPacked ? ".zst" : "")\""
    let path = path(isPacked: isPacked)
    guard let total = Files.size(path) else {
      throw Problem("snapshot.lost", status: 500, "the snapshot could not be kept")
    }
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

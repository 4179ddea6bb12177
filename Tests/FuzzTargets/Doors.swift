import Causality
public import Changes
import HTTP
import HTTPServer
import Replica
import SQLite
import Seal
import Store
import Synchronization
import Wire

#if canImport(Glibc)
  import Glibc
#endif

extension FuzzTarget {
  /// A request's head as libmicrohttpd hands it over, and all that is read of it before its sender is known.
  @Sendable static func http(_ bytes: [UInt8]) {
    // A line ends with CR LF, or with the bare LF that libmicrohttpd 0.9 takes for it.
    var lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
      .map { $0.last == 13 ? (bytes: Array($0.dropLast()), end: 2) : (bytes: Array($0), end: 1) }[
        ...]
    let isClean = lines.allSatisfy { $0.end == 2 }
    guard let first = lines.popFirst() else { return }
    let words = first.bytes.split(separator: 32, maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count == 3 else { return }
    let start: UInt = 1000
    var place = start
    func part(_ bytes: some Sequence<UInt8>, gap: Int) -> RawHead.Part {
      let bytes = Array(bytes)
      defer { place += UInt(bytes.count + gap) }
      return RawHead.Part(
        text: String(decoding: bytes, as: UTF8.self), start: place, count: bytes.count)
    }
    let (method, target) = (part(words[0], gap: 1), part(words[1], gap: 1))
    let version = part(words[2], gap: first.end)
    let headers = lines.map { line in
      let sides = line.bytes.split(separator: 58, maxSplits: 1, omittingEmptySubsequences: false)
      return RawHead.Line(
        name: part(sides[0], gap: 1),
        value: part(sides.count > 1 ? sides[1] : [], gap: line.end))
    }
    let head = RawHead(
      method: method, target: target, version: version, lines: headers,
      size: Int(place - start) + 2)
    let isTaken = (try? FramingGuard.check(head, checksLayout: true)) != nil
    hold(isClean || !isTaken, "a bare LF went for the end of a line")
    guard let (request, _) = try? FramingGuard.check(head, checksLayout: false) else { return }
    hold(request.target.utf8.first == 47, "a target in another form than origin form")
    hold(!request.path.contains("/../"), "a dot segment in a path")
    _ = request.query
    _ = Cursor(request.query["after"] ?? "")
    if let parsed = try? MessageSignature.parse(request) {
      hold(!parsed.keyID.isEmpty && !parsed.nonce.isEmpty, "a signature without its parameters")
    }
    _ = MessageSignature.digestMatches(request) { SHA256.hash($0) }
  }

  /// What a person was sent to join with.
  @Sendable static func invite(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    let parts = text.split(separator: "#", maxSplits: 1).map(String.init)
    if let origin = Origin(parts.first ?? "") {
      hold(Origin(origin.description) == origin, "an origin reads otherwise once written")
    }
    for part in (parts.last ?? "").split(separator: ".") {
      _ = ReplicaID(String(part))
      if let secret = Base64URL.decode(String(part)) {
        hold(Base64URL.encode(secret).utf8.elementsEqual(part.utf8), "two texts for one secret")
      }
    }
    guard parts.count == 2, let origin = Origin(parts[0]) else { return }
    newcomer.withLock { store in
      guard let store else { return }
      let joined = try? Replica.join(
        store, invite: parts[1], origin: origin, key: newcomersKey, name: nil, now: 0,
        exchange: Deaf())
      hold(joined == nil, "somebody joined whom nobody answered")
    }
  }

  /// A file that has joined nothing, for all inputs.
  private static let newcomer = Mutex(
    try? Store(
      path: "\(Scratch.shared.path)/newcomer.sqlite", schema: clubs, use: .replica, create: true))
  private static let newcomersKey = SigningKey.generate()

  /// A network that answers nobody.
  private struct Deaf: Exchange {
    func send(_: Request, responseBytesMax: Int) throws(HTTPFailure) -> Response {
      throw HTTPFailure(.unreachable, "nobody answers")
    }
  }

  /// A schema of the targets' own.
  public static let clubs = Schema(
    number: 1, spaces: ["commons"],
    roles: [.init("member", reads: ["commons"], writes: ["commons"])],
    tables: [
      Table(
        "club", space: "commons", label: Label("Club", fr: "Club"),
        fields: [
          Field("name", isRequired: true, label: Label("Name", fr: "Nom")),
          Field("founded", .integer, label: Label("Year", fr: "Année")),
        ]), Table.replica(space: "commons"),
    ])

  /// A file from anywhere, opened as a replica: read, and audited; errors are fine, crashes are not.
  @Sendable static func database(_ bytes: [UInt8]) {
    let folder = Scratch.shared.path
    let path = "\(folder)/foreign.sqlite"
    guard Scratch.write(bytes, to: path) else { return }
    defer {
      for ending in ["", "-journal", "-wal", "-shm"] {
        _ = unsafe unlink(path + ending)
        _ = unsafe unlink("\(folder)/audit\(ending)")
      }
    }
    guard let store = try? Store(path: path, schema: clubs, use: .reader) else { return }
    try? store.read {
      _ = try? store.conflicts()
      _ = try? store.digest("commons")
      _ = try? store.gap(in: "commons")
      _ = try? store.logEnd(of: "commons")
      _ = try? store.known(in: "commons")
    }
    let audit = try? Audit(
      of: store, centralKey: SigningKey.generate().publicKey, scratchPath: "\(folder)/audit")
    _ = try? audit?.run()
  }
}

/// A folder for files of one process, made once.
struct Scratch: Sendable {
  static let shared = Scratch()
  let path: String

  init() {
    let folder = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    path = "\(folder)/cordee-fuzz-\(getpid())"
    _ = unsafe mkdir(path, 0o700)
  }

  /// Puts bytes into a file; false when that is not possible.
  static func write(_ bytes: [UInt8], to path: String) -> Bool {
    guard let file = unsafe fopen(path, "wb") else { return false }
    _ = unsafe fwrite(bytes, 1, bytes.count, file)
    return unsafe fclose(file) == 0
  }
}

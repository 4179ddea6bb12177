import Causality
import Central
import Changes
import Files
import FoundationEssentials
import Glibc
import HTTP
import HTTPClient
import Registry
import Replica
import SQLite
import Seal
import Store
import Wire

/// The clock of this shell: Unix seconds and the label made of them.
struct Now {
  private let date = Date().timeIntervalSince1970
  var seconds: Int64 { Int64(date.rounded(.down)) }
  var milliseconds: Int64 { Int64((date * 1000).rounded(.down)) }
  var label: String { Timestamp.text(unixSeconds: seconds) }
}

/// Folders of this program.
enum Folders {
  /// Makes a folder that its owner alone may enter; one that is there stays as it is.
  static func make(_ path: String) throws {
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }
}

/// Keys are files of their own, readable by their owner alone, never in a database.
enum KeyFile {
  static func write(_ key: SigningKey, to path: String) throws {
    try Folders.make(URL(filePath: path).deletingLastPathComponent().path)
    // Readable by its owner alone from its first byte, and on the disk before anybody relies on it.
    let part = path + ".part"
    do {
      Files.remove(part)
      try Self.writeWhole(key.seed, to: part)
      try Files.rename(part, to: path)
      try Files.syncFolder(of: path)
    } catch {
      throw Failure(code: "key.unwritten", message: "the key cannot be written: \(error)")
    }
  }

  private static func writeWhole(_ bytes: [UInt8], to path: String) throws(FileError) {
    var writer = try FileWriter(path)
    try writer.write(bytes)
    try writer.sync()
  }

  /// The key that is there; nil where there is none, or a file that is no key.
  ///
  /// One that only cannot be read now is an error: somebody may know it.
  static func found(_ path: String) throws -> SigningKey? {
    do {
      return try read(path)
    } catch let error as Failure where ["key.missing", "key.damaged"].contains(error.code) {
      return nil
    }
  }

  static func read(_ path: String) throws -> SigningKey {
    let bytes: Data
    do {
      bytes = try Data(contentsOf: URL(filePath: path))
    } catch let error as CocoaError where error.code != .fileReadNoSuchFile {
      throw Failure(
        code: "key.unreadable", message: "the key at \(path) cannot be read",
        hint:
          "Make it readable for the account that runs this, or put it back from where it is kept.")
    } catch {
      throw Failure(
        code: "key.missing", message: "there is no key at \(path)",
        hint:
          "A copy without its key reads and edits on; to sync, ask for an invite and run `cordee join INVITE --adopt`."
      )
    }
    guard let key = SigningKey(seed: Array(bytes)) else {
      throw Failure(
        code: "key.damaged", message: "\(path) is no key",
        hint:
          "Put it back from where it is kept; or ask for an invite and run `cordee join INVITE --adopt`."
      )
    }
    return key
  }
}

extension Failure {
  /// A key file that holds somebody else's key.
  static func foreignKey(_ path: String, of owner: String) -> Failure {
    Failure(
      code: "key.foreign", message: "\(path) is not the key of \(owner)",
      hint: "Put the right one back from where it is kept.")
  }

  /// What engine modules throw, in the form commands report.
  static func from(_ error: any Error) -> Failure {
    switch error {
    case let error as Failure: error
    case let error as StoreError:
      Failure(
        code: error.code.rawValue, message: error.message, hint: error.hint, cause: error.cause)
    case let error as SyncError where error.code == "invite.shape":
      .usage(error.code, error.message, hint: error.hint)
    case let error as SyncError: Failure(code: error.code, message: error.message, hint: error.hint)
    case let error as HTTPFailure:
      Failure(code: error.code.description, message: error.message, hint: error.hint)
    case let error as Problem: Failure(code: error.code, message: error.detail, hint: error.hint)
    case let error as SeedError: Failure(code: "seed.shape", message: error.description)
    case let error as WireError: Failure(code: error.code.rawValue, message: error.description)
    case let error as SQLiteError: from(StoreError(error))
    case let error as FileError: from(error)
    case let error as CocoaError: from(error)
    default: Failure(error)
    }
  }

  /// What the file system refused, with the path and the reason.
  private static func from(_ error: CocoaError) -> Failure {
    let reason = (error.underlying as? POSIXError).map { SystemError.text($0.code.rawValue) }
    return Failure(
      code: "file.refused", message: "\(error.filePath ?? "a file"): \(reason ?? "not possible")",
      hint: "Check the path and who may write there.")
  }

  private static func from(_ error: FileError) -> Failure {
    Failure(
      code: error.isFull ? StoreError.Code.full.rawValue : "file.refused",
      message: error.isFull
        ? "the disk is full while writing \(error.path)"
        : "\(error.path): \(SystemError.text(error.number))",
      hint: error.isFull
        ? "Free some space; nothing was lost." : "Check the path and who may read and write there.")
  }

  /// Runs `body`, turning whatever it throws into a failure.
  static func wrap<T>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch { throw Failure.from(error) }
  }
}

extension Invocation {
  /// The replica this command works on.
  ///
  /// - Parameter sealing: whether edits of other programs are sealed first.
  func store(sealing: Bool = true) throws -> Store {
    try witnessedStore(sealing: sealing).store
  }

  /// The replica, and what its witness says of it.
  func witnessedStore(
    sealing: Bool = true, mustKeep: Bool = false
  ) throws -> (store: Store, finding: Witness.Finding) {
    let path = try existingReplicaPath()
    let store: Store
    do {
      store = try Store(path: path, schema: .registry, use: .replica)
    } catch let error as StoreError where error.code == .busy && Self.isCentrals(path) {
      throw Failure(
        code: "replica.central", message: "\(path) is central's file, which its node holds",
        hint: "Name a member's replica; for central's own there is `cordee central`.")
    }
    if let mended = store.mended { console.say(Self.words(on: mended)) }
    let finding = try witness(store, mustKeep: mustKeep)
    if sealing { try seal(store) }
    return (store, finding)
  }

  /// Whether a file stands where a node keeps its own, beside its key.
  private static func isCentrals(_ path: String) -> Bool {
    let place = URL(filePath: path).absoluteURL
    let key = place.deletingLastPathComponent().appending(path: "central.key").path
    return place.lastPathComponent == "central.sqlite"
      && FileManager.default.fileExists(atPath: key)
  }

  private static func words(on mended: Store.Mended) -> String {
    let tables = mended.tables.joined(separator: ", ")
    let cause =
      mended.tables.isEmpty
      ? "History has come by which rows could be compared that another program edited unnoticed"
      : "Another program had dropped or changed the triggers that notice edits in \(tables). They were made again"
    let rest =
      mended.unknown > 0 ? ", \(mended.unknown) to be compared once their history is here" : ""
    return "\(cause); rows edited meanwhile: \(mended.rows) found\(rest)."
  }

  /// The path of a replica that is there.
  func existingReplicaPath() throws -> String {
    let path = try replicaPath()
    guard FileManager.default.fileExists(atPath: path) else {
      throw Failure(
        code: "replica.missing", message: "there is no replica at \(path)",
        hint: "Run `cordee join INVITE`, or name it with --replica.")
    }
    return path
  }

  /// What other programs wrote becomes changes, so that commands read it as everything else.
  private func seal(_ store: Store) throws {
    guard try store.touchedRows() > 0 else { return }
    let author = try author(store)
    do {
      _ = try store.write { try store.seal(as: author) }
      try note(store)
    } catch let error as StoreError where error.isOfWritingAlone {
      // Reading goes on while nothing can be written; a command that writes will say so itself.
    }
  }

  /// The replica with its key and its way to central.
  ///
  /// - Parameters:
  ///   - sealing: whether edits of other programs are sealed first.
  ///   - display: is told how transfers go.
  func replica(sealing: Bool = true, display: TransferDisplay? = nil) throws -> Replica {
    let (store, _) = try witnessedStore(sealing: sealing, mustKeep: true)
    let identity = try Identity(store)
    let key = try KeyFile.read("\(try paths.keysFolder())/\(identity.actor.replica).key")
    let replica = try Replica(
      store: store, key: key,
      exchange: Links.exchange(
        to: identity.origin, plain: try store.meta("plain")?.integer == 1, display: display))
    replica.patience = .command
    if let display { replica.observe = { display.show($0) } }
    return replica
  }

  /// Who writes in this file; a file that joined nothing cannot be edited by commands.
  func author(_ store: Store) throws -> Author {
    let identity = try Identity(store)
    return Author(network: identity.network, actor: identity.actor, at: Now().label)
  }

  /// Edits by one command: what other programs wrote before is sealed first, then this as one change.
  func edit(_ store: Store, _ body: (Author) throws -> Void) throws {
    let author = try author(store)
    try store.write {
      try store.seal(as: author)
      try body(author)
    }
    try note(store)
  }
}

/// Ways to central.
enum Links {
  /// The file of authorities that the environment names, by curl's and OpenSSL's own names; nil for the system's.
  static func authorityFile(_ environment: [String: String]) -> String? {
    ["CURL_CA_BUNDLE", "SSL_CERT_FILE"].compactMap { environment[$0] }.first { !$0.isEmpty }
  }

  static func exchange(
    to origin: Origin, plain: Bool, display: TransferDisplay? = nil
  ) throws -> any Exchange {
    guard origin.scheme == "https" || origin.isLoopback || plain else {
      throw Failure(
        code: "http.plain", message: "\(origin) is not https",
        hint: "Join with --allow-plain-http if you trust every wire in between.")
    }
    var options = CurlExchange.Options()
    options.allowsPlainHTTP = origin.scheme == "http"
    options.authorityFile = authorityFile(ProcessInfo.processInfo.environment)
    return CurlExchange(options) { display?.show(underWay: $0) }
  }
}

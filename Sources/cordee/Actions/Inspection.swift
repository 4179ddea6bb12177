import Changes
import Files
import FoundationEssentials
import Registry
import SQLite
import Store

/// A file opened to be looked at, whatever state it is in; not one of its bytes is changed, and none beside it.
///
/// What cannot be read without writing beside the file is read from a copy that goes with this value: a file whose last
/// transaction was cut, one with a write-ahead log, one of an earlier version.
final class Inspection {
  /// The file, or the copy of it.
  let store: Store
  /// Whether the last transaction was cut: the file is seen as whoever opens it next will see it.
  let isCut: Bool
  private let scratch: Scratch

  /// Opens a file.
  ///
  /// - Throws: `Failure` when it is missing or another process holds it.
  init(_ path: String) throws {
    scratch = Scratch()
    try Self.check(path)
    let sides = try Self.unread(path)
    isCut = sides == ["-journal"]
    let seen = sides.isEmpty ? path : try scratch.copy(path, sides)
    // A cut transaction is finished in the copy, and a log of writes put into it.
    let opened = try Store(path: seen, schema: .registry, use: sides.isEmpty ? .reader : .replica)
    guard try opened.isOfEarlierVersion() else {
      store = opened
      return
    }
    let newer = try scratch.path("newer.sqlite")
    try opened.backup(to: newer)
    store = try Store(path: newer, schema: .registry, use: .replica)
  }

  /// Whether there is a plain file to look at.
  static func check(_ path: String) throws {
    guard Files.size(path) == nil else { return }
    var isFolder = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder
    else {
      throw Failure(
        code: "verify.missing", message: "there is no file at \(path)", hint: "Check the path.")
    }
    throw Failure(
      code: "verify.folder", message: "\(path) is a folder",
      hint: "Name the replica's file in it; a central node is checked by --data DIR.")
  }

  /// The endings of the files without which a file is not whole, when it cannot be read where it is; none when it can.
  private static func unread(_ path: String) throws -> [String] {
    let isLogged = try isWriteAhead(path)
    if isLogged {
      guard try !Files.isLocked(path, bytes: fileLock, any: false) else {
        throw Failure(
          code: StoreError.Code.busy.rawValue, message: "another process works on \(path)",
          hint: "Wait for it, or stop it.")
      }
      // Where others have it open SQLite reads beside them; else it would write an index anew.
      let index = path + "-shm"
      guard try Files.size(index) != nil && Files.isLocked(index, bytes: indexLock, any: true)
      else { return ["-wal"] }
    }
    do {
      _ = try Connection(path: path, mode: .readOnly).first("SELECT count(*) FROM sqlite_schema") {
        $0.int(0)
      }
      return []
    } catch let error where error.needsRollback {
      return ["-journal"]
    } catch let error where isLogged && (error.isCannotOpen || error.isReadOnly) {
      return ["-wal"]
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// SQLite's lock of a process that has a file to itself (sqlite.org/src, os.h `PENDING_BYTE`).
  static let fileLock = 0x4000_0000..<0x4000_0200
  /// The lock of every process that has the index of a write-ahead log open (os_unix.c `UNIX_SHM_DMS`).
  private static let indexLock = 128..<129

  /// Whether a file is in the mode of a write-ahead log (sqlite.org/fileformat.html, §1.3.3).
  private static func isWriteAhead(_ path: String) throws -> Bool {
    var reader = try FileReader(path)
    let head = try reader.read(20)
    return head.count == 20 && (head[18] == 2 || head[19] == 2)
  }
}

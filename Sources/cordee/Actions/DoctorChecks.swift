import Files
import FoundationEssentials
import SQLite
import Seal
import Store

/// What is looked at around a member's file and around central's alike.
extension DoctorActions {
  /// Free space under which a person should look.
  private static let freeBytesMin = 200_000_000

  /// SQLite from 3.7.0 to before 3.51.3 may damage a write-ahead log when one connection puts it into the file while another
  /// commits (sqlite.org/wal.html, "the WAL-reset bug").
  ///
  /// - Parameters:
  ///   - journal: the file's journal, read back.
  ///   - isExclusive: whether one connection has the file to itself.
  static func library(_ version: String, journal: String, isExclusive: Bool) -> Check {
    let hasBug = hasResetBug(version)
    let isTouched = hasBug && journal == "wal" && !isExclusive
    let words =
      !hasBug
      ? "without its write-ahead log bug"
      : journal != "wal"
        ? "its write-ahead log bug does not touch a rollback journal"
        : isExclusive
          ? "its write-ahead log bug needs two connections, and one alone has this file"
          : "its write-ahead log bug can damage this file while two programs use it"
    return Check(
      name: "sqlite", state: isTouched ? .wrong : .ok, says: "SQLite \(version); \(words)",
      advice: isTouched ? "Close other programs that hold the file open, then run this again." : "")
  }

  /// Whether a version of SQLite has the bug; one that cannot be read is taken to.
  static func hasResetBug(_ version: String) -> Bool {
    let parts = version.split(separator: ".").map { Int($0) ?? 0 }
    guard parts.count >= 2 else { return true }
    let number = (parts[0] * 1000 + parts[1]) * 1000 + (parts.count > 2 ? parts[2] : 0)
    return (3_007_000..<3_051_003).contains(number)
  }

  /// Whether what was written is on the disk when a command says so.
  static func durability(_ journal: String, _ synchronous: Int, wants: String) -> Check {
    let isRight = journal == wants && synchronous == 2
    return Check(
      name: "durability", state: isRight ? .ok : .wrong,
      says: "journal \(journal), synchronous \(synchronous == 2 ? "FULL" : "\(synchronous)")",
      advice: isRight ? "" : "Close other programs that hold the file open, then run this again.")
  }

  static func disk(_ folder: String, reserve: Int = freeBytesMin) -> Check {
    guard let volume = Files.volume(of: folder) else {
      return Check(name: "disk", state: .look, says: "its free space cannot be told")
    }
    let kind = Files.fileSystem(of: folder) ?? "unknown file system"
    if volume.isRemote {
      return Check(
        name: "disk", state: .look,
        says: "the file lies on a network or user-space file system (\(kind))",
        advice: "Move it to a disk of this machine: locks and fsync may not hold there.")
    }
    return .look(
      "disk", "\(kind), \(bytesText(Int64(volume.freeBytes))) free",
      unless: volume.freeBytes >= reserve,
      "Free some space: a full disk stops writing.")
  }

  /// Whether a file can be written; SQLite makes a journal beside it for each transaction.
  static func writing(_ path: String) -> Check {
    let folder = URL(filePath: path).deletingLastPathComponent().path
    let closed = [path, folder].first { !FileManager.default.isWritableFile(atPath: $0) }
    return .look(
      "writing",
      closed.map { "\($0) may only be read" } ?? "the file and its folder can be written",
      unless: closed == nil,
      "Reading goes on. To edit, make it writable for you, or copy the file elsewhere.")
  }

  /// Files in a folder that others than their owner may read.
  static func privacy(_ folder: String, where isOurs: (String) -> Bool) throws -> Check {
    let open = try FileManager.default.contentsOfDirectory(atPath: folder).filter(isOurs).sorted()
      .map { URL(filePath: folder).appending(path: $0).path }
      .filter { (Files.mode($0) ?? 0) & 0o077 != 0 }
    guard !open.isEmpty else {
      return Check(name: "privacy", state: .ok, says: "the files are readable by you alone")
    }
    let names = open.joined(separator: ", ")
    return Check(
      name: "privacy", state: .look, says: "others can read \(names)",
      fix: Fix(
        will: "take \(names) from everybody but you (mode 0600)",
        did: "others could read it; now you alone can"
      ) { for file in open { try Files.makePrivate(file) } })
  }

  /// A key file that is there, whole, the right one and private.
  ///
  /// - Parameters:
  ///   - advice: what to do where there is no such key.
  ///   - check: throws `Failure.foreignKey` when it is another's.
  static func key(
    _ path: String, lacking advice: String, check: (PublicKey) throws -> Void
  ) throws -> Check {
    do {
      try check(KeyFile.read(path).publicKey)
    } catch let failure as Failure where failure.code.hasPrefix("key.") {
      return Check(name: "key", state: .wrong, says: failure.message, advice: advice)
    }
    guard let mode = Files.mode(path), mode & 0o077 != 0 else {
      return Check(name: "key", state: .ok, says: "the right one, readable by you alone")
    }
    return Check(
      name: "key", state: .wrong, says: "others can read \(path)",
      advice: "If somebody else may have read it, tell the secretariat.",
      fix: Fix(
        will: "take \(path) from everybody but you (mode 0600)",
        did: "others could read it; now you alone can"
      ) { try Files.makePrivate(path) })
  }

  /// How long ago something was done last.
  static func age(_ label: String?, _ name: String, _ advice: String) -> Check {
    guard let label, let days = days(since: label) else {
      return Check(name: name, state: .look, says: "never", advice: advice)
    }
    return .look(name, "\(label), \(days) days ago", unless: days <= daysMax, advice)
  }

  /// Files that belong to nothing any more.
  static func leftovers(_ stale: [String]) -> Check {
    guard !stale.isEmpty else {
      return Check(name: "spools", state: .ok, says: "nothing is left over")
    }
    let names = stale.joined(separator: ", ")
    return Check(
      name: "spools", state: .look, says: "left over from what ended: \(names)",
      fix: Fix(will: "remove \(names)", did: "removed \(names)") { stale.forEach(Files.remove) })
  }
}

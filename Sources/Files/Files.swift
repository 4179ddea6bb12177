import CShims

#if canImport(Glibc)
  import Glibc
#endif

/// What a file could not do: which one, and why.
public struct FileError: Error, Sendable, CustomStringConvertible {
  /// The file.
  public let path: String
  /// The system's number of the reason (errno).
  public let number: Int32

  /// Whether the disk or the quota is full.
  public var isFull: Bool { number == ENOSPC || number == EDQUOT || number == EFBIG }

  /// One line.
  public var description: String {
    "\(path): \(unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)")"
  }

  init(_ path: String) {
    self.path = path
    number = errno
  }
}

/// Plain files by their paths: what spools, snapshots and witnesses need.
public enum Files {
  /// The size in bytes; nil when there is no plain file.
  public static func size(_ path: String) -> Int? {
    var found = stat()
    guard unsafe stat(path, &found) == 0, found.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(found.st_size)
  }

  /// The permission bits of a file; nil when there is none.
  public static func mode(_ path: String) -> UInt32? {
    var found = stat()
    guard unsafe stat(path, &found) == 0 else { return nil }
    return found.st_mode & 0o777
  }

  /// Takes a file from everybody but its owner (mode 0600).
  public static func makePrivate(_ path: String) throws(FileError) {
    guard unsafe chmod(path, mode_t(S_IRUSR | S_IWUSR)) == 0 else { throw FileError(path) }
  }

  /// The numbers of a file's device and of the file on it; nil when there is none.
  public static func number(of path: String) -> (device: UInt64, inode: UInt64)? {
    var found = stat()
    guard unsafe stat(path, &found) == 0 else { return nil }
    return (UInt64(found.st_dev), UInt64(found.st_ino))
  }

  /// Bytes free for this user and in all where a file lies, and whether it lies on another machine; nil when it cannot
  /// be told.
  public static func volume(of path: String) -> (freeBytes: Int, bytes: Int, isRemote: Bool)? {
    var (free, all, type): (Int64, Int64, Int64) = (0, 0, 0)
    guard unsafe cordee_volume(path, &free, &all, &type) == 0 else { return nil }
    // NFS, SMB, CIFS, AFS, 9P, FUSE (linux/magic.h): locks and fsync may not be what SQLite needs there.
    let remote: Set<Int64> = [
      0x6969, 0x517B, 0xFF53_4D42, 0x5346_414F, 0x0102_1997, 0x6573_5546,
    ]
    return (Int(free), Int(all), remote.contains(type))
  }

  /// Removes a file; one that is not there is fine.
  public static func remove(_ path: String) {
    _ = unsafe unlink(path)
  }

  /// Gives a file a second name, where there is no file yet (POSIX link).
  public static func link(_ path: String, to target: String) throws(FileError) {
    guard unsafe Glibc.link(path, target) == 0 else { throw FileError(path) }
  }

  /// Puts a file in another's place in one step (POSIX rename).
  public static func rename(_ path: String, to target: String) throws(FileError) {
    guard unsafe Glibc.rename(path, target) == 0 else { throw FileError(path) }
  }
}

extension Files {
  /// Waits until the names in the folder of a file are on the disk: a file made or renamed is there after a power cut.
  ///
  /// - Throws: `FileError`; the file may then be missing after a power cut.
  public static func syncFolder(of path: String) throws(FileError) {
    let end = path.lastIndex(of: "/")
    let folder = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(folder) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError(folder) }
  }
}

extension Files {
  /// The time and the length by which a change of a file shows; nil when there is none.
  public static func state(of path: String) -> [Int]? {
    var found = stat()
    guard unsafe stat(path, &found) == 0 else { return nil }
    return [found.st_mtim.tv_sec, found.st_mtim.tv_nsec, Int(found.st_size), Int(found.st_ino)]
  }

  /// Whether another process holds a lock on a part of a file (POSIX fcntl).
  ///
  /// Not for a file this process has open: closing it here would drop the locks held there.
  ///
  /// - Parameter any: whether a shared lock counts, too; else only one that keeps readers off.
  public static func isLocked(_ path: String, bytes: Range<Int>, any: Bool) throws(FileError)
    -> Bool
  {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path) }
    defer { close(descriptor) }
    var lock = flock()
    lock.l_type = Int16(any ? F_WRLCK : F_RDLCK)
    lock.l_whence = Int16(SEEK_SET)
    (lock.l_start, lock.l_len) = (bytes.lowerBound, bytes.count)
    guard unsafe fcntl(descriptor, F_GETLK, &lock) == 0 else { throw FileError(path) }
    return lock.l_type != Int16(F_UNLCK)
  }

  /// Copies a file's bytes; the copy is readable by its owner alone.
  public static func copy(_ path: String, to target: String) throws(FileError) {
    var reader = try FileReader(path)
    var writer = try FileWriter(target)
    while true {
      let piece = try reader.read(1 << 20)
      if piece.isEmpty { return }
      try writer.write(piece)
    }
  }
}

/// Reads a file piece by piece.
public struct FileReader: ~Copyable {
  private let path: String
  private let descriptor: Int32

  /// Opens a file that exists, at its beginning.
  public init(_ path: String) throws(FileError) {
    self.path = path
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path) }
  }

  deinit { close(descriptor) }

  /// The next bytes, at most `count`; empty at the end.
  public mutating func read(_ count: Int) throws(FileError) -> [UInt8] {
    var failed = false
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let got = unsafe Glibc.read(
          descriptor, buffer.baseAddress?.advanced(by: filled), count - filled)
        if got < 0, errno == EINTR { continue }
        failed = got < 0
        guard got > 0 else { return }
        filled += got
      }
    }
    if failed { throw FileError(path) }
    return bytes
  }
}

/// Writes a file piece by piece; readable by its owner alone.
public struct FileWriter: ~Copyable {
  private let path: String
  private let descriptor: Int32

  /// Opens or makes a file, empty or, when `appends`, as it is, to write at its end.
  public init(_ path: String, appends: Bool = false) throws(FileError) {
    self.path = path
    descriptor = unsafe open(
      path, O_WRONLY | O_CREAT | O_CLOEXEC | (appends ? O_APPEND : O_TRUNC), mode_t(0o600))
    guard descriptor >= 0 else { throw FileError(path) }
  }

  deinit { close(descriptor) }

  /// Writes all the bytes.
  public mutating func write(_ bytes: [UInt8]) throws(FileError) {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw FileError(path) }
      written += count
    }
  }

  /// Waits until what was written is on the disk.
  public mutating func sync() throws(FileError) {
    guard fsync(descriptor) == 0 else { throw FileError(path) }
  }
}

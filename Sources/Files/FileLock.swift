#if canImport(Glibc)
  import Glibc
#endif

/// A lock between processes, and between parts of one, that the kernel gives back when its holder ends (flock(2)).
///
/// It is a file that holds its holder's process number and goes when the lock is given back.
public final class FileLock {
  private let path: String
  private var descriptor: Int32

  private init(_ path: String, _ descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { release() }

  /// Takes the lock, without waiting; nil when somebody else has it.
  ///
  /// A file system without such locks gives it to everybody.
  public static func take(_ path: String) throws(FileError) -> FileLock? {
    // Its last holder may have removed the file between two calls here: a lock on what is gone locks nobody out.
    for _ in 0..<16 {
      let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode_t(0o600))
      guard descriptor >= 0 else { throw FileError(path) }
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
        close(descriptor)
        return nil
      }
      var (mine, there) = (stat(), stat())
      if unsafe fstat(descriptor, &mine) == 0, unsafe stat(path, &there) == 0,
        mine.st_dev == there.st_dev, mine.st_ino == there.st_ino
      {
        let lock = FileLock(path, descriptor)
        lock.sign()
        return lock
      }
      close(descriptor)
    }
    return nil
  }

  /// The number of the process that has the lock, where it said so.
  public static func holder(of path: String) -> Int? {
    guard var reader = try? FileReader(path), let bytes = try? reader.read(32) else { return nil }
    return Int(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }

  /// Gives the lock back.
  public func release() {
    guard descriptor >= 0 else { return }
    _ = unsafe unlink(path)
    close(descriptor)
    descriptor = -1
  }

  /// Says who has it; on a full disk nobody learns it, which harms nothing.
  private func sign() {
    let text = Array("\(getpid())\n".utf8)
    _ = ftruncate(descriptor, 0)
    _ = unsafe text.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
  }
}

extension Files {
  /// The path of a file that is there, without symbolic links; else the path as it is.
  public static func resolved(_ path: String) -> String {
    guard let found = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(found) }
    return unsafe String(cString: found)
  }

  /// Cuts a file to its first bytes.
  public static func shorten(_ path: String, to count: Int) throws(FileError) {
    guard unsafe truncate(path, off_t(count)) == 0 else { throw FileError(path) }
  }
}

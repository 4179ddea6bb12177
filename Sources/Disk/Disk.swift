private import CDisk

/// A disk in memory that can fail, for the simulator: SQLite files in one folder lie on it.
///
/// It keeps apart what was written and what was synced, so that a power cut loses what a real one would. Files that are no
/// databases stay on the real file system. One disk belongs to one thread.
@safe public final class Disk {
  /// What may strike.
  public enum Fault: Int32, Sendable, CaseIterable {
    /// One call fails; the disk works on.
    case error = 1
    /// Writes that make a file grow fail until the fault is lifted.
    case full = 2
    /// That call, a write by half, and every later one fail until the fault is lifted.
    case crash = 3
    /// A statement is stopped in its midst; the disk itself is sound.
    case interrupt = 4
    /// That sync and every later one save nothing, and say they did, until the fault is lifted.
    case lyingSync = 5
    /// One write changes nothing, and says it did.
    case lostWrite = 6
    /// One write lands on another page of its file.
    case misdirectedWrite = 7

    /// Faults that the disk owns up to.
    public static let honest: [Fault] = [.error, .full, .crash, .interrupt]
    /// Faults that nobody is told of.
    public static let silent: [Fault] = [.lyingSync, .lostWrite, .misdirectedWrite]
  }

  private let disk: OpaquePointer

  /// Makes a disk for the databases in a folder that exists and whose path holds no symbolic link.
  public init?(folder: String) {
    guard cordee_disk_install() == 0, let disk = unsafe cordee_disk_make(folder) else {
      return nil
    }
    unsafe self.disk = disk
  }

  deinit { unsafe cordee_disk_free(disk) }

  /// Bytes of a file; nil when there is none.
  public func size(_ path: String) -> Int? {
    let size = unsafe cordee_disk_size(disk, path)
    return size < 0 ? nil : Int(size)
  }

  /// Writes to a file so far, to see that it is as it was.
  public func writes(_ path: String) -> Int { Int(unsafe cordee_disk_writes(disk, path)) }

  /// Puts a copy of a database, with its journal, in another's place.
  ///
  /// - Returns: false when there is no such file.
  public func copy(_ path: String, to target: String) -> Bool {
    unsafe cordee_disk_copy(disk, path, target) == 0
  }

  /// Removes a database with its journal.
  public func remove(_ path: String) { unsafe cordee_disk_remove(disk, path) }

  /// Lets a fault strike at the `after`-th write, sync, truncation or deletion (1 is the next, 0 is now) of a file
  /// whose path begins with `prefix`; an interrupt after so many steps of the program of a statement, a silent fault at the
  /// `after`-th sync or write.
  ///
  /// - Parameter salt: decides which page a misdirected write lands on.
  public func arm(_ fault: Fault, after: Int, prefix: String, salt: UInt64 = 0) {
    unsafe cordee_disk_salt(disk, salt)
    unsafe cordee_disk_arm(disk, prefix, fault.rawValue, UInt64(max(0, after)))
  }

  /// Whether the armed fault has struck.
  public var hasStruck: Bool { unsafe cordee_disk_struck(disk) != 0 }

  /// Whether the fault armed last, a crash, struck a write, half of which arrived; known after it was disarmed, too.
  public var hasTorn: Bool { unsafe cordee_disk_torn(disk) != 0 }

  /// Runs `body`, whose statements are an onlooker's and are not interrupted.
  public func looking<T>(_ body: () throws -> T) rethrows -> T {
    unsafe cordee_disk_pause(disk, 1)
    defer { unsafe cordee_disk_pause(disk, 0) }
    return try body()
  }

  /// Lifts the fault.
  public func disarm() { unsafe cordee_disk_disarm(disk) }

  /// Cuts the power: of what was not synced below `prefix`, each write is kept or lost as the seed draws.
  ///
  /// Close every connection to those files before.
  ///
  /// - Returns: how many writes were lost.
  @discardableResult
  public func cutPower(prefix: String, seed: UInt64) -> Int {
    Int(unsafe cordee_disk_cut_power(disk, prefix, seed))
  }

  /// What was written below `prefix` reaches the disk without having been asked to, as it does in time.
  public func settle(prefix: String) { unsafe cordee_disk_settle(disk, prefix) }

  /// Writes, syncs, truncations and deletions so far.
  public var calls: Int { Int(unsafe cordee_disk_calls(disk)) }
}

import Files

/// What SQLite keeps beside a database (sqlite.org/tempfiles.html): the file is not whole without it, and another that gets
/// the name is spoilt by it.
enum DatabaseSides {
  /// The ends of their names; `-shm` holds nothing of its own.
  static let all = ["-journal", "-wal", "-shm"]

  /// The first of them that holds anything; nil when the file is whole by itself.
  static func held(beside path: String) -> String? {
    all.map { path + $0 }.first { (Files.size($0) ?? 0) > 0 }
  }

  /// Removes them.
  static func remove(of path: String) { all.forEach { Files.remove(path + $0) } }

  /// Keeps under other names what holds anything, where the file itself is gone: it may only have been moved, and need it.
  static func leave(of path: String) throws {
    for end in all where Files.size(path + end) ?? 0 > 0 {
      try Files.rename(path + end, to: freeName(path + ".left" + end))
    }
    remove(of: path)
  }

  /// Removes the file, and them.
  static func removeWhole(_ path: String) {
    remove(of: path)
    Files.remove(path)
  }

  /// A name that is free, be it with a number behind it.
  static func freeName(_ name: String) -> String {
    var free = name
    var number = 1
    while Files.size(free) != nil {
      number += 1
      free = "\(name)-\(number)"
    }
    return free
  }
}

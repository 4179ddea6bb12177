import Files

/// One conversation at a time speaks for a replica, in whatever process.
///
/// Two would take the same log twice and write into each other's transfers. Editing and reading never wait for it.
package enum Conversation {
  /// Between two looks whether the other has ended.
  private static let look = Duration.milliseconds(250)
  /// Looks for each further attempt of a patience.
  private static let looks = 4

  /// Runs `body` while nobody else speaks for the replica at `path`.
  ///
  /// - Throws: `SyncError` `sync.under_way` when another conversation outlasts the patience; what `body` throws.
  package static func alone<T>(
    _ path: String, _ patience: Patience, _ body: () throws -> T
  ) throws -> T {
    let lock = try lock(path, patience)
    defer { lock.release() }
    return try body()
  }

  private static func lock(_ path: String, _ patience: Patience) throws -> FileLock {
    let name = Files.resolved(path) + ".sync-lock"
    var left = (patience.attemptsMax - 1) * looks
    while true {
      if let lock = try FileLock.take(name) { return lock }
      guard left > 0 else { break }
      left -= 1
      try patience.pause(look)
    }
    let holder = FileLock.holder(of: name).map { " (process \($0))" } ?? ""
    throw SyncError(
      "sync.under_way", "another sync of \(path) is under way\(holder)",
      hint: "Nothing was changed; try again when it has ended.")
  }
}

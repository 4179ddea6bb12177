/// When a transaction takes its lock (sqlite.org/lang_transaction.html).
public enum TransactionKind: String, Sendable {
  /// At its first read or write.
  case deferred = "BEGIN DEFERRED"
  /// The write lock at once; others may still read.
  case immediate = "BEGIN IMMEDIATE"
  /// At once; with a rollback journal, others may not even read.
  case exclusive = "BEGIN EXCLUSIVE"
}

extension Connection {
  /// Runs `body` in a transaction: committed when it returns, rolled back when it or the commit throws.
  ///
  /// Throws what `body` throws, or a `SQLiteError` from BEGIN or COMMIT. Transactions do not nest.
  public func transaction<T, F: Error>(
    _ kind: TransactionKind = .immediate, body: () throws(F) -> T
  ) throws -> T {
    try run(kind.rawValue)
    do {
      let result = try body()
      try run("COMMIT")
      return result
    } catch {
      // A full disk or a failed write has rolled back already; the first error says more than a second.
      if isInTransaction { try? run("ROLLBACK") }
      throw error
    }
  }
}

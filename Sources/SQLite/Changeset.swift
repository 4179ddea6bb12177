internal import CSQLite

/// SQLite's own changesets, the reference loop that benchmarks stand beside (sqlite.org/sessionintro.html).
extension Connection {
  /// Records what `body` changes in the named tables; tables without a primary key are not seen.
  ///
  /// Throws what `body` throws, or a `SQLiteError`. The session extension and a preupdate hook exclude each other on one
  /// connection; this module installs no hook.
  public func changeset(of tables: [String], body: () throws -> Void) throws -> [UInt8] {
    var created: OpaquePointer?
    let code = unsafe sqlite3session_create(handle, "main", &created)
    guard code == SQLITE_OK, let session = unsafe created else {
      throw unsafe SQLiteError(of: nil, code: code)
    }
    defer { unsafe sqlite3session_delete(session) }
    for table in tables {
      let code = unsafe sqlite3session_attach(session, table)
      guard code == SQLITE_OK else { throw unsafe SQLiteError(of: nil, code: code) }
    }
    try body()
    return unsafe try Self.bytes(of: session)
  }

  private static func bytes(of session: OpaquePointer) throws(SQLiteError) -> [UInt8] {
    var count: Int32 = 0
    var start: UnsafeMutableRawPointer?
    let code = unsafe sqlite3session_changeset(session, &count, &start)
    defer { unsafe sqlite3_free(start) }
    guard code == SQLITE_OK else { throw unsafe SQLiteError(of: nil, code: code) }
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: Int(count)))
  }

  /// Applies one changeset whole or not at all; where a row differs, the incoming one replaces it.
  ///
  /// What cannot be replaced (the row is gone, another constraint refuses) is left out. SQLite does not notice every
  /// damage to a changeset: give it only what `changeset(of:body:)` returned.
  public func apply(changeset: [UInt8]) throws(SQLiteError) {
    var bytes = changeset
    let code = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe sqlite3changeset_apply_v2(
        handle, Int32(clamping: buffer.count), buffer.baseAddress, nil,
        { _, conflict, _ in
          conflict == SQLITE_CHANGESET_DATA || conflict == SQLITE_CHANGESET_CONFLICT
            ? SQLITE_CHANGESET_REPLACE : SQLITE_CHANGESET_OMIT
        }, nil, nil, nil, 0)
    }
    guard code == SQLITE_OK else { throw unsafe SQLiteError(of: nil, code: code) }
  }

  /// Applies several changesets in order, in the transaction that is open or else one each.
  public func apply(changesets: [[UInt8]]) throws(SQLiteError) {
    for changeset in changesets { try apply(changeset: changeset) }
  }
}

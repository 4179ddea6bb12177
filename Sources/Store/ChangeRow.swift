import Changes
import SQLite
import Wire

/// A change as a row gives it: `header, body, body_hash, hash`, in this order.
///
/// The header is read later, since a query's rows are taken before anything else may fail.
struct ChangeRow {
  private let header: [UInt8]
  private let body: [UInt8]?
  private let bodyHash: [UInt8]
  private let hash: [UInt8]

  /// - Parameter first: the column that holds the header.
  init(_ row: borrowing Row, at first: Int = 0) {
    header = row.bytes(first)
    body = row.isNull(first + 1) ? nil : row.bytes(first + 1)
    bodyHash = row.bytes(first + 2)
    hash = row.bytes(first + 3)
  }

  /// The change; no hash is checked here.
  ///
  /// - Throws: `WireError` when the header is not what the protocol says.
  func change() throws(WireError) -> Change {
    Change(
      header: try ChangeDecoding.header(header), headerBytes: header, bodyBytes: body,
      bodyHash: Hash(bytes: bodyHash) ?? .zero, hash: Hash(bytes: hash) ?? .zero)
  }
}

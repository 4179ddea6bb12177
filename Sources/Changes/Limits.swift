/// The limits of a change, published by `GET /v1`.
public enum ChangeLimits {
  /// Rows one change may touch; bounds the work of one verdict.
  public static let writesMax = 1_000
  /// Bytes of one body; a page of minutes is about 20 kB.
  public static let bodyBytesMax = 512 * 1024
  /// Bytes of one header; room for a context of about 4,000 actors.
  public static let headerBytesMax = 256 * 1024
  /// Changes of one segment; one signature covers at most these.
  public static let segmentChangesMax = 1_000
  /// Bytes of one field's text or blob.
  public static let valueBytesMax = 256 * 1024
  /// Bytes of a row's id.
  public static let rowIDBytesMax = 128
  /// Tables that a network carries without its schema knowing them; a newer schema brings a few.
  public static let carriedTablesMax = 64
  /// Names of tables and fields in one file: what a change writes for the first time stays for ever.
  public static let namesMax = 4_096
  /// Characters of a table's, field's or space's name.
  public static let nameLengthMax = 64
  /// The highest count of one actor: what every JSON reader holds exactly (RFC 8259 §6).
  public static let countMax = 9_007_199_254_740_991
}

/// Whether `name` can name a table: an identifier that is not kept for the engine or for SQLite. `[SP-107]`
public func isTableName(_ name: String) -> Bool {
  isIdentifier(name) && !name.utf8.starts(with: "cordee_".utf8)
    && !name.utf8.starts(with: "sqlite_".utf8)
}

/// Whether `name` can name a table, a field or a space: `[a-z][a-z0-9_]*`, at most 64 characters.
public func isIdentifier(_ name: String) -> Bool {
  let characters = name.utf8
  guard let first = characters.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first),
    characters.count <= ChangeLimits.nameLengthMax
  else { return false }
  return characters.allSatisfy {
    switch $0 {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }
}

/// One value bound to a parameter of a statement.
public enum Argument: Sendable {
  /// NULL.
  case null
  /// A 64-bit signed integer.
  case integer(Int64)
  /// A double; NaN is bound as NULL, as SQLite holds none.
  case real(Double)
  /// UTF-8 text; an embedded NUL is kept.
  case text(String)
  /// Bytes bound as TEXT, whether they are UTF-8 or not.
  case textBytes([UInt8])
  /// Bytes bound as BLOB; empty stays an empty blob, never NULL.
  case blob([UInt8])

  /// An integer of the machine's width.
  public static func int(_ value: Int) -> Argument { .integer(Int64(value)) }
  /// One for true and zero for false, as SQLite has no booleans.
  public static func bool(_ value: Bool) -> Argument { .integer(value ? 1 : 0) }
  /// The text, or NULL for nil.
  public static func text(orNull value: String?) -> Argument { value.map(Argument.text) ?? .null }
  /// The integer, or NULL for nil.
  public static func int(orNull value: Int?) -> Argument { value.map(Argument.int) ?? .null }
  /// The blob, or NULL for nil.
  public static func blob(orNull value: [UInt8]?) -> Argument { value.map(Argument.blob) ?? .null }
}

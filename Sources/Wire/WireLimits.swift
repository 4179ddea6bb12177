/// What one message may hold, each with its reason.
public enum WireLimits {
  /// Levels of objects and lists within each other: our deepest message has seven.
  public static let depthMax = 32
  /// Characters of a number: every 64-bit integer and every double in its shortest form has fewer.
  public static let numberLengthMax = 32
}

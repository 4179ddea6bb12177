/// What others may make one file keep, each with its unit and its reason.
public enum StoreLimits {
  /// Bytes of all parcels that wait for central: what one device may have waiting there.
  public static let parcelBytesMax = 64 * 1024 * 1024
  /// Bytes of statements kept with one piece of evidence: two that contradict each other are a few kilobytes.
  public static let statementBytesMax = 1024 * 1024
  /// Bytes of a snapshot's first line: it grows by the actors of the vector, and holds 10,000 of them.
  public static let snapshotHeadBytesMax = 1024 * 1024
}
